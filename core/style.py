"""The style file: one .onnx whose metadata holds the contract between the trainer that wrote it and every host that runs it.

A style file is untrusted input. load_style() reads it once, and parses and checks these bytes with the onnx package; a runtime
gets the very same bytes.
"""

import base64
import binascii
import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from hashlib import sha256
from pathlib import Path

from .controls import Control, controls_from_json
from .memory import FrameCost, frame_cost
from .onnx_graph import MAX_OPSET as MAX_OPSET  # the trainer needs it too
from .onnx_graph import GraphError, check_graph, parse_model
from .onnx_tap import tap
from .passes import PASSES, Pass, guide
from .presentable import StyleError, check_line, check_name, check_picture
from .receptive_field import receptive_field

log = logging.getLogger(__name__)

FORMAT_VERSION = 3
"""The newest; a file is written in the oldest that knows all its fields."""
ADDED = {"window": 2, "placed": 3, "guides": 3, "controls": 3}
"""Fields that came with a version after 1; they are not written where they have their default."""
METADATA_KEY = "gan_style"
OUTPUT_NAME = "stylized"
PLACE = "place"
"""The input of a graph that is told where in the frame its pixels lie: (1, 2, height, width), column and row."""
MAX_FILE_BYTES = 256 * 2**20
MAX_CONTRACT = 2**20
MAX_NESTING = 16
WORKING_SPACE = "Linear Rec.709"
SHIPPED = Path(__file__).parents[1] / "addon" / "styles"
"""The folder of the styles that ship."""
WINDOW_SIDES = 16, 4096
UNWRITTEN = {"unwritten": True}
"""Marks the fields of a Style that are not part of the file."""


class ForeignModelError(StyleError):
    """The file is ONNX, but of another tool: adopt.adopt() may make a style of it."""


