"""What the buttons of the panel Style Training have in common."""

from collections.abc import Callable

import bpy

from ..training import session


class OfTraining:
    """An operator on the training of the scene."""

    poll_message_set: Callable[[str], None]

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if session.of(context.scene) is None:
            cls.poll_message_set("Save the .blend file first: the training lies beside it; or begin one without saving")
            return False
        return True
