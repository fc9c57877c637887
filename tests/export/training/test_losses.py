import pytest
import torch

from export.networks.discriminators import PatchDiscriminator
from export.training import losses


def test_reconstruction_losses_are_zero_only_at_the_target():
    target = torch.rand(2, 3, 16, 16)
    assert losses.l1(target, target) == 0 and losses.edge(target, target) == 0
    assert losses.l1(target + 0.5, target) == pytest.approx(0.5)
    assert losses.l2(target, target) == 0 and losses.l2(target + 0.5, target) == pytest.approx(0.25)
    assert losses.edge(target + 0.5, target) == pytest.approx(0, abs=1e-6), "a constant has no edges"
    assert losses.edge(target.roll(1, -1), target) > 0.1


@pytest.mark.parametrize("name", losses.ADVERSARIAL)
def test_each_side_gains_by_moving_its_logits_its_way(name):
    loss_d, loss_g = losses.ADVERSARIAL[name]
    low, high = torch.full((2, 1, 4, 4), -0.5), torch.full((2, 1, 4, 4), 0.5)
    assert loss_d(real=high, fake=low) < loss_d(real=low, fake=high)
    assert loss_g(high, low) < loss_g(low, high)


def test_adversarial_losses_have_the_values_of_their_papers():
    zero, one = torch.zeros(1), torch.ones(1)
    ln2 = torch.log(torch.tensor(2.0)).item()
    assert losses.least_squares_d(one, zero) == 0 and losses.least_squares_g(zero) == 0.5
    assert losses.hinge_d(one, -one) == 0 and losses.hinge_g(one) == -1
    assert losses.cross_entropy_d(zero, zero).item() == pytest.approx(2 * ln2)
    assert losses.cross_entropy_g(zero).item() == pytest.approx(-ln2)
    assert losses.non_saturating_g(zero).item() == pytest.approx(ln2)


def test_feature_matching_weighs_layers_alike_and_trains_the_fake_side_only():
    fake = [torch.zeros(1, 2, 4, 4, requires_grad=True), torch.zeros(1, 1, 2, 2)]
    real = [torch.ones(1, 2, 4, 4, requires_grad=True), torch.ones(1, 1, 2, 2) * 3]
    loss = losses.feature_matching(fake, real)
    loss.backward()
    assert loss == 2 and fake[0].grad is not None and real[0].grad is None


def test_total_variation_counts_steps_and_not_levels():
    stripes = torch.zeros(1, 3, 8, 9)
    stripes[..., ::2] = 1
    assert losses.variation(stripes) == 1 and losses.variation(torch.full((1, 3, 8, 8), 7.0)) == 0


def test_style_forgets_places_and_content_does_not():
    torch.manual_seed(0)
    features = {"a": torch.rand(2, 5, 6, 6), "b": torch.rand(2, 4, 3, 3)}
    moved = {name: f.flip(-1) for name, f in features.items()}
    assert losses.style(moved, features, ("a", "b")) == pytest.approx(0, abs=1e-10)
    assert losses.content(moved, features, ("a", "b")) > 0.01
    twice = {name: f * 2 for name, f in features.items()}
    assert losses.style(twice, features, ("a",)) > 0.01
    assert losses.content({"a": features["a"] + 2, "b": features["b"]}, features, ("a", "b")) == pytest.approx(2)


def test_gram_of_known_features():
    features = torch.tensor([[[[1.0, 0.0]], [[2.0, 2.0]]]])  # two channels, two pixels
    assert torch.equal(losses.gram(features), torch.tensor([[[0.5, 1.0], [1.0, 4.0]]]))


def test_r1_is_half_the_squared_slope_whatever_the_number_of_pictures_and_patches():
    weight = torch.randn(1, 3, 4, 4)
    expected = 0.5 * weight.square().sum().item()
    for count, side in ((1, 4), (3, 4), (1, 16)):
        real = torch.rand(count, 3, side, side, requires_grad=True)
        logits = torch.nn.functional.conv2d(real, weight, stride=4)
        assert losses.r1([logits], real).item() == pytest.approx(expected, rel=1e-5)


def test_r1_makes_a_discriminator_flatter():
    torch.manual_seed(0)
    discriminator = PatchDiscriminator(3, 8, 1, spectral_norm=False)
    for p in discriminator.parameters():
        p.data *= 10
    optimizer, real = torch.optim.Adam(discriminator.parameters(), 1e-2), torch.rand(2, 3, 16, 16, requires_grad=True)
    values = []
    for _ in range(20):
        loss = losses.r1(discriminator(real).logits, real)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        values.append(loss.item())
    assert values[-1] < 0.5 * values[0]
