"""The generators that the table of speeds compares: the styles that ship, and others with random weights, which do not change
the cost."""

from pathlib import Path

import numpy as np
import onnx
import torch

from core.style import OUTPUT_NAME, SHIPPED, Style, save_style

from ..export_onnx import to_onnx
from ..modes import SIZES
from ..networks.build import make_generator
from ..networks.guided import GuidedGenerator
from ..networks.published import PEERS
from ..networks.published_lean import LEAN_PEERS

OURS = tuple(SIZES["cnn"])
STYLES = tuple(sorted(path.stem for path in SHIPPED.glob("*.onnx")))
BARE = "bare_convolutions"
"""3x3 convolutions of 48 channels alone: what the machine can do."""
GUIDED = "default_guided"
"""Our default with ten input channels."""
FAST_GUIDED = "fast_guided"
"""The smallest that is meant for looking on while working, with all guides that a viewport has."""
GUIDES = {
    GUIDED: ("default", ("image", "albedo", "normal", "depth")),
    FAST_GUIDED: ("fast", ("image", "normal", "depth", "position")),
}
NAMES = (*OURS, *STYLES, BARE, *LEAN_PEERS, *PEERS)
FILES = (*STYLES, BARE)
"""Those that exist as graphs only, not as PyTorch modules."""


def build(name: str) -> GuidedGenerator:
    """One of NAMES but FILES, or of GUIDES, always with the same weights."""
    torch.manual_seed(0)
    if name in LEAN_PEERS:
        return LEAN_PEERS[name]().eval()
    if name in GUIDES:
        size, passes = GUIDES[name]
        return make_generator(passes, size).eval()
    return (make_generator(("image",), name) if name in OURS else make_generator(("image",), kind=name)).eval()


def write(name: str, folder: Path) -> Path:
    """The generator's graph as a style file: one that ships, or else made once."""
    if name in STYLES:
        return SHIPPED / f"{name}.onnx"
    path = folder / f"{name}.onnx"
    if not path.is_file():
        if name == BARE:
            save_style(path, bare_convolutions(), Style(name, alignment=4))
        else:
            generator = build(name)
            save_style(path, to_onnx(generator), Style(name, passes=generator.passes, alignment=generator.alignment))
    return path


def bare_convolutions(channels: int = 48, count: int = 12) -> onnx.ModelProto:
    """3x3 convolutions at a quarter of the size between the least that makes a style of them."""
    rng, node = np.random.default_rng(0), onnx.helper.make_node
    shapes = [(channels, 3, 4, 4), *[(channels, channels, 3, 3)] * count]
    values = [rng.normal(0, 0.05, shape).astype(np.float32) for shape in shapes]
    weights = [onnx.numpy_helper.from_array(value, f"w{index}") for index, value in enumerate(values)]
    nodes = [node("Conv", ["image", "w0"], ["x0"], strides=[4, 4])]
    nodes += [node("Conv", [f"x{i}", f"w{i + 1}"], [f"x{i + 1}"], pads=[1] * 4) for i in range(count)]
    nodes.append(node("DepthToSpace", [f"x{count}"], [OUTPUT_NAME], blocksize=4))
    picture, kind = [1, 3, "height", "width"], onnx.TensorProto.FLOAT
    image, result = (onnx.helper.make_tensor_value_info(name, kind, picture) for name in ("image", OUTPUT_NAME))
    graph = onnx.helper.make_graph(nodes, "bare", [image], [result], weights)
    return onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=10)
