"""Pictures of a look, as files of all kinds."""

import numpy as np
import pytest
import torch
from PIL import Image

from export.frames.frame_store import DataError
from export.training.pictures import Look

from .test_exemplar import SIDE, save, striped


def test_pictures_of_all_kinds_are_read_right(tmp_path):
    rgb = striped()
    wanted = Look([save(rgb, tmp_path / "a.png")], 0.125, SIDE, True).pictures[0]
    kinds = {"cmyk.tif": Image.fromarray(rgb).convert("CMYK"), "palette.png": Image.fromarray(rgb).quantize(8)}
    for name, image in kinds.items():
        image.save(tmp_path / name)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter clockwise
    Image.fromarray(np.rot90(rgb)).save(tmp_path / "turned.png", exif=exif)
    for name in (*kinds, "turned.png"):
        found = Look([tmp_path / name], 0.125, SIDE, True).pictures[0]
        assert found.shape == wanted.shape and (found - wanted).abs().mean() < 0.02, name
    grey_picture = Look([save(rgb[..., 0], tmp_path / "grey.png")], 0.125, SIDE, True).pictures[0]
    assert grey_picture.shape == wanted.shape and torch.equal(grey_picture[0], grey_picture[2])
    deep = rgb[..., 0].astype(np.uint16) * 257
    assert Look([save(deep, tmp_path / "deep.png")], 0.125, SIDE, True).pictures[0][0].sub(grey_picture[0]).abs().max() < 0.02


def test_pictures_that_cant_serve_are_refused_in_words(tmp_path):
    small = save(striped(60, 40), tmp_path / "small.png")
    with pytest.raises(DataError, match=r"60 x 40 pixels, and brush 0.125 asks for 240 .* at most --brush 0.04"):
        Look([small], 0.125, SIDE, True)
    with pytest.raises(DataError, match="has 60 x 40 pixels, and 64 are judged at once"):
        Look([small], 60 / 1920, SIDE, True)
    clear = save(np.dstack([striped(), np.zeros((160, 240), np.uint8)]), tmp_path / "clear.png")
    with pytest.raises(DataError, match="transparent nearly everywhere"):
        Look([clear], 0.125, SIDE, True)
    (tmp_path / "no.jpg").write_bytes(b"no picture")
    with pytest.raises(ValueError, match="can't be read as a picture"):
        Look([tmp_path / "no.jpg"], 0.125, SIDE, True)


def test_what_a_mask_leaves_out_is_never_shown(tmp_path):
    alpha = np.zeros((160, 240), np.uint8)
    alpha[:, :120] = 255
    picture = striped()
    picture[:, 120:] = (255, 0, 0)
    look = Look([save(np.dstack([picture, alpha]), tmp_path / "half.png")], 0.125, SIDE, True)
    drawn = look.draw(50, np.random.default_rng(0))
    assert not ((drawn[:, 0] > 0.9) & (drawn[:, 1] < 0.2)).any()
    whole = look.whole()[0]
    assert not ((whole[:, 0] > 0.95) & (whole[:, 1] < 0.3)).any()


def test_several_pictures_are_drawn_by_their_area(tmp_path):
    red, blue = (np.broadcast_to(np.uint8(c), (160, 240, 3)) for c in ((200, 0, 0), (0, 0, 200)))
    look = Look([save(red, tmp_path / "r.png"), save(blue[:80], tmp_path / "b.png")], 0.125, SIDE, True)
    # The second is scaled to the same longer side, so it ends up half as high.
    share = (look.draw(400, np.random.default_rng(0))[:, 0].mean((1, 2)) > 0.5).float().mean()
    assert share == pytest.approx(look.shares[0], abs=0.08) and look.shares[0] > 0.5


def test_tones_run_from_the_pictures_darkest_to_its_lightest_and_dark_frames_stay_dark(tmp_path):
    ramp = np.broadcast_to(np.linspace(50, 150, 240).astype(np.uint8)[None, :, None], (160, 240, 3))
    luma = torch.tensor([-1.0, 0.0, 0.05, 0.25, 0.5, 1.0, 2.0])
    toned = Look([save(ramp, tmp_path / "ramp.png")], 0.125, SIDE, True).toned(luma)
    assert torch.allclose(toned, torch.tensor([0.0, 0, 25.5, 75, 100, 150, 150]) / 255, atol=0.01)
