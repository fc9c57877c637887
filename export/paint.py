"""Paints frames that are rendered already: the targets of a look for all frames of a data set, or for a few keyframes."""

from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from tqdm import tqdm

from core.exr import ExrError, read_exr, write_exr

from .looks import LOOKS
from .settings import TrainerError, setting


class PaintError(TrainerError):
    """There is no frame to paint, or it can't be read."""


@dataclass(frozen=True)
class PaintConfig:
    """Settings of `paint`."""

    data: Path = setting(help="folder with input/*.exr, as render-dataset writes them; the painted frames go to target/")
    look: str = setting("graphic_novel", "look that paints", choices=tuple(LOOKS))
    frames: tuple[str, ...] = setting(("*",), "names of frames, or patterns (shot_00*)")


def paint(config: PaintConfig) -> list[Path]:
    """Write target/NAME.exr, (H, W, 3) scene-linear, for each chosen frame, over one that is there; returns the files.

    Raises PaintError if no frame fits or one can't be read; each file appears when it is complete.
    """
    chosen = [path for path in sorted((config.data / "input").glob("*.exr")) if any(fnmatch(path.stem, p) for p in config.frames)]
    if not chosen:
        raise PaintError(f"No frame in {config.data / 'input'} fits {', '.join(config.frames)}.")
    folder, painted = config.data / "target", []
    folder.mkdir(exist_ok=True)
    for path in tqdm(chosen, desc=config.look, unit="frame"):
        try:
            picture = LOOKS[config.look](read_exr(path))
        except (ExrError, KeyError) as error:
            raise PaintError(f"{path} can't be painted: {error}.") from error
        partial, target = folder / f".{path.stem}.partial", folder / path.name
        write_exr(partial, {"image": picture.astype("float16")}, compress=True)
        painted.append(partial.replace(target))
    return painted
