"""The way from a foreign model to a style file: read, modernise, find out, wrap, try."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from ..colour import encode_srgb
from ..generator import Generator
from ..onnx_graph import GraphError, parse_model
from ..runtime import ProviderError
from ..style import MAX_FILE_BYTES, METADATA_KEY, Style, StyleError, load_style, save_style
from ..stylize import stylize
from ..tiles import round_up
from .evidence import shown, stated
from .find import Candidate, candidates, sureness
from .freeze import freeze
from .old_graphs import modernise
from .picture import still_life
from .settle import Model, Settings, settle
from .sheet import draw_sheet, encode_png, write_png
from .sliders import MOST_WHOLE, open_sliders, trim
from .tone import to_display
from .wrap import Wrapping, wrap

PROBE = 192, 256
"""Height and width of the picture that models of any size are tried on."""
SHEET_WIDTH = 320
"""Of a picture on the sheet."""
THUMBNAIL = 256
MAX_ALIGNMENT = 256
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Adopted:
    """A style file that was made from a foreign model, and how sure its findings are."""

    style: Style
    found: list[Candidate]
    """The readings that were tried, the best first."""
    sureness: dict[str, str]
    """Of each finding, in words."""
    notes: list[str]
    """What to know of it, in sentences."""


def adopt(
    path: Path,
    out: Path,
    settings: Settings,
    card: Style,
    sheet: Path | None = None,
    image: np.ndarray | None = None,
    frames: Sequence[np.ndarray] = (),
) -> Adopted:
    """Write a style file that runs a foreign model; whole, or not at all.

    card: name, author, licence, description and training of the style. sheet: where a PNG of the candidates goes.
    image: (H, W, 3 or 4) scene-linear Rec.709 to try the model on, None for a still life.
    frames: the like, (H, W, 4), whose statistics the model's are fixed to; see freeze.freeze().
    Raises StyleError with a sentence on what the model lacks, OSError.
    """
    try:
        if out.exists() and out.samefile(path):
            raise GraphError("the style would take its place; give another name with --out")
        if missing := [str(place.parent) for place in (out, sheet or out) if not place.parent.is_dir()]:
            raise StyleError(f"There is no folder {missing[0]} to write into.")
        foreign = _read(path)
        model = _settled(foreign, settings)
        said = shown(model.graph) | stated(foreign)
        found = _find(model, settings, said, image)
        if sheet is not None:
            write_png(sheet, draw_sheet(_pictures(found, model.first.size or PROBE, image)))
        sure, notes = sureness(found, said), list(model.notes)
        card = replace(
            card, **{key: said[key] for key in ("author", "licence") if getattr(card, key) in ("", UNKNOWN) and key in said}
        )
        graph, wrapping = wrap(model.graph, found[0].wrapping), found[0].wrapping
        if frames:
            graph = freeze(graph, frames, wrapping.multiple)
        findings = {key: value for key, value in vars(wrapping).items() if value is not None}
        training = card.training | {"adopted": findings | {"sureness": sure, "frozen_frames": len(frames)}}
        thumbnail = encode_png(_thumbnail(found[0].display))
        style = _write(graph, wrapping, out, replace(card, training=training, thumbnail=thumbnail), notes)
    except GraphError as error:
        raise StyleError(f"{path} can't be adopted: {' '.join(str(error).split())[:400]}.") from error
    return Adopted(style, found, sure, notes)


def _settled(foreign, settings: Settings) -> Model:
    """With sliders for the inputs of few numbers, or, where these can't be left open, with their values."""
    try:
        return settle(modernise(foreign, settings.inputs, settings.output, sliders=True), settings)
    except GraphError:
        if not settings.inputs:
            raise
        return settle(modernise(foreign, settings.inputs, settings.output), settings)


def _runs(runner: Generator, name: str, value: float) -> bool:
    try:
        stylize(runner, {"image": np.ones((1, 1, 4), np.float32)}, controls={name: value})
    except ProviderError:
        return False
    return True


def _read(path: Path):
    try:
        if not path.is_file():
            raise StyleError(f"There is no model {path}.")
        if path.stat().st_size > MAX_FILE_BYTES:
            raise GraphError(f"it is larger than {MAX_FILE_BYTES // 2**20} MiB")
        content = path.read_bytes()
    except OSError as error:
        raise StyleError(f"{path} can't be read ({error.strerror}); may you read it?") from error
    model = parse_model(content)
    if any(p.key == METADATA_KEY for p in model.metadata_props):
        raise GraphError("it is a GAN Style file already; install it as it is")
    return model


