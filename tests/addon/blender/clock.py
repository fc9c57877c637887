"""A stand-in for bpy.app.timers, which Blender calls in a window only: time passes when the test says so."""

import bpy


class Clock:
    """Takes the place of Blender's timers. Like Blender, it drops a function that raises or returns None."""

    def __init__(self):
        self.now = 0.0
        self.due: dict[object, float] = {}
        self.failed: list[Exception] = []
        timers = bpy.app.timers
        timers.register, timers.unregister, timers.is_registered = self.register, self.unregister, self.due.__contains__

    def register(self, function, first_interval: float = 0.0, persistent: bool = False) -> None:
        self.due[function] = self.now + first_interval

    def unregister(self, function) -> None:
        if function not in self.due:
            raise ValueError("Error: function is not registered")
        del self.due[function]

    def advance(self, seconds: float = 0.1) -> None:
        """Call what falls due, each function at most once."""
        self.now += seconds
        for function in [function for function, due in self.due.items() if due <= self.now]:
            try:
                interval = function()
            except Exception as error:
                self.failed.append(error)
                interval = None
            if interval is None:
                self.due.pop(function, None)
            elif function in self.due:
                self.due[function] = self.now + interval
