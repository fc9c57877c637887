from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import interpolate

from core import Generator, load_style
from core.layered import layered
from core.passes import PASSES
from core.receptive_field import receptive_field
from core.style import OUTPUT_NAME, Style
from core.stylize import stylize_layers
from export.export_onnx import to_onnx, write_style
from export.modes import SIZES
from export.networks.build import GENERATORS, make_generator
from export.networks.encoding import encode, places
from export.networks.generators import CNN
from export.networks.guided import GuidedGenerator

from ..spheres import spheres

SMALL = {"cnn": (16, 16, 1, 1), "unet": (16, 16, 16), "resnet": (16, 16, 2)}


def positive(generator: GuidedGenerator) -> GuidedGenerator:
    """The generator in double precision with weights that are all positive, so that no path cancels another."""
    generator = generator.double()
    with torch.no_grad():
        for p in generator.parameters():
            p.copy_(p.abs() * 0.5 + 1e-4)
    return generator


@pytest.mark.parametrize(("kind", "widths", "smooth"), [
    ("cnn", (4, 4, 2, 3), False), ("cnn", (4, 4, 1, 1), True), ("unet", (4, 4, 4), False), ("resnet", (4, 4, 2), False),
])  # fmt: skip
def test_the_receptive_radius_of_the_graph_is_tight(kind, widths, smooth):
    """Gradients of output pixels reach exactly as far as core reads in the graph, over all positions within its step."""
    generator = make_generator(("image",), widths=widths, kind=kind, smooth=smooth)
    seen = receptive_field(to_onnx(generator), {"image": 3}, OUTPUT_NAME, 1)
    radius, cell, generator = seen.radius, generator.alignment, positive(generator)
    generator.black = 1e300  # such weights would always add more than the limit
    assert cell % seen.step == 0
    side = (2 * radius + 4 * cell) // cell * cell
    image = torch.ones(1, 3, cell, side, dtype=torch.float64, requires_grad=True)
    output = generator.encoded(image)
    reach = 0
    for pixel in range(side // 2 // cell * cell, side // 2 // cell * cell + cell):
        (gradient,) = torch.autograd.grad(output[0, 0, cell // 2, pixel], image, retain_graph=True)
        reached = gradient.abs().sum((0, 1, 2)).nonzero().flatten()
        reach = max(reach, pixel - reached[0].item(), reached[-1].item() - pixel)
    assert reach == radius


def lively_unet(seed: int) -> GuidedGenerator:
    """A U-Net of random weights and biases that changes the image much."""
    torch.manual_seed(seed)
    generator = make_generator(("image",), widths=(16, 16, 16, 16), kind="unet")
    for conv in (m for m in generator.modules() if isinstance(m, nn.Conv2d)):
        nn.init.normal_(conv.bias, 0, 0.1)
    nn.init.normal_(generator.tail.weight, 0, 0.2)
    return generator


@torch.no_grad()
def test_a_unet_leaves_a_plain_frame_plain_up_to_its_borders():
    for seed in range(3):
        output = lively_unet(seed).encoded(torch.full((1, 3, 160, 192), 0.5))
        assert (output - output[..., 80:81, 96:97]).abs().max() < 1e-5
        assert (output[0, :, 80, 96] - encode(torch.tensor(0.5))).abs().max() > 0.1


@torch.no_grad()
def test_what_a_unet_paints_moves_along_by_any_number_of_pixels():
    for seed in range(3):
        generator = lively_unet(seed)
        scene = interpolate(torch.rand(1, 3, 24, 24), scale_factor=8.0, mode="bicubic").clamp(0)
        still, moved = (generator.encoded(s) - encode(s) for s in (scene[..., :176, :176], scene[..., 3:179, 5:181]))
        inside = still[..., 51:131, 53:133]
        assert (moved[..., 48:128, 48:128] - inside).abs().mean() < 0.1 * inside.std()


@pytest.mark.parametrize("kind", GENERATORS)
@pytest.mark.parametrize("passes", [("image",), ("image", "depth", "normal", "albedo", "position", "vector")])
def test_any_passes_and_any_multiple_of_the_alignment(kind, passes):
    generator = make_generator(passes, "draft", kind=kind)
    for height, width in ((1, 1), (2, 5)):
        height, width = height * generator.alignment, width * generator.alignment
        output = generator(*(torch.rand(1, PASSES[p].input_channels, height, width) for p in passes))
        assert output.shape == (1, 3, height, width) and (output >= 0).all()


@pytest.mark.parametrize("gates", [{}, {"gate": True}, {"smooth": True}])
@pytest.mark.parametrize("kind", GENERATORS)
def test_the_first_output_is_close_to_the_input_and_highlights_survive(kind, gates):
    torch.manual_seed(0)
    image = torch.rand(1, 3, 64, 64) * 20
    output = make_generator(("image",), kind=kind, **gates)(image)
    assert torch.corrcoef(torch.stack([image.flatten(), output.flatten()]))[0, 1] > 0.5
    assert output.max() > 5


@pytest.mark.parametrize("kind", GENERATORS)
def test_a_closed_gate_takes_the_image_away(kind):
    torch.manual_seed(0)
    generator = make_generator(("image",), widths=SMALL[kind], kind=kind, gate=True)
    with torch.no_grad():
        generator.tail.weight.zero_()
        generator.tail.bias[: 3 * len(generator.tail.bias) // 4] = 0.5  # one colour
        generator.tail.bias[3 * len(generator.tail.bias) // 4 :] = -100  # and a closed gate
        output = generator.encoded(torch.rand(1, 3, 32, 32) * 20)
    assert torch.allclose(output, torch.full_like(output, 0.5), atol=1e-6)


@torch.no_grad()
def test_lamps_shine_through_a_gate_that_is_nearly_closed():
    torch.manual_seed(0)
    generator = make_generator(("image",), widths=(16, 16), kind="unet", gate=True)
    generator.tail.weight.zero_()
    generator.tail.bias[3] = -4.0
    wall, lamp = (generator(torch.full((1, 3, 32, 32), light)) for light in (0.5, 50.0))
    assert wall.max() < 0.1 and lamp.min() > 4


@pytest.mark.parametrize("gates", [{}, {"gate": True}, {"smooth": True}])
@pytest.mark.parametrize("kind", GENERATORS)
def test_every_parameter_learns_from_the_first_step_and_every_guide_matters(kind, gates):
    torch.manual_seed(0)
    generator = make_generator(("image", "normal"), widths=SMALL[kind], kind=kind, **gates)
    normal = torch.rand(1, 3, 32, 32, requires_grad=True)
    generator.encoded(torch.rand(1, 3, 32, 32), normal).abs().mean().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in generator.parameters())
    assert normal.grad.abs().sum() > 0


@pytest.mark.parametrize("kind", GENERATORS)
def test_no_statistics_of_the_image_and_widths_fit_the_hardware(kind):
    for size in SIZES[kind]:
        generator = make_generator(("image",), size, kind=kind)
        kinds = {type(m).__name__ for m in generator.modules()} - {type(generator).__name__}
        assert kinds <= {"Conv2d", "ModuleList", "Residual", "Sequential", "Tail", "Unbent"}
        convs = [m for m in generator.modules() if isinstance(m, nn.Conv2d)]
        assert all(c.in_channels % 16 == 0 for c in convs[1:])
        assert all(c.out_channels % 16 == 0 for c in convs if c is not generator.tail)


def test_sizes_grow_and_stay_under_the_limits_of_a_style_file():
    for kind, sizes in SIZES.items():
        counts = [sum(p.numel() for p in make_generator(("image",), size, kind=kind).parameters()) for size in sizes]
        assert list(sizes) == ["draft", "fast", "default", "high"] and counts == sorted(counts)


def test_runs_of_older_versions_still_open():
    """The names that checkpoints and style files of the lean generator hold."""
    names = {n.rpartition(".")[0] for n in CNN(("image",), 16, 16, 1, 1).state_dict()}
    assert names == {
        "front",
        "before.0.conv1",
        "before.0.conv2",
        "down",
        "middle.0.conv1",
        "middle.0.conv2",
        "up",
        "after.0.conv1",
        "after.0.conv2",
        "tail",
    }


DRAWN = {"cnn": (16, 16, 1, 1), "unet": (16, 16, 16)}


def drawn(kind: str, **options) -> GuidedGenerator:
    """A generator whose random weights change a picture strongly."""
    torch.manual_seed(0)
    passes = ("image", "depth", "normal", "position")
    generator = make_generator(passes, widths=DRAWN[kind], kind=kind, noise=2, smooth=True, **options).eval()
    nn.init.normal_(generator.tail.weight, 0, 0.05)
    return generator


def tensors(frame: dict[str, np.ndarray], names: Sequence[str]) -> list[torch.Tensor]:
    return [torch.from_numpy(frame[name][..., :3]).permute(2, 0, 1)[None] for name in names]


@torch.no_grad()
def changes(generator: GuidedGenerator, **changes) -> torch.Tensor:
    """What a generator adds to the log-encoded image of the spheres, scaled and moved."""
    passes = tensors(spheres(256, 256, **changes), generator.passes)
    return generator.encoded(*passes, *[places(256, 256)] * generator.placed) - encode(passes[0])


def per_octave(change: torch.Tensor) -> torch.Tensor:
    """Energy of a change in the octaves of 2 to 64 pixels."""
    power = torch.fft.fft2(change[0]).abs().square().sum(0)
    frequency = (torch.fft.fftfreq(change.shape[2])[:, None] ** 2 + torch.fft.fftfreq(change.shape[3])[None] ** 2).sqrt()
    return torch.stack([power[(frequency >= 2.0**-n) & (frequency < 2.0 ** (1 - n))].sum() for n in range(2, 7)])


@pytest.mark.parametrize(("kind", "everywhere"), [("cnn", False), ("unet", True)])
def test_a_scene_of_any_size_and_place_is_drawn_alike(kind, everywhere):
    """By powers of two the same picture; otherwise the same energy, octave by octave, as the mean of many places: in one frame
    the waves, of which few make a place, meet by chance."""
    generator = drawn(kind, everywhere=everywhere)
    here = changes(generator)
    assert here.abs().mean() > 0.05
    for power in (-10, -1, 3, 10):
        assert (changes(generator, factor=2.0**power) - here).abs().max() < 0.01

    def energy(factor: float = 1.0, distance: float = 30.0) -> torch.Tensor:
        places = factor * np.random.default_rng(0).uniform(-1, 1, (32, 3)) * distance
        return sum(per_octave(changes(generator, factor=factor, shift=tuple(place))) for place in places)

    usual = energy()
    for factor in (0.001, 0.03, 1000):
        assert (energy(factor) / usual - 1).abs().max() < 0.05, factor
    assert (energy(distance=10_000) / usual - 1).abs().max() < 0.05


@torch.no_grad()
@pytest.mark.parametrize("kind", DRAWN)
def test_black_stays_near_black_whatever_the_other_passes_hold(kind):
    generator = drawn(kind, black=0.1)
    with torch.no_grad():
        generator.tail.weight.mul_(20)
    frame, rng = spheres(128, 128), np.random.default_rng(0)
    for gain, most in ((0.0, 0.1001), (0.001, 0.15)):
        frame["image"] = spheres(128, 128)["image"] * np.float32(gain)
        for reach in (0.3, 30.0):
            frame["normal"] = rng.normal(0, reach, (128, 128, 3)).astype(np.float32)
            frame["depth"] = np.exp(rng.normal(0, reach, (128, 128, 1)).clip(-80, 80)).astype(np.float32)
            dark = generator(*tensors(frame, generator.passes))
            assert 0.05 < dark.max() < most
    assert generator(*tensors(spheres(128, 128), generator.passes)).max() > 1, "where there is light it may do more"


def test_layers_are_found_where_a_gate_holds_back_the_light_alone(tmp_path):
    torch.manual_seed(0)
    module = make_generator(("image",), widths=(16, 16, 1, 1), smooth=True, hued=True, tones=2)
    write_style(module, Style("Hued", alignment=module.alignment), tmp_path / "hued.onnx")
    frame = spheres(64, 80)["image"]
    layers = stylize_layers(Generator(layered(load_style(tmp_path / "hued.onnx")), "cpu"), {"image": frame})
    assert np.allclose(layers.base + layers.paint, layers.picture, atol=1e-5)
