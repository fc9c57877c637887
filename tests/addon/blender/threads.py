"""Timers, and runs on other threads than Blender's main one."""

import contextlib
import io
import logging
import sys
import threading
import time
from pathlib import Path
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).parent))

import bpy
import numpy as np
from clock import Clock
from scene import insert_style, load_addon, module, render, run_case, start_over

clock = Clock()


@contextlib.contextmanager
def logged():
    """What the add-on logs meanwhile, instead of on the console."""
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    logger = logging.getLogger("gan_style")
    logger.addHandler(handler)
    logger.propagate = False
    try:
        yield text
    finally:
        logger.removeHandler(handler)
        logger.propagate = True


def timers_outlive_an_exception(folder: Path) -> None:
    """Each of them goes on; the mistake is logged once, not twenty times a second."""
    load_addon()
    for name, called in (("trees.keep_in_sync", "sync"), ("run.after_edits", "hidden_scenes"), ("main_thread", "_calls")):
        module("trees.keep_in_sync")._due = name == "trees.keep_in_sync"
        module("run.after_edits")._due = bpy.context.scene.name if name == "run.after_edits" else ""
        with patch.object(module(name), called, None), logged() as text:
            for _ in range(5):
                clock.advance()
        assert text.getvalue().count("Traceback") == 1 and not clock.failed, text.getvalue()
        assert len(clock.due) == 4, clock.due
    module("trees.keep_in_sync").request_sync()
    clock.advance()
    assert not module("trees.keep_in_sync")._due


def calls_for_the_main_thread(folder: Path) -> None:
    """Results, exceptions, a call that waits until it is time, one that is given up, and those left when the add-on goes."""
    addon = load_addon()
    main_thread, cancelled = module("main_thread"), sys.modules["gan_style.core"].Cancelled
    outcomes: dict[str, object] = {}

    def ask(name: str, function, **options: object) -> threading.Thread:
        def run() -> None:
            try:
                outcomes[name] = main_thread.call(function, **options)
            except Exception as error:
                outcomes[name] = type(error)

        thread = threading.Thread(target=run)
        thread.start()
        return thread

    def settle(*threads: threading.Thread) -> None:
        patience_ends = time.monotonic() + 300
        while any(thread.is_alive() for thread in threads) and time.monotonic() < patience_ends:
            clock.advance()
            time.sleep(0.01)
        assert not any(thread.is_alive() for thread in threads)

    settle(ask("thread", threading.current_thread), ask("raises", lambda: [][0]), ask("unready", bool, ready=lambda: [][0]))
    assert outcomes == {"thread": threading.main_thread(), "raises": IndexError, "unready": IndexError}
    ready, give_up = threading.Event(), threading.Event()
    waiting = ask("waited", bool, ready=ready.is_set)
    given_up = ask("given up", bool, ready=lambda: False, cancel=give_up.is_set)
    clock.advance()
    assert waiting.is_alive() and given_up.is_alive()
    ready.set()
    give_up.set()
    settle(waiting, given_up)
    assert outcomes["waited"] is False and outcomes["given up"] is cancelled
    left = ask("left", bool, ready=lambda: False)
    while not main_thread._calls:
        time.sleep(0.01)
    addon.unregister()
    left.join(300)  # nobody pumps any more
    assert not left.is_alive() and outcomes["left"] is cancelled
    addon.register()


def cancelled_while_an_error_is_shown(folder: Path) -> None:
    """The error is still reported, and causes no other."""
    addon = load_addon()
    scene = start_over()
    node = insert_style(scene.compositing_node_group, "swap")
    frames, cancelled = module("run.run_nodes"), sys.modules["gan_style.core"].Cancelled
    module("trees.keep_in_sync").sync()
    key, plans = node.node_tree.session_uid, module("trees.hidden_scenes").plans(scene)

    def call(function, *arguments: object) -> object:
        if function is frames.as_it_stands:
            return arguments[0]
        if function is frames.capture:
            raise frames.CaptureError("There are no pixels.")
        raise cancelled

    frames.run_scene(scene.name, 1, plans, module("settings").settings(), call)
    run = addon.addon.run.log.latest(key)
    assert run.error == "There are no pixels.", run


