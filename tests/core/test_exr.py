import numpy as np
import pytest

from core.exr import ExrError, read_exr, write_exr
from core.passes import PASSES

pytest.importorskip("OpenEXR")


@pytest.mark.parametrize("compress", [False, True])
def test_all_passes_come_back_with_their_channels_in_order(tmp_path, compress):
    rng = np.random.default_rng(0)
    passes = {p.name: rng.normal(size=(7, 13, p.channels)).astype(np.float32) for p in PASSES.values()}
    passes["image"][0, 0] = [50, 1e-8, np.inf, 0.5]
    write_exr(tmp_path / "p.exr", passes, compress)
    read = read_exr(tmp_path / "p.exr")
    assert set(read) == set(passes)
    for name in passes:
        np.testing.assert_array_equal(read[name], passes[name])


def test_an_image_without_alpha_keeps_three_channels(tmp_path):
    write_exr(tmp_path / "p.exr", {"image": np.ones((2, 3, 3), np.float32)})
    assert read_exr(tmp_path / "p.exr")["image"].shape == (2, 3, 3)


def test_half_floats_stay_half_beside_full_ones(tmp_path):
    import OpenEXR

    write_exr(tmp_path / "p.exr", {"image": np.ones((2, 3, 4), np.float16), "depth": np.full((2, 3, 1), 1e10, np.float32)})
    with OpenEXR.File(str(tmp_path / "p.exr"), separate_channels=True) as file:
        kinds = {name: channel.pixels.dtype for name, channel in file.channels().items()}
    assert kinds == {**dict.fromkeys("RGBA", np.float16), "depth.V": np.float32}


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(ExrError, match="no file"):
        read_exr(tmp_path / "gone.exr")


@pytest.mark.parametrize("kept", [0.0, 0.001, 0.5, 0.99])
def test_a_truncated_file_is_an_error(tmp_path, kept):
    path = tmp_path / "p.exr"
    write_exr(path, {"image": np.random.default_rng(0).normal(size=(64, 64, 4)).astype(np.float32)})
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(ExrError, match="complete"):
        read_exr(path)
