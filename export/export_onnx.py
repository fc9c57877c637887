"""Writes a trained generator as a style file, after ONNX Runtime has given PyTorch's picture on random input."""

import logging
import os
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper

from core.colour import HALF_MAX
from core.generator import Generator
from core.passes import COLOUR, Pass
from core.style import OUTPUT_NAME, PLACE, Style, StyleError, load_style, save_style
from core.stylize import stylize
from core.webgpu import pad_channels

from .config import ExportConfig, TrainConfig, run_config
from .networks.encoding import places
from .networks.guided import GuidedGenerator
from .settings import TrainerError
from .training.checkpoint import load_checkpoint, load_module
from .training.objective import make_painter
from .training.record import HALF, training_record

log = logging.getLogger(__name__)

OPSET = 18
"""The latest operator set that a style may use: ONNX Runtime got CUDA kernels for later ones late."""
OPERATORS = {
    "Add",
    "AveragePool",
    "Cast",
    "Clip",
    "Concat",
    "Conv",
    "DepthToSpace",
    "Div",
    "Equal",
    "Exp",
    "Floor",
    "Log",
    "Max",
    "MaxPool",
    "Mul",
    "Neg",
    "Pad",
    "Reciprocal",
    "ReduceSum",
    "Relu",
    "Resize",
    "Sigmoid",
    "Sin",
    "Slice",
    "Split",
    "Sub",
}
"""All that a generator's graph may hold: each is fast in ONNX Runtime on the CPU and has a CUDA kernel."""
SIZES = ((64, 64), (1, 1), (37, 61), (130, 83))
"""(height, width) of the random frames that PyTorch and ONNX Runtime are compared on."""
LEAST_NOISE = 0.1
"""Least root mean square of the noise on one of these frames; on surfaces it is about 0.4."""


class ExportError(TrainerError):
    """The generator can't be written as a style file."""


def export(config: ExportConfig) -> Path:
    """Write the averaged generator of a run's newest checkpoint as a style file and return its path.

    Raises ExportError, and leaves no file behind, if ONNX Runtime and PyTorch disagree by more than the tolerance.
    """
    if config.out.suffix != ".onnx":
        raise ExportError(f"The style file's name must end in .onnx: {config.out}.")
    trained = run_config(config.run)
    tensors, state = load_checkpoint(config.run)
    generator = make_painter(trained)
    load_module("ema", generator, tensors)
    round_weights(generator)
    style = replace(
        style_of(config.run, trained, state, generator),
        name=config.name or config.out.stem,
        author=config.author,
        licence=config.licence,
        description=config.description,
    )
    difference = write_style(generator, style, config.out, config.tolerance)
    log.info("Wrote %s after %d steps; PyTorch and ONNX Runtime differ by at most %.1e.", config.out, state["step"], difference)
    return config.out


def style_of(run: Path, trained: TrainConfig, state: dict, generator: GuidedGenerator) -> Style:
    """The contract of a run's generator, still without a name of its own. state: step, seconds and scores, as of a checkpoint."""
    thumbnail = run / "thumbnail.png"
    return Style(
        name="Untitled",
        passes=generator.passes,
        placed=generator.placed,
        guides=trained.own_guides,
        controls=generator.controls,
        alignment=generator.alignment,
        training=training_record(run, trained, state),
        score_card={"held_out": state["scores"]} if state["scores"] else {},
        thumbnail=thumbnail.read_bytes() if thumbnail.is_file() else b"",
    )


@torch.no_grad()
def round_weights(generator: GuidedGenerator) -> None:
    """Round the weights of convolutions to float16, which halves the file; biases and buffers stay as they are."""
    for weight in (p for p in generator.parameters() if p.dim() == 4):
        weight.copy_(weight.clamp(-HALF_MAX, HALF_MAX).half())


def write_style(generator: GuidedGenerator, style: Style, path: Path, tolerance: float = 1e-3) -> float:
    """Write the file under another name, compare it with PyTorch, then rename it; returns the largest difference.

    It goes into the score card too, as "parity". Raises ExportError if the graph holds other operators than OPERATORS, breaks
    the contract or differs by more.
    """
    partial = path.with_suffix(".partial")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        model = to_onnx(generator)
        save_style(partial, model, style)
        difference = parity(generator, Generator(load_style(partial), "cpu"))
        if not difference <= tolerance:
            problem = f"PyTorch and ONNX Runtime differ by {difference:.2g}, more than {tolerance:g}"
            raise ExportError(f"{problem}; {path} was not written.")
        card = style.score_card | {"parity": float(f"{difference:.0e}")}
        save_style(partial, model, replace(style, score_card=card))
        os.replace(partial, path)
    except StyleError as error:
        raise ExportError(f"The style '{style.name}' can't be written: {error}") from error
    finally:
        partial.unlink(missing_ok=True)
    return difference


