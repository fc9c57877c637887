import os
import shutil

import pytest
import torch

from export.training import checkpoint
from export.training.checkpoint import (
    CheckpointError,
    load_checkpoint,
    load_module,
    load_optimizer,
    module_tensors,
    optimizer_tensors,
)


def test_the_newest_checkpoint_comes_back_and_old_ones_go(tmp_path):
    for step in (5, 100, 20000):
        checkpoint.save_checkpoint(tmp_path, step, {"a.b": torch.full((2, 3), float(step))}, {"scores": {"l1": 0.5}})
    tensors, state = load_checkpoint(tmp_path)
    assert state == {"step": 20000, "scores": {"l1": 0.5}} and (tensors["a.b"] == 20000).all()
    assert sorted(os.listdir(tmp_path / "checkpoints")) == ["step_00000100", "step_00020000"]


@pytest.mark.parametrize("dies_in", ["save_file", "rename", "rmtree"])
def test_killed_at_any_moment_a_readable_checkpoint_is_left(tmp_path, monkeypatch, dies_in):
    for step in (1, 2):
        checkpoint.save_checkpoint(tmp_path, step, {"w": torch.full((8,), float(step))}, {})

    def die(*_arguments, **_options):
        (tmp_path / "checkpoints" / "partial").mkdir(exist_ok=True)
        (tmp_path / "checkpoints" / "partial" / "tensors.safetensors").write_bytes(b"half")
        raise KeyboardInterrupt

    owner = {"save_file": checkpoint, "rename": os, "rmtree": shutil}[dies_in]
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(owner, dies_in, die)
        checkpoint.save_checkpoint(tmp_path, 3, {"w": torch.full((8,), 3.0)}, {})
    tensors, state = load_checkpoint(tmp_path)
    assert state["step"] in (2, 3) and (tensors["w"] == state["step"]).all()
    checkpoint.save_checkpoint(tmp_path, 4, {"w": torch.full((8,), 4.0)}, {})
    assert load_checkpoint(tmp_path)[1]["step"] == 4


def test_missing_and_damaged_checkpoints_say_what_to_do(tmp_path):
    with pytest.raises(CheckpointError, match="no checkpoint yet"):
        load_checkpoint(tmp_path)
    folder = checkpoint.save_checkpoint(tmp_path, 1, {"w": torch.zeros(4)}, {})
    (folder / "tensors.safetensors").write_bytes(b"\x10\0\0\0")
    with pytest.raises(CheckpointError, match="delete it"):
        load_checkpoint(tmp_path)


def test_adam_goes_on_as_if_never_stopped():
    torch.manual_seed(0)
    networks = [torch.nn.Conv2d(3, 4, 3).to(memory_format=torch.channels_last) for _ in range(2)]
    optimizers = [torch.optim.Adam(n.parameters(), 0.1) for n in networks]
    image = torch.rand(1, 3, 8, 8)

    def step(index: int) -> None:
        optimizers[index].zero_grad()
        networks[index](image).square().mean().backward()
        optimizers[index].step()

    step(0)
    load_module("net", networks[1], module_tensors("net", networks[0]))
    load_optimizer("adam", optimizers[1], optimizer_tensors("adam", optimizers[0]))
    for index in (0, 1):
        step(index)
    assert all(torch.equal(a, b) for a, b in zip(networks[0].parameters(), networks[1].parameters(), strict=True))


def test_weights_of_another_network_are_refused():
    tensors = module_tensors("net", torch.nn.Conv2d(3, 4, 3))
    with pytest.raises(CheckpointError, match="does not fit the net"):
        load_module("net", torch.nn.Conv2d(3, 5, 3), tensors)
