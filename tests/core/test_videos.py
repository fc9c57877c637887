import numpy as np
import pytest

pytest.importorskip("av")

from core.videos import TRANSFERS, VideoError, bt709_to_linear, read_video

from ..media import write_video

TONES = np.random.default_rng(0).integers(0, 256, (2, 4, 3), np.uint8)
PICTURE = TONES.repeat(16, 0).repeat(16, 1)
FRAMES = [np.roll(PICTURE, 16 * n, 1) for n in range(5)]
ROUNDING = 0.01
"""What 8 bits of luma and chroma, and four of the codecs, change of R'G'B' at most."""


def centres(picture: np.ndarray) -> np.ndarray:
    return picture[8::16, 8::16, :3]


@pytest.mark.parametrize("name, codec, pixels", [
    ("a.mp4", "libx264", "yuv444p"), ("a.mkv", "ffv1", "yuv444p"), ("a.mov", "prores_ks", "yuv444p10le"),
    ("a.webm", "libvpx-vp9", "yuv444p"), ("a.avi", "png", "rgb24"),
])  # fmt: skip
def test_frames_come_in_order_with_their_colours(tmp_path, name, codec, pixels):
    found = list(read_video(write_video(tmp_path / name, FRAMES, codec, pixels)))
    assert len(found) == 5
    for (rgba, _), frame in zip(found, FRAMES, strict=True):
        assert rgba.shape == (32, 64, 4) and rgba.dtype == np.float32 and (rgba[..., 3] == 1).all()
        assert np.abs(centres(rgba) - centres(frame) / 255).max() < (0.05 if codec == "libvpx-vp9" else ROUNDING)


def test_the_matrix_is_the_one_that_the_video_names(tmp_path):
    for matrix in (1, 5):
        path = write_video(tmp_path / f"{matrix}.mp4", FRAMES[:1], "libx264", "yuv444p", colorspace=matrix)
        ((rgba, _),) = read_video(path)
        assert np.abs(centres(rgba) - centres(PICTURE) / 255).max() < ROUNDING, matrix


def test_the_transfer_curve_is_the_one_that_the_video_names(tmp_path):
    half = np.float32([0.5])
    for number, linear in ((1, 0.2597), (6, 0.2597), (4, 0.2176), (13, 0.2140)):
        path = write_video(tmp_path / f"{number}.mp4", FRAMES[:1], "libx264", "yuv444p", colorspace=1, color_trc=number)
        ((_, to_linear),) = read_video(path)
        assert to_linear(half)[0] == pytest.approx(linear, abs=1e-3), number
    ((_, to_linear),) = read_video(write_video(tmp_path / "untold.mkv", FRAMES[:1], "ffv1", "yuv444p"))
    assert to_linear(half)[0] == pytest.approx(0.2140, abs=1e-3)


def test_every_transfer_curve_rises_from_black_to_white():
    steps = np.linspace(0, 1, 1001, dtype=np.float32)
    for curve in TRANSFERS.values():
        linear = curve(steps)
        assert linear[0] == 0 and linear[-1] == pytest.approx(1) and (np.diff(linear) > 0).all() and linear.dtype == np.float32
    assert bt709_to_linear(np.float32(0.4093)) == pytest.approx(0.18, abs=1e-3)


def test_alpha_is_kept(tmp_path):
    for value in (0, 51, 255):
        frames = [np.dstack([f, np.full(f.shape[:2], value, np.uint8)]) for f in FRAMES[:1]]
        ((rgba, _),) = read_video(write_video(tmp_path / f"{value}.mov", frames, "png", "rgba"))
        assert np.allclose(rgba[..., 3], value / 255, atol=1e-4)


def test_a_turned_video_is_set_upright(tmp_path):
    """A phone's film of 90 degrees; the matrix is put into the track header (ISO/IEC 14496-12, 8.3.2) by hand."""
    path = write_video(tmp_path / "a.mp4", FRAMES[:1], "libx264", "yuv444p")
    plain = path.read_bytes()
    begin = plain.index(b"tkhd") + 4 + 40
    matrix = np.array([0, 1 << 16, 0, -1 << 16, 0, 0, 32 << 16, 0, 1 << 30], ">i4").tobytes()
    path.write_bytes(plain[:begin] + matrix + plain[begin + 36 :])
    ((rgba, _),) = read_video(path)
    clockwise = np.rot90(PICTURE, -1)
    assert rgba.shape == (64, 32, 4) and np.abs(centres(rgba) - centres(clockwise) / 255).max() < ROUNDING


def test_hdr_and_wide_gamut_are_refused(tmp_path):
    for number, colours in enumerate([{"color_trc": 16}, {"color_trc": 18}, {"color_primaries": 9}]):
        path = write_video(tmp_path / f"{number}.mp4", FRAMES[:1], "libx264", "yuv444p", colorspace=9, **colours)
        with pytest.raises(VideoError, match="HDR or wide gamut"):
            list(read_video(path))


@pytest.mark.parametrize("name, codec", [("a.mp4", "libx264"), ("a.mkv", "ffv1")])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.6])
def test_a_video_that_is_cut_short_is_named(tmp_path, name, codec, share):
    path = write_video(tmp_path / name, FRAMES, codec, "yuv444p")
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(VideoError, match=f"{name} .*is it complete"):
        list(read_video(path))


def test_what_is_no_video_is_named(tmp_path):
    (tmp_path / "text.mp4").write_bytes(b"no video" * 99)
    for name in ("text.mp4", "missing.mov"):
        with pytest.raises(VideoError, match=f"{name} can't be read as a video"):
            list(read_video(tmp_path / name))