def to_onnx(generator: GuidedGenerator) -> onnx.ModelProto:
    """The generator as a graph for any height and width that are multiples of its alignment. Raises ExportError."""
    height, width = (generator.alignment * torch.export.Dim(name, min=1, max=4096) for name in ("h", "w"))
    shapes = tuple({2: height, 3: width} for _ in generator.takes)
    rules = {torch.ops.aten.index.Tensor: _looked_up}
    model = _exported(generator, dynamo=True, dynamic_shapes=(shapes,), custom_translation_table=rules)
    if strange := _strange(model, generator):
        raise ExportError(f"The generator's graph holds operators that a style may not use: {', '.join(strange)}.")
    onnx.checker.check_model(model, full_check=True)
    return model


def _looked_up(table, indices):
    """How a table of one axis is indexed, which our generators index no others of: GatherND, which PyTorch writes, is no operator
    that a style may use."""
    from onnxscript import opset18  # which takes seconds to import

    return opset18.Gather(table, indices[0], axis=0)


def to_onnx_quickly(generator: GuidedGenerator) -> onnx.ModelProto:
    """As to_onnx(), where PyTorch's older exporter can: it follows one run, with no thought for other sizes, and takes a tenth of
    a second instead of several. Whoever keeps the graph has to compare it with PyTorch, by parity(). Raises ExportError."""
    shapes = {name: {2: "height", 3: "width"} for name in (*generator.takes, OUTPUT_NAME)}
    model = _exported(generator, dynamo=False, dynamic_axes=shapes)
    return to_onnx(generator) if _strange(model, generator) else model


def _exported(generator: GuidedGenerator, **how: object) -> onnx.ModelProto:
    """What an exporter makes of the generator, as a style holds it. how: further arguments of torch.onnx.export()."""
    channels = {p.name: p.input_channels for p in generator.inputs} | {PLACE: 2}
    sides = 8 * generator.alignment, 9 * generator.alignment
    examples = tuple(torch.rand(1, channels[name], *sides) for name in generator.takes)
    buffer = BytesIO()
    with _quiet():
        names = {"input_names": list(generator.takes), "output_names": [OUTPUT_NAME]}
        torch.onnx.export(generator.eval(), examples, buffer, opset_version=OPSET, verbose=False, **names, **how)
    model = onnx.load_from_string(buffer.getvalue())
    _strip(model)
    _halve(model)
    pad_channels(model)
    return model


def _strange(model: onnx.ModelProto, generator: GuidedGenerator) -> list[str]:
    """Operators that a style may not use."""
    return sorted({n.op_type for n in model.graph.node} - OPERATORS - generator.operators)


def _strip(model: onnx.ModelProto) -> None:
    """Name the free dimensions plainly and drop what the exporter noted about its own machine, such as stack traces; constants
    are initializers."""
    for value in (*model.graph.input, *model.graph.output):
        for dim, name in zip(value.type.tensor_type.shape.dim[2:], ("height", "width"), strict=True):
            dim.dim_param = name
        del value.metadata_props[:]
    del model.graph.value_info[:]
    del model.metadata_props[:]
    del model.graph.metadata_props[:]
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    constants = [node for node in model.graph.node if node.op_type == "Constant"]
    for node in constants:
        node.attribute[0].t.name = node.output[0]
        model.graph.initializer.append(node.attribute[0].t)
        model.graph.node.remove(node)
    model.graph.name = "generator"


def _halve(model: onnx.ModelProto) -> None:
    """Store weights that float16 holds exactly as such, cast to float32 where they are used: ONNX Runtime does that once, on
    opening the file."""
    casts = {}
    for tensor in model.graph.initializer:
        weights = numpy_helper.to_array(tensor)
        if weights.ndim == 4 and weights.dtype == np.float32 and np.array_equal(weights, weights.astype(np.float16)):
            name, half = tensor.name, tensor.name + HALF
            tensor.CopyFrom(numpy_helper.from_array(weights.astype(np.float16), half))
            casts[name] = helper.make_node("Cast", [half], [name], to=onnx.TensorProto.FLOAT)
    nodes = []
    for node in model.graph.node:
        nodes += [casts.pop(name) for name in node.input if name in casts] + [node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)


