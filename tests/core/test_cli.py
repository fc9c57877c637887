"""`python -m core`: styles on EXR frames without Blender."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from core import ERROR, Generator, ProviderError, load_style, stylize
from core.commands import main
from core.exr import read_exr, write_part
from core.sequence import check_sequence
from tests.conftest import FIXTURES
from tests.effort import calls

OpenEXR = pytest.importorskip("OpenEXR")

ROOT = FIXTURES.parent.parent
SWAP, WIDE, NORMAL = (str(FIXTURES / f"{name}.onnx") for name in ("swap", "wide", "normal"))


@pytest.fixture
def shot(tmp_path, frame):
    """A function (frame numbers) -> folder with small RGBA frames shot.0001.exr, ..."""

    def make(*numbers: int) -> Path:
        folder = tmp_path / "in"
        folder.mkdir()
        for number in numbers:
            picture = frame(9, 10 + number)
            write_part(folder / f"shot.{number:04}.exr", {}, {name: picture[..., i] for i, name in enumerate("RGBA")})
        return folder

    return make


def stylized(*arguments: object) -> int:
    return main(["apply", "--provider", "cpu", *map(str, arguments)])


def last_error(capfd) -> str:
    """The line for which farms look; OpenEXR's own library may write others before it."""
    return capfd.readouterr().err.splitlines()[-1]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize(
    "pattern", ["shot.####.exr", "shot.%04d.exr", "shot.%d.exr", "shot.%04i.exr", "shot.$F4.exr", "shot.@@@@.exr"]
)
def test_a_sequence_is_what_stylize_gives_frame_by_frame(shot, tmp_path, pattern):
    folder = shot(1, 2, 10)
    (folder / "shot.copy.exr").write_bytes(b"not of the sequence")
    assert stylized(WIDE, folder / pattern, "--out", tmp_path / "out") == 0
    assert sorted(contents(tmp_path / "out")) == ["shot.0001.exr", "shot.0002.exr", "shot.0010.exr"]
    generator = Generator(load_style(WIDE), "cpu")
    for path in (tmp_path / "out").iterdir():
        expected = stylize(generator, read_exr(folder / path.name))
        np.testing.assert_array_equal(read_exr(path)["image"], expected)


@pytest.mark.parametrize("kind", [np.float16, np.float32])
@pytest.mark.parametrize("names", ["RGB", "RGBA"])
def test_type_channels_windows_and_compression_are_those_of_the_input(tmp_path, kind, names):
    rng = np.random.default_rng(0)
    planes = {name: rng.random((6, 5)).astype(kind) for name in names}
    window = {"dataWindow": np.array([[3, 4], [7, 9]], np.int32), "displayWindow": np.array([[0, 0], [19, 9]], np.int32)}
    header = {name: tuple(corners) for name, corners in window.items()}
    header |= {"compression": OpenEXR.PIZ_COMPRESSION, "pixelAspectRatio": 2.0}
    write_part(tmp_path / "a.exr", header, planes)
    assert stylized(SWAP, tmp_path / "a.exr", "--out", tmp_path / "out") == 0
    with OpenEXR.File(str(tmp_path / "out" / "a.exr"), separate_channels=True) as file:
        channels = {name: channel.pixels for name, channel in file.parts[0].channels.items()}
        kept = file.parts[0].header
        for name, corners in window.items():
            np.testing.assert_array_equal(kept[name], corners)
        assert (kept["compression"], kept["pixelAspectRatio"]) == (OpenEXR.PIZ_COMPRESSION, 2.0)
    assert {name: pixels.dtype for name, pixels in channels.items()} == dict.fromkeys(names, kind)
    if "A" in names:
        np.testing.assert_array_equal(channels["A"], planes["A"])
    np.testing.assert_allclose(channels["R"], planes["B"], rtol=2e-3)
    np.testing.assert_allclose(channels["B"], planes["R"], rtol=2e-3)


