import numpy as np
import pytest

from core.colour import decode_log, encode_log, luminance
from export.datasets.looks.cel import borders, cel, grade, line_colour, toned
from export.datasets.looks.smoothing import within_edges


@pytest.fixture
def ball():
    """A red ball, lit from the left, before an even grey wall."""
    y, x = np.mgrid[:96, :128].astype(np.float32)
    dx, dy = (x - 64) / 36, (y - 48) / 36
    inside = dx * dx + dy * dy < 1
    toward = np.sqrt(np.clip(1 - dx * dx - dy * dy, 0, 1))
    normal = np.where(inside[..., None], np.stack([dx, -toward, -dy], -1), np.array([0, -1, 0], np.float32)).astype(np.float32)
    albedo = np.where(inside[..., None], np.array([0.6, 0.1, 0.1]), 0.4).astype(np.float32)
    light = np.where(inside, np.clip(-0.9 * normal[..., 0] - 0.4 * normal[..., 1], 0.05, 1), 0.5)
    image = np.concatenate([albedo * light[..., None], np.ones((96, 128, 1))], -1).astype(np.float32)
    depth = np.where(inside, 6 - toward, 10)[..., None].astype(np.float32)
    return {"image": image, "depth": depth, "normal": normal, "albedo": albedo}


def test_light_falls_into_few_tones(ball):
    ball["image"][..., :3] = decode_log(np.linspace(0.3, 0.9, 128, dtype=np.float32))[:, None]
    ball["albedo"][:], ball["normal"][:], ball["depth"][:] = 0.5, (0, -1, 0), 10
    slopes = np.abs(np.diff(encode_log(luminance(cel(ball)[48, 8:-8])))) / (0.6 / 127)
    assert np.median(slopes) < 0.6 and slopes.max() > 2


def test_texture_of_paint_goes_and_the_border_of_paints_stays(ball):
    stripes = 1 + 0.08 * np.sin(np.arange(128, dtype=np.float32))[None, :, None]
    plain = cel(ball)
    striped = cel(
        ball
        | {
            "albedo": ball["albedo"] * stripes,
            "image": ball["image"] * np.append(stripes * [1, 1, 1], np.ones((1, 128, 1)), -1).astype(np.float32),
        }
    )
    wall = (slice(4, 92), slice(6, 18))
    assert striped[wall].std(axis=(0, 1)).max() < 0.25 * (0.08 * 0.7 * plain[wall].mean())
    assert striped[48, 50, 0] > 2 * striped[48, 50, 1]


def test_lines_are_a_darker_shade_of_their_own_colour(ball):
    picture = luminance(cel(ball))
    edge = picture[48, 24:33].min()
    assert edge < 0.6 * picture[48, 10] and edge < 0.6 * picture[48, 34]
    red = np.zeros((16, 16, 3), np.float32) + np.array([0.8, 0.4, 0.4], np.float32)
    line = line_colour(red, red)[8, 8]
    assert line[0] > line[1] and luminance(line) < 0.6 * luminance(red[8, 8])


def test_in_the_dark_lines_are_a_lighter_shade_of_the_thing_s_own_colour(ball):
    dark, paint = np.full((16, 16, 3), 0.03, np.float32), np.full((16, 16, 3), [0.6, 0.1, 0.1], np.float32)
    line = line_colour(dark, paint)[8, 8]
    assert luminance(line) > luminance(dark[8, 8]) + 0.15 and line[0] > line[1]


def test_borders_are_silhouettes_and_not_slopes(ball):
    edges = borders(ball)
    assert edges[48, 26:30].max() > 0.9 and edges[48, 5:20].max() < 0.05


def test_smoothing_keeps_to_its_side_of_an_edge():
    noise = np.random.default_rng(0).normal(0, 0.1, (64, 64, 1)).astype(np.float32)
    picture, edges = noise.copy(), np.zeros((64, 64), np.float32)
    picture[:, 32:] += 1
    edges[:, 31:33] = 1
    smooth = within_edges(picture, edges, 8)
    assert smooth[8:-8, 4:28].std() < 0.03 and smooth[:, :31].max() < 0.2 and smooth[:, 33:].min() > 0.8


def test_an_even_picture_stays_even():
    picture = np.full((16, 24, 3), 0.3, np.float32)
    np.testing.assert_allclose(within_edges(picture, np.zeros((16, 24), np.float32), 12), picture, rtol=1e-5)


@pytest.mark.parametrize("skin", [(0.8, 0.4, 0.25), (0.45, 0.25, 0.15)])
def test_skin_in_the_dark_is_neither_redder_than_it_is_nor_purple(skin):
    colour = np.full((8, 8, 3), skin, np.float32)
    for light in (0.05, 0.03):
        flat = encode_log(light * colour)
        for darker in (0, 0.05):
            red, green, blue = decode_log(grade(toned(flat, luminance(flat) - darker)))[4, 4]
            assert red / green < 1.2 * skin[0] / skin[1] and blue < 1.05 * green


def test_shade_is_cool_and_grey_in_the_dark_is_blue():
    for tone in (0.1, 0.2, 0.4):
        red, green, blue = grade(np.full((8, 8, 3), tone, np.float32))[4, 4]
        assert red < green < blue


def test_in_the_light_another_tone_keeps_the_colour():
    flat = encode_log(np.full((8, 8, 3), [0.7, 0.3, 0.2], np.float32))
    lighter = toned(flat, luminance(flat) + 0.1)
    np.testing.assert_allclose(lighter - flat, 0.1, atol=1e-5)


def test_hair_is_drawn_by_its_own_strands_alone(ball):
    strand = (np.arange(128) // 4 % 2 == 0) & (np.arange(96) < 48)[:, None]
    ball["depth"][:] = 10
    ball["depth"][strand] = 4
    ball["normal"][:], ball["albedo"][:], ball["image"][..., :3] = (0, -1, 0), 0.5, 0.3
    picture = encode_log(cel(ball))
    assert np.ptp(picture[8:60, 24:-24]) < 0.03
