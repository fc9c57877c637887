"""The unpaired modes on two families of colour: grey shapes are rendered, the look is the same kind of shapes in blue."""

import os
import signal
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn.functional import avg_pool2d

from core.exr import write_exr
from export.config import resumed_config, train_config
from export.frames.frame_store import DataError
from export.networks.build import make_generator
from export.networks.encoding import encode
from export.settings import ConfigError
from export.training import matching
from export.training.checkpoint import load_checkpoint
from export.training.dataset import DataSet
from export.training.hardware import find_hardware
from export.training.preview import paint
from export.training.train import train
from export.training.unpaired import POOL, Contrastive, Cycle, Pool, Unpaired, encoder_layers

from ..networks.test_perceptual import WrittenOut
from ..paired_frames import pair

MODES = ("cycle", "contrastive")


def shapes(seed: int, tint: tuple[float, float, float], height: int = 72, width: int = 104) -> np.ndarray:
    """(H, W, 3) of overlapping rectangles in shades of one tint."""
    rng, picture = np.random.default_rng(seed), np.full((height, width, 1), 0.3, np.float32)
    for _ in range(12):
        y, x = rng.integers(height), rng.integers(width)
        picture[y : y + rng.integers(8, 40), x : x + rng.integers(8, 40)] = rng.uniform(0.05, 0.8)
    return picture * np.float32(tint)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("unpaired")
    for part in ("input", "target"):
        (folder / part).mkdir()
    for number in range(1, 5):
        passes = pair(number, 72, 104)[0] | {"image": shapes(number, (1, 1, 1))}
        write_exr(folder / "input" / f"shot_{number:04d}.exr", passes)
    for number in range(3):
        write_exr(folder / "target" / f"other {number}.exr", {"image": shapes(10 + number, (0.2, 0.4, 1.5), 64, 88 + 8 * number)})
    return folder


@pytest.fixture
def settings(data, tmp_path):
    """A function (mode, **changes) -> the settings of a tiny run."""

    def make(mode: str, **changes):
        tiny = {
            "crop": 32,
            "batch": 1,
            "widths": (16, 16, 1, 1),
            "discriminator_channels": 8,
            "discriminator_layers": 2,
            "holdout_fraction": 0.25,
            "steps": 6,
            "threads": 1,
            "precision": "float32",
            "log_every": 1,
            "preview_every": 99,
            "checkpoint_every": 99,
        }
        return train_config({"data": data, "run": tmp_path / "run", "mode": mode} | tiny | changes)

    return make


@pytest.mark.parametrize("mode", MODES)
def test_colours_become_the_looks_and_shapes_stay(settings, mode):
    config = settings(mode, steps=200, learning_rate=2e-3, discriminator_channels=16, discriminator_layers=1, ema=0.8)
    train(config)
    tensors = load_checkpoint(config.run)[0]
    generator = make_generator(config.passes, config.size, config.widths)
    generator.load_state_dict({n.removeprefix("ema."): t for n, t in tensors.items() if n.startswith("ema.")})
    image = torch.from_numpy(shapes(4, (1, 1, 1))).permute(2, 0, 1)[None]
    plain, output = (encode(t) for t in paint(generator, {"image": image}, None))
    red, _, blue = output.mean((1, 2))
    wanted = encode(torch.tensor([0.2, 1.5])).diff()
    assert blue - red > 0.5 * wanted, "grey turns blue"
    together = torch.corrcoef(torch.stack([plain.mean(0).flatten(), output.mean(0).flatten()]))[0, 1]
    assert together > 0.4, "the shapes are where they were"


@pytest.mark.parametrize("mode", MODES)
def test_a_resumed_run_reaches_exactly_the_weights_of_an_uninterrupted_one(settings, tmp_path, monkeypatch, mode):
    monkeypatch.setattr("export.training.unpaired.POOL", 2)  # full, and in use, before the run stops
    config = settings(mode, weight_temporal=1.0)
    whole, stopped = train(config), replace(config, run=tmp_path / "stopped")
    with monkeypatch.context() as patch:
        original, steps = Unpaired.terms_of_output, []

        def counted(*arguments):
            steps.append(1)
            if len(steps) == 4:
                os.kill(os.getpid(), signal.SIGTERM)
            return original(*arguments)

        patch.setattr(Unpaired, "terms_of_output", counted)
        train(stopped)
    assert load_checkpoint(stopped.run)[1]["step"] == 4
    train(resumed_config({"run": stopped.run, "resume": True}))
    expected, actual = (load_checkpoint(run)[0] for run in (whole, stopped.run))
    assert set(expected) == set(actual) and all(torch.equal(expected[k], actual[k]) for k in expected)


