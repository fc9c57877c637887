"""The settings of `train` and `export`, checked, and over the defaults of their mode."""

from dataclasses import dataclass, fields, replace
from pathlib import Path

from .config_checks import check
from .modes import EARLIER_SIZES, MODE_DEFAULTS, OURS, PEERS, PROJECTED_DEFAULTS, SIZES
from .settings import ConfigError, from_values, plain, read_values, require, setting, to_values
from .train_settings import TrainSettings


@dataclass(frozen=True)
class TrainConfig(TrainSettings):
    """Settings of `train` that can go together. Raises ConfigError."""

    def __post_init__(self):
        if not self.widths and self.generator in SIZES:  # sizes may mean something else some day; a run keeps what it has
            object.__setattr__(self, "widths", SIZES[self.generator][self.size])
        check(self)


@dataclass(frozen=True)
class ExportConfig:
    """Settings of `export`."""

    run: Path = setting(help="folder of the training run", positional=True)
    out: Path = setting(help="style file to write, ending in .onnx", positional=True)
    name: str = setting("", "the style's name, 1 to 60 characters; empty: the file's name")
    author: str = setting("", "who made the style")
    licence: str = setting("CC0-1.0", "SPDX identifier of the style's licence")
    description: str = setting("", "one sentence about the look")
    tolerance: float = setting(1e-3, "largest difference allowed between PyTorch and ONNX Runtime; relative for values above 1")


def train_config(values: dict) -> TrainConfig:
    """The settings of a new run: `values` over the defaults of their mode and discriminator. Raises ConfigError."""
    mode = values.get("mode")
    defaults = MODE_DEFAULTS.get(mode, {})
    if values.get("discriminator") == "projected":
        defaults = defaults | PROJECTED_DEFAULTS.get(mode, {})
    if values.get("generator") in PEERS:
        defaults = {name: value for name, value in defaults.items() if name not in OURS}
    return from_values(TrainConfig, defaults | values)


TUNED = (*(f.name for f in fields(TrainConfig) if f.name.startswith("weight_")), "learning_rate", "decay_from")
"""Weights and rates: a resumed run may change them, and its record says so."""


def run_config(run: Path) -> TrainConfig:
    """The settings of an existing run. Raises ConfigError."""
    values = read_values(run / "config.json")
    config = from_values(TrainConfig, values)
    earlier = () if values.get("widths") else EARLIER_SIZES.get(config.generator, {}).get(config.size, ())
    return replace(config, widths=earlier) if earlier else config


def resumed_config(values: dict) -> TrainConfig:
    """The settings of an existing run with `values` over them. Raises ConfigError naming those that must not change."""
    if "run" not in values:
        raise ConfigError("Please give --run, the folder of the run to resume.")
    saved = run_config(Path(values["run"]))
    asked = from_values(TrainConfig, to_values(saved) | values)
    differing = [
        f.name
        for f in fields(TrainConfig)
        if not f.metadata.get("free") and f.name not in (*TUNED, "run") and getattr(asked, f.name) != getattr(saved, f.name)
    ]
    if differing:
        changes = ", ".join(f"{n} ({plain(getattr(saved, n))}, now {plain(getattr(asked, n))})" for n in differing)
        raise ConfigError(f"The run {asked.run} was started with other settings: {changes}; leave them out or start a new run.")
    require(
        bool(saved.weight_temporal) or not asked.weight_temporal,
        "weight-temporal can't be given to a run that began without it: its frames were read without the passes that it needs",
    )
    return asked
