"""Target frames in the manner of a picture, painted by the teacher: what `paint --teacher` does."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from core.colour import decode_srgb, encode_srgb
from core.exr import ExrError, read_exr, read_headers
from core.layers import layers_of

from ..datasets.paint import PaintError, chosen_frames, digest_of, stamp_of, write_painted
from ..frames.frame_store import DataError, FrameStore, cache_folder
from ..networks.perceptual import load_features
from ..settings import setting
from .dataset import MOTION, follow_names
from .pictures import Look
from .teacher import SMALLEST, Teacher, Teaching, paint_shot


@dataclass(frozen=True)
class TeachTargetsConfig:
    """Settings of `paint --teacher`."""

    teacher: tuple[Path, ...] = setting(help="pictures of the look; the frames are painted like them, a minute or so each")
    data: Path = setting(help="folder with input/*.exr, as render-dataset writes them; the painted frames go to target/")
    frames: tuple[str, ...] = setting(("*",), "names of frames, or patterns (shot_00*)")
    brush: float = setting(0.27, "how large the pictures' strokes shall be, as in train --mode exemplar")
    steps: int = setting(60, "steps of the optimisation at each of three scales")
    content: float = setting(0.5, "how strongly the frame's own features hold what is where")
    steady: float = setting(20.0, "how strongly a frame is held by the one before along its motion, in shots; 0: not at all")

    def __post_init__(self):
        if not self.teacher:
            raise PaintError("The setting teacher must name a picture of the look or a few.")
        if self.steps < 1 or self.content < 0 or self.steady < 0 or not 0 < self.brush <= 2:
            raise PaintError("steps must be at least 1, content and steady at least 0, and brush above 0 and at most 2.")


def teach_targets(config: TeachTargetsConfig) -> list[Path]:
    """Make sure that target/NAME.exr exists for each chosen frame; returns these files. Raises TrainerError.

    What is painted with the same settings is kept, and in a shot the next frame begins with it: an interrupted run goes on as if
    it had not been. A frame is painted again if the one that it began with was.
    """
    chosen = chosen_frames(config.data, config.frames)
    folder = config.data / "target"
    folder.mkdir(exist_ok=True)
    made_by = [config.brush, config.steps, config.content, config.steady, *map(digest_of, config.teacher)]
    painter = f"teacher {hashlib.sha256(repr(made_by).encode()).hexdigest()[:16]}"
    moving = config.steady > 0 and all(_has_motion(path) for path in chosen)
    store = _open(config.data, ("image", *MOTION) if moving else ("image",))
    follows = {later: now for now, later in follow_names(store)} if moving else {}
    stamps: dict[str, str] = {}
    for path in chosen:
        before = follows.get(path.stem, "")
        earlier = stamps.get(before) or stamp_of(folder / f"{before}.exr")
        if not earlier.startswith(painter):  # painted by somebody else, or not at all
            earlier = ""
            follows.pop(path.stem, None)
        stamps[path.stem] = f"{painter} {digest_of(path)} {hashlib.sha256(earlier.encode()).hexdigest()[:8]}"
    missing = [name for name, stamp in stamps.items() if stamp_of(folder / f"{name}.exr") != stamp]
    if missing:
        teaching = Teaching(config.steps, config.content, config.steady)
        teacher = Teacher(Look(config.teacher, config.brush, SMALLEST, True).whole(), load_features(), teaching)
        painted = paint_shot(
            teacher, store, missing, follows, lambda name: encode_srgb(read_exr(folder / f"{name}.exr")["image"])
        )
        for name, picture in tqdm(painted, total=len(missing), desc="teacher", unit="frame"):
            write_painted(folder / f"{name}.exr", decode_srgb(picture), stamps[name])
    return [folder / path.name for path in chosen]


def _has_motion(path: Path) -> bool:
    try:
        return set(MOTION) <= {layer.name.rpartition(".")[2].lower() for layer in layers_of(read_headers(path))}
    except ExrError as error:
        raise PaintError(f"{path} can't be painted: {error}.") from error


def _open(data: Path, passes: tuple[str, ...]) -> FrameStore:
    problems: list[str] = []
    store = FrameStore(data / "input", passes, cache_folder(data), problems)
    if problems:
        raise DataError(" ".join(problems))
    return store
