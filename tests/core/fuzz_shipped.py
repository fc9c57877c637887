"""Tries mutants of the shipped styles: python -m tests.core.fuzz_shipped COUNT SEED FOLDER [FIRST].

Whatever becomes of a style, load_style() gives a Style or a StyleError in bounded time and memory, what it accepts runs or is
refused in order, and tiles that it calls exact give the picture of the whole frame. The file that is being tried lies in FOLDER:
after a crash it is found there. Mutants are numbered, and the same SEED and number give the same one.
"""

import logging
import random
import resource
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import onnx

from core import PASSES, Generator, PassError, ProviderError, Style, StyleError, load_style, stylize
from core.onnx_graph import OPERATORS
from core.style import SHIPPED
from tests.effort import no_hang

HEADROOM = 3 * 2**30
"""Bytes of address space that a mutant may take beyond what the process has already."""
FRAME = (24, 480)
"""Height and width of a frame that the shipped styles take in several tiles, one beside the other."""
NUMBERS = [-(2**63), -(2**31), -2, -1, 0, 1, 2, 3, 4, 5, 7, 8, 16, 255, 4096, 2**20, 2**31 - 1, 2**40, 2**62]
REALS = [float("nan"), float("inf"), -float("inf"), -1e30, -1.0, 0.0, 1e-30, 0.5, 2.0, 1e30]


def names(model) -> list[str]:
    made = [name for node in model.graph.node for name in node.output]
    return [*made, *(value.name for value in model.graph.input), *(tensor.name for tensor in model.graph.initializer), ""]


def other_operator(model, chance: random.Random) -> None:
    chance.choice(model.graph.node).op_type = chance.choice(sorted(OPERATORS))


def other_input(model, chance: random.Random) -> None:
    node = chance.choice(model.graph.node)
    if node.input:
        node.input[chance.randrange(len(node.input))] = chance.choice(names(model))


def more_inputs(model, chance: random.Random) -> None:
    chance.choice(model.graph.node).input.append(chance.choice(names(model)))


def without_node(model, chance: random.Random) -> None:
    """What the node made is what it took."""
    index = chance.randrange(len(model.graph.node))
    node = model.graph.node[index]
    for reader in model.graph.node:
        for place, name in enumerate(reader.input):
            if name in node.output and node.input:
                reader.input[place] = node.input[0]
    del model.graph.node[index]


def inserted_node(model, chance: random.Random) -> None:
    """An operator between a node and one that reads it, fed by what it may find."""
    index = chance.randrange(1, len(model.graph.node))
    node = model.graph.node[index]
    if node.input:
        place, schema = chance.randrange(len(node.input)), onnx.defs.get_schema(chance.choice(sorted(OPERATORS)), 18)
        more = [chance.choice(names(model)) for _ in range(min(schema.min_input, 5) - 1)]
        made = onnx.helper.make_node(schema.name, [node.input[place], *more], [f"new{chance.random()}"])
        for name, attribute in schema.attributes.items():
            if attribute.required and attribute.type == onnx.defs.OpSchema.AttrType.INT:
                made.attribute.append(onnx.helper.make_attribute(name, chance.choice(NUMBERS)))
            elif attribute.required and attribute.type == onnx.defs.OpSchema.AttrType.INTS:
                made.attribute.append(onnx.helper.make_attribute(name, [chance.choice(NUMBERS[4:14]) for _ in range(2)]))
        node.input[place] = made.output[0]
        nodes = [*model.graph.node[:index], made, *model.graph.node[index:]]
        del model.graph.node[:]
        model.graph.node.extend(nodes)


def other_attribute(model, chance: random.Random) -> None:
    node = chance.choice([node for node in model.graph.node if node.attribute])
    attribute = chance.choice(node.attribute)
    if attribute.ints:
        attribute.ints[chance.randrange(len(attribute.ints))] = chance.choice(NUMBERS)
    elif attribute.HasField("s"):
        attribute.s = chance.choice(
            [b"", b"linear", b"cubic", b"nearest", b"reflect", b"wrap", b"DCR", b"\xff\xfe", b"SAME_UPPER"]
        )
    elif attribute.HasField("f"):
        attribute.f = chance.choice(REALS)
    else:
        attribute.i = chance.choice(NUMBERS)


