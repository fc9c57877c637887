"""Stands for the trainer in the add-on's tests, without PyTorch: speaks the protocol and holds the lock.

stub_trainer.py FOLDER, whose settings say in "further" how it behaves: "fails" says an error, "dies" ends without a word, "waits"
says nothing; else it shows a style at once and goes on until it is told to stop.
"""

import fcntl
import json
import os
import shutil
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from core.training import COMMAND, LOCK, PROTOCOL, line, read_settings, style_file  # noqa: E402

folder = Path(sys.argv[1])
settings = read_settings(folder)
lock = open(folder / LOCK, "ab")  # noqa: SIM115 - held as long as this lives
fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
heard: list[str] = []


def say(kind: str, **values: object) -> None:
    sys.stdout.write(line(kind, **values))
    sys.stdout.flush()


def listen() -> None:
    for text in sys.stdin:
        heard.append(json.loads(text)["command"])
    if "survive" not in heard:
        heard.append("stop")


def show(style: str) -> None:
    path = style_file(folder, settings.name)
    path.parent.mkdir(exist_ok=True)
    partial = path.with_suffix(".partial")
    shutil.copy(ROOT / "tests" / "fixtures" / f"{style}.onnx", partial)
    os.replace(partial, path)
    say("preview", path=path.relative_to(folder).as_posix(), step=1, sheet="")


threading.Thread(target=listen, daemon=True).start()
say("hello", protocol=PROTOCOL, pid=os.getpid())
if settings.further == "fails":
    say("error", message="There is no light in here.")
    sys.exit(1)
if settings.further == "dies":
    sys.exit("MemoryError: the machine is full")
say("note", text="Training from nothing.")
if settings.further != "waits":
    show("swap")
step = 0
while "stop" not in heard:
    step += 1
    if (folder / COMMAND).is_file():
        heard.append(json.loads((folder / COMMAND).read_text())["command"])
        (folder / COMMAND).unlink()
    if "frames" in heard:
        heard.remove("frames")
        say("note", text="Going on from what was learned.")
        show("wide")
    say("progress", step=step, done=0.25, seconds=step, seconds_left=90, images_per_second=4.5, curve="l1", loss=1 / step)
    time.sleep(0.02)
say("end", outcome="stopped")