def multilayer(path: Path, *layers: str) -> dict[str, np.ndarray]:
    """A file as Blender 5 writes it: one part per pass, channels named Layer.Pass.C."""
    rng = np.random.default_rng(1)
    passes = {"Combined": "RGBA", "Depth": "Z", "Normal": "XYZ", "Diffuse Color": "RGB"}
    parts, first = [], {}
    for layer in layers:
        for label, names in passes.items():
            planes = {f"{layer}.{label}.{name}": rng.random((4, 7)).astype(np.float32) for name in names}
            header = {"name": f"{layer}.{label}", "type": OpenEXR.scanlineimage, "colorInteropID": "lin_rec709_scene"}
            first |= dict(planes) if layer == layers[0] else {}
            parts.append(OpenEXR.Part(header, planes, f"{layer}.{label}"))  # which changes its arguments
    OpenEXR.File(parts).write(str(path))
    return first


def test_the_guides_come_from_blenders_multilayer_file(tmp_path):
    planes = multilayer(tmp_path / "m.exr", "View.Layer")
    assert stylized(NORMAL, tmp_path / "m.exr", "--out", tmp_path / "out") == 0
    alpha = planes["View.Layer.Combined.A"]
    expected = planes["View.Layer.Combined.R"] + alpha * planes["View.Layer.Normal.X"]
    np.testing.assert_allclose(read_exr(tmp_path / "out" / "m.exr")["View.Layer.Combined"][..., 0], expected, rtol=1e-5)


def test_of_several_layers_one_must_be_chosen(tmp_path, capfd):
    multilayer(tmp_path / "m.exr", "Near", "Far")
    assert stylized(SWAP, tmp_path / "m.exr", "--out", tmp_path / "out") == 1
    assert "several layers ('Far', 'Near'); choose one with --layer" in last_error(capfd)
    assert stylized(SWAP, tmp_path / "m.exr", "--out", tmp_path / "out", "--layer", "Near") == 0
    assert stylized(SWAP, tmp_path / "m.exr", "--out", tmp_path / "other", "--layer", "Middle") == 1


def test_a_gap_in_a_sequence_is_said_and_an_error_where_frames_are_asked_for(shot, tmp_path, capfd):
    folder = shot(1, 2, 5, 7)
    assert stylized(SWAP, folder / "shot.####.exr", "--out", tmp_path / "out") == 0
    assert "shot.####.exr has no frames 3-4,6.\n" in capfd.readouterr().out
    assert stylized(SWAP, folder / "shot.####.exr", "--out", tmp_path / "other", "--frames", "1-5") == 1
    assert last_error(capfd).endswith("shot.####.exr has no frames 3-4.") and not (tmp_path / "other").exists()
    assert stylized(SWAP, folder / "shot.####.exr", "--out", tmp_path / "other", "--frames", "1-2,7") == 0
    assert sorted(contents(tmp_path / "other")) == ["shot.0001.exr", "shot.0002.exr", "shot.0007.exr"]
    assert stylized(SWAP, folder / "shot.*.exr", "--out", tmp_path / "third") == 0
    assert contents(tmp_path / "third") == contents(tmp_path / "out")


def test_json_says_what_happens_in_lines_for_programs(shot, tmp_path, capfd):
    folder = shot(1, 3)
    assert stylized(SWAP, folder / "shot.####.exr", "--out", tmp_path / "out", "--json") == 0
    events = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert [event["event"] for event in events] == ["style", "gap", "found", "frame", "frame"]
    assert events[2]["layers"] == "image from RGBA (R, G, B, A)"
    assert [(e["done"], e["of"], Path(e["path"]).name, e["skipped"]) for e in events[3:]] == [
        (1, 2, "shot.0001.exr", False),
        (2, 2, "shot.0003.exr", False),
    ]


def test_no_pixel_is_read_before_the_first_frame_runs(shot, tmp_path, monkeypatch):
    folder = shot(1, 2, 3)
    monkeypatch.setattr("core.frame.read_parts", None)
    targets, found = check_sequence(("image",), sorted(folder.iterdir()), tmp_path / "out")
    assert len(targets) == 3 and list(found.values()) == ["image from RGBA (R, G, B, A)"]


