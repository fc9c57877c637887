"""Pictures and videos through `core apply`: each comes out as what it was."""

import sys
from pathlib import Path

import numpy as np
import pytest

from core.colour import decode_srgb
from core.commands import main
from core.exr import read_exr
from core.media import target_name
from tests.conftest import FIXTURES

pytest.importorskip("OpenEXR")
pytest.importorskip("av")
pytest.importorskip("PIL")

import av
from PIL import Image

from core.pictures import look_at, read_picture
from core.videos import read_video
from tests.media import write_deep, write_video

SWAP, NORMAL = (str(FIXTURES / f"{name}.onnx") for name in ("swap", "normal"))
RNG = np.random.default_rng(0)
COLOURS = RNG.integers(0, 256, (6, 8, 4), np.uint8)
DEEP = RNG.integers(0, 65536, (6, 8, 4), np.uint16)
COLOURS[..., 3], DEEP[..., 3] = 255 - COLOURS[..., 3] // 2, 65535 - DEEP[..., 3] // 2


def applied(source: Path, *arguments: str) -> Path:
    out = source.parent / "out"
    assert main(["apply", SWAP, str(source), "--out", str(out), "--provider", "cpu", *arguments]) == 0
    (written,) = out.iterdir()
    return written


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("suffix", [".png", ".tif", ".webp"])
def test_a_picture_of_8_bits_comes_out_as_one(tmp_path, suffix, channels):
    Image.fromarray(COLOURS[..., :channels]).save(tmp_path / f"a{suffix}", lossless=True, exact=True)
    written = applied(tmp_path / f"a{suffix}")
    assert written.name == f"a{suffix}" and look_at(written) == (6, 8, 8, channels == 4)
    found, expected = read_picture(written) * 255, COLOURS[..., [2, 1, 0, 3]].astype(int)
    assert np.abs(found[..., :3] - expected[..., :3]).max() <= 1
    assert channels == 3 or (found[..., 3] == expected[..., 3]).all()


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_a_picture_of_16_bits_comes_out_as_one(tmp_path, suffix):
    written = applied(write_deep(tmp_path / f"a{suffix}", DEEP))
    assert look_at(written) == (6, 8, 16, True)
    assert np.abs(read_picture(written) * 65535 - DEEP[..., [2, 1, 0, 3]].astype(int)).max() < 5


def test_a_jpeg_comes_out_as_one_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    smooth = np.mgrid[:32, :16][0].astype(np.uint8)[..., None] * [7, 3, 1]
    Image.fromarray(smooth.astype(np.uint8)).save(tmp_path / "a.jpg", quality=95, exif=exif)
    before = read_picture(tmp_path / "a.jpg")
    found = read_picture(applied(tmp_path / "a.jpg"))
    assert found.shape == (16, 32, 4) and np.abs(found[..., :3] - before[..., 2::-1]).max() < 0.03


def test_formats_are_changed_where_asked_for(tmp_path, capfd):
    Image.fromarray(COLOURS).save(tmp_path / "a.png")
    exr = applied(tmp_path / "a.png", "--format", "exr")
    colours = decode_srgb(COLOURS[..., :3] / np.float32(255)) * (COLOURS[..., 3:] / np.float32(255))
    assert exr.name == "a.exr" and np.allclose(read_exr(exr)["image"][..., 2::-1], colours, rtol=2e-3, atol=1e-4)
    (tmp_path / "b").mkdir()
    back = read_picture(applied(exr.rename(tmp_path / "b" / "a.exr"), "--format", "png"))
    assert np.abs(back * 255 - COLOURS).max() < 1
    assert target_name(Path("a.GIF"), "") == "a.png" and target_name(Path("a.JPEG"), "jpg") == "a.JPEG"


@pytest.mark.parametrize("name", ["a.sxr", "a", "a.tmp"])
def test_exr_files_are_known_by_their_bytes_too(tmp_path, name):
    from core.exr import write_part

    write_part(tmp_path / name, {}, {name: np.full((4, 4), i, np.float32) for i, name in enumerate("RGB")})
    assert applied(tmp_path / name).name == name and read_exr(tmp_path / "out" / name)["image"][0, 0].tolist() == [2, 1, 0]
    (tmp_path / "b.tmp").write_bytes(b"rubbish")
    assert main(["apply", SWAP, str(tmp_path / "b.tmp"), "--out", str(tmp_path / "o"), "--provider", "cpu"]) == 1


