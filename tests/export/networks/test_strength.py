import pytest
import torch

from core.controls import Control
from export.modes import STROKE_STRENGTH, STRONGEST
from export.networks.build import make_generator
from export.networks.encoding import encode
from export.networks.strength import strokes_of

from ..spheres import spheres
from .in_tiles import painted_in_tiles

KNOB = Control(STROKE_STRENGTH, 0.0, STRONGEST, 1.5)


def stroked(*controls: Control, passes: tuple[str, ...] = ("image",), **options) -> torch.nn.Module:
    torch.manual_seed(0)
    module = make_generator(
        passes, widths=(16, 16), kind="unet", gate=True, controls=controls, stroke_strength=float(bool(controls)), **options
    )
    torch.nn.init.normal_(module.tail.weight, 0, 0.03)
    return module


def frame() -> torch.Tensor:
    """Grainy spheres (1, 3, 144, 208), scene-linear."""
    image = torch.from_numpy(spheres(144, 208)["image"][..., :3].copy()).permute(2, 0, 1)[None] + 0.1
    return image * (0.3 + torch.rand(1, 1, 144, 208, generator=torch.Generator().manual_seed(1)))


@torch.no_grad()
def test_strokes_are_as_strong_as_asked_and_broad_colours_stay():
    image, module = frame(), stroked(KNOB)
    plain, without = encode(image), stroked().encoded(image)
    changes = {s: module.encoded(image, torch.full_like(image[:, :1], s)) - plain for s in (0.0, 1.0, 2.0)}
    learned = without - plain
    assert torch.allclose(changes[1.0], learned, atol=1e-6)
    fine = strokes_of(learned)
    assert fine.std() > 0.005
    assert torch.allclose(changes[2.0] - changes[1.0], fine, atol=1e-5)
    assert torch.allclose(changes[1.0] - changes[0.0], fine, atol=1e-5)


def test_what_is_fine_is_taken_and_what_is_broad_is_not():
    waves = {side: torch.sin(torch.arange(256) * (2 * torch.pi / side)).expand(1, 1, 64, 256) for side in (4, 8, 64)}
    left = {side: (strokes_of(wave)[..., 32:-32].std() / wave.std()).item() for side, wave in waves.items()}
    assert left[4] == pytest.approx(1, abs=0.1) and left[8] == pytest.approx(1, abs=0.2) and left[64] < 0.2


@torch.no_grad()
def test_black_stays_black_however_strong():
    module = stroked(KNOB, passes=("image", "normal"), black=0.005, dodge=0.1)
    module.tail.weight *= 100
    black = torch.zeros(1, 3, 64, 64)
    bumps = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(1)) * 2 - 1
    assert module(black, bumps, torch.full_like(black[:, :1], STRONGEST)).max() == pytest.approx(0.005, rel=0.01)


def test_the_knob_is_exact_in_onnx_and_in_tiles(tmp_path):
    painted_in_tiles(stroked(KNOB), tmp_path / "stroked.onnx")
