import pytest
import torch

from export.measures.inception import FEATURES, SIDE, Inception, InceptionError, distances, squares

WEIGHTS = 21_785_568
"""Of torchvision's inception_v3 without its classifiers."""


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A file like FID's, made up at random, with a classifier that is not to be read."""
    path = tmp_path_factory.mktemp("weights") / "inception.pth"
    torch.manual_seed(0)
    with torch.device("meta"), pytest.MonkeyPatch.context() as patch:
        patch.setattr("export.measures.inception._load", lambda network, path: None)
        shapes = {name: t.shape for name, t in Inception(path).state_dict().items() if "num_batches" not in name}
    state = {}
    for name, shape in shapes.items():
        if name.endswith("conv.weight"):
            state[name] = torch.randn(shape) * (2 / shape[1:].numel()) ** 0.5
        else:
            state[name] = torch.zeros(shape) if name.endswith(("bias", "mean")) else torch.ones(shape)
    torch.save(state | {"fc.weight": torch.zeros(1008, FEATURES), "fc.bias": torch.zeros(1008)}, path)
    return path


@pytest.fixture(scope="module")
def network(weights):
    return Inception(weights)


def test_it_is_the_published_network(network):
    assert sum(p.numel() for p in network.parameters()) == WEIGHTS
    names = network.state_dict()
    for name in (
        "Conv2d_1a_3x3.conv.weight",
        "Mixed_5b.branch5x5_2.bn.running_var",
        "Mixed_6a.branch3x3dbl_3.conv.weight",
        "Mixed_6e.branch7x7dbl_5.conv.weight",
        "Mixed_7a.branch7x7x3_4.bn.bias",
        "Mixed_7c.branch3x3dbl_3b.conv.weight",
    ):
        assert name in names
    sizes = {}
    for name in ("Mixed_5b", "Mixed_5d", "Mixed_6a", "Mixed_6e", "Mixed_7a", "Mixed_7c"):
        getattr(network, name).register_forward_hook(lambda _, __, y, name=name: sizes.update({name: tuple(y.shape[1:])}))
    assert network(torch.rand(1, 3, SIDE, SIDE)).shape == (1, FEATURES)
    assert sizes == {
        "Mixed_5b": (256, 35, 35),
        "Mixed_5d": (288, 35, 35),
        "Mixed_6a": (768, 17, 17),
        "Mixed_6e": (768, 17, 17),
        "Mixed_7a": (1280, 8, 8),
        "Mixed_7c": (2048, 8, 8),
    }


def test_pictures_are_cut_into_squares_and_small_ones_enlarged():
    picture = torch.rand(1, 3, 2 * SIDE + 5, 3 * SIDE)
    cut = squares(picture)
    assert cut.shape == (6, 3, SIDE, SIDE) and torch.equal(cut[4], picture[0, :, SIDE : 2 * SIDE, SIDE : 2 * SIDE])
    assert squares(torch.rand(1, 3, 64, 150)).shape == (2, 3, SIDE, SIDE)


def features(count: int, shift: float = 0.0, seed: int = 0) -> torch.Tensor:
    return torch.randn(count, FEATURES, generator=torch.Generator().manual_seed(seed)) + shift


def test_kid_is_about_zero_between_sets_of_one_kind_and_grows_with_what_parts_them():
    wanted = features(40)
    same, near, far = (distances(features(30, shift, seed=1), wanted)["kid"] for shift in (0.0, 0.2, 0.5))
    assert abs(same) < 0.3 * near and near < 0.5 * far
    assert distances(features(30, 0.2, seed=1), wanted)["kid"] == near


def test_few_squares_have_no_fid_and_one_has_no_kid_either():
    assert set(distances(features(3), features(2))) == {"kid"}
    assert distances(features(3), features(1)) == {}


def test_files_of_other_networks_are_named(tmp_path):
    with pytest.raises(InceptionError, match="can't be read from .*none.pth"):
        Inception(tmp_path / "none.pth")
    torch.save({"features.0.weight": torch.zeros(2)}, tmp_path / "vgg.pth")
    with pytest.raises(InceptionError, match="vgg.pth does not hold the weights of Inception v3"):
        Inception(tmp_path / "vgg.pth")
