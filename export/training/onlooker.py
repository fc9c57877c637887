"""How somebody looks on while a generator trains, and may stop it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from ..networks.guided import GuidedGenerator


@dataclass(frozen=True)
class Moment:
    """A training after a step."""

    step: int
    images: int
    """Crops seen so far."""
    seconds: float
    """Spent on the run so far, those before it was resumed included."""
    done: float
    """Finished share of the run."""
    losses: Callable[[], dict[str, float]]
    """The last value of each loss term; a GPU must be waited for."""
    generator: GuidedGenerator
    """The running mean, which is what gets exported; it changes with the next step."""
    scores: dict[str, float]
    """Those of the last preview."""


class Onlooker(Protocol):
    def look(self, moment: Moment) -> bool:
        """Called after each step, in one process if there are several. True stops the training after a checkpoint."""
        ...
