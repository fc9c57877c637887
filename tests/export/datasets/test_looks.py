import numpy as np
import pytest

from core.colour import encode_log
from export.datasets.looks import LOOKS, lines, tones
from export.datasets.looks.comic_book import spotted

from .looks.walls import wall


@pytest.fixture
def passes():
    """A grey wall with a red box in front of it, lit from the left and darker to the right."""
    height, width = 64, 96
    image = np.ones((height, width, 4), np.float32)
    image[..., :3] = np.linspace(0.8, 0.02, width, dtype=np.float32)[None, :, None]
    box = (slice(16, 48), slice(32, 64))
    albedo = np.full((height, width, 3), 0.5, np.float32)
    depth = np.full((height, width, 1), 10, np.float32)
    normal = np.zeros((height, width, 3), np.float32)
    normal[..., 1] = -1
    image[box][..., :3] *= np.array([1, 0.2, 0.2], np.float32)
    albedo[box], depth[box] = [0.5, 0.1, 0.1], 6
    y, x = np.mgrid[:height, :width].astype(np.float32)
    position = np.stack([x / 50, depth[..., 0], y / 50], axis=-1)
    return {"image": image, "depth": depth, "normal": normal, "albedo": albedo, "position": position}


@pytest.mark.parametrize("name", LOOKS)
def test_a_look_is_finite_linear_light_and_the_same_each_time(passes, name):
    target = LOOKS[name](passes)
    assert target.shape == (64, 96, 3) and target.dtype == np.float32
    assert np.isfinite(target).all() and target.min() >= 0
    assert np.array_equal(target, LOOKS[name](passes))


@pytest.mark.parametrize("name", LOOKS)
def test_what_shines_stays_bright(passes, name):
    passes["image"][20:40, 40:56, :3] = 50
    assert np.median(LOOKS[name](passes)[20:40, 40:56]) > 25


@pytest.mark.parametrize("name", LOOKS)
def test_a_look_does_not_know_how_large_the_scene_is(passes, name):
    picture = encode_log(LOOKS[name](passes))
    for size in (2.0**-10, 2.0**10):
        scaled = passes | {layer: passes[layer] * np.float32(size) for layer in ("depth", "position")}
        assert np.abs(encode_log(LOOKS[name](scaled)) - picture).max() < 0.01


@pytest.mark.parametrize("name", ["comic_book", "graphic_novel"])
def test_strong_colours_do_not_drown_in_black(passes, name):
    for strong in ([0.5, 0.01, 0.01], [0.4, 0.01, 0.3], [0.02, 0.02, 0.5]):
        passes["image"][..., :3] = strong
        picture = LOOKS[name](passes)[8, 8]
        assert picture.max() > 0.5 * max(strong) and picture.argmax() == np.argmax(strong)


@pytest.mark.parametrize("name", ["cel", "comic_book"])
def test_a_thing_in_the_dark_keeps_its_outline_before_the_dark(passes, name):
    passes["image"][..., :3] = 0
    across = encode_log(LOOKS[name](passes)).mean(-1)[32]
    assert across[28:38].max() > across[4] + 0.1 and across[28:38].max() > across[48] + 0.1


def test_comic_book_leaves_hair_to_its_own_strands():
    """Up to their roots."""
    passes = wall(128, 192)
    strand = (np.arange(192) // 4 % 2 == 0) & (np.arange(128) < 64)[:, None]
    passes["depth"][strand] = 4
    passes["normal"][strand] = [0.8, -0.6, 0]
    assert np.ptp(encode_log(LOOKS["comic_book"](passes))[8:72, 32:-32]) < 0.03


def test_graphic_novel_draws_the_lines_of_the_image_where_things_end_and_not_round_shadows(passes):
    passes["image"][..., :3] = 0.5
    passes["image"][16:48, 32:64, :3] = 0.2
    passes["image"][:, :12, :3] = 0.2  # a shadow
    across, none, broad = (encode_log(LOOKS["graphic_novel"](passes, weight)).mean(-1)[32] for weight in (1.0, 0.0, 3.0))
    assert across[29:35].min() < 0.35 and none.min() > 0.65 and np.abs(across - none)[8:16].max() < 0.02
    assert np.maximum(none - broad, 0)[24:40].sum() > 1.5 * np.maximum(none - across, 0)[24:40].sum()


def test_a_pattern_of_paint_is_not_drawn_over_but_a_single_border_is(passes):
    passes["depth"][:] = 10
    single = lines.contours(passes, np.full((64, 96), 0.6, np.float32))
    passes["albedo"] = np.where(np.arange(96)[:, None] // 6 % 2, 0.1, 0.5) * np.ones((64, 1, 3), np.float32)
    pattern = lines.contours(passes, np.full((64, 96), 0.6, np.float32))
    assert single[32].max() > 0.25 and pattern[16:48, 24:72].max() < 0.1


def test_outlines_are_ink_and_lie_at_the_step_of_depth(passes):
    ink = lines.contours(passes, np.full((64, 96), 0.6, np.float32))
    assert ink[30, 32] > 0.9 and ink[30, 48] < 0.05 and ink[5, 5] < 0.05


def test_a_slanted_plane_has_no_outline(passes):
    passes["depth"][:] = 1 / np.linspace(0.02, 1, 64, dtype=np.float32)[:, None, None]
    passes["albedo"][:] = 0.5
    assert lines.contours(passes, np.full((64, 96), 0.6, np.float32))[8:-8, 8:-8].max() < 0.05


def test_black_grows_with_darkness_and_keeps_to_the_dark_side_of_edges():
    coverage = [spotted(np.full((8, 8), tone, np.float32)).mean() for tone in (0.8, 0.4, 0.25, 0.1)]
    assert coverage[:2] == [0, 0] and 0 < coverage[2] < coverage[3] == 1
    ink = spotted(np.repeat(np.float32([0.45, 0.8]), 16)[None].repeat(8, 0))
    assert ink[:, 14].min() > 0.2 and ink[:, 17:].max() == 0 and ink[:, :8].max() == 0


def test_the_ink_of_comic_book_moves_with_the_picture():
    tone = np.random.default_rng(0).random((40, 48), np.float32)
    np.testing.assert_allclose(spotted(tone)[12:-12, 12:-15], spotted(np.roll(tone, 3, 1))[12:-12, 15:-12], atol=1e-5)


def test_tone_steps_are_flat_below_one_and_absent_above():
    tone = np.linspace(0, 3, 3001, dtype=np.float32)
    stepped = tones.quantise(tone)
    assert (np.diff(stepped) >= -1e-6).all()
    np.testing.assert_allclose(stepped[tone > 1.15], tone[tone > 1.15])
    assert np.diff(stepped[tone < 0.9]).max() > 2 * np.diff(tone).max() > 4 * np.diff(stepped[tone < 0.9]).min()
