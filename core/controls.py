"""Controls: what an artist sets of a style, one number for the frame or a picture with a value for each pixel."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from .passes import VALUE, Pass, PassError, check_guide_name
from .presentable import StyleError, check_line

MAX_CONTROLS = 64
MAX_VALUE = 1e6
MAX_MEANING = 200

Value = float | np.ndarray
"""Of a control: a number, or (H, W, 1) float32."""


@dataclass(frozen=True)
class Control:
    """A further input of a style's graph, (1, 1, height, width) float32 beside the passes, in units of its own."""

    name: str
    """Of the input: small letters, digits and single underscores, as in line_weight."""
    low: float
    high: float
    default: float
    meaning: str = ""
    """One sentence for the artist."""
    per_frame: bool = False
    """Whether the network takes one number for the whole frame; the input is (1, 1, 1, 1) then."""

    @property
    def label(self) -> str:
        """What people read, as in Line Weight."""
        return self.name.replace("_", " ").title()

    @property
    def guide(self) -> Pass:
        """What a picture of it is, among a frame's passes."""
        return Pass(self.name, 1, self.label, "", self.meaning or "a control of the style's own", VALUE)

    def to_json(self) -> dict:
        return asdict(self)

    def tensor(self, value: np.ndarray, size: tuple[int, int], window: tuple[slice, slice] | None = None) -> np.ndarray:
        """What the graph gets for a window of the frame: (1, 1, *size) float32, within the range, edges repeated.

        value: of check_controls(). What is no number counts as the default; of a picture, a control per frame takes the mean.
        """
        if value.ndim and window is not None and not self.per_frame:
            value = value[window]
        plane = np.where(np.isnan(value), self.default, value).clip(self.low, self.high)
        if plane.ndim and not self.per_frame:
            plane = plane[..., 0]
            further = [(0, side - length) for side, length in zip(size, plane.shape, strict=True)]
            return np.pad(plane, further, "edge")[None, None].astype(np.float32)
        return np.full((1, 1, 1, 1) if self.per_frame else (1, 1, *size), plane.mean(), np.float32)


def check_controls(controls: Sequence[Control], values: Mapping[str, Value], size: tuple[int, int]) -> dict[str, np.ndarray]:
    """A value for each control, its default where none is given, () or (H, W, 1); size: (height, width) of the frame.

    Raises PassError for a name that the style does not have, and for what is neither a number nor a picture of that size.
    """
    check_control_names(controls, values)
    known = {control.name: np.asarray(control.default) for control in controls}
    for name, value in values.items():
        array = np.asarray(value)
        if array.dtype.kind not in "fiu" or array.shape not in ((), (*size, 1)):
            shape = f"an array of {array.dtype} and the shape {array.shape}"
            raise PassError(
                f"The control '{name}' must be a number or have the shape ({size[0]}, {size[1]}, 1), but it is {shape}."
            )
        known[name] = array
    return known


def check_control_names(controls: Sequence[Control], names: Iterable[str]) -> None:
    """Raise PassError for a name that none of a style's controls has."""
    known = [control.name for control in controls]
    if unknown := [name for name in names if name not in known]:
        raise PassError(f"The style has no control '{unknown[0]}'; it has {', '.join(known) or 'none'}.")


def controls_from_json(values: object) -> tuple[Control, ...]:
    """Check what to_json() wrote into a contract. Raises StyleError with a clause."""
    if not isinstance(values, list) or len(values) > MAX_CONTROLS or not all(isinstance(value, dict) for value in values):
        raise StyleError(f"the field 'controls' of its contract must be a list of at most {MAX_CONTROLS} objects")
    controls = tuple(_control(value) for value in values)
    names = [control.name for control in controls]
    if len(set(names)) < len(names):
        raise StyleError("its contract names a control twice")
    return controls


def _control(value: dict) -> Control:
    if not {"name", "low", "high", "default"} <= value.keys() <= {"name", "low", "high", "default", "meaning", "per_frame"}:
        raise StyleError("a control in its contract must have a name, low, high and default, and may have meaning and per_frame")
    check_control_name(value["name"])
    numbers = [value[key] for key in ("low", "default", "high")]
    if not all(type(n) in (int, float) and abs(n) <= MAX_VALUE for n in numbers) or not numbers[0] <= numbers[1] <= numbers[2]:
        raise StyleError(f"the control '{value['name']}' in its contract must have numbers with low <= default <= high")
    if numbers[0] == numbers[2]:
        raise StyleError(f"the control '{value['name']}' in its contract has an empty range")
    check_line("meaning", value.get("meaning", ""), MAX_MEANING)
    if type(value.get("per_frame", False)) is not bool:
        raise StyleError("the field 'per_frame' of a control must be true or false")
    low, default, high = map(float, numbers)
    return Control(value["name"], low, high, default, value.get("meaning", ""), value.get("per_frame", False))


def check_control_name(name: object) -> None:
    """Raise StyleError, with a clause, for a name that a control can't have."""
    try:
        check_guide_name(name if isinstance(name, str) else "", "control")
    except ValueError as error:
        raise StyleError(str(error)) from error
