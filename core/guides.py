"""Guides that lie in files of their own beside the frames: pictures and mattes, one for each frame or one for all."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .colour import decode_srgb
from .frame import read_frame
from .passes import COLOUR, DATA, Pass, PassError
from .patterns import NUMBER, PatternError, find_frames


@dataclass(frozen=True)
class GuideFiles:
    """Where a guide's files are. Raises PassError for a pass that pictures can't hold."""

    guide: Pass
    place: str
    """A folder with files that are called as the frames; a pattern like hair.####.png, whose number is the frame's; or one file,
    for all frames."""

    def __post_init__(self):
        if self.guide.holds == DATA:
            raise PassError(f"The pass '{self.guide.name}' holds no colours; it comes from the layers of EXR files.")

    def of(self, frame: Path) -> Path:
        """The guide's file for a frame. Raises PassError if there is none, or several."""
        place = Path(self.place)
        if place.is_dir():
            return file_called(place, frame.stem, self.guide.name)
        number = re.search(r"\d+$", frame.stem)
        try:
            if place.is_file() or not NUMBER.search(place.name):
                return find_frames([self.place])[0][0]
            if number is None:
                raise PassError(f"{frame} has no number at its end, by which its file {place} could be found.")
            return find_frames([self.place], [int(number[0])])[0][0]
        except PatternError as error:
            raise PassError(f"{frame} has no guide '{self.guide.name}': {error}") from error

    def read(self, frame: Path) -> np.ndarray:
        """read_guide() of the frame's file."""
        return read_guide(self.of(frame), self.guide)


def file_called(folder: Path, stem: str, guide: str) -> Path:
    """The one file of a folder with that name, whatever its ending. Raises PassError."""
    found = sorted(p for p in folder.iterdir() if p.stem == stem and p.is_file())
    if len(found) != 1:
        several = f"several files called {stem}" if found else f"no file called {stem}"
        raise PassError(f"The guide '{guide}' has {several} in {folder}; one is needed for each frame.")
    return found[0]


def read_guide(path: Path, guide: Pass) -> np.ndarray:
    """(H, W, channels) float32, top row first, of a guide in a file of its own.

    Of three channels: linear Rec.709, premultiplied, from sRGB if the file is no EXR. Of one: the grey value as it is stored,
    times the alpha, within [0, 1] if it is a COLOUR. Raises what read_frame() or pictures.read_picture() raise.
    """
    if path.suffix.lower() == ".exr":
        rgba = read_frame(path).passes[0]["image"]
        colours = rgba[..., :3]
    else:
        from .pictures import read_picture  # it needs packages that core does without elsewhere

        rgba = read_picture(path)
        colours = (decode_srgb(rgba[..., :3]) if guide.channels == 3 else rgba[..., :3]) * rgba[..., 3:]
    if guide.channels == 3:
        return np.ascontiguousarray(colours, np.float32)
    values = np.nan_to_num(colours.mean(axis=-1, keepdims=True, dtype=np.float32))
    return values.clip(0, 1) if guide.holds == COLOUR else values