@pytest.mark.parametrize(
    ("mode", "changes", "terms"),
    [
        ("cycle", {}, {"discriminator", "adversarial", "cycle", "identity"}),
        (
            "cycle",
            {"weight_identity": 0.0, "weight_r1": 1.0, "r1_every": 1, "spectral_norm": False},
            {"discriminator", "adversarial", "cycle", "r1"},
        ),
        ("contrastive", {}, {"discriminator", "adversarial", "nce", "nce_identity"}),
        (
            "contrastive",
            {"weight_nce_identity": 0.0, "weight_temporal": 1.0, "weight_variation": 1.0},
            {"discriminator", "adversarial", "nce", "temporal", "variation"},
        ),
    ],
)
def test_the_terms_asked_for_are_there_each_by_itself(settings, mode, changes, terms):
    config = settings(mode, passes=("image", "depth", "normal"), **changes)
    objective = {"cycle": Cycle, "contrastive": Contrastive}[mode](config, find_hardware(config))
    found = {}
    for _, part in objective.losses(objective.draw(np.random.default_rng(0)), 0):
        found |= part
    assert {name.removesuffix("_back") for name in found} == terms
    if mode == "cycle":
        assert {name for name in found if name.endswith("_back")} == {f"{name}_back" for name in terms}
    assert all(loss.isfinite() for loss in found.values()) and found.keys() - {"discriminator_back", "adversarial_back"} <= (
        objective.weights.keys() | {"discriminator"}
    )


@pytest.mark.parametrize(
    ("kind", "widths", "count"),
    [("cnn", (16, 16, 1, 4), 4), ("unet", (16, 16, 16), 3), ("resnet", (16, 16, 4), 4), ("cyclegan_resnet", (8, 9), 4)],
)
def test_patches_are_compared_at_several_layers_of_each_generator(settings, kind, widths, count):
    config = settings("contrastive", generator=kind, widths=widths)
    objective = Contrastive(config, find_hardware(config))
    features = objective._features(torch.rand(1, 3, 32, 32))
    assert len(features) == count + 1 and features[-1].shape[2] in (4, 8)
    assert len({id(layer) for layer in objective.layers}) == count


def test_patches_of_published_generators_are_refused_in_words():
    with pytest.raises(ConfigError, match="choose cnn, unet, resnet or cyclegan_resnet"):
        encoder_layers(make_generator(("image",), kind="few_shot", widths=(8, 1)))


def test_a_pool_gives_each_picture_back_at_most_once():
    rng, pool = np.random.default_rng(0), Pool(8)
    shown = [pool.exchange(torch.full((1, 3, 8, 8), float(number)), rng)[0, 0, 0, 0].item() for number in range(4 * POOL)]
    assert shown[:POOL] == list(range(POOL)), "filled before it is used"
    assert max(shown.count(number) for number in shown) == 2, "once when it was new, once again"
    fresh = sum(s == number for number, s in enumerate(shown[POOL:], POOL))
    assert 0.3 < fresh / (3 * POOL) < 0.7


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mode": "cycle", "weight_l1": 1.0}, "weight-l1 compares an output with its own target"),
        ({"mode": "contrastive", "weight_features": 1.0}, "weight-features compares"),
        ({"mode": "contrastive", "weight_cycle": 1.0}, "weight-cycle belongs to mode cycle"),
        ({"weight_nce": 1.0}, "weight-nce belongs to mode contrastive"),
        ({"mode": "cycle", "weight_adversarial": 0.0}, "learns from weight-adversarial"),
        ({"mode": "cycle", "conditional": True}, "conditional can't be on"),
    ],
)
def test_settings_that_need_pairs_are_refused_in_words(changes, message):
    with pytest.raises(ConfigError, match=message):
        train_config({"data": "d", "run": "r"} | changes)