def other_weights(model, chance: random.Random) -> None:
    tensor = chance.choice(model.graph.initializer)
    values = onnx.numpy_helper.to_array(tensor).copy()
    pool = NUMBERS if values.dtype.kind in "iu" else REALS
    with np.errstate(all="ignore"):
        values.reshape(-1)[chance.randrange(max(values.size, 1)) :: chance.choice([1, 7, 10**9])] = chance.choice(pool)
    tensor.CopyFrom(onnx.numpy_helper.from_array(values, tensor.name))


def other_shape(model, chance: random.Random) -> None:
    """Of a weight, which then holds as many numbers as it says."""
    tensor = chance.choice(model.graph.initializer)
    values = onnx.numpy_helper.to_array(tensor)
    sides = list(values.shape)
    if sides:
        sides[chance.randrange(len(sides))] = chance.choice([0, 1, 2, 3, 5, 16])
        tensor.CopyFrom(onnx.numpy_helper.from_array(np.resize(values, sides), tensor.name))


MUTATIONS = (
    other_operator, other_input, more_inputs, without_node, inserted_node, other_attribute, other_weights, other_shape,
)  # fmt: skip


def mutant(sources: list[bytes], seed: int, number: int) -> bytes:
    """The bytes of a file: a changed graph, or, one time in eight, a graph whose bytes are changed."""
    chance = random.Random(f"{seed} {number}")
    content = chance.choice(sources)
    if chance.randrange(8) == 0:
        spoilt = bytearray(content)
        for _ in range(chance.randint(1, 8)):
            at = chance.randrange(len(spoilt)) if chance.randrange(2) else chance.randrange(4000)
            spoilt[at : at + chance.randint(0, 3)] = chance.randbytes(chance.randint(0, 3))
        return bytes(spoilt)
    model = onnx.load_model_from_string(content)
    for _ in range(chance.choice([1, 1, 1, 2, 3, 5])):
        chance.choice(MUTATIONS)(model, chance)
    return model.SerializeToString()


def attempt(path: Path, passes: dict[str, np.ndarray]) -> str:
    """Load a file and run it; what became of it."""
    with no_hang():
        try:
            style = load_style(path)
        except StyleError as error:
            assert str(error).isprintable() and len(str(error)) < 1000, "refused in words that can't be shown"
            return "refused"
        try:
            generator = Generator(style, "cpu", threads=1)
            whole = stylize(generator, passes)
        except (StyleError, ProviderError, PassError):
            return "refused by ONNX Runtime"
    return _in_tiles(style, generator, passes, whole)


def _in_tiles(style: Style, generator: Generator, passes: dict[str, np.ndarray], whole: np.ndarray) -> str:
    if not style.tiles_exact:
        return "run whole"
    difference = np.abs(stylize(generator, passes, tile=1) - whole) / np.maximum(np.abs(whole), 1)
    # Rounding, which differs from tile to tile, may be made much of by a strange graph, but not everywhere.
    assert (difference > 0.01).mean() < 0.1, "tiles that are called exact are not"
    return "run in tiles"


def main(count: int, seed: int, folder: Path, first: int = 0) -> None:
    logging.disable()
    sources = [path.read_bytes() for path in sorted(SHIPPED.glob("*.onnx"))]
    y, x = np.mgrid[: FRAME[0], : FRAME[1]]
    rng = np.random.default_rng(0)
    passes = {name: rng.random((*FRAME, p.channels), np.float32) for name, p in PASSES.items()}
    passes["position"] = np.stack([x * 0.02, y * 0.02, 0 * x], axis=-1).astype(np.float32)
    stylize(Generator(load_style(sorted(SHIPPED.glob("*.onnx"))[0]), "cpu", threads=1), passes)
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + HEADROOM, resource.RLIM_INFINITY))
    path, outcomes = folder / "mutant.onnx", Counter()
    for number in range(first, first + count):
        path.write_bytes(mutant(sources, seed, number))
        (folder / "number").write_text(f"{seed} {number}")
        outcomes[attempt(path, passes)] += 1
    print(dict(outcomes))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]), *map(int, sys.argv[4:]))