def _find(model: Model, settings: Settings, said: dict[str, str], image: np.ndarray | None) -> list[Candidate]:
    fixed = {
        key: value for key in ("range_in", "range_out", "order", "encoding") if (value := getattr(settings, key)) is not None
    }
    if model.kind == np.uint8:
        fixed["range_in"] = "0..255"
    return candidates(model.answer(), model.first, said, _probe(model.first, image), fixed)


def _probe(wrapping: Wrapping, image: np.ndarray | None) -> np.ndarray:
    """(H, W, 3) radiance of a size that the model takes."""
    height, width = wrapping.size or (round_up(side, wrapping.multiple) for side in PROBE)
    if image is None:
        return still_life(height, width)[..., :3]
    rows, columns = (np.arange(side) * given // side for side, given in zip((height, width), image.shape[:2], strict=True))
    return np.ascontiguousarray(image[rows][:, columns, :3], np.float32)


def _pictures(found: list[Candidate], size: tuple[int, int], image: np.ndarray | None) -> dict[str, np.ndarray]:
    """The picture itself and the best reading for each range that went in, order and encoding, by label."""
    drawn = {"picture": encode_srgb(to_display(_probe(found[0].wrapping, image), "linear"))}
    step = -(-size[1] // SHEET_WIDTH)
    kinds = set()
    for number, candidate in enumerate(found):
        w = candidate.wrapping
        kind = w.range_in, w.order, w.encoding
        if kind not in kinds:
            drawn[f"{'* ' if number == 0 else ''}{candidate.label}"] = candidate.display
        kinds.add(kind)
    return {label: display[::step, ::step] for label, display in drawn.items()}


def _thumbnail(display: np.ndarray) -> np.ndarray:
    """At most THUMBNAIL pixels wide and high."""
    step = -(-max(display.shape[:2]) // THUMBNAIL)
    return display[::step, ::step]


def _write(graph, wrapping: Wrapping, out: Path, card: Style, notes: list[str]) -> Style:
    """Save the style, with an alignment at which small frames run too, and read it back."""
    alignment, window = wrapping.multiple, wrapping.size if wrapping.tiles else None
    card = replace(card, controls=open_sliders(graph))
    part = out.with_name(f"{out.name}.part")
    try:
        while True:
            save_style(part, graph, replace(card, passes=("image",), alignment=alignment, receptive_radius=0, window=window))
            written = load_style(part)
            try:
                runner = Generator(written, "cpu")
                stylize(runner, {"image": np.ones((1, 1, 4), np.float32)})
                break
            except RuntimeError as error:  # a border that is mirrored must not be wider than the frame
                if alignment >= MAX_ALIGNMENT:
                    raise GraphError(f"it does not run on small frames ({error})") from error
                alignment = min(max(2 * alignment, 16), MAX_ALIGNMENT)
        if any(c.high == MOST_WHOLE for c in card.controls):
            trimmed = (trim(c, partial(_runs, runner, c.name)) if c.high == MOST_WHOLE else c for c in card.controls)
            card = replace(card, controls=tuple(trimmed))
            save_style(part, graph, replace(written, controls=card.controls))
            written = load_style(part)
        os.replace(part, out)
    finally:
        part.unlink(missing_ok=True)
    frozen = card.training["adopted"]["frozen_frames"]
    if frozen:
        notes.append(f"Its statistics are fixed to those of {frozen} frame{'s' * (frozen > 1)}.")
    elif not written.tiles_exact and wrapping.size is None:
        notes.append("It takes statistics of the whole picture: frames are run whole; --freeze FRAME ... fixes them.")
    if card.controls:
        notes.append(f"Controls, one number per frame each: {', '.join(f'{c.name} ({c.default:g})' for c in card.controls)}.")
    if wrapping.scale > 1:
        notes.append(f"Its answer is {wrapping.scale} times as large; it is brought back, but core apply --upscale keeps it.")
    if card.licence == UNKNOWN:
        notes.append("Its licence is not known; ask its author before you use it, and give it with --licence.")
    return replace(written, path=out)