def test_targets_of_held_out_frames_are_not_learned_from(settings, data, tmp_path):
    for part in ("input", "target"):
        (tmp_path / part).symlink_to(data / "input")
    config = settings("cycle", data=tmp_path)
    objective = Cycle(config, find_hardware(config))
    assert objective.held_out and set(objective.looks) == set(objective.names)
    with pytest.raises(DataError, match="held-out"):
        (tmp_path / "target").unlink()
        (tmp_path / "target").mkdir()
        write_exr(tmp_path / "target" / "shot_0004.exr", {"image": shapes(1, (1, 1, 1))})
        Cycle(config, find_hardware(config))


@pytest.fixture
def projected(tmp_path, settings):
    """As settings, with a projected discriminator on frames that are large enough, features of random weights, and matches."""
    for part, tint in (("input", (1, 1, 1)), ("target", (0.2, 0.4, 1.5))):
        (tmp_path / "large" / part).mkdir(parents=True)
        for number in range(3):
            picture = shapes(number + 5 * (part == "target"), tint, 128, 144)
            write_exr(tmp_path / "large" / part / f"{part}_{number:04d}.exr", {"image": picture})
    torch.manual_seed(0)
    torch.save(WrittenOut().state_dict(), tmp_path / "features.pth")
    more = {"data": tmp_path / "large", "discriminator": "projected", "features_weights": tmp_path / "features.pth"}
    more |= {"crop": 112, "adversarial": "relativistic", "weight_r1": 1.0, "r1_every": 1, "match": 2, "precision": "float32"}
    return lambda mode, **changes: settings(mode, **more | changes)


@pytest.mark.parametrize("mode", MODES)
def test_a_projected_judge_teaches_relativistically_with_both_slopes(projected, monkeypatch, mode):
    monkeypatch.setattr(matching, "PIECES", 12)
    config = projected(mode)
    objective = {"cycle": Cycle, "contrastive": Contrastive}[mode](config, find_hardware(config))
    steps = objective.losses(objective.draw(np.random.default_rng(0)), 0)
    _, taught = next(steps)
    assert {"discriminator", "r1"} <= taught.keys() and taught["r1"] > 0
    sum(taught.values()).backward()
    heads = objective.networks["discriminator"].heads
    assert all(p.grad is not None for p in heads.parameters())
    for network in objective.networks.values():
        network.zero_grad()
    _, terms = next(steps)
    sum(terms.values()).backward()
    assert all(p.grad is None for p in heads.parameters())
    assert all(p.grad.isfinite().all() for p in objective.networks["generator"].parameters() if p.grad is not None)


def test_a_piece_of_a_frame_meets_pieces_that_show_the_like(tmp_path, projected):
    """Frames and pictures with plain tops and busy bottoms: the colours differ, but tops go with tops."""
    for part, tint in (("input", (1, 1, 1)), ("target", (0.2, 0.4, 1.5))):
        for number in range(3):
            picture = shapes(number + 5 * (part == "target"), tint, 256, 144)
            picture[:144] = 0.5 * np.float32(tint)
            write_exr(tmp_path / "large" / part / f"{part}_{number:04d}.exr", {"image": picture})
    config = projected("contrastive", match=3)
    data = DataSet(config)
    stores = data.inputs, data.targets

    def contrast(pieces: torch.Tensor) -> dict[str, torch.Tensor]:
        """A sense for how busy a place is, stronger where it is blue: the domains differ, as a network's features of them do."""
        scale = 1 + 3 * (pieces[:, 2:] - pieces[:, :1]).clamp(min=0).mean((2, 3), keepdim=True)
        return {"1/16": scale * avg_pool2d(pieces.diff(dim=2).abs().mean(1, keepdim=True), 16)}

    matches = matching.Matches(stores, tuple(list(store.frames) for store in stores), config, contrast)
    own, other = matches.draw(400, np.random.default_rng(0))
    rows = np.array([[place.y for place in places] for places in (own, other)])
    assert np.abs(rows[0] - rows[1])[rows[0] > 32].mean() < 25 and np.ptp(rows[0]) > 120  # by chance it would be about 50


def test_matches_need_a_judge_that_knows_pictures(settings):
    with pytest.raises(ConfigError, match="match is for the modes cycle and contrastive with discriminator projected"):
        settings("contrastive", match=4)
