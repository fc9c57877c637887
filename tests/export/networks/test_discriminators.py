from dataclasses import replace

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from export.config import train_config
from export.networks.discriminators import (
    DenseDiscriminator,
    MultiscaleDiscriminator,
    PatchDiscriminator,
    VGGDiscriminator,
    make_discriminator,
)
from export.networks.vgg import VGG19
from export.settings import ConfigError
from export.training.checkpoint import load_checkpoint
from export.training.objective import make_painter
from export.training.train import train

from ..paired_frames import write_paired_frames
from ..vgg_weights import write_vgg_weights

SMALL = {
    "dense": lambda **more: DenseDiscriminator(3, 16, 2, 8, **more),
    "patch": lambda **more: PatchDiscriminator(3, 8, 2, **more),
    "multiscale": lambda **more: MultiscaleDiscriminator(3, 8, 2, 2, **more),
}


@pytest.mark.parametrize("kind", SMALL)
def test_pictures_of_a_batch_are_judged_each_by_itself(kind):
    torch.manual_seed(0)
    discriminator, pictures = SMALL[kind]().eval(), torch.rand(2, 3, 64, 48)
    judged, alone = discriminator(pictures), discriminator(pictures[1:])
    assert len(judged.logits) == (2 if kind == "multiscale" else 1)
    assert len(judged.features) == (6 if kind == "multiscale" else 3 if kind == "patch" else 2)
    assert all(x.shape[:2] == (2, 1) for x in judged.logits)
    for both, one in zip((*judged.features, *judged.logits), (*alone.features, *alone.logits), strict=True):
        assert torch.allclose(both[1:], one, atol=1e-6)


def rows_that_matter(discriminator: torch.nn.Module, part: int) -> int:
    """How many rows of the picture reach the middle logit of a part."""
    image = torch.rand(1, 3, 256, 256, requires_grad=True)
    logits = discriminator(image).logits[part]
    logits[0, 0, logits.shape[2] // 2, logits.shape[3] // 2].backward()
    rows = image.grad.abs().sum((0, 1, 3)).nonzero().flatten()
    return (rows[-1] - rows[0] + 1).item()


@pytest.mark.parametrize(("layers", "patch"), [(2, 34), (3, 70)])
def test_patches_have_the_size_that_settings_name(layers, patch):
    torch.manual_seed(0)
    assert rows_that_matter(PatchDiscriminator(3, 8, layers).eval(), 0) == patch


def test_each_coarser_scale_judges_patches_of_twice_the_size():
    torch.manual_seed(0)
    discriminator = MultiscaleDiscriminator(3, 8, 2, scales=3).eval()
    assert [rows_that_matter(discriminator, part) for part in range(3)] == [34, 68, 136]


def test_the_dense_one_sees_the_whole_picture_at_once_and_no_texture():
    torch.manual_seed(0)
    discriminator, image = SMALL["dense"]().eval(), torch.rand(1, 3, 64, 64, requires_grad=True)
    (logit,) = discriminator(image).logits
    logit.sum().backward()
    assert logit.shape == (1, 1) and (image.grad.abs() > 0).all()
    checkers = torch.ones(64, 64)
    checkers[::2, ::2] = checkers[1::2, 1::2] = -1
    assert torch.allclose(discriminator(image + 0.1 * checkers).logits[0], logit, atol=1e-5)


@pytest.mark.parametrize("kind", SMALL)
def test_spectral_norm_bounds_the_slope_and_is_a_switch(kind):
    torch.manual_seed(0)
    discriminator = SMALL[kind](spectral_norm=True)
    for _ in range(30):
        discriminator(torch.rand(1, 3, 64, 64))
    layers = [m for m in discriminator.modules() if isinstance(m, torch.nn.Conv2d | torch.nn.Linear)]
    for layer in layers:
        assert torch.linalg.matrix_norm(layer.weight.detach().flatten(1), 2).item() == pytest.approx(1, abs=0.05)
    assert not any("parametrizations" in name for name in SMALL[kind](spectral_norm=False).state_dict())


def test_runs_of_older_versions_still_resume():
    names = set(PatchDiscriminator(3, 8, 1, spectral_norm=False).state_dict())
    assert names == {f"convs.{i}.{part}" for i in range(3) for part in ("weight", "bias")}


def test_the_one_on_vgg_trains_its_heads_alone_and_teaches_pictures(tmp_path):
    torch.manual_seed(0)
    layers = ("relu1_2", "relu2_1")
    vgg = VGG19(write_vgg_weights(tmp_path / "vgg19.pth"), layers)
    discriminator = VGGDiscriminator(vgg, layers, pictures=2, channels=8)
    assert all(name.startswith("heads.") for name in discriminator.state_dict())
    assert not any(p is q for p in discriminator.parameters() for q in vgg.parameters())
    pictures = torch.rand(2, 6, 32, 32, requires_grad=True)
    judged, alone = discriminator.eval()(pictures), discriminator(pictures[1:])
    assert [x.shape for x in judged.logits] == [(2, 1, 32, 32), (2, 1, 16, 16)] and len(judged.features) == 4
    assert all(torch.allclose(a[1:], b, atol=1e-5) for a, b in zip(judged.logits, alone.logits, strict=True))
    sum(x.sum() for x in judged.logits).backward()
    assert (pictures.grad.abs().sum((0, 2, 3)) > 0).all(), "of both pictures, all channels"
    assert all(p.grad is None for p in vgg.parameters())


def test_a_run_with_the_one_on_vgg_saves_no_vgg(tmp_path):
    data = write_paired_frames(tmp_path / "data", count=2, height=40, width=40)
    config = train_config(
        {
            "data": data,
            "run": tmp_path / "run",
            "crop": 32,
            "batch": 1,
            "widths": (16, 16, 1, 1),
            "steps": 2,
            "threads": 1,
            "discriminator": "vgg",
            "discriminator_channels": 8,
            "discriminator_vgg_layers": ("relu1_2", "relu2_1"),
            "vgg_weights": write_vgg_weights(tmp_path / "vgg19.pth"),
            "holdout_fraction": 0.0,
            "preview_every": 9,
        }
    )
    train(config)
    tensors, state = load_checkpoint(config.run)
    assert state["step"] == 2 and not any("features" in name for name in tensors)
    assert any(name.startswith("discriminator.heads.1.") for name in tensors)
    with pytest.raises(ConfigError, match="discriminator vgg needs VGG-19's weights"):
        replace(config, vgg_weights=None)


def test_of_keyframes_the_judge_works_less_than_half_of_what_the_generator_does_and_sees_less_than_a_crop(tmp_path):
    """It is asked five times in a step, the generator twice, so that a larger one takes most of the minutes."""
    config = train_config({"data": tmp_path, "run": tmp_path, "mode": "keyframes"})
    generator, judge = make_painter(config), make_discriminator(config, None)
    crop = torch.rand(1, 3, config.crop, config.crop, requires_grad=True)
    with FlopCounterMode(display=False) as painting:
        generator.encoded(crop.detach())
    with FlopCounterMode(display=False) as judging:
        logits = judge(crop).logits[0]
    assert judging.get_total_flops() < painting.get_total_flops() / 2
    height, width = logits.shape[2:]
    logits[0, 0, height // 2, width // 2].backward()
    rows = crop.grad.abs().sum((0, 1, 3)).nonzero().ravel()
    assert rows.max() - rows.min() < config.crop - 16
