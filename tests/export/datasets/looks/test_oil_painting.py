import numpy as np

from export.datasets.looks.oil_painting import drag, oil_painting

from ...paired_frames import pair


def wall(height=48, width=64, right=0.0):
    """Passes of a wall looked at straight, 2 cm a pixel, from `right` pixels on: dark on the left, light on the right."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    image = np.ones((height, width, 4), np.float32)
    image[..., :3] = np.where(x < width / 2, 0.1, 0.6)[..., None]
    position = np.stack([0.02 * (x + right), 0 * x, -0.02 * y], -1)
    normal = np.broadcast_to(np.array([0, -1, 0], np.float32), position.shape)
    return {
        "image": image,
        "depth": np.full((height, width, 1), 5, np.float32),
        "normal": normal,
        "albedo": np.full((height, width, 3), 0.5, np.float32),
        "position": position,
    }


def test_a_brush_drags_light_along_its_stroke_but_no_other_material():
    passes = wall()
    colours, along = passes["image"][..., :3], np.stack([np.ones((48, 64)), np.zeros((48, 64))]).astype(np.float32)
    moved = drag(colours, along, np.full((48, 64), 5.0), passes)
    np.testing.assert_allclose(moved[24, 27:32], 0.6, atol=1e-3)
    np.testing.assert_allclose(moved[24, :27], 0.1, atol=1e-3)
    passes["albedo"][:, 32:] = 0.05
    np.testing.assert_allclose(drag(colours, along, np.full((48, 64), 5.0), passes), colours, atol=0.01)


def test_strokes_break_a_flat_colour_and_stick_to_the_wall_that_moves():
    flat = np.full((128, 192, 4), 0.3, np.float32)
    here, moved = (oil_painting(wall(128, 192, right) | {"image": flat}) for right in (0, 4))
    inner = (slice(32, -32), slice(40, -40))
    assert here[inner].std() > 0.02
    same, still = (np.corrcoef(a[inner].ravel(), here[inner].ravel())[0, 1] for a in (np.roll(moved, 4, 1), moved))
    assert same > 0.95 > 0.7 > still


def test_light_keeps_its_radiance_and_the_sky_has_no_strokes():
    passes, _ = pair(1, 48, 64)
    passes = passes | {
        "albedo": passes["image"][..., :3].clip(0, 1),
        "normal": 0 * passes["normal"],
        "image": np.full((48, 64, 4), 20, np.float32),
    }
    np.testing.assert_allclose(oil_painting(passes), 20, rtol=0.05)
