"""The style file of a training as it stands: the graph is made once, after that only weights are exchanged in it."""

import copy
import hashlib
import os
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from core.generator import Generator
from core.style import Style, StyleError, load_style, save_style

from ..export_onnx import ExportError, parity, round_weights, to_onnx_quickly
from ..networks.guided import GuidedGenerator
from ..training.record import HALF

TOLERANCE = 1e-3
NETWORKS = Path(__file__).parents[1] / "networks"


class LiveStyle:
    """Writes a training's generator as a style file again and again, in milliseconds but for the first time."""

    def __init__(self, path: Path):
        """path: of the style file. Beside it lies the graph, for the next time that the same network is trained."""
        self.path, self.key, self.model = path, "", onnx.ModelProto()

    def write(self, generator: GuidedGenerator, style: Style, check: bool = False) -> None:
        """Write the generator's weights of now; the file appears when it is complete.

        check: also compare ONNX Runtime's picture with PyTorch's, which goes into the score card as "parity". Raises ExportError,
        and OSError if the file can't be written, as on Windows while somebody reads it.
        """
        rounded = copy.deepcopy(generator).cpu().eval()
        round_weights(rounded)
        self._make_graph(rounded)
        exchange(self.model, rounded.state_dict())
        partial = self.path.with_suffix(".partial")
        try:
            save_style(partial, self.model, style)
            if check:
                difference = parity(rounded, Generator(load_style(partial), "cpu"))
                if not difference <= TOLERANCE:
                    raise ExportError(f"PyTorch and ONNX Runtime differ by {difference:.2g}, more than {TOLERANCE:g}.")
                card = style.score_card | {"parity": float(f"{difference:.0e}")}
                save_style(partial, self.model, replace(style, score_card=card))
            os.replace(partial, self.path)
        except StyleError as error:
            raise ExportError(f"The style can't be written: {error}") from error
        finally:
            partial.unlink(missing_ok=True)

    def _make_graph(self, generator: GuidedGenerator) -> None:
        """The graph of the generator's architecture: the one at hand, the one on the disk, or a new one."""
        shapes = [(name, tuple(t.shape)) for name, t in generator.state_dict().items()]
        constants = {name: value for name, value in vars(generator).items() if isinstance(value, int | float | str | tuple)}
        made_of = torch.__version__, _sources(), shapes, str(generator), constants
        key = hashlib.sha256(repr(made_of).encode()).hexdigest()[:16]
        if key == self.key:
            return
        self.key = key
        if self._graph_file().is_file():
            self.model = onnx.load(self._graph_file())
            return
        self.model = to_onnx_quickly(distinct(generator))
        self.path.parent.mkdir(parents=True, exist_ok=True)
        partial = self._graph_file().with_suffix(".partial")
        onnx.save(self.model, partial)
        os.replace(partial, self._graph_file())

    def _graph_file(self) -> Path:
        """Its ending keeps it from being taken for a style."""
        return self.path.parent / f"{self.key}.graph"


@cache
def _sources() -> str:
    """Digest of what makes graphs."""
    digest = hashlib.sha256()
    for path in (*sorted(NETWORKS.glob("*.py")), NETWORKS.parent / "export_onnx.py"):
        digest.update(path.read_bytes())
    return digest.hexdigest()


@torch.no_grad()
def distinct(generator: GuidedGenerator) -> nn.Module:
    """A copy whose weights are no two alike: the exporter stores equal ones, such as biases that are all 0, once."""
    changed = copy.deepcopy(generator)
    source = torch.Generator().manual_seed(0)
    for parameter in changed.parameters():
        parameter.copy_(torch.randn(parameter.shape, generator=source).half())
    return changed


def exchange(model: onnx.ModelProto, weights: dict[str, Tensor]) -> None:
    """Put other weights into a graph of the same architecture. Raises ExportError if it lacks one of them.

    They may have been padded by input channels that count for nothing (see core.webgpu.pad_channels()).
    """
    left = set(weights)
    for tensor in model.graph.initializer:
        name = tensor.name.removesuffix(HALF)
        if name in weights:
            new = weights[name].numpy()
            whole = np.zeros(tuple(tensor.dims), numpy_helper.to_array(tensor).dtype)
            whole[tuple(slice(size) for size in new.shape)] = new
            tensor.CopyFrom(numpy_helper.from_array(whole, tensor.name))
            left.discard(name)
    if left:
        raise ExportError(f"The graph of this generator does not name its weights {', '.join(sorted(left))}; export the run.")
