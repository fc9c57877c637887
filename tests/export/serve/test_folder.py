import shutil
from dataclasses import replace

import pytest

from core.training import TrainingSettings, read_settings
from export.serve.folder import content_of, next_run, note_content
from export.serve.reporter import Reporter
from export.settings import TrainerError
from export.training.onlooker import Moment
from export.training.train import train

from .trainings import SETTINGS, make_training, paint

HERE = {"device": "cpu", "threads": 1}


class Stopper:
    def __init__(self, steps: int):
        self.steps = steps

    def look(self, moment: Moment) -> bool:
        return moment.step >= self.steps


def trained(folder, steps: int = 2):
    """Train a few steps of the next run."""
    run = next_run(folder, read_settings(folder), HERE)
    train(run.config, Stopper(run.config.steps if steps is None else steps))
    note_content(run)
    return run


def test_an_onlooker_sees_each_step_and_stops_the_training_with_a_checkpoint(tmp_path):
    folder = make_training(tmp_path / "training")
    seen = []

    class Looker:
        def look(self, moment: Moment) -> bool:
            seen.append((moment.step, moment.images, moment.losses()["l1"] > 0))
            return len(seen) == 3

    run = next_run(folder, SETTINGS, HERE)
    train(run.config, Looker())
    assert seen == [(1, 1, True), (2, 2, True), (3, 3, True)]
    assert (run.config.run / "checkpoints" / "step_00000003").is_dir()


def test_a_stopped_run_goes_on_and_other_frames_minutes_or_networks_begin_another(tmp_path):
    folder = make_training(tmp_path / "training")
    first = trained(folder)
    assert first.config.run.name == "run_0001" and first.config.start_from is None
    going_on = next_run(folder, SETTINGS, HERE)
    assert going_on.config.resume and going_on.config.run == first.config.run
    longer = next_run(folder, replace(SETTINGS, minutes=99.0), HERE)
    assert longer.config.resume and longer.config.minutes == 99
    over = next_run(folder, replace(SETTINGS, minutes=1e-9), HERE)
    assert not over.config.resume and over.config.start_from == first.config.run
    bigger = next_run(folder, replace(SETTINGS, passes=("normal", "depth")), HERE)
    assert bigger.config.start_from is None and "another network" in bigger.how
    paint(folder, 2)
    more = trained(folder)
    assert (more.config.run.name, more.config.start_from) == ("run_0002", first.config.run)
    moved = tmp_path / "elsewhere"
    shutil.copytree(folder, moved)
    there = next_run(moved, SETTINGS, HERE)
    assert there.config.start_from == moved / "run_0002", "on another machine too"


def test_a_smaller_network_goes_on_from_what_a_larger_one_learned_and_a_larger_one_begins_anew(tmp_path):
    def of(widths: str):
        return replace(SETTINGS, further=SETTINGS.further.replace("16 16 1 1", widths))

    folder = make_training(tmp_path / "training", further=of("32 16 1 1").further)
    wide = trained(folder)
    assert next_run(folder, of("32 32 1 1"), HERE).config.start_from is None
    assert next_run(folder, of("16 32 1 1"), HERE).config.start_from is None, "narrower and wider"
    lean = next_run(folder, SETTINGS, HERE)
    assert lean.config.start_from == wide.config.run and "smaller network" in lean.how
    train(lean.config, Stopper(1))


def test_old_runs_are_removed(tmp_path):
    folder = make_training(tmp_path / "training")
    run = next_run(folder, SETTINGS, HERE)
    for number in range(1, 7):
        (folder / f"run_{number:04d}").mkdir()
    note_content(replace(run, config=replace(run.config, run=folder / "run_0006")))
    assert sorted(path.name for path in folder.glob("run_*")) == ["run_0004", "run_0005", "run_0006"]


def test_settings_follow_from_the_frames(tmp_path):
    folder = make_training(tmp_path / "training")
    plain = replace(SETTINGS, passes=(), further="")
    config = next_run(folder, plain, HERE).config
    assert config.passes == ("image", "depth", "normal")
    assert config.weight_temporal == 10, "the second frame is rendered beside the painted first"
    assert next_run(folder, replace(plain, steadiness=0.0), HERE).config.weight_temporal == 0
    (folder / "input" / "shot_0002.exr").unlink()
    assert next_run(folder, plain, HERE).config.weight_temporal == 0, "no neighbour of a painted frame is rendered"
    assert next_run(folder, replace(plain, further="--batch 3"), HERE).config.batch == 3
    for further in ("--batch", "--batches 3", "'"):
        with pytest.raises(TrainerError, match="further settings can't be used"):
            next_run(folder, replace(plain, further=further), HERE)
    with pytest.raises(TrainerError, match="Choose a picture of the look first"):
        next_run(folder, TrainingSettings(teach="picture"), HERE)
    (folder / "target" / "shot_0001.exr").rename(folder / "target" / "other.exr")
    with pytest.raises(TrainerError, match="other is not among the rendered ones"):
        next_run(folder, plain, HERE)
    shutil.rmtree(folder / "input")
    with pytest.raises(TrainerError, match="Render frames first"):
        next_run(folder, plain, HERE)


def test_a_picture_teaches_by_the_settings_of_mode_exemplar(tmp_path):
    folder = make_training(tmp_path / "training")
    (folder / "look").mkdir()
    (folder / "look" / "night.png").write_bytes(b"")
    settings = TrainingSettings(teach="picture", brush=0.5, keep_colours=True, size="fast")
    config = next_run(folder, settings, HERE).config
    assert (config.mode, config.exemplar, config.brush, config.keep_colours) == (
        "exemplar",
        (folder / "look" / "night.png",),
        0.5,
        True,
    )
    assert config.passes == ("image", "normal", "position") and config.weight_temporal == 10 and config.size == "fast"
    assert next_run(folder, replace(settings, passes=("depth",)), HERE).config.noise_everywhere


def test_what_is_learned_from_has_a_digest_of_its_contents(tmp_path):
    folder = make_training(tmp_path / "training")
    before = content_of(folder, "painted")
    shutil.copytree(folder, tmp_path / "copy")
    assert content_of(tmp_path / "copy", "painted") == before != content_of(folder, "picture")
    (folder / "mask").mkdir()
    (folder / "mask" / "shot_0001.png").write_bytes(b"white")
    assert content_of(folder, "painted") != before


def test_frames_that_have_not_changed_stop_nothing(tmp_path):
    folder = make_training(tmp_path / "training")
    run = next_run(folder, SETTINGS, HERE)
    (folder / run.config.run.name).mkdir()

    class Said:
        def take(self):
            return {"frames"}

        def say(self, *_, **__):
            pass

    reporter = Reporter(folder, run, lambda: read_settings(folder), Said(), Said(), None)
    moment = Moment(1, 1, 0.1, 0.1, dict, None, {})
    assert not reporter.look(moment)
    paint(folder, 2)
    assert reporter.look(moment) and reporter.changed
