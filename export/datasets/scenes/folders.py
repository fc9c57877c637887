"""What scenes show that is not built by script: panoramas and characters from folders that the user brings."""

from dataclasses import dataclass
from pathlib import Path

from ...settings import TrainerError

KEPT_FOR_JUDGING = (
    "rooitou_park_1k",
    "st_fagans_interior_1k",
    "studio_small_03_1k",
    "venice_sunset_1k",
    "Mage",
    "Rogue_Hooded",
)
"""Names of panoramas and characters that no random scene shows, so that scenes that judge share none with those that teach."""


@dataclass(frozen=True)
class Folders:
    """What scenes may show that is not built by script: folders that the user brings. None: nothing of the kind."""

    panoramas: Path | None = None
    """Equirectangular pictures, .hdr or .exr."""
    characters: Path | None = None
    """Characters with textures and armatures, .glb."""

    def teaching(self, kind: str) -> list[Path]:
        """The files of a kind ("panoramas", "characters") that are not kept for judging, by name."""
        return [file for file in self._files(kind) if file.stem not in KEPT_FOR_JUDGING]

    def named(self, kind: str, name: str) -> Path:
        """The file with that name. Raises SceneError if it is not there."""
        for file in self._files(kind):
            if file.stem == name:
                return file
        raise SceneError(f"The scene shows '{name}'; name a folder that holds it with --{kind}.")

    def _files(self, kind: str) -> list[Path]:
        folder, endings = getattr(self, kind), {"panoramas": (".hdr", ".exr"), "characters": (".glb",)}[kind]
        files = sorted(file for file in folder.iterdir() if file.suffix.lower() in endings) if folder and folder.is_dir() else []
        if folder and not files:
            raise SceneError(f"The folder {folder} holds no {kind} ({', '.join(endings)}).")
        return files


class SceneError(TrainerError):
    """There is no such scene or split, or what a scene shows is missing."""