def test_what_a_picture_can_not_hold_is_said(tmp_path, capfd):
    from core.exr import write_part

    write_part(tmp_path / "a.exr", {}, {name: np.full((4, 4), 5, np.float32) for name in "RGB"})
    written = applied(tmp_path / "a.exr", "--format", "jpg")
    assert "what is brighter than white is cut" in capfd.readouterr().out and (read_picture(written)[..., :3] > 0.98).all()
    assert main(["apply", NORMAL, str(written), "--out", str(tmp_path / "o"), "--provider", "cpu"]) == 1
    assert "has no pass 'normal': pictures and videos have the image alone" in capfd.readouterr().err


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png"])
def test_a_picture_that_moves_is_not_silently_its_first_frame(tmp_path, capfd, suffix):
    frames = [Image.fromarray(np.roll(COLOURS[..., :3], n, 1)) for n in range(3)]
    frames[0].save(tmp_path / f"a{suffix}", save_all=True, append_images=frames[1:])
    assert main(["apply", SWAP, str(tmp_path / f"a{suffix}"), "--out", str(tmp_path / "out"), "--provider", "cpu"]) == 1
    assert "holds 3 pictures that move" in capfd.readouterr().err


@pytest.mark.parametrize("name, codec, colours", [
    ("a.mp4", "libx264", {"color_trc": 1, "color_primaries": 1, "colorspace": 1}), ("a.mov", "libx264", {}),
    ("a.mkv", "ffv1", {"color_trc": 13, "colorspace": 5}), ("a.webm", "libvpx-vp9", {}),
])  # fmt: skip
def test_a_video_comes_out_as_one_with_its_rate_and_curve(tmp_path, name, codec, colours):
    tones = RNG.integers(30, 220, (2, 4, 3), np.uint8).repeat(16, 0).repeat(16, 1)
    source = write_video(tmp_path / name, [np.roll(tones, 16 * n, 1) for n in range(4)], codec, "yuv444p", **colours)
    written = applied(source)
    with av.open(str(source)) as before, av.open(str(written)) as after:
        old, new = before.streams.video[0], after.streams.video[0]
        assert (new.average_rate, new.codec_context.color_trc) == (old.average_rate, old.codec_context.color_trc)
    for (was, _), (found, _) in zip(read_video(source), read_video(written), strict=True):
        assert np.abs(found[8::16, 8::16, :3] - was[8::16, 8::16, 2::-1]).max() < 0.06
    stamp = written.stat().st_mtime_ns
    assert applied(source, "--skip-existing").stat().st_mtime_ns == stamp


def test_the_sound_of_a_video_is_kept(tmp_path):
    source = tmp_path / "a.mp4"
    with av.open(str(source), "w") as container:
        video, sound = container.add_stream("libx264", rate=4), container.add_stream("aac", rate=8000)
        video.width, video.height, video.pix_fmt = 32, 32, "yuv420p"
        for _ in range(4):
            container.mux(video.encode(av.VideoFrame.from_ndarray(np.full((32, 32, 3), 99, np.uint8), format="rgb24")))
        container.mux(video.encode())
        tone = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.float32), format="fltp", layout="mono")
        tone.sample_rate = 8000
        container.mux(sound.encode(tone))
        container.mux(sound.encode())
    with av.open(str(applied(source))) as after:
        assert sum(frame.samples for frame in after.decode(audio=0)) >= 8000


def test_a_damaged_file_is_refused_in_a_sentence_that_names_it_once_and_nothing_is_left(tmp_path, capfd):
    Image.fromarray(COLOURS).save(tmp_path / "a.png")
    content = (tmp_path / "a.png").read_bytes()
    damaged = {
        "a.png": content[:-60],
        "b.png": b"rubbish",
        "c.mp4": b"rubbish",
        "d.exr": b"rubbish",
        "e.exr": b"\x76\x2f\x31\x01",
    }
    damaged |= {"f.exr": b"\x76\x2f\x31\x01\2\0\0\0\0", "g.tif": b"II*\0" + bytes(20), "h.gif": b""}
    for name, content in damaged.items():
        (tmp_path / name).write_bytes(content)
        assert main(["apply", SWAP, str(tmp_path / name), "--out", str(tmp_path / "out"), "--provider", "cpu"]) == 1
        error = capfd.readouterr().err.splitlines()[-1]
        assert error.startswith(f"Error: GAN Style: {tmp_path / name} can't be read as a") and error.count(name) == 1, error
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())


def test_without_pillow_or_pyav_a_sentence_says_what_to_install(tmp_path, capfd, monkeypatch):
    Image.fromarray(COLOURS).save(tmp_path / "a.png")
    for module in ("core.pictures", "core.videos"):
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "PIL", None)
    assert main(["apply", SWAP, str(tmp_path / "a.png"), "--out", str(tmp_path / "out"), "--provider", "cpu"]) == 1
    assert "needs the Python packages Pillow and PyAV: pip install pillow av" in capfd.readouterr().err
