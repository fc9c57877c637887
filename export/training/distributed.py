"""Training in several processes, started by torchrun, that act as one: shares of the batch, mean gradients, common decisions.

Each process draws the same random numbers for the batch of all and reads its own share of it; so n processes with batch b take
the same steps as one process with batch n b, but for rounding. In a process that was started alone, nothing here has any effect.
"""

import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import TypeVar

import torch
from torch import Tensor, distributed

from ..settings import TrainerError

T = TypeVar("T")
PATIENCE = timedelta(hours=6)
"""How long a process waits for another: the first one may decode a large data set meanwhile."""


class DistributedError(TrainerError):
    """The processes can't work together."""


@contextmanager
def joined(device: str) -> Iterator[None]:
    """Connect to the other processes that torchrun started, if any: by NCCL, each on a GPU of its own, or by Gloo on CPUs.

    Raises DistributedError if a machine has fewer GPUs than processes.
    """
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        yield
        return
    cuda, local = device != "cpu" and torch.cuda.is_available(), int(os.environ["LOCAL_RANK"])
    if cuda:
        if local >= torch.cuda.device_count():
            raise DistributedError(
                f"This machine has fewer GPUs ({torch.cuda.device_count()}) than processes; "
                "start one process for each GPU, or give --device cpu."
            )
        torch.cuda.set_device(local)
    distributed.init_process_group("nccl" if cuda else "gloo", timeout=PATIENCE)
    if not leads():
        logging.getLogger("export").setLevel(logging.ERROR)
    try:
        yield
    finally:
        distributed.destroy_process_group()


def processes() -> int:
    """How many processes train together."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def rank() -> int:
    """The number of this process among those that train together, counted from 0."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def leads() -> bool:
    """Whether this process is the one that writes and shows."""
    return rank() == 0


@contextmanager
def leader_first() -> Iterator[None]:
    """Let the leader pass before the others, which then find what it has written."""
    if not leads():
        distributed.barrier()
    yield
    if leads() and processes() > 1:
        distributed.barrier()


def share(rows: Sequence[T]) -> Sequence[T]:
    """This process's part of the rows of all."""
    count = len(rows) // processes()
    return rows if processes() == 1 else rows[rank() * count :][:count]


def gathered(tensor: Tensor) -> Tensor:
    """The tensors of all processes, in their order, one after the other along the first axis."""
    if processes() == 1:
        return tensor
    parts = [torch.empty_like(tensor, memory_format=torch.contiguous_format) for _ in range(processes())]
    distributed.all_gather(parts, tensor.contiguous())
    return torch.cat(parts)


def average(tensors: Iterable[Tensor]) -> None:
    """Replace each tensor by its mean over the processes, in one exchange.

    DistributedDataParallel expects one forward() per network and update; a step here has several, some of them frozen. A
    generator's gradients are a few MB, so little is lost by sending them all at the end.
    """
    tensors = list(tensors)
    if processes() == 1 or not tensors:
        return
    flat = torch.cat([t.float().flatten() for t in tensors])
    distributed.all_reduce(flat)
    flat /= processes()
    for tensor, mean in zip(tensors, flat.split([t.numel() for t in tensors]), strict=True):
        tensor.copy_(mean.view(tensor.shape))


def largest(value: float, device: torch.device) -> float:
    """The largest of the values that the processes give."""
    if processes() == 1:
        return value
    found = torch.tensor(value, dtype=torch.float64, device=device)
    distributed.all_reduce(found, distributed.ReduceOp.MAX)
    return found.item()
