"""A ResNet's weights made up at random, under torchvision's names, in a small generator."""

import pytest
import torch
from torch import Tensor
from torch.nn.functional import batch_norm, conv2d, relu

from export.config import train_config
from export.networks.encoding import decode, display
from export.networks.generators import ResNet
from export.networks.vgg import DEVIATION, MEAN
from export.settings import ConfigError
from export.training.start_from_resnet import ResNetError, srgb_line, start_from_resnet

WIDTH, BLOCKS = 16, 2


def made_up() -> dict[str, Tensor]:
    torch.manual_seed(0)
    state = {
        "conv1.weight": torch.randn(WIDTH, 3, 7, 7) * 0.1,
        "layer2.0.conv1.weight": torch.zeros(32, WIDTH, 3, 3),
        "fc.weight": torch.zeros(10, 512),
    }
    for norm in ("bn1", *(f"layer1.{block}.bn{part}" for block in range(BLOCKS) for part in "12")):
        state |= {
            f"{norm}.weight": torch.rand(WIDTH) + 0.5,
            f"{norm}.bias": torch.randn(WIDTH) * 0.1,
            f"{norm}.running_mean": torch.randn(WIDTH) * 0.1,
            f"{norm}.running_var": torch.rand(WIDTH) + 0.5,
        }
        if norm != "bn1":
            state[norm.replace("bn", "conv") + ".weight"] = torch.randn(WIDTH, WIDTH, 3, 3) * 0.1
    return state


@pytest.fixture
def weights(tmp_path):
    torch.save(made_up(), tmp_path / "resnet.pth")
    return tmp_path / "resnet.pth"


def normed(x: Tensor, state: dict[str, Tensor], name: str) -> Tensor:
    mean, variance, weight, bias = (state[f"{name}.{part}"] for part in ("running_mean", "running_var", "weight", "bias"))
    return batch_norm(x, mean, variance, weight, bias)


def test_the_front_and_the_blocks_compute_what_the_resnet_does(weights):
    state, generator = made_up(), ResNet(("image",), WIDTH, WIDTH, 3)
    start_from_resnet(weights, generator)
    encoded, (slope, offset) = torch.rand(1, 3, 32, 32), srgb_line()
    mean, deviation = torch.tensor(MEAN)[:, None, None], torch.tensor(DEVIATION)[:, None, None]
    seen = conv2d((slope * encoded + offset - mean) / deviation, state["conv1.weight"], stride=2, padding=3)
    front = generator.front(encoded)
    assert torch.allclose(front[..., 2:-2, 2:-2], normed(seen, state, "bn1")[..., 2:-2, 2:-2], atol=1e-4), "but for the border"
    x = relu(torch.randn(1, WIDTH, 8, 8))
    for index in range(BLOCKS):
        inner = relu(normed(conv2d(x, state[f"layer1.{index}.conv1.weight"], padding=1), state, f"layer1.{index}.bn1"))
        change = normed(conv2d(inner, state[f"layer1.{index}.conv2.weight"], padding=1), state, f"layer1.{index}.bn2")
        assert torch.allclose(generator.middle[index](x), x + change, atol=1e-4)


def test_going_down_is_a_blur_of_each_channel(weights):
    generator = ResNet(("image",), WIDTH, WIDTH, BLOCKS)
    start_from_resnet(weights, generator)
    flat = torch.arange(WIDTH, dtype=torch.float32)[None, :, None, None].expand(1, WIDTH, 8, 8)
    assert torch.allclose(generator.down(flat)[..., 1:, 1:], flat[..., 1:4, 1:4], atol=1e-5)


def test_guides_start_without_weight(weights):
    generator = ResNet(("image", "depth"), WIDTH, WIDTH, BLOCKS)
    start_from_resnet(weights, generator)
    image = torch.rand(1, 3, 16, 16)
    near, far = (generator(image, torch.full((1, 1, 16, 16), depth)) for depth in (1.0, 50.0))
    assert torch.equal(near, far)


def test_the_line_is_near_srgb():
    slope, offset = srgb_line()
    encoded = torch.linspace(0, 1, 101)
    assert (slope * encoded + offset - display(decode(encoded))).abs().max() < 0.25


@pytest.mark.parametrize("widths", [(WIDTH, 32, 2), (32, WIDTH, 2), (WIDTH, WIDTH, 1)])
def test_widths_that_do_not_fit_are_answered_with_those_that_do(weights, widths):
    with pytest.raises(ResNetError, match="give --widths 16 16 N, N at least 2"):
        start_from_resnet(weights, ResNet(("image",), *widths))


def test_files_that_are_no_basic_resnet_are_named(tmp_path):
    generator = ResNet(("image",), WIDTH, WIDTH, BLOCKS)
    with pytest.raises(ResNetError, match="none.pth"):
        start_from_resnet(tmp_path / "none.pth", generator)
    for name, state in (
        ("empty", {}),
        ("part", {n: t for n, t in made_up().items() if "bn2" not in n}),
        ("bottleneck", made_up() | {"layer1.0.conv3.weight": torch.zeros(64, WIDTH, 1, 1)}),
    ):
        torch.save(state, tmp_path / f"{name}.pth")
        with pytest.raises(ResNetError, match=f"{name}.pth does not hold a ResNet-18 or -34"):
            start_from_resnet(tmp_path / f"{name}.pth", generator)


def test_it_is_for_the_resnet_generator_alone():
    with pytest.raises(ConfigError, match="resnet-weights is for generator resnet"):
        train_config({"data": "d", "run": "r", "resnet_weights": "resnet18.pth"})