def test_names_are_compared_in_linear_time(tmp_path, monkeypatch):
    monkeypatch.setattr("core.sequence.describe", lambda *arguments: "")
    frames = [tmp_path / f"shot.{number:03}.exr" for number in range(500)]
    few, many = (calls(lambda n=count: check_sequence(("image",), frames[:n], tmp_path / "out")) for count in (100, 500))
    assert 0 < many < 6 * few  # in quadratic time, 25 times as many


def truncate(folder: Path) -> None:
    path = folder / "shot.0003.exr"
    path.write_bytes(path.read_bytes()[:-40])


def remove_blue(folder: Path) -> None:
    write_part(folder / "shot.0003.exr", {}, {name: np.ones((2, 2), np.float32) for name in "RG"})


def other_colours(folder: Path) -> None:
    planes = {name: np.ones((2, 2), np.float32) for name in "RGB"}
    write_part(folder / "shot.0003.exr", {"colorInteropID": "srgb_rec709_scene"}, planes)


@pytest.mark.parametrize(
    "spoil, words",
    [
        (truncate, "0003.exr can't be read; is the file complete"),
        (remove_blue, "0003.exr can't give its image from RGBA (R, G): it needs the channels R, G and B"),
        (other_colours, "0003.exr: The colours are srgb_rec709_scene, which is no known linear space"),
    ],
)
def test_a_bad_last_frame_stops_the_run_before_the_first_is_written(shot, tmp_path, capfd, spoil, words):
    folder = shot(1, 2, 3)
    spoil(folder)
    assert stylized(SWAP, folder / "shot.####.exr", "--out", tmp_path / "out") == 1
    line = last_error(capfd)
    assert line.startswith(ERROR) and words in line
    assert not (tmp_path / "out").exists()


def test_frames_are_never_overwritten(shot, tmp_path, capfd):
    folder = shot(1, 2)
    before = contents(folder)
    (tmp_path / "link").symlink_to(folder)
    for out in (folder, folder / ".." / "in", tmp_path / "link"):
        assert stylized(SWAP, folder / "shot.####.exr", "--out", out) == 1
        assert "choose another folder" in last_error(capfd)
    assert contents(folder) == before


def test_frames_of_one_name_are_not_mixed_up(shot, tmp_path, capfd):
    folder = shot(1)
    shutil.copytree(folder, tmp_path / "in2")
    assert stylized(SWAP, folder / "shot.0001.exr", tmp_path / "in2" / "shot.0001.exr", "--out", tmp_path / "out") == 1
    assert "Several frames are called shot.0001" in last_error(capfd)


def test_skip_existing_leaves_complete_frames_and_makes_broken_ones_again(shot, tmp_path, capfd):
    folder, out = shot(1, 2, 3), tmp_path / "out"
    assert stylized(SWAP, folder / "shot.####.exr", "--out", out) == 0
    whole = contents(out)
    (out / "shot.0002.exr").write_bytes(whole["shot.0002.exr"][:-30])
    (out / "shot.0003.exr").unlink()
    before = (out / "shot.0001.exr").stat().st_mtime_ns
    assert stylized(SWAP, folder / "shot.####.exr", "--out", out, "--skip-existing") == 0
    assert contents(out) == whole
    assert (out / "shot.0001.exr").stat().st_mtime_ns == before
    assert capfd.readouterr().out.count("was there") == 1
    assert stylized(SWAP, folder / "shot.####.exr", "--out", out) == 0
    assert (out / "shot.0001.exr").stat().st_mtime_ns != before


