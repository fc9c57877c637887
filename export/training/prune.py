"""Weights of a narrower generator from those of a wider one: channels that carry little are left out (structured pruning)."""

import copy
from collections.abc import Callable, Iterable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ..networks.generators import CNN, Residual, ResNet
from ..networks.guided import GuidedGenerator
from .preview import paint


class Stream(NamedTuple):
    """Channels that are added to each other, so that each stays or goes in all places at once; names of convolutions."""

    given: tuple[str, ...]
    """Those whose outputs they are."""
    taken: tuple[str, ...]
    """Those whose inputs they are."""


def pruned(found: dict[str, Tensor], generator: GuidedGenerator, frames: Iterable[dict[str, Tensor]]) -> dict[str, Tensor]:
    """The weights without the channels that this generator has no place for; as they are if they would not fit even so.

    Those stay that carry most over some frames, each {pass, control or PLACE: (1, c, H, W)}, read only if needed: by the mean
    square of a channel times the squares of the weights that take it, as Sun et al. 2024 (Wanda) choose single weights. By the
    norms of weights alone (Li et al. 2017) the picture was as far from the earlier one as if they had been drawn by lot.
    """
    own = generator.state_dict()
    streams = [_present(stream, own) for stream in _streams(generator)]
    if found.keys() != own.keys() or not all(_is_even(stream, found) for stream in streams):
        return found
    wider = [stream for stream in streams if _width(stream, found) > _width(stream, own)]
    trial = found
    for stream in wider:
        trial = _cut(trial, stream, torch.arange(_width(stream, own)))
    if not wider or any(trial[name].shape != own[name].shape for name in own):
        return found
    energies = _energies(found, generator, [name for stream in wider for name in stream.taken], frames)
    lean = found
    for stream in wider:
        carried = sum(energies[name] * found[f"{name}.weight"].square().sum((0, 2, 3)) for name in stream.taken)
        lean = _cut(lean, stream, carried.topk(_width(stream, own)).indices.sort().values)
    return lean


def _streams(generator: GuidedGenerator) -> list[Stream]:
    """All channels between convolutions; none for generators in which nobody has said what belongs together."""

    def begin(stack: str) -> list[str]:
        return [f"{stack}.{number}.conv1" for number in range(len(getattr(generator, stack)))]

    def end(stack: str) -> list[str]:
        return [f"{stack}.{number}.conv2" for number in range(len(getattr(generator, stack)))]

    inside = [
        Stream((f"{name}.conv1",), (f"{name}.conv2",)) for name, part in generator.named_modules() if isinstance(part, Residual)
    ]
    fine, coarse, out = "bends.0.change", "bends.1.change", ("tail", "pens")
    if isinstance(generator, CNN):
        quarter = Stream(("front", fine, *end("before"), "up", *end("after")), (*begin("before"), "down", *begin("after"), *out))
        return [*inside, quarter, Stream(("down", coarse, *end("middle")), (*begin("middle"), "up"))]
    if isinstance(generator, ResNet):
        quarter = Stream(("down", coarse, *end("middle")), (*begin("middle"), "up"))
        return [*inside, Stream(("front", fine), ("down",)), quarter, Stream(("up",), ("after",)), Stream(("after",), out)]
    return []


def _present(stream: Stream, own: dict[str, Tensor]) -> Stream:
    """Without the convolutions that this generator lacks, as pens of strokes."""
    return Stream(*(tuple(name for name in names if f"{name}.weight" in own) for names in stream))


def _width(stream: Stream, weights: dict[str, Tensor]) -> int:
    return weights[f"{stream.taken[0]}.weight"].shape[1]


def _is_even(stream: Stream, weights: dict[str, Tensor]) -> bool:
    """Whether all its convolutions agree on the number of channels; what bends them gives two numbers for each."""
    width = _width(stream, weights)
    given, taken = ([weights[f"{name}.weight"] for name in names] for names in stream)
    return all(len(weight) % width == 0 for weight in given) and all(weight.shape[1] == width for weight in taken)


def _cut(weights: dict[str, Tensor], stream: Stream, kept: Tensor) -> dict[str, Tensor]:
    """The weights with the kept channels of a stream alone."""
    width, lean = _width(stream, weights), dict(weights)
    for part in (f"{name}.{kind}" for name in stream.given for kind in ("weight", "bias")):
        lean[part] = torch.cat([channels[kept] for channels in weights[part].split(width)])
    for part in (f"{name}.weight" for name in stream.taken):
        lean[part] = weights[part][:, kept]
    return lean


@torch.no_grad()
def _energies(
    found: dict[str, Tensor], generator: GuidedGenerator, names: Iterable[str], frames: Iterable[dict[str, Tensor]]
) -> dict[str, Tensor]:
    """Convolution -> mean square of each of its input channels, (c,), in the generator with the weights that were found."""
    wide, energies = copy.deepcopy(generator), {name: torch.zeros(()) for name in names}
    for name, parameter in wide.named_parameters():
        parameter.data = found[name]

    def measure(name: str) -> Callable:
        def add(_module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            energies[name] = energies[name] + inputs[0].square().mean((0, 2, 3))

        return add

    for name in names:
        wide.get_submodule(name).register_forward_pre_hook(measure(name))
    for passes in frames:
        paint(wide, passes, None)
    return energies
