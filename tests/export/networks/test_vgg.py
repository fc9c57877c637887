import pytest
import torch
from torch.nn.functional import conv2d, max_pool2d, relu

from export.modes import VGG_LAYERS
from export.networks.encoding import encode
from export.networks.vgg import VGG19, VGGError

from ..vgg_weights import write_vgg_weights

INDICES = (0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30, 32, 34)
"""Of the convolutions in torchvision's vgg19().features."""


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    return write_vgg_weights(tmp_path_factory.mktemp("vgg") / "vgg19.pth")


def test_features_are_those_of_the_published_network(weights):
    """Against the layers written out, on sRGB greys with ImageNet's mean and deviation taken out."""
    srgb = torch.tensor([0.0, 0.02, 0.5, 1.0]).repeat_interleave(16).reshape(1, 1, 8, 8).repeat(1, 3, 1, 1)
    linear = torch.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    found = VGG19(weights, ("relu1_2", "relu2_1"))(encode(linear))
    state = torch.load(weights, weights_only=True)
    x = (srgb - torch.tensor([0.485, 0.456, 0.406])[:, None, None]) / torch.tensor([0.229, 0.224, 0.225])[:, None, None]
    x = relu(conv2d(x, state["features.0.weight"], state["features.0.bias"], padding=1))
    x = relu(conv2d(x, state["features.2.weight"], state["features.2.bias"], padding=1))
    assert set(found) == {"relu1_2", "relu2_1"} and torch.allclose(found["relu1_2"], x, atol=1e-3)
    x = relu(conv2d(max_pool2d(x, 2), state["features.5.weight"], state["features.5.bias"], padding=1))
    assert torch.allclose(found["relu2_1"], x, atol=1e-3)


def test_all_convolutions_lie_where_torchvision_puts_them(tmp_path, monkeypatch):
    monkeypatch.setattr("export.networks.vgg._load", lambda network, path: None)
    with torch.device("meta"):
        network = VGG19(tmp_path, VGG_LAYERS)
    names = [n for n in network.state_dict() if n.endswith("weight")]
    assert names == [f"features.{i}.weight" for i in INDICES]
    assert [network.names[i + 1] for i in INDICES] == list(VGG_LAYERS)


def test_it_teaches_pictures_and_learns_nothing(weights):
    network = VGG19(weights, ("relu2_2",))
    picture = torch.full((1, 3, 16, 16), 0.5, requires_grad=True)
    network(picture)["relu2_2"].sum().backward()
    assert picture.grad.abs().sum() > 0 and picture.grad.isfinite().all()
    assert all(not p.requires_grad for p in network.parameters())


def test_files_that_are_no_weights_of_vgg_19_are_named(tmp_path, weights):
    with pytest.raises(VGGError, match="missing.pth"):
        VGG19(tmp_path / "missing.pth", ("relu1_1",))
    (tmp_path / "text.pth").write_text("no weights")
    with pytest.raises(VGGError, match="text.pth"):
        VGG19(tmp_path / "text.pth", ("relu1_1",))
    torch.save({"features.0.weight": torch.zeros(64, 3, 3, 3)}, tmp_path / "other.pth")
    with pytest.raises(VGGError, match="other.pth does not hold"):
        VGG19(tmp_path / "other.pth", ("relu1_1",))
    with pytest.raises(VGGError, match="does not hold"):
        VGG19(weights, ("relu4_2",))


class Payload:
    """What a hostile file would run when it is unpickled."""

    def __reduce__(self):
        return open, ("/dev/null",)


def test_code_in_the_file_is_not_run(tmp_path):
    torch.save({"features.0.weight": Payload()}, tmp_path / "hostile.pth")
    with pytest.raises(VGGError, match="hostile.pth"):
        VGG19(tmp_path / "hostile.pth", ("relu1_1",))
