import pytest
import torch

from export.discriminators import DenseDiscriminator, MultiscaleDiscriminator, PatchDiscriminator

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
    logit, = discriminator(image).logits
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
