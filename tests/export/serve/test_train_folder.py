"""The command train --training as the add-on runs it: a process, its pipes and its folder."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from core.style import load_style
from core.training import LINES, PROTOCOL, Follower, parse_line
from export.config import TrainConfig
from export.settings import from_values, read_values

from .trainings import make_training, paint

ROOT = Path(__file__).parents[3]
PATIENCE = 240
"""Seconds that anything may take on a busy machine; nothing is judged by the clock."""


class Trainer:
    """A trainer with pipes; next() waits for a line of a kind."""

    def __init__(self, folder: Path, *more: str):
        command = [sys.executable, "-m", "export", "train", "--training", str(folder), "--threads", "1", *more]
        self.process = subprocess.Popen(
            command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self.errors = ""
        self.reader = threading.Thread(target=self._read_errors, daemon=True)
        self.reader.start()
        self.watch = threading.Timer(PATIENCE, self.process.kill)
        self.watch.start()

    def _read_errors(self) -> None:
        self.errors = self.process.stderr.read()

    def next(self, *kinds: str) -> dict:
        for text in self.process.stdout:
            values = json.loads(text)  # nothing but lines of the protocol comes here
            if values["kind"] in kinds:
                return values
        raise AssertionError(f"no {kinds} before the end: {self.errors}")

    def tell(self, command: str) -> None:
        self.process.stdin.write(json.dumps({"command": command}) + "\n")
        self.process.stdin.flush()

    def end(self) -> int:
        code = self.process.wait(PATIENCE)
        self.watch.cancel()
        self.reader.join(PATIENCE)
        return code


def runs(folder: Path) -> list[TrainConfig]:
    return [from_values(TrainConfig, read_values(path / "config.json")) for path in sorted(folder.glob("run_*"))]


@pytest.mark.slow
def test_it_says_how_it_goes_shows_its_style_takes_new_frames_and_goes_on_where_it_was_stopped(tmp_path):
    folder = make_training(tmp_path / "training")
    trainer = Trainer(folder, "--serve")
    hello = trainer.next("hello")
    assert (hello["protocol"], hello["pid"]) == (PROTOCOL, trainer.process.pid)
    progress = trainer.next("progress")
    assert progress["curve"] == "l1" and progress["loss"] == progress["losses"]["l1"] > 0 and progress["seconds_left"] > 500
    preview = trainer.next("preview")
    style = load_style(folder / preview["path"])
    assert (style.name, style.passes) == ("Ink", ("image", "normal")) and style.training["frames"] == 1

    paint(folder, 3)
    trainer.tell("frames")
    assert trainer.next("note")["run"] == "run_0002"
    trainer.next("preview")
    trainer.tell("stop")
    assert trainer.next("end")["outcome"] == "stopped" and trainer.end() == 0, trainer.errors
    first, second = runs(folder)
    assert second.start_from == first.run and (first.mode, second.mode) == ("keyframes", "keyframes")
    card = load_style(folder / preview["path"])
    assert card.score_card["parity"] < 1e-3 and card.thumbnail
    assert [card.training["frames"], *(past["frames"] for past in card.training["earlier"])] == [2, 1]

    again = Trainer(folder, "--serve")
    assert again.next("note")["run"] == "run_0002" and again.next("progress")["step"] > card.training["steps"]
    again.process.kill()
    again.end()
    third = Trainer(folder, "--serve")
    assert third.next("note")["run"] == "run_0002", "a kill leaves the last checkpoint"
    third.process.stdin.close()
    assert third.next("end")["outcome"] == "stopped" and third.end() == 0, "it ends with whoever started it"


def test_it_survives_if_told_so_and_takes_commands_from_the_folder(tmp_path):
    folder = make_training(tmp_path / "training")
    trainer = Trainer(folder, "--serve")
    trainer.next("progress")
    other = Trainer(folder, "--serve")
    assert other.end() == 1 and "Another trainer works on" in other.errors
    trainer.tell("survive")
    trainer.process.stdin.close()
    step = trainer.next("progress")["step"]
    assert trainer.next("progress")["step"] > step
    (folder / "command.partial").write_text('{"command": "stop"}')
    os.replace(folder / "command.partial", folder / "command")
    assert trainer.next("end")["outcome"] == "stopped" and trainer.end() == 0


def test_without_serve_the_lines_go_to_the_folder_and_the_minutes_end_it(tmp_path):
    folder = make_training(tmp_path / "training")
    trainer = Trainer(folder, "--minutes", "0.02")
    assert trainer.end() == 0, trainer.errors
    kinds = [values["kind"] for values in Follower(folder).new()]
    assert (kinds[0], kinds[-1]) == ("hello", "end") and {"note", "progress", "preview"} <= set(kinds)
    assert parse_line((folder / LINES).read_text().splitlines()[-1])["outcome"] == "finished"
    assert "has finished" in trainer.errors


def test_what_is_lacking_is_said_in_a_sentence(tmp_path):
    folder = make_training(tmp_path / "training")
    (folder / "target" / "shot_0001.exr").unlink()
    trainer = Trainer(folder, "--serve")
    assert "Paint a frame first" in trainer.next("error")["message"] and trainer.end() == 1
    assert "Paint a frame first" in trainer.errors and "Traceback" not in trainer.errors
