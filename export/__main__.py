"""The trainer's command line: `python -m export COMMAND`; each command's flags are the fields of its settings."""

import argparse
import logging
import os
import sys
from collections.abc import Callable

from export.config import ExportConfig, TrainConfig, resumed_config, train_config
from export.settings import TrainerError, add_arguments, explicit_values, from_values


def _render_dataset() -> tuple[type, Callable[[dict], None]]:
    from export.datasets.render import RenderDatasetConfig, render_dataset

    return RenderDatasetConfig, lambda values: render_dataset(from_values(RenderDatasetConfig, values))


def _render_own_shot() -> tuple[type, Callable[[dict], None]]:
    from export.datasets.own_shot import OwnShotConfig, render_own_shot

    return OwnShotConfig, lambda values: render_own_shot(from_values(OwnShotConfig, values))


def _paint() -> tuple[type, Callable[[dict], None]]:
    from export.datasets.paint import PaintConfig, paint

    return PaintConfig, lambda values: paint(from_values(PaintConfig, values))


def _teach_targets() -> tuple[type, Callable[[dict], None]]:
    from export.training.teach_targets import TeachTargetsConfig, teach_targets

    return TeachTargetsConfig, lambda values: teach_targets(from_values(TeachTargetsConfig, values))


def _check_data() -> tuple[type, Callable[[dict], None]]:
    def run(values: dict) -> None:
        from export.training.check_data import check_data

        print(check_data(values))

    return TrainConfig, run


def _train() -> tuple[type, Callable[[dict], None]]:
    def run(values: dict) -> None:
        # Threads that sleep while they wait train twice as fast beside other work; PyTorch reads this when it is loaded.
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
        config = resumed_config(values) if values.get("resume") else train_config(values)
        from export.training.distributed import joined  # last: mistakes in the settings need no PyTorch
        from export.training.train import train

        with joined(config.device):
            train(config)

    return TrainConfig, run


def _train_folder() -> tuple[type, Callable[[dict], None]]:
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from export.serve.train_folder import TrainFolderConfig, train_folder

    return TrainFolderConfig, lambda values: train_folder(from_values(TrainFolderConfig, values))


def _export() -> tuple[type, Callable[[dict], None]]:
    def run(values: dict) -> None:
        from export.export_onnx import export

        export(from_values(ExportConfig, values))

    return ExportConfig, run


def _demo() -> tuple[type, Callable[[dict], None]]:
    from export.shipping.demo import DemoConfig, demo

    return DemoConfig, lambda values: demo(from_values(DemoConfig, values))


def _extension() -> tuple[type, Callable[[dict], None]]:
    from export.shipping.extension import ExtensionConfig, extension

    def run(values: dict) -> None:
        for package in extension(from_values(ExtensionConfig, values)):
            print(f"{package} {package.stat().st_size / 1e6:.0f} MB")

    return ExtensionConfig, run


def _evaluate() -> tuple[type, Callable[[dict], None]]:
    from export.trials.evaluate import EvaluateConfig, evaluate
    from export.trials.score_sheet import table

    return EvaluateConfig, lambda values: print(table(evaluate(from_values(EvaluateConfig, values))))


def _gallery() -> tuple[type, Callable[[dict], None]]:
    from export.trials.gallery import GalleryConfig, gallery

    return GalleryConfig, lambda values: print(gallery(from_values(GalleryConfig, values)))


def _holds() -> tuple[type, Callable[[dict], None]]:
    from export.trials.holds import HoldsConfig, holds

    return HoldsConfig, lambda values: print(holds(from_values(HoldsConfig, values)))


def _benchmark() -> tuple[type, Callable[[dict], None]]:
    from export.trials.benchmark import BenchmarkConfig, benchmark
    from export.trials.score_sheet import table

    return BenchmarkConfig, lambda values: print(table(*benchmark(from_values(BenchmarkConfig, values))))


def _speed() -> tuple[type, Callable[[dict], None]]:
    from export.speed.run import SpeedConfig, speed

    return SpeedConfig, lambda values: print(speed(from_values(SpeedConfig, values)))


