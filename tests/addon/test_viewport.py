"""The arithmetic of the stylised viewport and the order of its work, without Blender: neither module imports bpy."""

import importlib.util
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

WIDTH, HEIGHT = 160, 96


def load(name: str) -> ModuleType:
    """A module of the add-on by itself; its package would import bpy."""
    path = Path(__file__).parents[2] / "addon" / "viewport" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"viewport_{name}", path)
    sys.modules[spec.name] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


guides, worker = load("guides"), load("worker")


def perspective(near: float = 0.01, far: float = 1000.0, lens: float = 2.5) -> np.ndarray:
    """Camera to clip space, as OpenGL has it; near and far are those of Blender's viewport."""
    return np.array(
        [
            [lens, 0, 0, 0],
            [0, lens * WIDTH / HEIGHT, 0, 0],
            [0, 0, -(far + near) / (far - near), -2 * far * near / (far - near)],
            [0, 0, -1, 0],
        ]
    )


def orthographic(scale: float = 4.0, far: float = 100.0) -> np.ndarray:
    return np.diag([1 / scale, WIDTH / HEIGHT / scale, -1 / far, 1.0])


def look_at(distance: float = 10.0) -> np.ndarray:
    """World to camera space of a camera that looks down at the origin from aside."""
    turn, tilt = 0.6, 1.1
    z = np.array([[np.cos(turn), np.sin(turn), 0, 0], [-np.sin(turn), np.cos(turn), 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    x = np.array([[1, 0, 0, 0], [0, np.cos(tilt), np.sin(tilt), 0], [0, -np.sin(tilt), np.cos(tilt), 0], [0, 0, 0, 1]])
    view = x @ z
    view[2, 3] = -distance
    return view


def rays(view: np.ndarray, projection: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(origins, directions) in world space, (H, W, 3), of each pixel; from the near plane to the far plane."""
    inverse = np.linalg.inv(projection @ view)
    x, y = (2 * np.arange(WIDTH) + 1) / WIDTH - 1, 1 - (2 * np.arange(HEIGHT) + 1) / HEIGHT
    ends = []
    for clip in (-1.0, 1.0):
        points = np.stack(np.broadcast_arrays(x[None], y[:, None], clip, 1.0), -1) @ inverse.T
        ends.append(points[..., :3] / points[..., 3:])
    return ends[0], ends[1] - ends[0]


def shot(view: np.ndarray, projection: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(depth buffer, points, normals) of a ball of radius 1.5 on a floor, top row first; the floor ends in the distance."""
    origin, way = rays(view, projection)
    a, b, c = (way**2).sum(-1), (way * origin).sum(-1), (origin**2).sum(-1) - 1.5**2
    root = b * b - a * c
    ball = np.where(root > 0, (-b - np.sqrt(np.maximum(root, 0))) / a, np.inf)
    floor = np.where(way[..., 2] < 0, (-1.5 - origin[..., 2]) / np.minimum(way[..., 2], -1e-9), np.inf)
    t = np.minimum(ball, floor)
    points = origin + way * np.where(np.isfinite(t), t, 0)[..., None]
    hit = np.isfinite(t) & (np.linalg.norm(points, axis=-1) < 4.2)
    clip = np.concatenate([points, np.ones((HEIGHT, WIDTH, 1))], -1) @ (projection @ view).T
    depth = np.where(hit, (clip[..., 2] / clip[..., 3] + 1) / 2, 1).astype(np.float32)
    normals = np.where((ball < floor)[..., None], points / 1.5, [0, 0, 1])
    return depth, np.where(hit[..., None], points, 0), np.where(hit[..., None], normals, 0)


CAMERAS = pytest.mark.parametrize("projection", [perspective(), orthographic()], ids=["perspective", "orthographic"])


@CAMERAS
def test_depth_and_position_come_from_the_depth_buffer(projection):
    depth, points, _ = shot(look_at(), projection)
    hit = depth < 1
    got = guides.linear_depth(depth, projection)
    distance = -(np.concatenate([points, np.ones((HEIGHT, WIDTH, 1))], -1) @ look_at().T)[..., 2]
    np.testing.assert_allclose(got[hit, 0], distance[hit], rtol=2e-3)
    assert 0.1 < hit.mean() < 1
    assert (got[~hit] == guides.NOTHING).all()
    position = guides.position(depth, projection @ look_at())
    np.testing.assert_allclose(position[hit], points[hit], atol=0.05)
    assert (position[~hit] == 0).all()


@CAMERAS
def test_normals_are_smooth_on_surfaces_and_sharp_at_edges(projection):
    depth, _, normals = shot(look_at(), projection)
    hit = depth < 1
    got = guides.normals(depth, look_at(), projection)
    np.testing.assert_allclose(np.linalg.norm(got[hit], axis=-1), 1, atol=1e-5)
    assert (got[~hit] == 0).all()
    angle = np.degrees(np.arccos(np.clip((got * normals).sum(-1)[hit], -1, 1)))
    assert np.median(angle) < 0.5 and np.mean(angle > 10) < 0.02, (np.median(angle), np.mean(angle > 10))
    straight = guides._slope(depth, 1)[0]
    assert np.abs(np.diff(straight[hit])).mean() > 0, "the depth buffer has no steps to even out"


def test_the_crease_of_a_cube_stays_sharp():
    projection, view = perspective(), look_at()
    origin, way = rays(view, projection)
    planes = [(axis, 1.0) for axis in range(3)]
    entry = np.stack([(side - origin[..., axis]) / way[..., axis] for axis, side in planes])
    entry = np.where(np.stack([way[..., axis] < 0 for axis, _ in planes]), entry, -np.inf)
    points = origin + way * entry.max(0)[..., None]
    clip = np.concatenate([points, np.ones((HEIGHT, WIDTH, 1))], -1) @ (projection @ view).T
    hit = np.abs(points).max(-1) < 1.0001
    depth = np.where(hit, (clip[..., 2] / clip[..., 3] + 1) / 2, 1).astype(np.float32)
    got = guides.normals(depth, view, projection)
    faces = np.eye(3)[entry.argmax(0)]
    angle = np.degrees(np.arccos(np.clip((got * faces).sum(-1)[hit], -1, 1)))
    assert hit.mean() > 0.05 and len(np.unique(entry.argmax(0)[hit])) >= 2
    assert np.mean(angle > 5) < 0.12 and np.median(angle) < 0.5, np.percentile(angle, [50, 90, 99])


def test_lines_of_overlays_leave_the_depth():
    depth = shot(look_at(), perspective())[0]
    lined = depth.copy()
    lined[40], lined[:, 71:73] = 0.5, 0.5
    mended = guides.without_lines(lined)
    assert (mended > 0.9).all()
    distance, expected = (guides.linear_depth(d, perspective())[..., 0] for d in (mended, depth))
    near = expected < 20
    assert np.median(np.abs(distance - expected)[near]) == 0


def test_what_shows_only_the_background_is_nothing():
    colours = np.ones((HEIGHT, WIDTH, 4), np.float32)
    colours[: HEIGHT // 2] = 0  # the lower half: these rows come from below
    depth = np.full((HEIGHT, WIDTH), 0.99, np.float32)
    made = guides.passes(colours, depth, look_at(), perspective(), 1, ("image", "depth", "normal"))
    assert (made["depth"][HEIGHT // 2 :] == guides.NOTHING).all() and (made["depth"][: HEIGHT // 2] < 100).all()
    assert (made["normal"][HEIGHT // 2 :] == 0).all()


@CAMERAS
def test_bands_and_threads_give_what_the_whole_gives(projection, monkeypatch):
    depth = shot(look_at(), projection)[0][::-1]
    colours = np.random.default_rng(0).random((HEIGHT, WIDTH, 4), np.float32)
    colours[..., 3] = 1
    made = []
    for band in (HEIGHT, 7):
        monkeypatch.setattr(guides, "BAND", band)
        each = (lambda fill, rows: list(map(fill, reversed(list(rows))))) if band == 7 else map
        made.append(guides.passes(colours, depth, look_at(), projection, 1, guides.KNOWN, lines=True, each=each))
    for name, whole in made[0].items():
        np.testing.assert_allclose(made[1][name], whole, rtol=1e-5, atol=1e-4, err_msg=name)


def test_the_albedo_is_that_of_the_view_without_light():
    colours, flat = (np.full((6, 9, 4), value, np.float32) for value in (0.9, 0.5))
    made = guides.passes(colours, np.full((6, 9), 0.5, np.float32), look_at(), perspective(), 1, ("image", "albedo"), flat=flat)
    np.testing.assert_array_equal(made["albedo"], 1)  # 0.5, premultiplied by an alpha of 0.5
    np.testing.assert_array_equal(made["image"], 0.9 * np.ones_like(colours))


def test_what_is_not_true_is_noted():
    assert guides.notes(("image", "depth", "position"), has_depth=True) == ()
    assert guides.notes(("image", "normal", "vector"), has_depth=True) == ("normals come from depth", "there is no motion")
    assert guides.notes(("image", "albedo"), has_depth=True) == ("shaded colours stand in for the albedo",)
    assert guides.notes(("image", "albedo"), has_depth=True, has_albedo=True) == ()
    assert guides.notes(("image", "depth"), has_depth=False) == ("there is no depth: switch overlays on",)
    assert guides.notes(("image",), has_depth=False) == ()
    assert guides.notes(("image", "emission", "hair_matte"), has_depth=True) == ("there is no emission", "there is no hair matte")


def test_what_no_viewport_has_is_dark_and_unshadowed():
    made = guides.neutral({"image": 4, "depth": 1, "emission": 3, "ambient_occlusion": 3, "hair_matte": 1}, (5, 7))
    assert {name: array.shape for name, array in made.items()} == {
        "emission": (5, 7, 3), "ambient_occlusion": (5, 7, 3), "hair_matte": (5, 7, 1),
    }  # fmt: skip
    assert (made["ambient_occlusion"] == 1).all() and not made["emission"].any() and not made["hair_matte"].any()


@pytest.mark.parametrize("size", [(1, 1), (2, 5), (97, 161)])
@pytest.mark.parametrize("step", worker.STEPS)
def test_passes_of_any_size(size, step):
    rng = np.random.default_rng(0)
    colours, depth = rng.random((*size, 4), np.float32), rng.uniform(0.9, 1, size).astype(np.float32)
    names = ("image", "depth", "normal", "albedo", "position", "vector")
    made = guides.passes(colours, depth, look_at(), perspective(), step, names, lines=True)
    expected = tuple(max(1, side // step) for side in size)
    assert set(made) == set(names)
    for array in made.values():
        assert array.shape[:2] == expected and array.dtype == np.float32 and np.isfinite(array).all()


def test_smaller_pictures_are_means_top_row_first():
    colours = np.arange(4 * 6 * 4, dtype=np.float32).reshape(4, 6, 4)
    small, depth = guides.shrink(colours, colours[..., 0], 2)
    np.testing.assert_allclose(small[0, 0], colours[2:, :2].mean((0, 1)))
    assert depth[0, 0] in colours[2:, :2, 0]
    np.testing.assert_array_equal(guides.shrink(colours, colours[..., 0], 1)[0], colours[::-1])


@CAMERAS
def test_part_of_a_view_has_the_projection_of_that_part(projection):
    x, y, width, height = 30, 20, 50, 40
    part = guides.crop(projection, (x, y, width, height), (WIDTH, HEIGHT))
    points = np.random.default_rng(1).uniform(-1, 1, (20, 3)) - [0, 0, 10]
    whole, inside = (np.column_stack([points, np.ones(20)]) @ matrix.T for matrix in (projection, part))
    pixels = (whole[:, :2] / whole[:, 3:] + 1) / 2 * [WIDTH, HEIGHT]
    again = (inside[:, :2] / inside[:, 3:] + 1) / 2 * [width, height] + [x, y]
    np.testing.assert_allclose(again, pixels, atol=1e-9)


@CAMERAS
def test_a_held_picture_follows_what_lies_at_its_depth(projection):
    before, now = projection @ look_at(10), projection @ look_at(8)
    still = guides.homography(before, before, np.zeros(3))
    np.testing.assert_allclose(still / still[2, 2], np.eye(3), atol=1e-9)
    moved = guides.homography(before, now, np.zeros(3))
    right, up = np.linalg.inv(look_at(8))[:3, :2].T
    for point in (np.zeros(3), right, up, 0.3 * right - up):  # on the plane through the origin that faces the viewer
        place = now @ [*point, 1]
        old = before @ [*point, 1]
        got = moved @ [*(place[:2] / place[3]), 1]
        np.testing.assert_allclose(got[:2] / got[2], old[:2] / old[3], atol=1e-9)


def test_anchor_is_the_middle_of_what_is_seen():
    depth, points, _ = shot(look_at(), perspective())
    middle = guides.anchor(depth, perspective() @ look_at())
    distance = -(look_at() @ [*middle, 1])[2]
    seen = guides.linear_depth(depth, perspective())[depth < 1]
    assert np.percentile(seen, 45) < distance < np.percentile(seen, 55)
    assert np.isfinite(guides.anchor(np.ones_like(depth), perspective() @ look_at())).all()


@dataclass
class Task:
    digest: object
    pixels: int = 1_000_000


def done(seconds: float) -> SimpleNamespace:
    return SimpleNamespace(seconds=seconds)


class Clock:
    """Works off a schedule as the worker's thread does; a picture takes so many seconds a pixel."""

    def __init__(self, seconds_per_pixel: float, seconds: float = 0.0):
        self.now, self.rate, self.always, self.schedule, self.ran = 0.0, seconds_per_pixel, seconds, worker.Schedule(), []

    def run(self, until: float) -> None:
        while self.now < until:
            chosen = self.schedule.next(self.now)
            if chosen is None:
                self.now += 0.01
                continue
            view, task, step = chosen
            seconds = self.always + self.rate * task.pixels / step**2
            self.now += seconds
            self.schedule.finished(view, step, done(seconds))
            self.ran.append((view, task.digest, step))


def test_the_first_picture_is_small_and_the_view_at_rest_gets_all_pixels():
    clock = Clock(2e-7)
    clock.schedule.submit("a", Task(1))
    clock.run(2)
    assert clock.ran == [("a", 1, 3), ("a", 1, 3), ("a", 1, 1)]  # the first tells nothing: it warms up


def test_the_same_picture_is_not_made_twice():
    clock = Clock(2e-7)
    for _ in range(5):
        clock.schedule.submit("a", Task(1))
        clock.run(clock.now + 0.5)
    assert len(clock.ran) == 3


@pytest.mark.parametrize(("rate", "moving", "resting"), [(5e-8, 1, 1), (2e-7, 2, 1), (8e-7, 3, 1), (2e-6, 3, 2), (1e-5, 3, 3)])
def test_pace_is_kept_with_fewer_pixels(rate, moving, resting):
    clock = Clock(rate)
    for digest in range(10):
        clock.schedule.submit("a", Task(digest))
        clock.run(clock.now + 0.02)
    assert {step for _, _, step in clock.ran[2:]} == {moving}
    clock.run(clock.now + 10)
    assert clock.ran[-1] == ("a", 9, resting)


def test_what_every_picture_takes_is_not_taken_for_pixels():
    """0.2 s for a ninth of the pixels, most of them for whatever size, are no 1.8 s for all."""
    clock = Clock(4e-7, seconds=0.16)
    clock.schedule.submit("a", Task(1))
    clock.run(5)
    assert clock.ran[-1] == ("a", 1, 1) and len(clock.ran) <= 4


def test_a_view_that_moves_drops_pictures_and_is_never_behind():
    schedule = worker.Schedule()
    schedule.submit("a", Task(1))
    assert not schedule.accepts("a")
    view, _, step = schedule.next(0)
    assert not schedule.accepts("a") and schedule.accepts("b")  # what comes meanwhile is dropped
    schedule.finished(view, step, done(0.1))
    assert schedule.accepts("a")


def test_a_refinement_gives_way_to_what_moves():
    schedule = worker.Schedule()
    schedule.submit("a", Task(1))
    schedule.finished("a", schedule.next(0)[2], done(1.0))
    schedule.submit("a", Task(1.5))
    schedule.finished("a", schedule.next(0)[2], done(0.01))
    assert schedule.next(0.1) is None, "the view is not at rest yet"
    assert schedule.next(1) == ("a", Task(1.5), 1)
    assert schedule.accepts("a") and not schedule.interrupted()
    schedule.submit("a", Task(1.5))
    assert not schedule.interrupted(), "the same picture is no reason to stop"
    schedule.submit("a", Task(2))
    assert schedule.interrupted()
    schedule.finished("a", 1, None)
    assert schedule.next(1.1)[1] == Task(2)


def test_views_take_turns():
    schedule = worker.Schedule()
    for view in "ab":
        schedule.submit(view, Task(0))
    ran = []
    for digest in range(1, 7):
        view, _, step = schedule.next(0)
        ran.append(view)
        schedule.finished(view, step, done(0.1))
        schedule.submit(view, Task(digest))
    assert ran == list("ababab")
    schedule.forget("a")
    assert schedule.next(0)[0] == "b" and schedule.next(0) is None


def test_thread_gives_the_newest_picture_and_ends_when_told():
    started, ended = threading.Event(), []

    def run(task, step, cancel):
        started.set()
        while step == 1 and task.digest == "long" and not cancel():
            time.sleep(0.01)
        ended.append((task.digest, step))
        return None if cancel() else SimpleNamespace(seconds=0.01, digest=task.digest, step=step)

    thread = worker.Worker(run)
    thread.submit("a", Task("long"))
    assert started.wait(300)
    deadline = time.monotonic() + 300
    results = {}
    while not results and time.monotonic() < deadline:
        results = thread.take()
    assert results["a"].digest == "long" and results["a"].step == 3 and not thread.take()
    while thread._schedule._running is None and time.monotonic() < deadline:
        time.sleep(0.01)  # until the view counts as at rest and the long refinement runs
    thread.stop()
    assert ended[-1] == ("long", 1) and not thread._thread.is_alive()
