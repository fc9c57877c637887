"""Noise that sticks to surfaces: its size and statistics, and that it is the same in tiles, in ONNX and wherever a scene lies."""

import math

import numpy as np
import onnx
import pytest
import torch
from torch.nn.functional import conv2d, pixel_shuffle

from core import Generator, Style, load_style, stylize
from core.style import save_style
from export.export_onnx import parity, to_onnx, write_style
from export.networks.build import make_generator
from export.networks.encoding import places
from export.networks.surface_noise import GRAIN, PERIOD, BentNoise, NoiseEverywhere, SurfaceNoise, power_of_two

from ..spheres import spheres


def wall(scale: float, shift: float = 0.0, side: int = 256) -> torch.Tensor:
    """Position pass of a wall, `scale` scene units a pixel, seen from a camera moved sideways by `shift` pixels."""
    y, x = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    return torch.stack([(x + shift) * scale, y * scale, torch.full_like(x, 3.0, dtype=torch.float32)])[None].float()


def test_noise_stays_where_the_surface_is():
    noise = SurfaceNoise(2)
    here, moved = noise(wall(0.01)), noise(wall(0.01, shift=10))
    inner = slice(8, -8)  # neighbours beyond the border are unknown
    assert torch.allclose(here[..., inner, 18:-8], moved[..., inner, 8:-18], atol=2e-3)
    assert here.std() > 0.2 and (here - moved).abs().mean() > 0.2


@pytest.mark.parametrize("scale", [0.003, 0.01, 0.037, 0.2])
def test_its_grain_is_of_one_size_in_the_picture_near_and_far(scale):
    spectrum = torch.fft.rfft2(SurfaceNoise(16)(wall(scale))[0]).abs().square().mean(0)
    fy, fx = torch.fft.fftfreq(256)[:, None].abs(), torch.fft.rfftfreq(256)[None]
    wavelength = 1 / (fx**2 + fy**2).sqrt().clamp(min=1e-3)
    typical = torch.exp((spectrum * wavelength.log()).sum() / spectrum.sum()).item()
    assert 0.5 * GRAIN < typical < 3 * GRAIN


def test_where_nothing_was_hit_there_is_none():
    assert (SurfaceNoise(2)(torch.zeros(1, 3, 16, 16)) == 0).all()


def test_channels_differ_and_every_instance_is_alike():
    first, again = SurfaceNoise(2)(wall(0.01)), SurfaceNoise(2)(wall(0.01))
    assert torch.equal(first, again)
    assert abs(torch.corrcoef(first[0].flatten(1))[0, 1]) < 0.3


def by_definition(noise: SurfaceNoise, position: torch.Tensor) -> torch.Tensor:
    """The noise as its docstring defines it: at each pixel, all octaves' waves, of lengths that are written down here."""
    point, size = (t.double() for t in noise.surfaces(position))
    wanted = size * GRAIN
    groups = []
    for group in (0, 1):
        direction, phase = getattr(noise, f"waves{group}").double(), getattr(noise, f"phases{group}").double()
        total = 0.0
        for octave in range(-12, 12):
            distance = torch.log2(wanted / 2.0 ** (octave + group / 2))
            weight = torch.cos(distance.clamp(-1, 1) * math.pi / 2)
            cell = PERIOD * 2.0**octave
            angle = 2 * math.pi / cell * sum(point[:, axis : axis + 1] * direction[axis] for axis in range(3)) + phase
            total = total + weight * angle.sin()
        groups.append(total)
    return pixel_shuffle(conv2d(torch.cat(groups, 1), noise.total.double()), 2)


def test_waves_of_two_octaves_are_all_that_count():
    noise, far = SurfaceNoise(2), torch.linspace(-4, 4, 256).exp()[:, None] * wall(0.01)
    assert torch.allclose(noise(far).double(), by_definition(noise, far), atol=2e-3) and noise(far).std() > 0.3