def test_a_failure_between_frames_keeps_the_finished_and_nothing_else(shot, tmp_path, capfd, monkeypatch):
    folder, out = shot(1, 2), tmp_path / "out"
    run = Generator.run

    def fail_second(self, inputs, release=False, cancel=None):
        if (out / "shot.0001.exr").exists():
            raise ProviderError("The memory of the GPU is full.")
        return run(self, inputs, release, cancel)

    monkeypatch.setattr(Generator, "run", fail_second)
    assert stylized(SWAP, folder / "shot.####.exr", "--out", out) == 1
    assert last_error(capfd) == f"{ERROR} The memory of the GPU is full."
    assert list(contents(out)) == ["shot.0001.exr"]


WAITS_IN_FOURTH = """
import os, sys
from core.commands import main

def replace(*names, rename=os.replace, seen=[]):
    seen.append(names)
    if len(seen) == 4:
        print("waiting", flush=True)
        sys.stdin.read()
    rename(*names)

os.replace = replace
sys.exit(main([*sys.argv[1:], "--provider", "cpu"]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGKILL])
def test_a_killed_run_leaves_no_broken_frame(shot, tmp_path, by):
    """It is killed when the fourth frame is written but does not have its name yet."""
    folder, out = shot(*range(1, 8)), tmp_path / "out"
    command = [sys.executable, "-c", WAITS_IN_FOURTH, "apply", SWAP, str(folder / "shot.####.exr"), "--out", str(out)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        while process.stdout.readline() not in (b"waiting\n", b""):
            pass
        os.kill(process.pid, by)
        error = process.communicate()[1].decode()
    done = sorted(out.glob("*.exr"))
    assert process.returncode != 0 and [path.name for path in done] == [f"shot.000{number}.exr" for number in (1, 2, 3)]
    for path in done:
        assert read_exr(path)["image"].shape == read_exr(folder / path.name)["image"].shape
    if by == signal.SIGTERM:
        assert error.startswith(ERROR) and not list(out.glob(".*"))
    assert stylized(SWAP, folder / "shot.####.exr", "--out", out, "--skip-existing") == 0
    assert len(list(out.glob("*.exr"))) == 7


def test_check_answers_for_machines_and_by_its_exit_code(tmp_path, capfd):
    broken = tmp_path / "broken.onnx"
    broken.write_bytes((FIXTURES / "swap.onnx").read_bytes()[:200])
    assert main(["check", SWAP, NORMAL, "--json", "--provider", "cpu"]) == 0
    good = json.loads(capfd.readouterr().out)
    assert [(style["ok"], style["name"], style["passes"]) for style in good] == [
        (True, "Swap", ["image"]),
        (True, "Normal", ["image", "normal"]),
    ]
    assert main(["check", SWAP, str(broken), "--json", "--provider", "cpu"]) == 1
    answer = capfd.readouterr()
    assert [style["ok"] for style in json.loads(answer.out)] == [True, False]
    assert answer.err.startswith(f"{ERROR} 1 of 2 styles can't be used.") and answer.err.count("\n") == 1


def test_styles_lists_the_broken_ones_too(tmp_path, capfd):
    shutil.copy(NORMAL, tmp_path / "a.onnx")
    (tmp_path / "b.onnx").write_bytes(b"rubbish")
    assert main(["styles", str(tmp_path)]) == 0
    good, broken = capfd.readouterr().out.splitlines()
    assert good.split("\t") == [str(tmp_path / "a.onnx"), "Normal", "image, normal", "CC0-1.0"]
    assert broken.startswith(f"{tmp_path / 'b.onnx'}\tbroken: ")


def test_bench_tells_time_provider_and_reason(capfd, monkeypatch):
    monkeypatch.setattr("core.commands.styles.BENCH_SECONDS", 0.1)
    assert main(["bench", WIDE, "--size", "40x30", "--provider", "cpu"]) == 0
    answer = capfd.readouterr().out
    assert "seconds per frame of 40 x 30 on cpu" in answer and "The CPU was asked for." in answer


@pytest.mark.parametrize(
    "arguments, words",
    [
        ([], "COMMAND"),
        (["paint"], "invalid choice"),
        (["bench", SWAP, "--size", "0x4"], "1920x1080"),
        (["apply", SWAP, "x.exr", "--out", "o", "--tile", "0"], "from 1 to"),
        (["apply", SWAP, "x.exr"], "--out"),
        (["apply", SWAP, "x.exr", "--out", ""], "names no folder"),
        (["check", SWAP, "--provider", "gpu"], "there is no 'gpu'"),
        (["apply", SWAP, "gone.####.exr", "--out", "o"], "No frame fits gone.####.exr"),
        (["styles", "gone"], "no folder gone"),
        (["apply", SWAP, "gone.exr", "--out", "o"], "no frame gone.exr"),
        (["check", "gone.onnx"], "no style file gone.onnx"),
    ],
)
def test_every_failure_is_one_line_and_exit_code_1(arguments, words, capfd, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 1
    error = capfd.readouterr().err
    assert error.startswith(ERROR) and words in error and error.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_a_memory_limit_is_kept_by_tiles_or_refused(shot, tmp_path, capfd):
    folder = shot(1)
    assert stylized(WIDE, folder / "shot.####.exr", "--out", tmp_path / "out", "--memory", 100) == 0
    assert stylized(WIDE, folder / "shot.####.exr", "--out", tmp_path / "b", "--memory", 1) == 1
    assert "memory limit is 1 MB" in last_error(capfd)
    assert stylized(WIDE, folder / "shot.####.exr", "--out", tmp_path / "b", "--memory", "much") == 1
    assert "a number of megabytes, not much" in last_error(capfd)


def test_a_limit_that_the_smallest_tile_breaks_is_said_with_what_that_takes(shot, tmp_path, capfd):
    folder = shot(1)
    assert stylized(WIDE, folder / "shot.####.exr", "--out", tmp_path / "out", "--memory", 1) == 1
    needed = int(re.search(r"takes (\d+) MB", last_error(capfd))[1])
    assert needed > 1
    assert stylized(WIDE, folder / "shot.####.exr", "--out", tmp_path / "out", "--memory", needed) == 0


def test_the_device_is_taken_from_the_environment_too(capfd, monkeypatch):
    monkeypatch.setenv("GAN_STYLE_DEVICE", "cpu")
    assert main(["check", SWAP]) == 0
    assert capfd.readouterr().out.endswith("ok, cpu\n")
    monkeypatch.setenv("GAN_STYLE_DEVICE", "gpu")
    assert main(["check", SWAP]) == 1
    assert "there is no 'gpu'; --provider and GAN_STYLE_DEVICE take auto" in last_error(capfd)
    assert main(["check", SWAP, "--provider", "cpu"]) == 0


def test_the_version_is_the_manifests(capfd):
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capfd.readouterr().out.strip() in (ROOT / "blender_manifest.toml").read_text().replace('version = "', "GAN Style ")


def python(*arguments: str, **streams) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, *arguments], cwd=ROOT, stderr=subprocess.PIPE, text=True, **streams)


@pytest.mark.skipif(sys.platform == "win32", reason="descriptors of POSIX")
def test_a_closed_or_full_stdout_ends_in_a_sentence():
    with python("-m", "core", "styles", preexec_fn=lambda: os.close(1)) as process:
        assert process.communicate()[1] == "" and process.returncode == 0
    reads, writes = os.pipe()
    os.close(reads)
    with python("-m", "core", "styles", stdout=writes) as process:
        assert process.communicate()[1].startswith(f"{ERROR} Stopped, since nobody reads its output")
    os.close(writes)
    assert process.returncode == 1


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize("while_importing", ["numpy", "onnxruntime", "core.tiles"])
def test_ctrl_c_at_the_start_ends_in_a_sentence(tmp_path, while_importing):
    """In whatever import it comes: C code that Python's exception would strike there crashes."""
    script = f"""
import os, runpy, signal, sys
class Interrupt:
    def find_spec(self, name, path, target=None):
        if name == {while_importing!r}:
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Interrupt())
sys.argv[:] = ["-m", "check", {SWAP!r}]
runpy.run_module("core", run_name="__main__", alter_sys=False)
"""
    with python("-c", script) as process:
        error = process.communicate()[1]
    assert process.returncode == 1 and error == f"{ERROR} Stopped; nothing was written.\n"


