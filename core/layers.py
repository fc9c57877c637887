"""Which channels of an EXR file are which pass, by the table of layer_names.py, for every view of the file.

Names that could mean several things are never chosen among: they are an error that lists them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from .exr import component
from .layer_names import pass_called, simple
from .passes import DATA, PASSES, Pass, PassError

PLAIN = "RGBA"
"""What the channels R, G, B and A without a layer's name are called here."""
IMAGE_COMPONENTS = ({"R", "G", "B"}, {"Y", "RY", "BY"}, {"Y"})
"""Colours, luminance and chroma, and luminance alone (OpenEXR Technical Introduction)."""
VIEW_SEPARATORS = "._-"
"""May stand between a part's name and its view in it."""


class LayerError(ValueError):
    """The layer, view or pass asked for is not in the file, or there are several; the message lists them."""


class FilesOfGuide(Protocol):
    """A guide that lies in files of its own; guides.GuideFiles."""

    def of(self, frame: Path) -> Path: ...

    def read(self, frame: Path) -> np.ndarray: ...


@dataclass(frozen=True)
class Selection:
    """What to take from files that have several layers or views, or names that the table doesn't know."""

    layer: str = ""
    """The view layer, or other group of layers; empty for the only one."""
    view: str = ""
    """The only view to take; empty for all."""
    passes: Mapping[str, str] = field(default_factory=dict)
    """Pass -> the name of its layer, where the table of names is not to be asked."""
    guides: Sequence[Pass] = ()
    """A style's own guides, whose layers are called as they are unless `passes` names others."""

    files: Mapping[str, FilesOfGuide] = field(default_factory=dict)
    """Guide -> its files, if it is not a layer of the frames."""

    @property
    def table(self) -> dict[str, Pass]:
        """What is known of each pass."""
        return PASSES | {g.name: g for g in self.guides}


EVERYTHING = Selection()


@dataclass(frozen=True)
class Layer:
    """Channels of one part of a file that belong together."""

    part: int
    view: str
    """The eye or camera that it shows; empty in a file without views."""
    name: str
    """With the view layer and without the view, like "ViewLayer.Normal"; PLAIN for channels that have none."""
    channels: dict[str, str]
    """Component -> name of the channel in the file: R, G, B, A or X, Y, Z, W, whatever the file calls them."""

    def __str__(self) -> str:
        return f"{self.name} ({', '.join(self.channels)})"


@dataclass(frozen=True)
class View:
    """The passes of one view of a file, and where they lie."""

    name: str
    passes: dict[str, Layer]
    stand_ins: frozenset[str]
    """Passes that something near to them stands for."""

    def __str__(self) -> str:
        found = (f"{name} from {layer}{' in its place' * (name in self.stand_ins)}" for name, layer in self.passes.items())
        return f"{f'view {self.name}: ' * bool(self.name)}{', '.join(found)}"


class Meaning(NamedTuple):
    """What a layer's name says."""

    group: str
    """The view layer, or whatever stands before the last part of the name."""
    name: str
    """A name in PASSES."""
    stand_in: bool


def views_of(headers: Sequence[dict]) -> list[str]:
    """The names of the file's views, the default one first; none if it doesn't speak of views."""
    named = [view for header in headers for view in (header.get("multiView") or [header.get("view", "")])]
    return [view for view in dict.fromkeys(named) if view]


def layers_of(headers: Sequence[dict]) -> list[Layer]:
    """All layers of a file with these headers, as exr.read_headers() gives them."""
    found: dict[tuple[int, str, str], dict[str, str]] = {}
    for part, header in enumerate(headers):
        places = {channel.name: _place(channel.name, header) for channel in header["channels"]}
        plain = {last for _, path, last in places.values() if not path}
        vectors = "X" in plain and "R" not in plain
        colours = {"R", "G", "B", "A"} | (set() if vectors else {"Y", "RY", "BY"})
        for name, (view, path, last) in places.items():
            layer = path or (_without_view(header.get("name", ""), view) if len(headers) > 1 else "")
            if not path and not vectors and last not in colours and (not layer or "R" in plain):
                layer = name.rpartition(".")[2]  # Z beside R, G and B is the depth, and no part of the colours
            channels = found.setdefault((part, view, layer or PLAIN), {})
            channels[name if last in channels else last] = name  # "x" beside "X": neither is taken for the other
    return [Layer(*key, dict(sorted(channels.items(), key=_order))) for key, channels in found.items()]


def _place(name: str, header: dict) -> tuple[str, str, str]:
    """(view, path of layers, component) of a channel, by its name and its part's header.

    In a file of one part the views stand in the names, "N.left.X"; the default one's plain channels go without
    (OpenEXR: Storing Multi-View Images).
    """
    *path, last = name.split(".")
    view, views = header.get("view", ""), header.get("multiView") or []
    if not view and views:
        if path and path[-1] in views:
            view = path.pop()
        elif not path:
            view = views[0]
    return view, ".".join(path), component(last)


def _without_view(part: str, view: str) -> str:
    """A part's name without the view at its end: "rgba.left", "depth_left" or "left"."""
    return part.removesuffix(view).rstrip(VIEW_SEPARATORS) if view and part.endswith(view) else part


def _order(item: tuple[str, str]) -> tuple[int, str]:
    """Colours as R, G, B, A and vectors as X, Y, Z, W, whatever the file's order."""
    order = ("R", "G", "B", "X", "Y", "RY", "BY", "Z", "W", "A")
    return order.index(item[0]) if item[0] in order else len(order), item[0]