@contextmanager
def _quiet() -> Iterator[None]:
    """Silences the exporter's warnings about packages and renamings, which do not concern us."""
    exporter = logging.getLogger("torch.onnx")
    level = exporter.level
    exporter.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        exporter.setLevel(level)


class _TorchGenerator:
    """Runs the PyTorch module where core.stylize expects a Generator, and remembers what stylize would hide."""

    def __init__(self, module: GuidedGenerator, style: Style):
        self.module, self.style, self.gave_nan = module, style, False

    def window(self, height: int, width: int) -> tuple[int, int]:
        """The whole frame at once."""
        return height, width

    @torch.no_grad()
    def run(self, inputs: dict[str, np.ndarray], release: bool = False, cancel: None = None) -> np.ndarray:
        output = self.module(*(torch.from_numpy(inputs[name]) for name in self.style.inputs))
        self.gave_nan |= bool(output.isnan().any())
        return output.numpy()


def parity(module: GuidedGenerator, generator: Generator) -> float:
    """Largest difference between PyTorch and ONNX Runtime over random frames of odd sizes through core.stylize.

    Scene-linear, absolute up to 1 and relative above; not a number if PyTorch gives one. A generator's noise takes part, and
    all values of its controls.
    """
    rng, worst, noise = np.random.default_rng(0), 0.0, 0.0
    reference = _TorchGenerator(module.eval(), generator.style)
    for height, width in SIZES:
        if height * width == 1 and not generator.style.tiles_exact:
            continue  # instance normalisation divides by the deviation, which on one pixel is nothing but rounding
        passes = _random_passes(generator.style.table.values(), height, width, rng)
        controls = {c.name: rng.uniform(c.low, c.high, (height, width, 1)) for c in generator.style.controls}
        expected, actual = (stylize(g, passes, controls=controls) for g in (reference, generator))
        worst = np.fmax(worst, (np.abs(expected - actual) / np.maximum(np.abs(expected), 1)).max())
        noise = max(noise, _strength_of_noise(module, passes))
    assert noise > LEAST_NOISE or not module.noise, "these frames would prove nothing about the noise"
    return float("nan") if reference.gave_nan else float(worst)


@torch.no_grad()
def _strength_of_noise(module: GuidedGenerator, passes: dict[str, np.ndarray]) -> float:
    """Root mean square of what a generator's noise gives in a frame; 0 if it has none."""
    height, width = (side // module.alignment * module.alignment for side in passes["image"].shape[:2])
    if not (module.noise and height and width):
        return 0.0
    seen = {
        n: torch.from_numpy(a[:height, :width, : 3 if n == "image" else None]).permute(2, 0, 1)[None] for n, a in passes.items()
    }
    seen[PLACE] = places(height, width)
    return module.noise_of(seen).square().mean().sqrt().item()


def _random_passes(kinds: Iterable[Pass], height: int, width: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Radiance over five orders of magnitude, soft alpha; positions on a surface; normals, colours and mattes up to 1, others up
    to 100."""
    passes = {}
    for kind in kinds:
        reach = 1 if kind.name == "normal" or kind.holds == COLOUR else 100
        passes[kind.name] = rng.uniform(-reach, reach, (height, width, kind.channels)).astype(np.float32)
    if "position" in passes:
        passes["position"] = _surface(height, width, rng)
    alpha = rng.uniform(0, 1, (height, width, 1))
    radiance = np.exp(rng.normal(-1, 2, (height, width, 3)))
    passes["image"] = np.concatenate([radiance * alpha, alpha], axis=-1).astype(np.float32)
    return passes


def _surface(height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """Points of a curved surface (H, W, 3) float32, whose pixels grow from left to right from about 0.002 to 0.5 units: over most
    octaves of the noise, which is 0 for random points, since they have no neighbours on a surface."""
    y, x = np.mgrid[:height, :width]
    along = (0.002 * 250 ** (x / width)).cumsum(axis=1)
    directions, origin = rng.normal(0, 0.6, (3, 3)), rng.uniform(-20, 20, 3)
    return (origin + np.stack([along, 0.01 * y, 0.05 * np.sin(y / 8)], axis=-1) @ directions).astype(np.float32)