def test_steady_frames_follow_the_motion_and_say_so(tmp_path, capfd):
    folder, rng = tmp_path / "in", np.random.default_rng(0)
    folder.mkdir()
    for number in (1, 2, 3):
        light = np.full((20, 30), 0.5, np.float32) * np.float32(1 + 0.02 * rng.random())
        still = {f"vector.{name}": np.zeros((20, 30), np.float32) for name in "XYZW"}
        write_part(folder / f"s.{number:04}.exr", {}, {name: light for name in "RGB"} | still)
    pattern, plain, steady = folder / "s.####.exr", tmp_path / "plain", tmp_path / "steady"
    assert stylized(SWAP, pattern, "--out", plain) == 0
    assert stylized(SWAP, pattern, "--out", steady, "--steady", "0.5") == 0
    first, second = (read_exr(steady / f"s.000{number}.exr")["image"][..., 0] for number in (1, 2))
    before, after = (read_exr(plain / f"s.000{number}.exr")["image"][..., 0] for number in (1, 2))
    assert np.array_equal(first, before) and np.all(np.abs(second - before) < 0.6 * np.abs(after - before))
    assert OpenEXR.File(str(steady / "s.0002.exr")).header()["ganStyleSteadied"] == "from s.0001.exr on, weight 0.5"
    assert stylized(SWAP, pattern, "--out", steady, "--steady", "--skip-existing") == 1
    assert "leave out --skip-existing" in last_error(capfd)
    assert stylized(SWAP, pattern, "--out", steady, "--steady", "1") == 1
    assert "must be between 0 and 1, not 1" in last_error(capfd)


