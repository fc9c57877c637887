"""What every style that ships must be, whatever it has learned: a complete file, and calm where a frame has nothing to paint.

Pictures are judged as a screen shows them, sRGB in [0, 1]. The bounds leave room for what the looks themselves put on a plain
wall (hatching, brush strokes, pigment), and none for blotches, grids, halos and frames around the picture.
"""

import struct

import numpy as np
import pytest

from core import Generator, load_style, stylize
from core.colour import encode_log, encode_srgb, luminance
from export.datasets.charts import chart

from ..conftest import FIXTURES
from ..export.spheres import spheres

SHIPPED = sorted((FIXTURES.parents[1] / "addon" / "styles").glob("*.onnx"))
SIZE = 176, 256
TEXTURE, BLOTCH, GRID, FRAME = 0.35, 0.12, 0.06, 0.06
"""How much brightness may differ on a plain surface: between pixels, between squares of 32 px, between the places in squares of
8 px, and between the border and the rest."""
STROKES, DIRT = 0.5, 0.02
"""A style that learned from a painting leaves strokes on plain walls too: there, DIRT apart, pixels may differ by STROKES,
which is how far a light stroke lies from a dark one."""


@pytest.fixture(scope="module", params=SHIPPED, ids=lambda path: path.stem)
def generator(request):
    return Generator(load_style(request.param), "cpu")


def plain(radiance, known=True):
    """A frame of a wall, or of empty background, of which no pass is known: radiance is a number or (H, W, 3)."""
    passes = chart(0 if known else 3, 0, *SIZE[::-1])
    passes["image"][..., :3] = radiance
    passes["albedo"][...] = np.minimum(radiance, 0.8) * known
    return passes


def scene(size):
    """A ball before a wall that is lit from one side, with all passes."""
    height, width = size
    passes = chart(1, 0, width, height)
    rows, columns = np.mgrid[:height, :width]
    y, x = (rows - height / 2) / (0.3 * height), (columns - width / 2) / (0.3 * height)
    towards = np.sqrt(np.maximum(1 - x**2 - y**2, 0))
    ball = towards > 0
    normal = np.stack([x, -towards, -y], -1)
    passes["normal"][ball] = normal[ball]
    passes["albedo"][ball] = 0.6, 0.2, 0.1
    passes["image"][ball, :3] = passes["albedo"][ball] * np.maximum(normal @ [0.5, -0.7, 0.5], 0.02)[ball, None] * 3
    passes["depth"][ball, 0] -= 1 + towards[ball]
    passes["position"][ball] = normal[ball] + (0, 4, 0)
    return passes


def shown(picture):
    """Brightness (H, W) of scene-linear (H, W, 3 or 4) on a screen."""
    return encode_srgb(np.clip(luminance(picture[..., :3]), 0, 1))


def spread(values):
    return float(values.max() - values.min())


def paints(generator):
    """Whether the style lays strokes on plain surfaces too."""
    return "exemplars" in generator.style.training or "--strokes" in generator.style.training["command"]


def lined(generator):
    """Whether scan lines of 8 rows cross all that the style paints."""
    return "--scan-lines 8" in generator.style.training["command"]