@dataclass(frozen=True)
class Style:
    """The contract of a style file.

    The graph takes scene-linear Rec.709 inputs named like the passes, each (1, channels, height, width) float32 with height and
    width multiples of `alignment` ("image" without its alpha: 3 channels, not premultiplied), and an input for each control. It
    returns "stylized", (1, 3, height, width) scene-linear RGB.
    """

    name: str
    author: str = ""
    licence: str = "CC0-1.0"
    description: str = ""
    passes: tuple[str, ...] = ("image",)
    """The graph's inputs in their order: names of passes.PASSES, and of `guides`."""
    alignment: int = 8
    """Height and width of the graph's inputs are multiples of this, and tiles start at multiples of it."""
    receptive_radius: int = 0
    """The greatest distance in pixels at which an input pixel can change an output pixel. It is at least what follows from the
    graph's operators: load_style() and save_style() raise a smaller number to that."""
    tiles_exact: bool = True
    """Whether tiles that overlap by the receptive radius give the picture that the whole frame gives; never for a graph that
    takes statistics of the whole image."""
    window: tuple[int, int] | None = None
    """Height and width of the one size that frames are run in, in overlapping windows with blended borders; None for any."""
    placed: bool = False
    """Whether the graph also takes PLACE, for what is tied to the screen: a tile by itself does not tell where it lies."""
    guides: tuple[Pass, ...] = ()
    """What else the style sees, under names of its own: pictures of 3 channels, in light, and mattes of 1, from 0 to 1."""
    controls: tuple[Control, ...] = ()
    """Further inputs, which the artist sets."""
    working_space: str = WORKING_SPACE
    training: dict = field(default_factory=dict)
    """Summary of the run that made the style: data, steps, seed, commands."""
    score_card: dict = field(default_factory=dict)
    thumbnail: bytes = b""
    """A small PNG, or empty."""
    path: Path | None = field(default=None, metadata=UNWRITTEN)
    """Where the style was read from."""
    cost: FrameCost = field(default=FrameCost(), compare=False, metadata=UNWRITTEN)
    """What its graph takes for a frame; see memory.frame_cost()."""
    has_layers: bool = field(default=False, compare=False, metadata=UNWRITTEN)
    """Whether layered.layered() can make it give layers besides the picture."""
    gives_layers: bool = field(default=False, compare=False, metadata=UNWRITTEN)
    """Whether its graph does so."""
    upscales: int = field(default=1, compare=False, metadata=UNWRITTEN)
    """Times that the sides of its graph's picture are those of the frame; more than 1 only for upscaled.upscaled()."""
    content: bytes = field(default=b"", repr=False, compare=False, metadata=UNWRITTEN)
    """The file as it was read and checked, which is what a Generator runs: the file may have changed since."""

    @cached_property
    def table(self) -> dict[str, Pass]:
        """What is known of each of the passes, in their order."""
        own = {g.name: g for g in self.guides}
        return {name: own.get(name) or PASSES[name] for name in self.passes}

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the file that was checked."""
        return sha256(self.content).hexdigest()

    @property
    def inputs(self) -> dict[str, int]:
        """The graph's inputs of the frame's size, in order: name -> channels. The image travels without its alpha."""
        inputs = {name: p.input_channels for name, p in self.table.items()} | ({PLACE: 2} if self.placed else {})
        return inputs | {c.name: 1 for c in self.controls if not c.per_frame}

    def to_json(self) -> str:
        contract = {f.name: getattr(self, f.name) for f in fields(self) if f.metadata != UNWRITTEN}
        contract["thumbnail"] = base64.b64encode(self.thumbnail).decode("ascii")
        contract["guides"] = [_guide_to_json(g) for g in self.guides]
        contract["controls"] = [control.to_json() for control in self.controls]
        defaults = {f.name: f.default for f in fields(self)} | {"guides": [], "controls": []}
        contract = {key: value for key, value in contract.items() if key not in ADDED or value != defaults[key]}
        version = max([1, *(ADDED[key] for key in contract if key in ADDED)])
        return json.dumps({"format_version": version, **contract}, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "Style":
        """Read and validate what to_json() wrote. Raises StyleError with a sentence that names the field."""
        if len(text) > MAX_CONTRACT:
            raise StyleError(f"its contract is longer than {MAX_CONTRACT} characters")
        try:
            contract = json.loads(text)
        except (ValueError, RecursionError) as error:  # not only JSONDecodeError: a number may have too many digits
            raise StyleError(f"its contract is not readable JSON ({error})") from error
        if not isinstance(contract, dict):
            raise StyleError("its contract is not a JSON object")
        version = contract.pop("format_version", None)
        if version not in range(1, FORMAT_VERSION + 1) or type(version) is not int:
            raise StyleError(
                f"it has format version {version}, but this GAN Style reads versions 1 to {FORMAT_VERSION}; "
                "export the style again or update the add-on"
            )
        known = {f.name for f in fields(cls) if f.metadata != UNWRITTEN and ADDED.get(f.name, 1) <= version}
        if unknown := sorted(set(contract) - known):
            raise StyleError(f"its contract has unknown fields: {', '.join(map(repr, unknown))}")
        if "name" not in contract:
            raise StyleError("its contract has no name")
        return cls(**_checked(contract))


def _checked(contract: dict) -> dict:
    """Check types and ranges of a contract's JSON values and turn them into Style's types."""
    checked = dict(contract)
    for key in ("name", "author", "licence", "description", "working_space"):
        value = contract.get(key, "")
        check_line(key, value, 2000)
    check_name(contract["name"])
    if contract.get("working_space", WORKING_SPACE) != WORKING_SPACE:
        raise StyleError(f"it works in the colour space '{contract['working_space']}', but only {WORKING_SPACE} is supported")
    for key, low, high in (("alignment", 1, 256), ("receptive_radius", 0, 2**14)):
        value = contract.get(key, low)
        if type(value) is not int or not low <= value <= high:
            raise StyleError(f"the field '{key}' of its contract must be a whole number from {low} to {high}, not {value!r}")
    for key in ("tiles_exact", "placed"):
        if type(contract.get(key, True)) is not bool:
            raise StyleError(f"the field '{key}' of its contract must be true or false")
    checked["controls"] = controls_from_json(contract.get("controls", []))
    checked["window"] = _checked_window(contract.get("window"), contract.get("alignment", 8))
    for key in ("training", "score_card"):
        if not isinstance(contract.get(key, {}), dict) or _nesting(contract.get(key, {})) > MAX_NESTING:
            raise StyleError(f"the field '{key}' of its contract must be an object of at most {MAX_NESTING} levels")
        for text in _texts(contract.get(key, {})):
            check_line(key, text)
    passes = contract.get("passes", ["image"])
    checked["guides"] = _checked_guides(contract.get("guides", []))
    own = {g.name for g in checked["guides"]}
    if twice := own & {c.name for c in checked["controls"]}:
        raise StyleError(f"it has a guide and a control called '{min(twice)}'")
    texts = isinstance(passes, list) and all(isinstance(p, str) for p in passes)
    if not texts or not passes or passes[0] != "image" or len(set(passes)) != len(passes):
        raise StyleError("the field 'passes' of its contract must be a list that starts with \"image\" and repeats nothing")
    if idle := own - set(passes):
        raise StyleError(f"it names guides that it does not take: {', '.join(map(repr, sorted(idle)))}")
    if unknown := [p for p in passes if p not in PASSES and p not in own]:
        raise StyleError(f"it needs passes that don't exist: {', '.join(map(repr, unknown))}")
    checked["passes"] = tuple(passes)
    try:
        checked["thumbnail"] = base64.b64decode(contract.get("thumbnail", ""), validate=True)
    except (binascii.Error, TypeError, ValueError) as error:
        raise StyleError("its thumbnail is not base64") from error
    check_picture(checked["thumbnail"])
    return checked


RANGES = {1: [0, 1], 3: [0, None]}
"""Channels of a guide of a style's own -> its range, None for no end."""


def _guide_to_json(guide: Pass) -> dict:
    return {"name": guide.name, "channels": guide.channels, "range": RANGES[guide.channels]}


