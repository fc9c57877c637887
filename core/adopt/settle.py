"""Settles a foreign model's layout, sizes and scale, and frees it of the one size that it was exported for, if it can be."""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ..onnx_graph import GraphError, check_graph
from ..runtime import open_model
from ..style import OUTPUT_NAME, WINDOW_SIDES, StyleError
from ..tiles import round_up
from .find import Answer, find_answer_layout, find_layout
from .sizes import (
    OBSERVED,
    VERIFIED,
    is_known,
    keeps_picture,
    multiple_of,
    observe,
    picture_shape,
    set_shape,
    set_sizes,
    shapes_at,
    takes_statistics,
    unbake,
)
from .wrap import Wrapping, free_input, wrap

FITS = ("tiles", "scale")


@dataclass(frozen=True)
class Settings:
    """What is set by hand; None is found out."""

    layout: str | None = None
    range_in: str | None = None
    range_out: str | None = None
    order: str | None = None
    encoding: str | None = None
    size: tuple[int, int] | None = None
    """Height and width of the one size that the model takes."""
    multiple: int | None = None
    fit: str | None = None
    """Of FITS: how frames are brought to the one size."""
    output: str | None = None
    inputs: dict[str, np.ndarray] = field(default_factory=dict)
    """What the inputs get that are no pictures."""


@dataclass(frozen=True)
class Model:
    """A foreign model in today's operators, its sizes settled."""

    graph: Any
    """onnx.ModelProto."""
    first: Wrapping
    """With what its shapes say; the rest is to be found."""
    kind: np.dtype
    notes: list[str]

    def answer(self) -> Answer:
        """find.Answer: the model's output for its input."""
        run, (entry, exit_) = open_model(self.graph), (self.graph.graph.input[0].name, self.graph.graph.output[0].name)
        top = 255 if self.kind == np.uint8 else np.inf
        return lambda tensor: run({entry: np.clip(tensor, -np.inf if top > 255 else 0, top).astype(self.kind)}, [exit_])[0]


def settle(graph, settings: Settings) -> Model:
    """Find layout, size, multiple and scale."""
    import onnx

    if len(graph.graph.input) != 1:
        raise GraphError(_further_inputs(graph))
    tensor = graph.graph.input[0].type.tensor_type
    kinds = {onnx.TensorProto.FLOAT: np.float32, onnx.TensorProto.FLOAT16: np.float16, onnx.TensorProto.UINT8: np.uint8}
    if tensor.elem_type not in kinds:
        raise GraphError("it is no model for pictures: its input is neither float32, float16 nor uint8")
    dims = [dim.dim_value if dim.dim_value > 0 else None for dim in tensor.shape.dim]
    problem = GraphError("it is no model for pictures")
    for layout in find_layout(dims, settings.layout):
        channels = dims[layout.index("C")] or 3
        size = dims[layout.index("H")], dims[layout.index("W")]
        try:
            first, notes, settled = _sizes(graph, layout, channels, size, settings)
        except GraphError as error:
            problem = error
            continue
        return Model(settled, first, np.dtype(kinds[tensor.elem_type]), notes)
    raise problem


def _further_inputs(graph) -> str:
    names = []
    for value in graph.graph.input:
        sides = [dim.dim_value or "any" for dim in value.type.tensor_type.shape.dim]
        names.append(f"{value.name.removeprefix('net/')} ({' x '.join(map(str, sides)) or 'one number'})")
    return f"it has {len(names)} inputs, {', '.join(names)}; give those that are not the picture values with --input NAME=VALUE"


def _sizes(
    graph, layout: str, channels: int, size: tuple[int | None, int | None], settings: Settings
) -> tuple[Wrapping, list[str], object]:
    """(what the shapes say, notes, the graph), free of its size if it can be. Raises GraphError if the layout doesn't fit."""
    base = Wrapping(layout, layout, "0..1", "0..1", "rgb", "srgb", channels, 3, settings.multiple or 1, 1, None)
    height, width = settings.size or size
    if height is not None and width is not None:
        return _fixed(graph, base, (height, width), settings)
    free = _copy(graph)
    if not is_known(free, picture_shape(layout, *OBSERVED, channels)):
        free = _observed(graph, layout, channels)
    multiple = settings.multiple or multiple_of(free, layout, channels)
    observed = round_up(OBSERVED[0], multiple), round_up(OBSERVED[1], multiple)
    wrapping = _with_answer(free, replace(base, multiple=multiple), observed)
    free_input(free, layout, channels)
    _check(free, wrapping)
    return wrapping, [], free