def test_steady_needs_the_motion(shot, tmp_path, capfd):
    assert stylized(SWAP, shot(1) / "shot.####.exr", "--out", tmp_path / "out", "--steady") == 1
    assert "vector" in last_error(capfd)


def test_controls_come_as_numbers_files_and_layers_of_the_frames(tmp_path):
    rng = np.random.default_rng(0)
    picture, matte, wash = (rng.random(shape).astype(np.float32) for shape in ((9, 8, 4), (9, 8), (9, 8)))
    planes = dict(zip("RGBA", picture.transpose(2, 0, 1), strict=True))
    write_part(tmp_path / "shot.0001.exr", {}, planes | {"Hero.V": matte})
    write_part(tmp_path / "wash.exr", {}, {"Y": wash})
    style = FIXTURES / "controlled.onnx"
    generator = Generator(load_style(style), "cpu")
    for given, value in (("2.5", 2.5), (tmp_path / "wash.exr", wash[..., None]), ("Hero", matte[..., None])):
        out = tmp_path / "out"
        assert (
            stylized(style, tmp_path / "shot.####.exr", "--out", out, "--control", f"amount={given}", "--control", "lift=0.25")
            == 0
        )
        expected = stylize(generator, {"image": picture}, controls={"amount": value, "lift": 0.25})
        np.testing.assert_allclose(read_exr(out / "shot.0001.exr")["image"], expected, rtol=1e-5)


@pytest.mark.parametrize(
    "control, words",
    [
        ("size=1", "no control 'size'; it has amount, lift"),
        ("amount=Villain", "no layer 'Villain'"),
        ("amount", "must be like line_weight=1.5"),
        ("amount=small.exr", r"shape \(9, 11, 1\)"),
    ],
)
def test_a_wrong_control_is_named(shot, tmp_path, monkeypatch, capfd, control, words):
    folder = shot(1)
    monkeypatch.chdir(tmp_path)
    write_part("small.exr", {}, {"Y": np.ones((2, 2), np.float32)})
    assert stylized(FIXTURES / "controlled.onnx", folder / "shot.0001.exr", "--out", "out", "--control", control) == 1
    assert re.search(words, last_error(capfd))