def two_threads_at_once(folder: Path) -> None:
    """What is noted of a picture belongs to the picture that is there, whichever run showed it last."""
    load_addon()
    scene = start_over()
    insert_style(scene.compositing_node_group, "swap")
    frames = module("run.run_nodes")
    module("trees.keep_in_sync").sync()
    (plan,) = module("trees.hidden_scenes").plans(scene)
    shown, cancelled = [], sys.modules["gan_style.core"].Cancelled
    first, second = ({"image": np.full((4, 5, 4), value, np.float32)} for value in (0.25, 0.75))

    def run(passes: dict, give_up: bool = False, meanwhile=None) -> None:
        def call(function, *arguments: object) -> object:
            if function is frames.capture:
                return passes
            if meanwhile:
                meanwhile()
            if give_up:
                raise cancelled
            return function(*arguments)

        frames.run_scene(scene.name, 1, (plan,), module("settings").settings(), call)

    with patch.object(frames, "show", lambda plan, frame: shown.append(float(frame[0, 0, 0]))):
        run(first, give_up=True, meanwhile=lambda: run(second))  # an older run is overtaken and given up
        run(second)
        assert shown == [0.75], shown  # unchanged
        run(first, meanwhile=lambda: run(second))  # ... and one that comes to show its picture after all
        assert shown[-1] == 0.25
        run(second)
        assert shown[-1] == 0.75, shown


def a_run_is_not_its_own_reason(folder: Path) -> None:
    """After each look at what feeds the node, image editors have Blender composite once more; that begins no other run, but an
    edit does, and so does whatever else Blender composites for."""
    load_addon()
    scene = start_over(1)
    node = insert_style(scene.compositing_node_group, "swap")
    render(scene, folder / "a.exr")
    after_edits, runs = module("run.after_edits"), []

    def composite() -> int:
        """How many runs there were, after the editors have composited."""
        after_edits._on_composited(scene)
        after_edits._when_idle()
        while after_edits.is_running():
            module("main_thread")._pump()
        return len(runs)

    def edit(strength: float) -> None:
        node.inputs["Strength"].default_value = strength
        bpy.context.view_layer.update()

    with patch.object(after_edits, "_run", lambda *_: runs.append(1)):
        edit(0.5)
        assert [composite() for _ in range(2)] == [1, 1]
        assert composite() == 2, "nobody edited anything, and still Blender has composited"
        edit(0.6)
        assert [composite() for _ in range(2)] == [3, 3]
        scene.frame_set(1)
        assert composite() == 4


def only_long_runs_show_progress(folder: Path) -> None:
    """Nothing draws a node again when a short run ends, so its face must not say that one is in progress."""
    load_addon()
    scene = start_over(1)
    insert_style(scene.compositing_node_group, "swap")
    render(scene, folder / "a.exr")
    after_edits, may_end = module("run.after_edits"), threading.Event()
    with patch.object(after_edits, "_run", lambda *_: may_end.wait()):
        after_edits._on_composited(scene)
        after_edits._when_idle()
        with patch.object(after_edits, "LONG_SECONDS", float("inf")):
            assert after_edits.is_running() and after_edits.progress() is None
        with patch.object(after_edits, "LONG_SECONDS", -1.0):
            assert after_edits.progress() == 0.0
        may_end.set()
        after_edits._thread.join()
    assert not after_edits.is_running() and after_edits.progress() is None


def no_preferences_in_other_threads(folder: Path) -> None:
    """They are read on the main thread, and handed in."""
    addon = load_addon()
    scene = start_over()
    insert_style(scene.compositing_node_group, "swap")
    frames, settings = module("run.run_nodes"), module("settings")
    module("trees.keep_in_sync").sync()
    plans, wanted, readers = module("trees.hidden_scenes").plans(scene), settings.settings(), set()
    passes = {"image": np.ones((4, 5, 4), np.float32)}

    def call(function, *arguments: object) -> object:
        if function is frames.capture:
            return passes
        return arguments[0] if function is frames.as_it_stands else None

    def noted(real):
        return lambda: (readers.add(threading.current_thread()), real())[1]

    with (
        patch.object(settings, "_preferences", noted(settings._preferences)),
        patch.object(settings, "own_folder", noted(settings.own_folder)),
    ):
        thread = threading.Thread(target=frames.run_scene, args=(scene.name, 1, plans, wanted, call))
        thread.start()
        thread.join()
        assert not readers and addon.addon.run.log.last_runs()[-1].network_ran
        settings.settings()
        assert readers == {threading.main_thread()}


if __name__ == "__main__":
    run_case(globals())
