"""Narrower weights from wider ones: which channels stay, and what that does to the picture."""

import pytest
import torch
from torch.nn.functional import interpolate

from core.controls import Control
from export.networks.build import make_generator
from export.training import prune
from export.training.prune import pruned

WIDE = {"cnn": (48, 64, 1, 2), "resnet": (48, 64, 2)}
LEAN = {"cnn": (32, 48, 1, 2), "resnet": (32, 48, 2)}
KNOB = Control("ink", 1.0, 0.0, 2.0, "How much ink")


def generator(widths, kind="cnn", **options):
    """One whose channels carry unlike amounts, as after training."""
    torch.manual_seed(3)
    made = make_generator(("image", "normal"), "default", widths, kind, gate=True, controls=(KNOB,), **options)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
            sizes = torch.logspace(-1, 0, len(parameter))[torch.randperm(len(parameter))]
            parameter.mul_(sizes.view(-1, *[1] * (parameter.ndim - 1)))
    return made


def frames(count=2):
    random = torch.Generator().manual_seed(5)
    for _ in range(count):
        passes = {"image": torch.rand(1, 3, 6, 10, generator=random), "normal": torch.randn(1, 3, 6, 10, generator=random)}
        yield {name: interpolate(t, (44, 76), mode="bilinear") for name, t in passes.items()} | {"ink": torch.ones(1, 1, 44, 76)}


def painted(generator, weights) -> torch.Tensor:
    generator.load_state_dict(weights)
    (passes,) = frames(1)
    with torch.no_grad():
        return generator.encoded(*(passes[name][..., :40, :72] for name in generator.takes)).clamp(0)


def never():
    raise AssertionError("frames were read for nothing")
    yield


@pytest.mark.parametrize("kind", WIDE)
def test_equal_widths_are_the_identity_and_read_no_frame(kind):
    wide = generator(WIDE[kind], kind)
    weights = wide.state_dict()
    assert pruned(weights, wide, never()) is weights


@pytest.mark.parametrize("options", [{}, {"looks": 1}])
@pytest.mark.parametrize("kind", WIDE)
def test_channels_that_carry_nothing_go_and_the_picture_stays(kind, options):
    """A narrow generator's weights, among channels that nobody takes: these go, wherever they stand."""
    lean, wide = generator(LEAN[kind], kind, **options), generator(WIDE[kind], kind, **options)
    torch.manual_seed(1)
    places = {(a, b): torch.randperm(b)[:a].sort().values for a, b in ((32, 48), (48, 64))}
    places |= {(2 * a, 2 * b): torch.cat([at, at + b]) for (a, b), at in places.items()}  # what bends channels
    scattered = {}
    for name, weight in lean.state_dict().items():
        for axis in range(min(weight.ndim, 2)):
            of_wide = wide.state_dict()[name].shape[axis]
            if weight.shape[axis] != of_wide:
                room = weight.new_zeros(*weight.shape[:axis], of_wide, *weight.shape[axis + 1 :])
                if name.endswith(".bias"):
                    room += 3.0  # what nobody takes is nothing, however large
                weight = room.index_copy(axis, places[weight.shape[axis], of_wide], weight)
        scattered[name] = weight
    before = painted(wide, scattered)
    kept = pruned(scattered, generator(LEAN[kind], kind, **options), frames())
    assert torch.allclose(painted(lean, kept), before, atol=1e-5)


def drawn_by_lot(found, _generator, names, _frames):
    """In place of what channels carry."""
    return {n: torch.rand(found[f"{n}.weight"].shape[1]) / found[f"{n}.weight"].square().sum((0, 2, 3)) for n in names}


@pytest.mark.parametrize("kind", WIDE)
def test_the_picture_stays_nearer_than_with_channels_drawn_by_lot(kind, monkeypatch):
    wide, lean = generator(WIDE[kind], kind), generator(LEAN[kind], kind)
    weights = wide.state_dict()
    before = painted(wide, weights)

    def distance() -> float:
        return (painted(lean, pruned(weights, lean, frames())) - before).abs().mean().item()

    chosen = distance()
    monkeypatch.setattr(prune, "_energies", drawn_by_lot)
    assert chosen < 0.7 * min(distance() for _ in range(4))


def test_weights_that_do_not_fit_even_so_are_left_as_they_are():
    weights = generator(WIDE["cnn"]).state_dict()
    for widths in ((32, 96, 1, 2), (64, 48, 1, 2), (32, 48, 1, 3)):
        assert pruned(weights, generator(widths), never()) is weights
    unet = make_generator(("image",), "default", (32, 48), "unet").state_dict()
    assert pruned(unet, make_generator(("image",), "default", (16, 32), "unet"), never()) is unet


def test_what_frames_hold_decides():
    """A channel with the largest weights goes first if the frames leave it dark."""
    wide, lean = generator((48, 64, 1, 1)), generator((32, 64, 1, 1))
    weights = {name: weight.clone() for name, weight in wide.state_dict().items()}
    weights["front.bias"][7] = -100.0  # never reaches beyond the ReLU
    for name in ("before.0.conv2", "up", "after.0.conv2"):
        weights[f"{name}.weight"][7], weights[f"{name}.bias"][7] = 0, 0
    weights["tail.weight"][:, 7] = 100.0
    kept = pruned(weights, lean, frames())
    assert not (kept["front.bias"] == -100.0).any() and len(kept["front.bias"]) == 32
