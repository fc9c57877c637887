"""Makes the small style files in tests/fixtures; needs only onnx and numpy. Run: python tests/make_fixtures.py"""

import sys
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper

sys.path.insert(0, str(Path(__file__).parent.parent))
from core.controls import Control
from core.passes import LIGHT, PASSES, Pass, guide
from core.style import OUTPUT_NAME, Style, save_style

FIXTURES = Path(__file__).parent / "fixtures"
GEOMETRY = tuple(name for name in PASSES if name not in LIGHT)
LIT = ("image", "diffuse_direct", "glossy_direct", "emission", "ambient_occlusion")
OWN = (guide("hair_matte", 1), guide("strokes", 3))


def graph(
    nodes: list,
    weights: dict[str, np.ndarray],
    passes: tuple[str, ...],
    own: tuple[Pass, ...] = (),
    placed: bool = False,
    controls: tuple[Control, ...] = (),
):
    """A model of the given nodes with the inputs and the output of a style."""
    style = Style("any", passes=(*passes, *(g.name for g in own)), guides=own, placed=placed, controls=controls)
    shapes = {name: [1, channels, "height", "width"] for name, channels in style.inputs.items()}
    shapes |= {control.name: [1, 1, 1, 1] for control in controls if control.per_frame}
    inputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()]
    output = helper.make_tensor_value_info(OUTPUT_NAME, TensorProto.FLOAT, [1, 3, "height", "width"])
    tensors = [numpy_helper.from_array(np.asarray(w, np.float32), name) for name, w in weights.items()]
    body = helper.make_graph(nodes, "style", inputs, [output], tensors)
    return helper.make_model(body, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


def swap():
    """Red and blue change places, exactly: what goes in can be found again in what comes out."""
    nodes = [helper.make_node("Conv", ["image", "w"], [OUTPUT_NAME], kernel_shape=[1, 1])]
    return graph(nodes, {"w": np.eye(3)[::-1].reshape(3, 3, 1, 1)}, ("image",))


def wide():
    """Strided convolution, ReLU, convolution and DepthToSpace with random weights: alignment 4 and a receptive field."""
    rng = np.random.default_rng(0)
    weights = {"front": rng.normal(0, 0.2, (16, 3, 8, 8)), "middle": rng.normal(0, 0.15, (48, 16, 5, 5))}
    nodes = [
        helper.make_node("Conv", ["image", "front"], ["a"], kernel_shape=[8, 8], strides=[4, 4], pads=[2, 2, 2, 2]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Conv", ["b", "middle"], ["c"], kernel_shape=[5, 5], pads=[2, 2, 2, 2]),
        helper.make_node("DepthToSpace", ["c"], ["d"], blocksize=4, mode="CRD"),
        helper.make_node("Add", ["d", "image"], [OUTPUT_NAME]),
    ]
    return graph(nodes, weights, ("image",))


def normal():
    """Adds the normal pass to the image: a style with a guide."""
    return graph([helper.make_node("Add", ["image", "normal"], [OUTPUT_NAME])], {}, ("image", "normal"))


def tone():
    """log(1 + image): what comes out depends on the exposure of what goes in."""
    nodes = [
        helper.make_node("Relu", ["image"], ["light"]),
        helper.make_node("Add", ["light", "one"], ["more"]),
        helper.make_node("Log", ["more"], [OUTPUT_NAME]),
    ]
    return graph(nodes, {"one": np.ones(1)}, ("image",))


def placed():
    """Adds column and row to red and green."""
    nodes = [
        helper.make_node("Conv", ["place", "w"], ["added"], kernel_shape=[1, 1]),
        helper.make_node("Add", ["image", "added"], [OUTPUT_NAME]),
    ]
    return graph(nodes, {"w": np.eye(3, 2).reshape(3, 2, 1, 1)}, ("image",), placed=True)


def guided():
    """Adds a mixture of all guides to the image, with a weight of its own for each channel."""
    guides = {name: PASSES[name].channels for name in GEOMETRY if name != "image"}
    weights = np.random.default_rng(1).uniform(0.1, 1, (3, sum(guides.values()), 1, 1))
    nodes = [
        # Nearness instead of depth: the sky's 1e10 would leave no digits for the others.
        helper.make_node("Add", ["depth", "one"], ["farther"]),
        helper.make_node("Reciprocal", ["farther"], ["nearness"]),
        helper.make_node("Concat", ["nearness", *list(guides)[1:]], ["guides"], axis=1),
        helper.make_node("Conv", ["guides", "weights"], ["mixture"], kernel_shape=[1, 1]),
        helper.make_node("Add", ["image", "mixture"], [OUTPUT_NAME]),
    ]
    return graph(nodes, {"weights": weights, "one": np.ones(1)}, GEOMETRY)


def lit():
    """Adds passes of light, a picture and a matte of its own to the image, with a weight of its own for each channel."""
    inputs = {name: PASSES[name].channels for name in LIT[1:]} | {g.name: g.channels for g in OWN}
    weights = np.random.default_rng(2).uniform(0.1, 1, (3, sum(inputs.values()), 1, 1))
    nodes = [
        helper.make_node("Concat", list(inputs), ["guides"], axis=1),
        helper.make_node("Conv", ["guides", "weights"], ["mixture"], kernel_shape=[1, 1]),
        helper.make_node("Add", ["image", "mixture"], [OUTPUT_NAME]),
    ]
    return graph(nodes, {"weights": weights}, LIT, OWN)


CONTROLS = (
    Control("amount", 0.0, 4.0, 1.0, "How bright the image is, softly from pixel to pixel"),
    Control("lift", -1.0, 1.0, 0.0, "What is added to all of the frame", per_frame=True),
)


def controlled():
    """The image times its control `amount`, averaged over 5 x 5 pixels, plus its control `lift`."""
    nodes = [
        helper.make_node("Conv", ["amount", "box"], ["soft"], kernel_shape=[5, 5], pads=[2, 2, 2, 2]),
        helper.make_node("Mul", ["image", "soft"], ["bright"]),
        helper.make_node("Add", ["bright", "lift"], [OUTPUT_NAME]),
    ]
    return graph(nodes, {"box": np.full((1, 1, 5, 5), 0.04)}, ("image",), controls=CONTROLS)


def main() -> None:
    FIXTURES.mkdir(exist_ok=True)
    licence = {"author": "GAN Style", "licence": "CC0-1.0"}
    save_style(FIXTURES / "swap.onnx", swap(), Style("Swap", description="Red and blue change places.", alignment=1, **licence))
    # An output pixel sees two cells of 4 pixels to each side, and the front sees 2 pixels more.
    save_style(FIXTURES / "wide.onnx", wide(), Style("Wide", alignment=4, receptive_radius=13, **licence))
    save_style(FIXTURES / "normal.onnx", normal(), Style("Normal", alignment=1, passes=("image", "normal"), **licence))
    save_style(FIXTURES / "tone.onnx", tone(), Style("Tone", alignment=1, **licence))
    save_style(FIXTURES / "placed.onnx", placed(), Style("Placed", alignment=1, placed=True, **licence))
    save_style(FIXTURES / "guided.onnx", guided(), Style("Guided", alignment=1, passes=GEOMETRY, **licence))
    names = (*LIT, *(g.name for g in OWN))
    save_style(FIXTURES / "lit.onnx", lit(), Style("Lit", alignment=1, passes=names, guides=OWN, **licence))
    save_style(FIXTURES / "controlled.onnx", controlled(), Style("Controlled", alignment=1, controls=CONTROLS, **licence))


if __name__ == "__main__":
    main()
