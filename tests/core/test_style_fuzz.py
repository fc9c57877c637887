"""Style files from strangers: whatever the bytes, load_style() gives a Style or a StyleError, in bounded time and memory.

GAN_STYLE_FUZZ sets the number of inputs per test, and lets each run try other ones.
"""

import json
import os
from contextlib import suppress
from pathlib import Path

import onnx
import pytest

from core import Generator, PassError, ProviderError, Style, StyleError, load_style, stylize
from core.onnx_graph import OPERATORS
from core.passes import PASSES
from tests.conftest import FIXTURES
from tests.effort import no_hang

hypothesis = pytest.importorskip("hypothesis")
st = hypothesis.strategies

SEEDS = [(FIXTURES / f"{name}.onnx").read_bytes() for name in ("swap", "normal", "wide")]
EXAMPLES = os.environ.get("GAN_STYLE_FUZZ")
HEADROOM = 2 * 2**30
"""Bytes of address space that loading and running a style may take beyond what the tests have already."""

fuzz = hypothesis.settings(
    max_examples=int(EXAMPLES or 60),
    derandomize=EXAMPLES is None,
    database=None,
    deadline=None,
    suppress_health_check=list(hypothesis.HealthCheck),
)


@pytest.fixture(scope="module", autouse=True)
def bounded_memory():
    """An allocation beyond the headroom fails, and with it the test."""
    resource = pytest.importorskip("resource")
    load_style(FIXTURES / "swap.onnx")
    pages = int(Path("/proc/self/statm").read_text().split()[0]) if Path("/proc/self/statm").exists() else None
    if pages is None:
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + HEADROOM, hard))
    yield
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz") / "style.onnx"


def load(file: Path, content: bytes) -> Style | None:
    """The style, or None if it was refused as it should be."""
    file.write_bytes(content)
    with no_hang():
        try:
            return load_style(file)
        except StyleError as error:
            text = str(error)
            assert len(text) < 1000 and text.isprintable() and str(file) in text
            return None


def run(style: Style, frame) -> None:
    """What was accepted may still be refused by ONNX Runtime, but in order."""
    passes = {p.name: frame(3, 5)[..., : p.channels] for p in PASSES.values()}
    with no_hang(), suppress(StyleError, ProviderError, PassError):
        assert stylize(Generator(style, "cpu", threads=1), passes).shape == (3, 5, 4)


positions = st.integers(0, 2**16)
edits = st.lists(
    st.one_of(
        st.tuples(st.just("set"), positions, st.binary(min_size=1, max_size=10)),
        st.tuples(st.just("insert"), positions, st.binary(min_size=1, max_size=40)),
        st.tuples(st.just("delete"), positions, st.integers(1, 64)),
        st.tuples(st.just("repeat"), positions, st.integers(1, 300)),
    ),
    min_size=1,
    max_size=6,
)


def edited(content: bytes, changes: list) -> bytes:
    for kind, position, what in changes:
        at = position % max(len(content), 1)
        if kind == "set":
            content = content[:at] + what + content[at + len(what) :]
        elif kind == "insert":
            content = content[:at] + what + content[at:]
        elif kind == "delete":
            content = content[:at] + content[at + what :]
        else:
            content = content[: at + what] + content[at:]
    return content


@fuzz
@hypothesis.given(st.sampled_from(SEEDS[:2]), edits)
def test_damaged_bytes(file, seed, changes):
    load(file, edited(seed, changes))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30) | st.sampled_from([10**400, "image"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
FIELDS = sorted(json.loads(Style("S").to_json()))


@fuzz
@hypothesis.given(st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=20), json_values, min_size=1, max_size=3))
def test_strange_contracts(file, changes):
    model = onnx.load_model_from_string(SEEDS[1])
    contract = json.loads(model.metadata_props[0].value) | changes
    model.metadata_props[0].value = json.dumps(contract)
    style = load(file, model.SerializeToString())
    if style:
        assert style.passes == ("image", "normal") and style.name.strip() and "\n" not in style.description


@fuzz
@hypothesis.given(st.text(max_size=40) | st.binary(max_size=40), st.integers(0, 2000))
def test_broken_contract_text(file, noise, at):
    model = onnx.load_model_from_string(SEEDS[0])
    text = model.metadata_props[0].value.encode()
    noise = noise.encode(errors="surrogatepass") if isinstance(noise, str) else noise
    load(file, SEEDS[0].replace(text, (text[:at] + noise + text[at + len(noise) :])[: len(text)].ljust(len(text))))


NUMBERS = [-(2**63), -(2**31), -1, 0, 1, 2, 3, 7, 18, 10**5, 2**31 - 1, 2**40, 2**62]
NAMES = [
    "",
    "image",
    "stylized",
    "w",
    "../../x",
    "<b>",
    "a\nb",
    "com.microsoft",
    "Loop",
    "If",
    "ConstantOfShape",
    "Expand",
    "Tile",
    "Resize",
    "Pad",
    "Range",
    "Reshape",
    "Transpose",
    "MatMul",
    "Einsum",
    "NonZero",
    "Concat",
    "ConvTranspose",
    "MaxPool",
    "Gather",
    "RandomNormal",
    "Slice",
    "Split",
    "DepthToSpace",
    "SequenceEmpty",
    "Optional",
    "axis",
    "shape",
    "value",
    "pads",
]


