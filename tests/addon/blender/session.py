"""What else happens in a session: timers, threads, other add-ons, files opened one after the other. All without a window."""

import contextlib
import io
import logging
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import bpy
from clock import Clock
from editing import our_handlers
from scene import assert_close, insert_style, load_addon, render, run_case, start_over, styled

clock = Clock()


def module(name: str):
    return sys.modules[f"gan_style.addon.{name}"]


@contextlib.contextmanager
def replaced(owner: object, name: str, value: object):
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)


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
        with replaced(module(name), called, None), logged() as text:
            for _ in range(5):
                clock.advance()
        assert text.getvalue().count("Traceback") == 1 and not clock.failed, text.getvalue()
        assert len(clock.due) == 3, clock.due
    module("trees.keep_in_sync").request_sync()
    clock.advance()
    assert not module("trees.keep_in_sync")._due


def switched_off_after_all(folder: Path) -> None:
    """unregister() takes everything away, also when timers are gone, a handler was removed or one module fails."""
    addon = load_addon()
    kinds = len(our_handlers())
    for _ in range(2):
        clock.due.clear()
        bpy.app.handlers.render_init.remove(module("run.in_renders")._on_render_init)
        addon.unregister()
        assert our_handlers() == [] and not clock.due
        addon.register()
        assert len(our_handlers()) == kinds and len(clock.due) == 3
    library = module("library")

    def fails() -> None:
        raise OSError("a folder that is away")

    with replaced(library, "forget", fails), contextlib.suppress(OSError):
        addon.unregister()
        raise AssertionError("the mistake was swallowed")
    assert our_handlers() == [] and not clock.due and not hasattr(bpy.types, "CompositorNodeGANStyle")
    with replaced(module("run.after_edits"), "add_handlers", None), contextlib.suppress(TypeError):
        addon.register()
        raise AssertionError("the mistake was swallowed")
    assert our_handlers() == [] and not clock.due and not hasattr(bpy.types, "CompositorNodeGANStyle")
    addon.register()
    assert len(our_handlers()) == kinds


def movie_that_cannot_be_opened(folder: Path) -> None:
    """Blender begins the render and says no more; edits are followed all the same."""
    load_addon()
    scene = start_over(frames=2)
    insert_style(scene.compositing_node_group, "swap")
    keep_in_sync = module("trees.keep_in_sync")
    scene.render.image_settings.media_type = "VIDEO"
    (folder / "file").write_text("")
    scene.render.filepath = str(folder / "file" / "movie.mp4")
    with contextlib.suppress(RuntimeError):
        bpy.ops.render.render(animation=True)
    assert not keep_in_sync.is_idle()
    clock.advance()
    assert keep_in_sync.is_idle()


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
        patience_ends = time.monotonic() + 20
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
    left.join(20)  # nobody pumps any more
    assert not left.is_alive() and outcomes["left"] is cancelled
    addon.register()


def handlers_of_others(folder: Path) -> None:
    """Other people's handlers see the artist's renders and none of ours, and are all back afterwards, whatever happens."""
    load_addon()
    scene = start_over(frames=2)
    node = insert_style(scene.compositing_node_group, "swap")
    names, seen = module("callbacks").RENDERS, []
    for name in names:
        handlers = getattr(bpy.app.handlers, name, None)
        if handlers is not None and name != "render_stats":
            handlers.insert(0, lambda block=None, *_, name=name: seen.append((name, getattr(block, "name", ""))))
    before = {name: list(getattr(bpy.app.handlers, name)) for name in names if hasattr(bpy.app.handlers, name)}
    scene.render.filepath = str(folder / "####.exr")
    bpy.ops.render.render(animation=True)
    shown = [(name, block) for name, block in seen if name.startswith("render")]
    frame = [("render_pre", "Scene"), ("render_post", "Scene"), ("render_write", "Scene")]
    assert shown == [("render_init", "Scene"), *frame, *frame, ("render_complete", "Scene")], shown
    assert not [block for _, block in seen if block == ".GAN Style Inputs"], seen

    def same() -> bool:
        return before == {name: list(getattr(bpy.app.handlers, name)) for name in before}

    assert same()
    with contextlib.suppress(KeyError), module("callbacks").no_handlers():
        assert not any(getattr(bpy.app.handlers, name) for name in before)
        raise KeyError
    assert same()
    plain = render(scene, folder / "a.exr")
    node.mute = True
    assert_close(plain, styled(render(scene, folder / "b.exr"), "swap"))


if __name__ == "__main__":
    run_case(globals())