def test_waves_point_in_every_direction_and_fill_their_cell():
    for group in (0, 1):
        waves = getattr(SurfaceNoise(16), f"waves{group}").flatten(1)
        assert torch.equal(waves, waves.round()) and (waves.mean(1).abs() < PERIOD / 3).all()
        assert torch.allclose(waves.norm(dim=0), torch.tensor(PERIOD * 2 ** (-group / 2)), rtol=0.03)


def test_powers_of_two_are_exact():
    exponents = torch.arange(72.0)
    assert torch.equal(power_of_two(exponents).double(), 2.0 ** torch.arange(72, dtype=torch.float64))


def seen_from(factor: float = 1.0, shift: float | tuple[float, float, float] = 0.0, side: int = 320) -> torch.Tensor:
    return torch.from_numpy(spheres(side, side, factor, shift)["position"]).permute(2, 0, 1)[None]


def per_octave(noise: torch.Tensor) -> torch.Tensor:
    """Energy of the waves of 4 to 64 pixels, octave by octave."""
    power = torch.fft.fft2(noise[0]).abs().square().sum(0)
    frequency = (torch.fft.fftfreq(noise.shape[2])[:, None] ** 2 + torch.fft.fftfreq(noise.shape[3])[None] ** 2).sqrt()
    return torch.stack([power[(frequency >= 2.0**-n) & (frequency < 2.0 ** (1 - n))].sum() for n in range(3, 7)])


@pytest.mark.parametrize("power", [-20, -10, -1, 1, 10, 20])
def test_a_scene_that_is_larger_by_apower_of_two_has_the_same_noise(power):
    assert torch.allclose(SurfaceNoise(2)(seen_from(2.0**power)), SurfaceNoise(2)(seen_from()), atol=2e-5)


@pytest.mark.parametrize("factor", [0.001, 0.01, 0.03, 0.3, 3, 7, 100, 1000])
def test_a_scene_of_any_size_has_noise_of_the_same_statistics(factor):
    """Summed over 64 channels, since a few waves make more of one place than of another."""
    noise = SurfaceNoise(64)
    assert (per_octave(noise(seen_from(factor))) / per_octave(noise(seen_from())) - 1).abs().max() < 0.05


@pytest.mark.parametrize("shift", [100.0, 10_000.0, (10_000.0, -10_000.0, 7_000.0)])
def test_far_from_the_origin_the_noise_has_the_same_statistics(shift):
    noise = SurfaceNoise(64)
    assert (per_octave(noise(seen_from(shift=shift))) / per_octave(noise(seen_from())) - 1).abs().max() < 0.05


def test_ten_kilometres_away_pixels_of_four_millimetres_have_the_same_waves_of_8_to_64_pixels():
    """Where float32 positions are 1 mm apart, which shows in the waves of 4 to 8 pixels."""
    noise = SurfaceNoise(64)
    near, far = (per_octave(noise(wall(0.004) + shift)) for shift in (0.0, 10_000.0))
    assert ((far / near)[1:] - 1).abs().max() < 0.05 and (far / near)[0] < 1.5


def test_training_in_bfloat16_leaves_the_waves_alone():
    noise, far = SurfaceNoise(2), wall(0.01) + 5.0
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rounded = noise(far)
    assert torch.allclose(rounded.float(), noise(far), atol=0.02)


def test_it_goes_to_the_layout_that_training_is_quick_in():
    noise = SurfaceNoise(2)
    before = noise(wall(0.01))
    assert torch.allclose(noise.to(memory_format=torch.channels_last)(wall(0.01)), before, atol=1e-6)


