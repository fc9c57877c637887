"""Two processes on one machine, as torchrun starts them, against one process with a batch twice as large."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from export.config import train_config
from export.settings import to_values
from export.training.checkpoint import load_checkpoint
from export.training.train import TrainingError, train

from ..paired_frames import write_paired_frames

TINY = {
    "crop": 32,
    "batch": 1,
    "widths": (16, 16, 1, 1),
    "discriminator_channels": 8,
    "discriminator_layers": 2,
    "holdout_fraction": 0.25,
    "steps": 3,
    "threads": 1,
    "precision": "float32",
    "device": "cpu",
    "preview_every": 99,
    "checkpoint_every": 99,
}
LIMIT = 1200
"""Seconds that two processes may take, most of which they spend in loading PyTorch."""


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_paired_frames(tmp_path_factory.mktemp("data"))


def start(config, *, resume: bool = False) -> subprocess.Popen:
    """Two processes that train; their output goes to a file beside the run."""
    settings = config.run.with_suffix(".json")
    settings.write_text(json.dumps(to_values(replace(config, resume=resume))))
    command = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--local-addr",
        "localhost",
        "--nproc-per-node",
        "2",
        "-m",
        "export",
        "train",
        "--config",
        str(settings),
    ]
    with open(config.run.with_suffix(".log"), "w") as log:
        return subprocess.Popen(
            command, cwd=Path(__file__).parents[3], stdout=log, stderr=log, env=os.environ | {"OMP_NUM_THREADS": "1"}
        )


def ended(process: subprocess.Popen, config) -> tuple[int, str]:
    """(exit code, output)"""
    try:
        process.wait(LIMIT)
    finally:
        process.terminate()  # torchrun then ends those it has started
    return process.returncode, config.run.with_suffix(".log").read_text()


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes",
    [
        {"mode": "keyframes", "weight_temporal": 1.0},
        {"mode": "cycle"},
    ],
)
def test_two_processes_reach_the_weights_of_one_with_the_doubled_batch(data, tmp_path, changes):
    config = train_config({"data": data, "run": tmp_path / "two"} | TINY | changes)
    code, output = ended(start(config), config)
    assert code == 0, output
    one = train(replace(config, run=tmp_path / "one", batch=2))
    first, expected, actual = first_weights(config, tmp_path), *(load_checkpoint(run)[0] for run in (one, config.run))
    assert expected.keys() == actual.keys()
    for network in {name.partition(".")[0] for name in first} - {"pool", "pool_back"}:
        names = [name for name in first if name.startswith(f"{network}.") and first[name].is_floating_point()]
        way, miss = (sum((expected[n] - other[n]).square().sum() for n in names).sqrt() for other in (first, actual))
        # Adam makes a full step of a gradient that is next to nothing, whichever sign its rounding gave it.
        assert way > 1e-3 and miss < 0.02 * way, f"{network} moved by {way:.2g} and ended {miss:.2g} apart"


def first_weights(config, folder: Path) -> dict[str, torch.Tensor]:
    """The tensors before the first step, to rounding."""
    train(replace(config, run=folder / "start", steps=1, learning_rate=1e-12))
    return load_checkpoint(folder / "start")[0]


@pytest.mark.slow
def test_a_signal_stops_both_with_a_checkpoint_that_one_alone_does_not_go_on_from(data, tmp_path):
    config = train_config({"data": data, "run": tmp_path / "two"} | TINY | {"steps": 10**6, "checkpoint_every": 1})
    process = start(config)
    deadline = time.monotonic() + LIMIT
    while not steps_saved(config) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    _, output = ended(process, config)
    assert "Stopped after step" in output, output
    step = load_checkpoint(config.run)[1]["step"]
    with pytest.raises(TrainingError, match="was started with 2 processes, not 1"):
        train(replace(config, resume=True))
    assert load_checkpoint(config.run)[1]["step"] == step


def steps_saved(config) -> list[Path]:
    """The checkpoints after the first step."""
    return [path for path in (config.run / "checkpoints").glob("step_*") if path.name != "step_00000000"]