def _checked_guides(values: object) -> tuple[Pass, ...]:
    if not isinstance(values, list) or not all(isinstance(v, dict) and v.keys() == {"name", "channels", "range"} for v in values):
        raise StyleError("the field 'guides' of its contract must be a list of objects with name, channels and range")
    guides = []
    for value in values:
        name, channels = value["name"], value["channels"]
        if not isinstance(name, str) or type(channels) is not int or value["range"] != RANGES.get(channels):
            raise StyleError("a guide in its contract must be a picture, of 3 channels from 0 on, or a matte, of 1 from 0 to 1")
        try:
            guides.append(guide(name, channels))
        except ValueError as error:
            raise StyleError(str(error)) from error
    if len({g.name for g in guides}) < len(guides):
        raise StyleError("its contract names a guide twice")
    return tuple(guides)


def _checked_window(sides: object, alignment: int) -> tuple[int, int] | None:
    if sides is None:
        return None
    low, high = WINDOW_SIDES
    if (
        not isinstance(sides, list)
        or len(sides) != 2
        or any(type(n) is not int or not low <= n <= high or n % alignment for n in sides)
    ):
        raise StyleError(
            f"the field 'window' of its contract must be a height and a width from {low} to {high}, multiples of the alignment"
        )
    return sides[0], sides[1]


def _texts(value: object) -> Iterator[str]:
    """The texts in a JSON value, the names of its fields among them."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for part in [*value, *value.values()] if isinstance(value, dict) else value:
            yield from _texts(part)


def _nesting(value: object) -> int:
    """Levels of objects and lists in a JSON value."""
    level, levels = [value], 0
    while level := [part for v in level if isinstance(v, dict | list) for part in (v.values() if isinstance(v, dict) else v)]:
        levels += 1
    return levels


def load_style(path: str | Path) -> Style:
    """Read and check a style file without running it. Raises StyleError with a sentence that says what to do."""
    path = Path(path)
    try:
        if not path.is_file():
            raise StyleError(f"There is no style file {path}; install the style again or choose another.")
        if path.stat().st_size > MAX_FILE_BYTES:
            raise StyleError(f"The style file {path} is larger than {MAX_FILE_BYTES // 2**20} MiB and is not opened.")
        content = path.read_bytes()
    except OSError as error:
        raise StyleError(f"The style file {path} can't be read ({error.strerror}); may you read it?") from error
    try:
        model = parse_model(content)
        contracts = [p.value for p in model.metadata_props if p.key == METADATA_KEY]
        if not contracts:
            raise ForeignModelError(
                "it carries no GAN Style contract; adopt it first, if it is another tool's network for images"
            )
        if len(contracts) > 1:
            raise StyleError("it carries several contracts")
        stated = Style.from_json(contracts[0])
        style = _checked_graph(model, stated)
    except (GraphError, StyleError) as error:
        kind = ForeignModelError if isinstance(error, ForeignModelError) else StyleError
        raise kind(f"The style file {path} can't be used: {_plain(str(error))}.") from error
    if style != stated:
        log.warning(
            "The style file %s promises too much: its graph sees %s, in steps of %d; GAN Style goes by that.",
            path,
            f"{style.receptive_radius} pixels far" if style.tiles_exact else "the whole frame",
            style.alignment,
        )
    return replace(style, path=path, content=content)


def _plain(text: str, length: int = 300) -> str:
    """One line without control characters: the file's own words may be in it."""
    text = "".join(c if c.isprintable() else " " for c in text)
    return text if len(text) <= length else f"{text[:length]}..."


def save_style(path: str | Path, model, style: Style) -> None:
    """Write an onnx.ModelProto with the style's contract in its metadata. Raises StyleError if load_style() would refuse it."""
    import onnx

    contract = _checked_graph(model, Style.from_json(style.to_json())).to_json()
    kept = [p for p in model.metadata_props if p.key != METADATA_KEY]
    del model.metadata_props[:]
    model.metadata_props.extend(kept)
    model.metadata_props.add(key=METADATA_KEY, value=contract)
    onnx.save_model(model, str(path))


def _checked_graph(model, style: Style) -> Style:
    """Check the graph, and return the style with the cost and the receptive field that follow from the graph."""
    inputs = style.inputs
    numbers = {c.name for c in style.controls if c.per_frame}
    try:
        check_graph(model, inputs, OUTPUT_NAME, style.alignment, numbers)
        seen = receptive_field(model, inputs, OUTPUT_NAME, style.alignment)
        cost = frame_cost(model, inputs, OUTPUT_NAME, style.alignment)
    except GraphError as error:
        raise StyleError(str(error)) from error
    return replace(
        style,
        alignment=seen.step,
        receptive_radius=max(style.receptive_radius, seen.radius or 0),
        tiles_exact=style.tiles_exact and seen.radius is not None and style.window is None,
        cost=cost,
        has_layers=tap(model, inputs, OUTPUT_NAME, seen.step) is not None,
    )
