"""Blender as a Python module that takes those arguments of the Blender program which farms use, with the checkout's add-on:

program.py -b FILE [-o PATH] [-s FIRST] [-e LAST] [-j STEP] [--kill-after FRAME, for tests] -a
program.py -b FILE [-o PATH] --python-exit-code CODE --python-expr EXPRESSION
program.py --command gan_style ARGUMENTS
"""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import bpy
from scene import load_addon


def render(arguments: list[str]) -> None:
    """In their order, as Blender takes them."""
    bpy.ops.wm.open_mainfile(filepath=arguments.pop(0))
    scene = bpy.context.scene
    while (flag := arguments.pop(0)) != "-a":
        value = arguments.pop(0)
        if flag == "--python-expr":
            exec(value)
            return
        if flag == "--python-exit-code":  # as Python's own for exceptions
            continue
        if flag == "-o":
            scene.render.filepath = value
        elif flag == "--kill-after":
            bpy.app.handlers.render_write.append(lambda s, *_, last=int(value): s.frame_current == last and os._exit(137))
        else:
            setattr(scene, {"-s": "frame_start", "-e": "frame_end", "-j": "frame_step"}[flag], int(value))
    bpy.ops.render.render(animation=True)


addon = load_addon()
code = 0
if sys.argv[1:3] == ["--command", "gan_style"]:
    code = sys.modules["gan_style.addon.commands"].run(sys.argv[3:])
else:
    render(sys.argv[sys.argv.index("-b") + 1 :])
addon.unregister()
sys.stdout.flush()
sys.stderr.flush()
os._exit(code)