def test_a_style_with_noise_is_exact_in_onnx_and_in_tiles(tmp_path):
    torch.manual_seed(0)
    generator = make_generator(("image", "position"), widths=(16, 16, 1, 1), noise=2)
    torch.nn.init.normal_(generator.tail.weight, 0, 0.05)
    style = Style(
        name="Noisy", author="", licence="CC0-1.0", description="", passes=generator.passes, alignment=generator.alignment
    )
    assert write_style(generator, style, tmp_path / "noisy.onnx") < 1e-3
    opened = Generator(load_style(tmp_path / "noisy.onnx"), "cpu")
    rng = np.random.default_rng(0)
    passes = {"image": rng.random((150, 210, 4), np.float32), "position": wall(0.01)[0, :, :150, :210].permute(1, 2, 0).numpy()}
    whole = stylize(opened, passes)
    assert np.abs(whole - stylize(opened, passes, tile=96)).max() < 1e-5
    assert np.abs(whole - stylize(opened, passes | {"position": passes["position"] + 0.1})).max() > 1e-3


def test_the_proof_of_an_export_fails_without_one_of_the_noises_tables(tmp_path):
    """Waves along x, y and z, and phases, each of them zero in the file, of both groups."""
    torch.manual_seed(0)
    generator = make_generator(("image", "position"), widths=(16, 16, 1, 1), noise=2)
    torch.nn.init.normal_(generator.tail.weight, 0, 0.05)
    exported = to_onnx(generator).SerializeToString()
    noise = generator.noise
    stored = [*zip(noise.waves0, noise.waves1, strict=True), (noise.phases0, noise.phases1)]

    def difference(tables: set[int]) -> float:
        model, spoilt = onnx.load_model_from_string(exported), 0
        for tensor in model.graph.initializer:
            values = onnx.numpy_helper.to_array(tensor)
            for good in (table.numpy() for n in tables for table in stored[n]):
                if values.size == good.size and np.array_equal(values.reshape(good.shape), good):
                    tensor.CopyFrom(onnx.numpy_helper.from_array(np.zeros_like(values), tensor.name))
                    spoilt += 1
        assert spoilt == 2 * len(tables)
        save_style(tmp_path / "s.onnx", model, Style("Noisy", passes=generator.passes, alignment=generator.alignment))
        return parity(generator, Generator(load_style(tmp_path / "s.onnx"), "cpu"))

    assert difference(set()) < 1e-3
    for table in range(4):
        assert difference({table}) > 0.01


def test_points_are_means_of_those_around_and_as_far_apart_as_pixels():
    point, size = SurfaceNoise(1).surfaces(wall(0.01))
    inner = (..., slice(8, -8), slice(8, -8))
    assert torch.allclose(
        point[inner], wall(0.01)[..., ::2, ::2][inner] + torch.tensor([0.015, 0.015, 0])[:, None, None], atol=1e-5
    )
    assert torch.allclose(size[inner], torch.full_like(size[inner], 0.01), rtol=1e-3)


def test_out_of_focus_it_is_the_same_in_every_frame():
    """There each pixel has a point of its own, 3 pixels from its place, and some have none."""
    noise, sharp, source = SurfaceNoise(2), wall(0.01), torch.Generator().manual_seed(0)
    first, later = (
        noise((sharp + 0.03 * torch.randn(sharp.shape, generator=source)) * (torch.rand(1, 1, 256, 256, generator=source) < 0.9))
        for _ in range(2)
    )
    assert (first - later).square().mean() < 0.1 * 2 * first.var()
    assert torch.corrcoef(torch.stack([first.flatten(), noise(sharp).flatten()]))[0, 1] > 0.85


@pytest.mark.parametrize("kind", [NoiseEverywhere, BentNoise])
def test_in_a_clear_sky_it_has_no_level_bands(kind):
    """A gradient from top to bottom alone, whose tones would give each row one value."""
    clear = torch.linspace(0.6, 0.62, 256)[:, None].expand(1, 3, 256, 256)
    noise = kind(2)(clear, places(256, 256))
    assert noise.std(3).mean() > 0.8 * noise.std()


def sky(shift: int = 0, side: int = 128) -> torch.Tensor:
    """An encoded sky that gets lighter downwards and to the right, seen from a camera turned by `shift` pixels."""
    y, x = torch.meshgrid(torch.arange(side), torch.arange(side) + shift, indexing="ij")
    return (0.3 + 0.001 * y + 0.0007 * x + 0.02 * torch.sin(x / 20))[None, None].expand(1, 3, -1, -1)