def _observed(graph, layout: str, channels: int):
    """The graph with the sizes that it computes while it runs said beforehand. Raises GraphError if that changes its answer."""
    free, shape = _copy(graph), picture_shape(layout, *OBSERVED, channels)
    set_sizes(free, observe(free, shape))
    unbake(free, shape)
    other = picture_shape(layout, *VERIFIED, channels)
    observe(graph, other)  # raises GraphError if it would take too much
    problem = GraphError("it computes sizes while it runs in a way that is not understood; export it again with fixed sizes")
    if not is_known(free, other):
        raise problem
    tensor = np.random.default_rng(0).random(other, np.float32)
    name, answer = graph.graph.input[0].name, [graph.graph.output[0].name]
    kept, original = (open_model(model)({name: tensor}, answer)[0] for model in (free, graph))
    if kept.shape != original.shape or np.abs(kept - original).max() > 1e-3 * max(float(original.std()), 1e-6):
        raise problem
    return free


def _fixed(graph, base: Wrapping, size: tuple[int, int], settings: Settings) -> tuple[Wrapping, list[str], object]:
    """A model of one size: made free if its answer stays the same, else run at that size."""
    fixed, shape = _copy(graph), picture_shape(base.layout, *size, base.channels_in)
    set_shape(fixed, shape)
    if not is_known(fixed, shape):
        set_sizes(fixed, observe(fixed, shape))
    wrapping = replace(_with_answer(fixed, base, size), size=size)
    _check(fixed, wrapping)
    named = f"{size[1]} x {size[0]}"
    if settings.size is None:
        for resized in (False, True):
            if freed := _freed(fixed, wrapping, shape, settings, resized):
                return freed[0], [f"It was exported for {named} pixels; freed of that, it runs at any size."], freed[1]
    if not all(WINDOW_SIDES[0] <= side <= WINDOW_SIDES[1] for side in size):
        raise GraphError(f"it takes {named} pixels only, but sides from {WINDOW_SIDES[0]} to {WINDOW_SIDES[1]} can be run")
    tiles = settings.fit == "tiles" or (settings.fit is None and not takes_statistics(fixed, shape))
    how = "run in overlapping tiles of that, whose borders are blended" if tiles else "scaled to that and back"
    return replace(wrapping, tiles=tiles), [f"It takes {named} pixels only: frames are {how}."], fixed


def _freed(fixed, wrapping: Wrapping, shape: list[int], settings: Settings, resized: bool) -> tuple[Wrapping, object] | None:
    """A model of one size made free; None if its answer does not stay the same.

    resized: whether what a Resize computes as its size is said first, as it may be made of shapes and of the one size.
    """
    free = _copy(fixed)
    try:
        if resized:
            taken = {name for node in free.graph.node if node.op_type == "Resize" for name in node.input[3:]}
            set_sizes(free, {name: size for name, size in observe(free, shape).items() if name in taken})
        unbake(free, shape)
        multiple = settings.multiple or multiple_of(free, wrapping.layout, wrapping.channels_in)
        free_input(free, wrapping.layout, wrapping.channels_in)
        freed = replace(wrapping, size=None, multiple=multiple)
        _check(free, freed)
        before, after = (Model(model, freed, np.dtype(np.float32), []).answer() for model in (fixed, free))
        if any(keeps_picture(before, after, white * _textured(shape), wrapping.layout) for white in (1, 255)):
            return freed, free
    except (GraphError, StyleError):
        pass  # it stays at its size
    return None


def _textured(shape: list[int]) -> np.ndarray:
    """Values in [0, 1] with detail of all sizes, that go on at the borders as at the other side."""
    rng = np.random.default_rng(0)
    noise = np.fft.fftn(rng.random(shape))
    distance = np.sqrt(sum(np.minimum(i, n - i) ** 2.0 for i, n in zip(np.indices(shape), shape, strict=True) if n > 4))
    smooth = np.fft.ifftn(noise / (1 + distance)).real
    return ((smooth - smooth.min()) / (smooth.max() - smooth.min())).astype(np.float32)


def _with_answer(graph, wrapping: Wrapping, size: tuple[int, int]) -> Wrapping:
    answer = shapes_at(graph, picture_shape(wrapping.layout, *size, wrapping.channels_in)).get(graph.graph.output[0].name)
    if answer is None:
        raise GraphError("the size of its answer is not known before it runs")
    layout, channels, scale = find_answer_layout(answer, wrapping.layout, size)
    if scale > 4:
        raise GraphError(f"its answer is {scale} times as large as its picture, and more than 4 is not brought back")
    return replace(wrapping, layout_out=layout, channels_out=channels, scale=scale)


def _check(graph, wrapping: Wrapping) -> None:
    """Check what would be run as every style file is checked, before anything is run."""
    check_graph(wrap(graph, wrapping), {"image": 3}, OUTPUT_NAME, wrapping.multiple)


def _copy(graph):
    import onnx

    copied = onnx.ModelProto()
    copied.CopyFrom(graph)
    return copied