OWN_SHOT = "render-dataset --blend"
FOLDER = "train --training"
TEACHER = "paint --teacher"
OTHER_WAYS = {("render-dataset", "--blend"): OWN_SHOT, ("paint", "--teacher"): TEACHER, ("train", "--training"): FOLDER}
"""A command and a flag that make another command of it, with settings of its own."""
COMMANDS = {
    "render-dataset": (
        _render_dataset,
        "Render our scenes with their passes, and the target frames of a look; with --blend FILE, your own shot.",
    ),
    OWN_SHOT: (_render_own_shot, "Render frames of your own .blend, with all passes that a style may want."),
    "paint": (
        _paint,
        "Paint the target frames of a look for rendered frames; with --teacher PICTURE, like a picture.",
    ),
    TEACHER: (_teach_targets, "Paint target frames in the manner of a picture, by a slow optimisation of each frame."),
    "check-data": (_check_data, "Report what a data folder holds as train would read it, or everything that is wrong with it."),
    "train": (_train, "Train a generator against a discriminator; with --training FOLDER, a training of the add-on."),
    FOLDER: (_train_folder, "Train the folder of a training, as the add-on makes it, wherever it lies."),
    "demo": (_demo, "Render a scene through the GAN Style node and write the pictures."),
    "extension": (_extension, "Pack the add-on with its wheels, as Blender installs it."),
    "export": (_export, "Write a trained generator as a style file."),
    "evaluate": (_evaluate, "Score a style: likeness to its look, truth to the frame, steadiness, cost."),
    "gallery": (_gallery, "Show and score all shipped styles on shots that they never saw, beside baselines."),
    "holds": (_holds, "Show and score all styles on scenes that share no part with those that teach: how much of each is there."),
    "benchmark": (_benchmark, "Train our defaults and published methods for the same time, and score them side by side."),
    "speed": (_speed, "Time our generators and published ones side by side, and report which goals are met."),
}
"""Each command imports what it needs when it is called: rendering needs no PyTorch, training no Blender."""


EXAMPLES = {
    OWN_SHOT: """Camera, engine, samples and all else are those of the .blend as it is saved. The image is what feeds the first
GAN Style node of its compositor; the plain render if there is none.

example, for a few painted frames and steadiness:
  --blend shot.blend --output DATA --frames 12,40-44 --neighbours""",
    "train": """examples, one for each way to learn:
  every frame painted    --data DATA --run RUN --passes image depth normal
  a few frames painted   --data DATA --run RUN --mode keyframes --minutes 15 --weight-temporal 10
  one picture            --data DATA --run RUN --mode exemplar --exemplar PICTURE.jpg
  many pictures          --data DATA --run RUN --mode contrastive --minutes 60""",
}
"""Command -> what its --help begins with."""


def main(arguments: list[str]) -> int:
    """Run one command and return the exit code; errors that the user can put right become one sentence on stderr."""
    overview = argparse.ArgumentParser(
        prog="python -m export",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="\n".join(f"  {name:24}{text}" for name, (_, text) in COMMANDS.items()),
    )
    overview.add_argument("command", choices=COMMANDS, help="what to do; --help after it lists its settings")
    name = overview.parse_args(arguments[:1]).command
    flags = {argument.partition("=")[0] for argument in arguments}
    name = next((other for (command, flag), other in OTHER_WAYS.items() if command == name and flag in flags), name)
    prepare, description = COMMANDS[name]
    logging.basicConfig(format="%(message)s")
    logging.getLogger("export").setLevel(logging.INFO)
    try:
        config_class, run = prepare()
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith("export."):
            raise
        logging.getLogger("export").error(
            "The trainer that comes with the add-on leaves %s out; it is in the project's source.", name
        )
        return 1
    parser = argparse.ArgumentParser(
        prog=f"python -m export {name.split()[0]}",
        usage="%(prog)s [settings]",
        description="\n\n".join([description, *([EXAMPLES[name]] if name in EXAMPLES else [])]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_arguments(parser, config_class)
    try:
        run(explicit_values(config_class, parser.parse_args(arguments[1:])))
    except TrainerError as error:
        logging.getLogger("export").error("%s", error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
