"""A style's own guides in a data folder: a layer of the EXR frames, or a folder guides/NAME/ with a file for each frame."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.exr import ExrError
from core.guides import file_called, read_guide
from core.layers import LayerError, Selection
from core.passes import Pass, PassError
from core.pictures import PictureError

from ..settings import TrainerError


class GuideError(TrainerError):
    """A guide's file is missing or unusable; the message names it."""


@dataclass(frozen=True)
class GuideSource:
    """Where a guide comes from."""

    guide: Pass
    layer: str
    """Of the EXR frames; empty for the one that is called as the guide."""
    folder: Path
    """If it is there, the guide's files, which are called as the frames."""

    @property
    def apart(self) -> bool:
        """Whether it has files of its own."""
        return self.folder.is_dir()

    def read(self, frame: str) -> np.ndarray:
        """(H, W, channels) float32 of the frame of that name. Raises GuideError."""
        try:
            return read_guide(file_called(self.folder, frame, self.guide.name), self.guide)
        except (ExrError, LayerError, PassError, PictureError) as error:
            raise GuideError(str(error)) from error


def sources_of(data: Path, guides: Iterable[Pass], layers: Mapping[str, str]) -> tuple[GuideSource, ...]:
    """Where a data folder has guides; layers: their names in EXR frames, where these are not the guides' own."""
    return tuple(GuideSource(g, layers.get(g.name, ""), data / "guides" / g.name) for g in guides)


def selection_of(layer: str, sources: Sequence[GuideSource]) -> Selection:
    """What to take from EXR frames of a view layer."""
    inside = [s for s in sources if not s.apart]
    return Selection(layer, passes={s.guide.name: s.layer for s in inside if s.layer}, guides=[s.guide for s in inside])
