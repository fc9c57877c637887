"""Names of frames that are there once more, darker or in other colours (see datasets/paint.py)."""

BY_NIGHT, GRADED = "night_", "graded_"
"""What stands before the name of the frame that they were made from."""


def original(frame: str) -> str:
    """The name of the frame that a frame by night or in other colours was made from, or its own."""
    return frame.removeprefix(BY_NIGHT).removeprefix(GRADED)