def test_noise_everywhere_is_that_of_surfaces_and_sticks_to_tones_elsewhere():
    noise, place = NoiseEverywhere(2), places(128, 128)
    position = wall(0.01, side=128)
    assert torch.equal(noise(sky(), place, position), SurfaceNoise(2)(position))
    position[..., :64, :] = 0
    mixed = noise(sky(), place, position)
    assert torch.allclose(mixed[..., :56, :], noise(sky(), place)[..., :56, :])
    assert torch.allclose(mixed[..., 72:, :], SurfaceNoise(2)(wall(0.01, side=128))[..., 72:, :])
    here, turned = noise(sky(), place), noise(sky(10), place)
    assert torch.allclose(here[..., 10:120, 30:112], turned[..., 10:120, 20:102], atol=1e-2)
    assert here.std() > 0.2


@pytest.mark.parametrize("direction", [(0, 1), (1, 0), (0.6, 0.8), None], ids=["down", "across", "aslant", "round"])
def test_where_tones_change_along_one_line_only_strokes_have_ends(direction):
    """Above a horizon and around a sun noise of the tones alone has one value along each line of equal tone, all the way."""
    y, x = torch.meshgrid(torch.arange(256.0), torch.arange(256.0), indexing="ij")
    far = (x * direction[0] + y * direction[1]) if direction else ((x - 128) ** 2 + (y - 128) ** 2).sqrt()
    noise = BentNoise(2)((0.2 + 0.002 * far) * torch.tensor([0.7, 0.9, 1.0])[None, :, None, None], places(256, 256))
    ring = ((far - far.median()).abs() < 1)[32:-32, 32:-32]
    along = noise[0, :, 32:-32, 32:-32][:, ring]
    assert along.std(1).mean() > 0.5 * noise.std() > 0.15


def test_on_a_plain_wall_waves_are_many_and_bent():
    """Few straight ones cross in a weave. Counted as the size of an even spectrum of the same sum of squares."""

    def breadth(noise):
        energy = torch.fft.fft2(noise(wall(0.01))[0] * torch.hann_window(256)[:, None] * torch.hann_window(256)).abs().square()
        return (energy.sum((1, 2)).square() / energy.square().sum((1, 2))).mean()

    def everywhere(position):
        return BentNoise(3)(torch.full_like(position, 0.5), places(256, 256), position)

    assert breadth(everywhere) > 4 * breadth(SurfaceNoise(3))
    found = everywhere(wall(0.01))[0].flatten(1)
    assert found.std() == pytest.approx(SurfaceNoise(3)(wall(0.01)).std().item(), rel=0.1)
    assert (torch.corrcoef(found) - torch.eye(3)).abs().max() < 0.1


@pytest.mark.parametrize("turned", [False, True], ids=["rows", "columns"])
def test_at_a_frames_border_strokes_of_a_sky_are_those_next_to_it(turned):
    ramp = torch.linspace(0.9, 0.5, 144)[:, None].expand(144, 256)
    image = torch.stack([ramp * 0.6, ramp * 0.8, ramp])[None]
    along, image = (2, image.mT) if turned else (3, image)
    noise = BentNoise(3)(image, places(*image.shape[2:]), None)
    change = noise.diff(dim=along).square().mean((0, 1, along)).sqrt()
    inside = change[30:-30].mean()
    assert change[:4].max() < 1.5 * inside and change[-4:].max() < 1.5 * inside


@pytest.mark.parametrize("power", [-20, -1, 10])
def test_bent_noise_is_the_same_on_a_scene_that_is_larger_by_a_power_of_two(power):
    noise, small = BentNoise(2), seen_from()
    grey, place = torch.full_like(small, 0.5), places(320, 320)
    assert torch.allclose(noise(grey, place, seen_from(2.0**power)), noise(grey, place, small), atol=2e-5)


