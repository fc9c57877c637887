"""Reports what a data folder holds, as the trainer would read it with the same settings."""

from collections import Counter
from collections.abc import Collection
from pathlib import Path

from ..config import TrainConfig, train_config
from ..frames.frame_store import FrameStore
from .dataset import DataSet, split_names
from .exemplar import RenderedFrames, looks_of


def check_data(values: dict) -> str:
    """A report on the data of a training run with these settings, where `run` may be missing.

    It decodes all frames into the cache, as a training run would. Raises TrainerError with everything that is wrong.
    """
    config = train_config({"run": Path()} | values)
    if config.mode == "exemplar":
        return _of_exemplar(config)
    data, further = DataSet(config), [DataSet(config, folder) for folder in config.looks[1:]]
    lines = [f"{config.data} can be used in the mode {config.mode}.", _line("input", data.inputs)]
    lines += [_line(found.targets.folder.name, found.targets) for found in (data, *further)]
    if data.targets.masks:
        lines.append(_line("mask", data.targets.masks))
    if transparent := [f for f in data.targets.frames.values() if f.covered < 1]:
        lines.append(f"  {_count(transparent, 'target')} with transparent parts, which don't count")
    lines.append(f"  {_count(data.pairs, 'pair')} of an input and a target{_held_out(config, data)}")
    lines.append(f"  {_count(data.steps, 'step')} from an input to the next frame of its sequence")
    return "\n".join(lines)


def _of_exemplar(config: TrainConfig) -> str:
    frames, looks = RenderedFrames(config), looks_of(config)
    lines = [f"{config.data} can be used in the mode {config.mode}.", _line("input", frames.inputs)]
    lines.append(f"  {_count(frames.steps, 'step')} from an input to the next frame of its sequence")
    pictures = (picture for look in looks for picture in look.pictures)
    for path, picture in zip(config.looks or config.exemplar, pictures, strict=True):
        lines.append(f"  {path.name}, scaled to {picture.shape[2]} x {picture.shape[1]} pixels by brush {config.brush:g}")
    return "\n".join(lines)


def _line(part: str, store: FrameStore) -> str:
    sizes = Counter((f.width, f.height) for f in store.frames.values())
    listed = ", ".join(f"{width} x {height}" for (width, height), _ in sizes.most_common(3)) + (", ..." if len(sizes) > 3 else "")
    sequences = {name.rpartition("_")[0] for name in store.frames}
    size = sum(store.planes_of.values()) * sum(f.height * f.width for f in store.frames.values()) * 2 / 1e9
    return (
        f"  {part + '/':8}{_count(store.frames, 'frame')} in {_count(sequences, 'sequence')}, {listed} pixels, "
        f"{' '.join(store.passes)}; {size:.2g} GB decoded"
    )


def _count(things: Collection, name: str) -> str:
    return f"{len(things)} {name}{'s' * (len(things) != 1)}"


def _held_out(config: TrainConfig, data: DataSet) -> str:
    if config.mode != "paired":
        return ""
    names, held_out = split_names(data.pairs, config.holdout, config.holdout_fraction)
    return f": {len(names)} to train on, {len(held_out)} held out"
