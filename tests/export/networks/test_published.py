import numpy as np
import pytest
import torch
from torch import nn

from core import Generator, Style, load_style, stylize
from export.config import TrainConfig
from export.export_onnx import write_style
from export.modes import PEERS as NAMES
from export.networks.build import make_generator
from export.networks.published import PEER_SIZES, PEERS
from export.settings import ConfigError, from_values
from export.training.train import train

from ..paired_frames import write_paired_frames

SMALL = {"pix2pix_unet": (4, 3), "cyclegan_resnet": (4, 1), "few_shot": (4, 1), "transformer": (4, 1)}
PUBLISHED = {"pix2pix_unet": 54.4, "cyclegan_resnet": 11.38, "transformer": 1.679}
"""Millions of weights, as others count them; the transformer's by Open Model Zoo (fast-neural-style-mosaic-onnx)."""


def test_the_settings_know_every_peer():
    assert tuple(PEERS) == tuple(PEER_SIZES) == NAMES
    with pytest.raises(ConfigError, match="generator few_shot has one published size and takes no noise"):
        from_values(TrainConfig, {"data": "d", "run": "r", "generator": "few_shot", "size": "draft"})
    with pytest.raises(ConfigError, match="widths must be 2 whole numbers"):
        from_values(TrainConfig, {"data": "d", "run": "r", "generator": "transformer", "widths": [1, 2, 3]})


@pytest.mark.parametrize("kind", PUBLISHED)
def test_networks_are_as_large_as_published(kind):
    with torch.device("meta"):
        weights = sum(p.numel() for p in make_generator(("image",), kind=kind).parameters())
    assert weights / 1e6 == pytest.approx(PUBLISHED[kind], rel=2e-3)


@pytest.mark.parametrize("kind", PEERS)
def test_pictures_are_in_the_range_of_a_screen_and_learnable(kind):
    torch.manual_seed(0)
    generator = make_generator(("image", "normal"), widths=SMALL[kind], kind=kind)
    output = generator.encoded(50 * torch.rand(2, 3, 32, 48), torch.rand(2, 3, 32, 48))
    assert output.shape == (2, 3, 32, 48) and 0 <= output.min() < output.max() <= 1
    output.mean().backward()
    assert all(p.grad is not None for p in generator.parameters())


def test_dropout_ends_with_training():
    torch.manual_seed(0)
    generator, image = make_generator(("image",), widths=(8, 4), kind="pix2pix_unet"), torch.rand(1, 3, 32, 32)
    assert [m.p for m in generator.modules() if isinstance(m, nn.Dropout)] == [0.5] * 2
    assert not torch.equal(generator(image), generator(image))
    generator.eval()
    assert torch.equal(generator(image), generator(image))


@pytest.mark.parametrize("kind", PEERS)
def test_peers_are_exported_and_only_those_that_see_no_more_are_tiled(kind, tmp_path):
    torch.manual_seed(0)
    module = make_generator(("image",), widths=SMALL[kind], kind=kind)
    style = Style("Peer", passes=module.passes, alignment=module.alignment)
    assert write_style(module, style, tmp_path / "s.onnx") < 1e-4
    generator = Generator(load_style(tmp_path / "s.onnx"), "cpu")
    assert generator.style.tiles_exact == (kind == "few_shot")
    frame = {"image": np.random.default_rng(0).random((101, 135, 4), np.float32)}
    assert np.abs(stylize(generator, frame, tile=96) - stylize(generator, frame)).max() <= 1e-5


def test_a_peer_trains_and_its_average_carries_the_statistics(tmp_path):
    from export.training.checkpoint import load_checkpoint

    data = write_paired_frames(tmp_path / "data")
    run = train(
        TrainConfig(
            data,
            tmp_path / "run",
            generator="few_shot",
            widths=(4, 1),
            crop=32,
            batch=4,
            conditional=False,
            discriminator_layers=2,
            discriminator_channels=4,
            spectral_norm=False,
            steps=3,
            threads=1,
        )
    )
    tensors, _ = load_checkpoint(run)
    names = [n.removeprefix("ema.") for n in tensors if n.startswith("ema.") and "running" in n]
    assert names and all(torch.equal(tensors[f"ema.{n}"], tensors[f"generator.{n}"]) for n in names)
    assert any(tensors[f"ema.{n}"].abs().max() > 0 for n in names if n.endswith("running_mean"))