def find_views(path: Path, headers: Sequence[dict], needed: Sequence[str] | None, selection: Selection) -> list[View]:
    """The needed passes in each view of a file, in the file's order of views; None for all that are there and clear.

    path: for messages. Raises LayerError if something is not there or not clear, PassError if a view lacks a pass.
    """
    layers, views = layers_of(headers), views_of(headers) or [""]
    if selection.view:
        if selection.view not in views:
            known = ", ".join(filter(None, views)) or "none"
            raise LayerError(f"{path} has no view {selection.view!r}; it has {known}.")
        views = [selection.view]
    return [_view(path, view, [layer for layer in layers if layer.view == view], needed, selection) for view in views]


def _view(path: Path, view: str, layers: list[Layer], needed: Sequence[str] | None, selection: Selection) -> View:
    place = f"{path}, view {view}," if view else str(path)
    own = {simple(g.name): g.name for g in selection.guides}
    meanings = [(layer, meaning) for layer in layers if (meaning := _meaning(layer, own))]
    image = _chosen(place, "image", layers, selection)
    if image is None:
        group = _choose_group(place, [m.group for _, m in meanings if m.name == "image"], layers, selection.layer)
    else:
        group = next((m.group for layer, m in meanings if layer is image), image.name.rpartition(".")[0])
    found, stand_ins = {}, set()
    for name in dict.fromkeys(("image", *(selection.table if needed is None else needed))):
        try:
            layer, near = _chosen(place, name, layers, selection), False
            if layer is None:
                layer, near = _usual(place, selection.table[name], layers, meanings, group)
            if problem := _problem(selection.table[name], layer):
                raise PassError(f"{place} can't give its {name} from {layer}: {problem}.")
        except (LayerError, PassError):
            if needed is None and name != "image":
                continue
            raise
        found[name] = layer
        stand_ins |= {name} if near else set()
    return View(view, found, frozenset(stand_ins))


def _usual(
    place: str, wanted: Pass, layers: list[Layer], meanings: list[tuple[Layer, Meaning]], group: str
) -> tuple[Layer, bool]:
    """The layer that has a usual name of a pass, and whether it only stands in for it.

    Those beside the image come first, then, of an image or a guide that is in no group, those elsewhere.
    """
    name = wanted.name
    known = [(layer, m) for layer, m in meanings if m.name == name]
    known = [k for k in known if k[1].group == group] or [k for k in known if not group or not k[1].group]
    known = [k for k in known if not k[1].stand_in] or known
    if len(known) > 1:
        listed = ", ".join(str(layer) for layer, _ in known)
        raise LayerError(f"{place} has several layers that may be its {name}: {listed}; choose one with --pass {name}=LAYER.")
    if not known:
        raise PassError(f"{place} has no pass '{name}' ({wanted.meaning}), but {_listed(layers)}. {_ask(name)}")
    return known[0][0], known[0][1].stand_in


def _ask(name: str) -> str:
    files = f" If it lies in files of its own, give them with --guide {name}=FILES." if name != "image" else ""
    return f"If one of these is it, name it with --pass {name}=LAYER.{files}"


def _listed(layers: Sequence[Layer]) -> str:
    return "the layers " + ", ".join(map(str, layers)) if layers else "no layers"


def _chosen(place: str, name: str, layers: Sequence[Layer], selection: Selection) -> Layer | None:
    """The layer that --pass says; None if it doesn't."""
    if not (wanted := selection.passes.get(name)):
        return None
    found = [layer for layer in layers if layer.name == wanted] or [la for la in layers if la.name.lower() == wanted.lower()]
    if len(found) != 1:
        raise LayerError(f"{place} has {'several layers' if found else 'no layer'} {wanted!r}, but {_listed(layers)}.")
    return found[0]


def _meaning(layer: Layer, own: Mapping[str, str]) -> Meaning | None:
    """What the layer's name says by the table, or by the names of a style's own guides; None for a name that is in neither."""
    if whole := pass_called("rgba" if layer.name == PLAIN else layer.name, own):
        return Meaning("", *whole)
    group, _, label = layer.name.rpartition(".")
    known = pass_called(label, own) if group else None
    return Meaning(group, *known) if known else None


def _choose_group(place: str, groups: list[str], layers: Sequence[Layer], wanted: str) -> str:
    names = list(dict.fromkeys(group or PLAIN for group in groups))
    listed = ", ".join(map(repr, sorted(names)))
    if not names:
        raise LayerError(f"{place} has no image, but {_listed(layers)}. {_ask('image')}")
    if wanted and wanted not in names:
        raise LayerError(f"{place} has no layer {wanted!r} with an image; it has {listed}.")
    if len(names) > 1 and not wanted:
        raise LayerError(f"{place} has several layers ({listed}); choose one with --layer.")
    group = wanted or names[0]
    return "" if group == PLAIN else group


def _problem(wanted: Pass, layer: Layer) -> str:
    """Why the pass can't be made of the layer's channels, as a clause; empty if it can."""
    has, name, count = set(layer.channels) - {"A"}, wanted.name, wanted.channels
    if name == "image":
        return "" if has in IMAGE_COMPONENTS else "it needs the channels R, G and B"
    if name == "vector":
        return "" if len(layer.channels) == count and (has | {"A"}) in ({*"RGBA"}, {*"XYZWA"}) else "it needs X, Y, Z and W"
    if count == 1:
        return "" if len(has) == 1 or "Z" in has or has == {*"RGB"} else "it needs one channel"
    if wanted.holds != DATA and len(has) == 1:  # grey
        return ""
    return "" if has - {"W"} in ({*"RGB"}, {*"XYZ"}) else "it needs the channels X, Y and Z, or R, G and B"