def check_calm(picture, painted=False, lined=False):
    """That a picture of a plain surface shows no blotches, no grid and no frame; painted: strokes are meant to be there; lined:
    every eighth row is meant to differ."""
    bright = shown(picture)
    height, width = (n // 32 for n in bright.shape)
    squares = bright[: height * 32, : width * 32].reshape(height, 32, width, 32).mean((1, 3))
    inside = bright[32:-32, 32:-32]
    places = inside.reshape(inside.shape[0] // 8, 8, inside.shape[1] // 8, 8).mean((0, 2))
    places = places.mean(0) if lined else places
    border = [strip.mean() for strip in (bright[:8], bright[-8:], bright[:, :8], bright[:, -8:])]
    texture = spread(np.quantile(bright, (DIRT / 2, 1 - DIRT / 2))) <= STROKES if painted else spread(bright) <= TEXTURE
    assert np.isfinite(picture).all() and texture
    assert spread(squares) <= BLOTCH and spread(places) <= GRID
    assert max(abs(b - inside.mean()) for b in border) <= FRAME


def test_styles_ship():
    assert SHIPPED


def test_a_style_is_one_small_file_that_tells_all_about_itself(generator):
    style = generator.style
    assert style.path.stat().st_size < 5_000_000
    assert style.name and style.author and style.licence and style.description and style.tiles_exact
    assert {"command", "steps", "seed", "frames", "held_out"} <= style.training.keys() and style.training["steps"] > 0
    assert {"data", "frames", "sliced_wasserstein", "ms_ssim", "warping_ratio", "seconds"} <= style.score_card.keys()
    kind, width, height = struct.unpack(">8x4x4sII", style.thumbnail[:24])
    assert kind == b"IHDR" and width >= 128 <= 2 * height


@pytest.mark.parametrize("known", [True, False], ids=["wall", "empty"])
@pytest.mark.parametrize("grey", [0.18, 0.7])
def test_flat_grey_stays_flat(generator, grey, known):
    check_calm(stylize(generator, plain(grey, known)), paints(generator), lined(generator))


@pytest.mark.parametrize("known", [True, False], ids=["wall", "empty"])
def test_black_stays_dark(generator, known):
    picture = stylize(generator, plain(0, known))
    check_calm(picture, paints(generator))
    assert luminance(picture[..., :3]).mean() < 0.06


def test_light_stays_light_and_has_no_halo(generator):
    height, width = SIZE
    y, x = np.mgrid[:height, :width]
    away = np.hypot(y - height / 2, x - width / 4)
    rgb = np.full((height, width, 3), 0.18, np.float32)
    without = stylize(generator, plain(rgb))
    rgb[away < 30] = 50
    picture = stylize(generator, plain(rgb))
    least = 4 if "exemplars" in generator.style.training else 10  # a palette's lightest paint is darker than white
    assert np.isfinite(picture).all() and least < np.median(picture[away < 20, :3].max(-1)) < 250
    assert np.abs(shown(picture) - shown(without))[away > 80].mean() < 0.03


def test_any_exposure_gives_a_picture_and_more_light_a_brighter_one(generator):
    passes, brightness = scene(SIZE), []
    for stops in (-4, -2, 0, 2, 4):
        lit = passes | {"image": passes["image"] * np.float32([*3 * [2.0**stops], 1])}
        picture = stylize(generator, lit)
        assert np.isfinite(picture).all() and (picture >= 0).all()
        brightness.append(np.log1p(64 * luminance(picture[..., :3])).mean())
    assert min(np.diff(brightness)) > 0.02


def test_pure_noise_is_not_blown_up(generator):
    noise = np.random.default_rng(0).random((*SIZE, 3), np.float32)
    passes = plain(noise)
    picture = stylize(generator, passes)
    assert np.isfinite(picture).all() and picture.max() < 20 and np.quantile(picture[..., :3], 0.999) < 3
    assert picture[..., :3].mean() < 2 * noise.mean() and shown(picture).std() < 1.25 * shown(noise).std()


def test_alpha_comes_out_as_it_went_in(generator):
    passes = scene(SIZE)
    alpha = np.clip(np.linspace(-0.5, 1.5, SIZE[1], dtype=np.float32), 0, 1)[:, None]
    passes["image"] = np.concatenate([passes["image"][..., :3] * alpha, np.broadcast_to(alpha, (*SIZE, 1))], -1)
    picture = stylize(generator, passes)
    assert np.isfinite(picture).all() and np.array_equal(picture[..., 3], passes["image"][..., 3])
    clear = passes["image"][..., 3] == 0
    assert clear.any() and (picture[clear] == 0).all()


@pytest.mark.once
def test_tiles_give_the_whole_frame(generator):
    passes, reach = scene((413, 447)), generator.style.receptive_radius
    whole, tiled = (stylize(generator, passes, tile=tile) for tile in (None, 2 * reach + 64))
    assert 2 * reach + 64 < 413
    np.testing.assert_allclose(tiled, whole, atol=1e-4, rtol=1e-5)


def change(generator, **made):
    """What a style adds to the log-encoded image of the spheres, (H, W, 3)."""
    passes = spheres(192, 288, **made)
    return encode_log(stylize(generator, passes)[..., :3]) - encode_log(passes["image"][..., :3])


def test_a_scene_of_any_size_is_stylised_alike(generator):
    """By powers of two the same picture; at other sizes and places the same change, as much of it, but for the chance that a
    frame with few broad strokes holds more of them."""
    here, chance = change(generator), 0.08 if paints(generator) else 0.05
    for power in (-10, 5, 10):
        assert np.abs(change(generator, factor=2.0**power) - here).max() < 0.01
    for made in ({"factor": 0.001}, {"factor": 0.03}, {"factor": 1000}, {"shift": 10_000.0}):
        assert (change(generator, **made) ** 2).mean() / (here**2).mean() == pytest.approx(1, abs=chance), made


def test_rough_normals_in_the_dark_make_no_light(generator):
    passes, rng = spheres(160, 160), np.random.default_rng(0)
    passes["normal"] = rng.normal(0, 0.6, passes["normal"].shape).astype(np.float32)
    for gain in (0.001, 0.0):
        passes["image"][..., :3] = spheres(160, 160)["image"][..., :3] * np.float32(gain)
        assert stylize(generator, passes)[..., :3].max() < (0.6 if generator.style.name == "Hologram" else 0.15)