@pytest.mark.parametrize("factor", [0.03, 7])
def test_bent_noise_has_the_same_statistics_on_a_scene_of_any_size(factor):
    noise, small = BentNoise(64), seen_from()
    grey, place = torch.full_like(small, 0.5), places(320, 320)
    first, other = (per_octave(noise(grey, place, position)) for position in (small, seen_from(factor)))
    assert (other / first - 1).abs().max() < 0.05


def colourful_sky(shift: int = 0, side: int = 128) -> torch.Tensor:
    """An encoded sky that gets lighter downwards and bluer to the right, seen from a camera turned by `shift` pixels."""
    y, x = torch.meshgrid(torch.arange(side), torch.arange(side) + shift, indexing="ij")
    return torch.stack([0.3 + 0.001 * y, 0.3 + 0.001 * y, 0.3 + 0.001 * x])[None]


def test_bent_noise_sticks_to_surfaces_and_elsewhere_to_tones():
    noise, place = BentNoise(2), places(128, 128)
    position = wall(0.01, side=128)
    surfaces = noise(colourful_sky(), place, position)
    assert torch.allclose(surfaces, noise(colourful_sky(50) * 0.2, places(128, 128, 64, 32), position), atol=1e-5)
    position[..., :64, :] = 0
    mixed = noise(colourful_sky(), place, position)
    assert torch.allclose(mixed[..., :56, :], noise(colourful_sky(), place)[..., :56, :])
    assert torch.allclose(mixed[..., 72:, :], surfaces[..., 72:, :])
    here, turned = noise(colourful_sky(), place), noise(colourful_sky(10), place)
    assert torch.allclose(here[..., 10:120, 30:112], turned[..., 10:120, 20:102], atol=1e-2)
    assert here.std() > 0.2


@pytest.mark.parametrize("kind", [NoiseEverywhere, BentNoise])
def test_noise_of_a_void_is_tied_to_the_screen_and_as_strong_as_on_surfaces(kind):
    """Black and white alike; a little of the light in it changes little."""
    noise, void = kind(2).to(memory_format=torch.channels_last), torch.zeros(1, 3, 256, 256)
    found = noise(void, places(256, 256), void)
    assert torch.equal(found, noise(void + 1.3, places(256, 256)))
    assert found.std() == pytest.approx(SurfaceNoise(2)(wall(0.01)).std().item(), rel=0.25)
    assert torch.allclose(found[..., 32:96, 64:128], noise(void[..., :64, :64], places(64, 64, 32, 64)), atol=1e-5)
    spectrum = torch.fft.rfft2(found[0]).abs().square().mean(0)
    fy, fx = torch.fft.fftfreq(256)[:, None].abs(), torch.fft.rfftfreq(256)[None]
    wavelength = 1 / (fx**2 + fy**2).sqrt().clamp(min=1e-3)
    assert 0.6 * GRAIN < torch.exp((spectrum * wavelength.log()).sum() / spectrum.sum()) < 2 * GRAIN


def test_a_style_with_noise_everywhere_needs_no_position_and_tiles_change_nothing(tmp_path):
    torch.manual_seed(0)
    module = make_generator(("image",), widths=(16, 16), kind="unet", noise=2, everywhere=True)
    torch.nn.init.normal_(module.tail.weight, 0, 0.1)
    write_style(module, Style("Test", passes=("image",), placed=True, alignment=module.alignment), tmp_path / "s.onnx")
    generator = Generator(load_style(tmp_path / "s.onnx"), "cpu")
    frame = {"image": np.ones((136, 264, 4), np.float32)}
    frame["image"][..., :3] = np.random.default_rng(0).random((17, 33, 3), np.float32).repeat(8, 0).repeat(8, 1)
    frame["image"][:, 100:] = 1  # a void, where the noise is that of the screen
    whole = stylize(generator, frame)
    assert np.ptp(whole[:, 200:]) > 0.05
    assert generator.style.tiles_exact and np.abs(stylize(generator, frame, tile=128) - whole).max() <= 1e-5
