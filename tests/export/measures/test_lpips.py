import pytest
import torch

from export.measures.lpips import HEADS, LAYERS, LPIPS
from export.networks.vgg import VGG16, VGGError


@pytest.fixture(scope="module")
def lpips(tmp_path_factory):
    """On weights of VGG-16 that are made up at random."""
    path = tmp_path_factory.mktemp("weights") / "vgg16.pth"
    torch.manual_seed(0)
    with torch.device("meta"), pytest.MonkeyPatch.context() as patch:
        patch.setattr("export.networks.vgg._load", lambda network, path: None)
        shapes = {name: t.shape for name, t in VGG16(path, LAYERS).state_dict().items()}
    torch.save(
        {
            name: torch.randn(shape) * (2 / shape[1:].numel()) ** 0.5 if len(shape) == 4 else torch.zeros(shape)
            for name, shape in shapes.items()
        },
        path,
    )
    return LPIPS(path)


def test_the_network_is_vgg_16_as_torchvision_lays_it_out(lpips):
    convolutions = [name for name in lpips.vgg.state_dict() if name.endswith("weight")]
    assert convolutions == [f"features.{n}.weight" for n in (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)]


def test_what_looks_less_alike_is_farther(lpips):
    image = torch.rand(1, 3, 48, 64, generator=torch.Generator().manual_seed(0))
    noise = torch.randn(image.shape, generator=torch.Generator().manual_seed(1))
    same, near, far = (lpips(image + amount * noise, image).item() for amount in (0, 0.02, 0.2))
    assert same == 0 < near < 0.5 * far
    assert torch.equal(lpips(image, image + 0.1 * noise), lpips(image + 0.1 * noise, image))


def test_a_difference_counts_by_the_learned_weights(lpips):
    """Against equation 1 written out for one picture."""
    a, b = torch.rand(2, 1, 3, 32, 32, generator=torch.Generator().manual_seed(0)).unbind()
    heads, expected = torch.load(HEADS, map_location="cpu", weights_only=True), 0.0
    from export.networks.encoding import encode

    for number, layer in enumerate(LAYERS):
        first, second = (lpips.vgg(encode(x))[layer][0] for x in (a, b))
        unit = [f / f.norm(dim=0, keepdim=True).clamp(min=1e-8) for f in (first, second)]
        weights = heads[f"lin{number}.model.1.weight"].flatten()
        expected += torch.einsum("chw,c->hw", (unit[0] - unit[1]) ** 2, weights).mean().item()
    assert lpips(a, b).item() == pytest.approx(expected, rel=1e-4)


def test_weights_of_another_network_are_refused_by_name(tmp_path):
    torch.save({}, tmp_path / "x.pth")
    with pytest.raises(VGGError, match="weights of VGG-16 under torchvision's names; give vgg16-397923af.pth"):
        LPIPS(tmp_path / "x.pth")