def messages(message) -> list:
    """The message and all that it holds, at any depth."""
    found = [message]
    for field, value in message.ListFields():
        if field.message_type is not None:
            for part in value if field.is_repeated else [value]:
                found += messages(part)
    return found


def scalars(field):
    """Strategy for the values of a field that holds no message."""
    kinds = {
        field.TYPE_STRING: st.sampled_from(NAMES),
        field.TYPE_BYTES: st.binary(max_size=40),
        field.TYPE_FLOAT: st.floats(width=32),
        field.TYPE_DOUBLE: st.floats(),
        field.TYPE_UINT64: st.integers(0, 2**64 - 1),
    }
    if field.enum_type is not None:
        return st.sampled_from([value.number for value in field.enum_type.values])
    low, high = (-(2**31), 2**31 - 1) if field.type == field.TYPE_INT32 else (-(2**63), 2**63 - 1)
    return kinds.get(field.type, st.sampled_from(NUMBERS).map(lambda n: min(max(n, low), high)))


def mutate(model, data) -> None:
    """Change one field somewhere in the model as protobuf allows it."""
    message = data.draw(st.sampled_from(messages(model)))
    field = data.draw(st.sampled_from(list(message.DESCRIPTOR.fields)))
    if not field.is_repeated:
        if field.message_type is not None:
            getattr(message, field.name).SetInParent()
        else:
            setattr(message, field.name, data.draw(scalars(field)))
        return
    values = getattr(message, field.name)
    choice = data.draw(st.sampled_from(["add", "remove", "copy"]))
    if choice == "remove" and values:
        del values[data.draw(st.integers(0, len(values) - 1))]
    elif choice == "copy" and values:
        values.append(values[data.draw(st.integers(0, len(values) - 1))])
    elif field.message_type is not None:
        values.add()
    else:
        values.append(data.draw(scalars(field)))


@fuzz
@hypothesis.given(st.sampled_from(SEEDS), st.integers(1, 8), st.data())
def test_well_formed_files_with_strange_graphs(file, frame, seed, count, data):
    model = onnx.load_model_from_string(seed)
    for _ in range(count):
        mutate(model, data)
    style = load(file, model.SerializeToString())
    if style:
        run(style, frame)


SCHEMAS = [onnx.defs.get_schema(name, 18) for name in sorted(OPERATORS)]
whole_numbers = st.sampled_from([-(2**40), -1, 0, 1, 2, 3, 4, 8, 100, 2**16, 2**31, 2**40])
real_numbers = st.sampled_from([0.0, 0.5, 1.0, 2.0, 1e6])
VALUES = {
    "INT": whole_numbers,
    "FLOAT": st.sampled_from([-1.0, 0.0, 0.5, 2.0, 1e9, float("inf"), float("nan")]),
    "INTS": st.lists(whole_numbers, max_size=8),
    "FLOATS": st.lists(st.floats(width=32), max_size=4),
    "STRING": st.sampled_from(["", "linear", "cubic", "nearest", "reflect", "SAME_UPPER", "ab,bc->ac", "CRD", "floor"]),
}


@st.composite
def operations(draw):
    """An operator that is allowed, with some of its attributes, fed by the picture, its weights and small constants."""
    schema = draw(st.sampled_from(SCHEMAS))
    count = draw(st.integers(schema.min_input, min(schema.max_input, schema.min_input + 4)))
    inputs = draw(st.lists(st.sampled_from(["c", "c", "w", "n", "f", ""]), min_size=count, max_size=count))
    attributes = {
        name: draw(VALUES[attribute.type.name])
        for name, attribute in schema.attributes.items()
        if attribute.type.name in VALUES and (attribute.required or draw(st.booleans()))
    }
    made = onnx.helper.make_node(schema.name, inputs, ["x"])
    made.attribute.extend(  # an empty list has no type of its own
        onnx.helper.make_attribute(name, value, attr_type=getattr(onnx.AttributeProto, schema.attributes[name].type.name))
        for name, value in attributes.items()
    )
    return made


@fuzz
@hypothesis.given(operations(), st.lists(whole_numbers, max_size=8), st.lists(real_numbers, max_size=4))
def test_any_allowed_operator_with_any_numbers(file, frame, operation, whole, real):
    model = onnx.load_model_from_string(SEEDS[0])
    model.graph.node[0].output[0] = "c"
    model.graph.initializer.append(onnx.helper.make_tensor("n", onnx.TensorProto.INT64, [len(whole)], whole))
    model.graph.initializer.append(onnx.helper.make_tensor("f", onnx.TensorProto.FLOAT, [len(real)], real))
    model.graph.node.extend(
        [
            operation,
            onnx.helper.make_node("Cast", ["x"], ["cast"], to=onnx.TensorProto.FLOAT),
            onnx.helper.make_node("ReduceMax", ["cast"], ["most"], keepdims=0),
            onnx.helper.make_node("Add", ["c", "most"], ["stylized"]),
        ]
    )
    style = load(file, model.SerializeToString())
    if style:
        run(style, frame)
