import numpy as np
import torch

from core import Control
from export.datasets.looks.anchored import noise_everywhere, paper_grain
from export.datasets.looks.watercolour import laid, paper
from export.networks.build import make_generator
from export.networks.encoding import decode, encode, places
from export.networks.washes import relief, washes

from .in_tiles import painted_in_tiles

KNOB = Control("wetness", 0.0, 2.0, 1.0)


def washing() -> torch.nn.Module:
    """A generator that was taught nothing, and whose tail is silent."""
    torch.manual_seed(0)
    options = {"noise": 2, "everywhere": True, "grain": 1, "smooth": True, "controls": [KNOB], "washed": "wetness"}
    module = make_generator(("image",), widths=(16, 16, 1, 1), **options)
    torch.nn.init.zeros_(module.tail.weight)
    return module


def taken(image: torch.Tensor, wetness: float = 1.0) -> tuple[torch.Tensor, ...]:
    return image, places(*image.shape[2:]), torch.full_like(image[:, :1], wetness)


def slope() -> torch.Tensor:
    """Scene-linear, from black to white from left to right."""
    return decode(torch.linspace(0, 1, 384).expand(1, 3, 64, 384))


@torch.no_grad()
def test_an_untaught_generator_paints_the_washes_and_rims_and_the_paper_of_the_look():
    module = washing()
    module.pens.weight.zero_()
    image = slope()
    change = (module.encoded(*taken(image)) - encode(image) * torch.sigmoid(torch.tensor(3.0)))[0].permute(1, 2, 0).numpy()
    frame = {"image": image[0].permute(1, 2, 0).numpy(), "position": np.zeros((64, 384, 3), np.float32)}
    tone = encode(image)[0].permute(1, 2, 0).numpy()
    grain = paper((64, 384))
    flat, rims = laid(tone, noise_everywhere(frame, 2)[..., 1], grain, np.ones((64, 384), np.float32))
    assert np.ptp(flat) > 0.8 and rims.max() > 0.3 and paper_grain(64, 384, 1).std() > 0.5
    wanted = np.exp(-flat) - tone[..., 0] + rims * module.pens.bias[3].item() + grain * module.pens.bias[6].item()
    assert np.abs(change.mean(-1) - wanted)[4:-4, 4:360].max() < 0.02


def test_washes_are_exact_in_onnx_and_in_tiles_and_learn(tmp_path):
    module = washing()
    torch.nn.init.normal_(module.pens.weight, 0, 0.01)
    module.encoded(*taken(slope())).square().mean().backward()
    assert module.pens.weight.grad.abs().sum((1, 2, 3)).min() > 0
    painted_in_tiles(module, tmp_path / "w.onnx")


@torch.no_grad()
def test_black_stays_within_its_bound_and_lamps_shine_through_washes():
    module = washing()
    black, lamp = torch.zeros(1, 3, 64, 64), torch.full((1, 3, 64, 64), 20.0)
    assert module(*taken(black)).max() <= 0.1 + 1e-5
    assert (module(*taken(lamp)) / lamp - 1).abs().max() < 0.2


@torch.no_grad()
def test_wet_washes_run_into_each_other_and_dry_ones_show_the_grain_where_they_are_light():
    light = encode(slope())
    paper = relief(torch.randn(1, 1, 64, 384))

    def laid(wetness):
        density, rims = washes(light, torch.zeros(1, 1, 64, 384), paper, torch.full((1, 1, 64, 384), wetness))
        return density[0, 0], rims.mean()

    (dry, _), (crisp, rims), (wet, faint) = (laid(wetness) for wetness in (0.0, 1.0, 2.0))
    assert crisp.diff(dim=1).abs().max() > 2 * wet.diff(dim=1).abs().max() and rims > 2 * faint
    assert dry[:, 250:].std(0).mean() > 0.02 and max(dry[:, :70].std(0).max(), crisp.std(0).max()) < 1e-4
