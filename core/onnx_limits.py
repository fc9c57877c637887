"""What an untrusted graph may take, however it is built: memory, work, and constants; nothing may grow faster than the frame."""

from collections.abc import Iterator

from .onnx_sizes import GraphError, Sizes, check_lists, constant_names, constants, infer_sizes
from .onnx_work import multiplications, workspace

MAX_NODES = 2000
MAX_CONVOLUTIONS = 600
"""ONNX Runtime's time to open a file grows with their square: 1 s for so many. The largest published generators have 400."""
MAX_BYTES_PER_PIXEL = 2**15
"""All intermediate results of the graph together; a generator with 64 channels at full resolution has about 6000."""
MAX_MULTIPLICATIONS = 8_000_000
"""Of the whole graph per pixel of the frame; see onnx_work.multiplications(). CycleGAN's generator has 0.8 million."""
MAX_MULTIPLICATIONS_AT_ONCE = 600_000
"""Of one operator, within which a run can't be stopped; a 3x3 convolution of 128 channels at full resolution has 147,000."""
MAX_CONSTANT_BYTES = 2**26
"""What may follow from weights alone, which ONNX Runtime computes when it opens the file: so much, and ..."""
MAX_CONSTANT_GROWTH = 4
"""... so many times the weights themselves, which may be stored as half floats."""
PROBE_SIZE = (192, 256)
"""Height and width for which the sizes are computed; unequal, so that they can't be mistaken for each other."""
MAX_GROWTH = 6
"""Times that a result may be larger when both sides of the frame are doubled: 4 and a little for borders; attention along rows
makes it 8, attention between all pixels 16."""


def check_count(model) -> None:
    """Check that ONNX Runtime can open the graph in a moment. Raises GraphError."""
    nodes, convolutions = len(model.graph.node), sum(node.op_type.startswith("Conv") for node in model.graph.node)
    if nodes > MAX_NODES or convolutions > MAX_CONVOLUTIONS:
        found = f"{nodes} operators, {convolutions} of them convolutions"
        raise GraphError(f"it has {found}; at most {MAX_NODES} and {MAX_CONVOLUTIONS} are allowed")


def check_limits(model, inputs: dict[str, int], output: str, alignment: int) -> None:
    """Check that the sizes of all results are known beforehand, that they and the work are bearable, and that they grow no faster
    than the frame."""
    height, width = (-(-side // alignment) * alignment for side in PROBE_SIZE)
    check_lists(model, inputs, height, width)
    sizes = infer_sizes(model, inputs, output, height, width)
    empty = {name for name, shape in sizes.shapes.items() if 0 in shape}
    for node in model.graph.node:
        if node.op_type != "Resize" and empty.intersection(node.input):  # of which ONNX Runtime crashes when it opens some graphs
            raise GraphError(f"its operator {node.op_type} gets an empty input")
    for name in _results(model):
        if name not in sizes.shapes:
            raise GraphError(f"the size of its intermediate result '{name}' is not known before it runs")
    _check_division(model, sizes)
    _check_constants(model, sizes)
    taken = sum(map(sizes.bytes, _results(model))) + sum(workspace(node, sizes) for node in model.graph.node)
    if taken > MAX_BYTES_PER_PIXEL * height * width:
        raise GraphError(f"it would need {taken // 2**20} MiB for a frame of {width} x {height} pixels, which is too much")
    _check_work(model, sizes, height * width)
    _check_growth(model, sizes, infer_sizes(model, inputs, output, 2 * height, 2 * width))


def _check_division(model, sizes: Sizes) -> None:
    """Check that whole numbers are divided by constants above 0: the processor ends the process that divides the lowest by -1."""
    import onnx

    floats = (onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16, onnx.TensorProto.DOUBLE)
    divisions = [node for node in model.graph.node if node.op_type == "Div" and sizes.types.get(node.output[0]) not in floats]
    known = constants(model) if divisions else {}
    for node in divisions:
        divisor = known.get(node.input[1])
        if divisor is None or not (onnx.numpy_helper.to_array(divisor) > 0).all():
            raise GraphError("it divides whole numbers by what is not a constant above 0, which could end Blender")


def _check_constants(model, sizes: Sizes) -> None:
    """Check that what ONNX Runtime will compute on opening the file is not much more than the file holds."""
    weights = {tensor.name for tensor in model.graph.initializer}
    held = sum(map(sizes.bytes, weights))
    made = sum(sizes.bytes(name) for name in constant_names(model) - weights)
    if made > MAX_CONSTANT_BYTES + MAX_CONSTANT_GROWTH * held:
        raise GraphError(f"its constants unfold from {held // 2**20} to {made // 2**20} MiB, which is too much")


def _check_work(model, sizes: Sizes, pixels: int) -> None:
    work = [(multiplications(node, sizes), node.op_type) for node in model.graph.node]
    total, (longest, slowest) = sum(count for count, _ in work), max(work, default=(0, ""))
    if longest > MAX_MULTIPLICATIONS_AT_ONCE * pixels:
        raise GraphError(
            f"its operator {slowest} multiplies {longest // pixels} times for each pixel, which could not be stopped; "
            f"at most {MAX_MULTIPLICATIONS_AT_ONCE} are allowed in one operator"
        )
    if total > MAX_MULTIPLICATIONS * pixels:
        raise GraphError(f"it multiplies {total // pixels} times for each pixel; at most {MAX_MULTIPLICATIONS} are allowed")


def _check_growth(model, sizes: Sizes, longer: Sizes) -> None:
    """Check that nothing grows faster than the frame, of which both sides are twice as long in `longer`."""
    for name in _results(model):
        if longer.values(name) > MAX_GROWTH * sizes.values(name):
            raise GraphError(
                f"its intermediate result '{name}' grows faster than the frame, as attention between all pixels does"
            )
    for node in model.graph.node:
        if multiplications(node, longer) > MAX_GROWTH * max(multiplications(node, sizes), 1):
            raise GraphError(f"the work of its operator {node.op_type} grows faster than the frame")
        if (memory := workspace(node, longer)) and memory > MAX_GROWTH * workspace(node, sizes):
            raise GraphError(f"the memory of its operator {node.op_type} grows faster than the frame")


def _results(model) -> Iterator[str]:
    return (name for node in model.graph.node for name in node.output if name)
