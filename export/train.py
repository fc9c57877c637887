"""Trains a generator and a patch discriminator in turn on pairs of frames: one flat loop that can stop and resume exactly."""

import copy
import json
import logging
import math
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

from . import checkpoint, losses, preview
from .config import TrainConfig, TrainerError, to_values
from .dataset import Frame, PairedFrames, check_crop, draw_crops, split_frames
from .discriminators import Judgement, make_discriminator
from .encoding import encode
from .generators import GuidedGenerator, make_generator
from .pretrained import start_from
from .vgg import VGG19

log = logging.getLogger(__name__)

PREVIEW_FRAMES = 4
"""Held-out frames, at most, that are scored and shown at each preview."""


class TrainingError(TrainerError):
    """Training can't start in this folder, or a loss is no number any more."""


def train(config: TrainConfig) -> Path:
    """Train until the last step, the time limit, Ctrl-C or SIGTERM, and return the run's folder, a checkpoint in it.

    Everything random is derived from the seed and the step, so that a resumed run reaches the weights of an uninterrupted one.
    Raises TrainerError for unusable data or settings, an existing run that is not resumed, and a loss that is not finite.
    """
    # Look at everything that can be wrong before anything is written.
    device, dtype = _device(config)
    data = PairedFrames(config.data, config.passes)
    frames, held_out = split_frames(data.frames, config.holdout, config.holdout_fraction)
    check_crop(frames + held_out, config.crop)
    torch.manual_seed(config.seed)
    generator = make_generator(config.passes, config.size, config.widths, config.generator)
    discriminator = make_discriminator(config)
    if config.crop % generator.alignment:
        raise TrainingError(f"This {config.generator} needs crops of a multiple of {generator.alignment} px, not {config.crop}.")
    weights = {name.removeprefix("weight_"): v for name, v in to_values(config).items() if name.startswith("weight_") and v}
    r1_weight = weights.pop("r1", 0.0)  # the one weight that is the discriminator's
    layers = (config.content_layers if "content" in weights else ()) + (config.style_layers if "style" in weights else ())
    vgg = VGG19(config.vgg_weights, layers) if layers else None
    if config.start_from and not config.resume:
        start_from(config.start_from, generator, discriminator)
    names = {"frames": [f.name for f in frames], "held_out": [f.name for f in held_out]}
    _open_run(config, {"fingerprint": data.fingerprint, **names})

    # Place the networks, and make their average and their optimizers.
    for network in (generator, discriminator, *([vgg] if vgg else [])):
        network.to(device, memory_format=torch.channels_last)
    ema = copy.deepcopy(generator).requires_grad_(False)
    optimizer_g, optimizer_d = (
        torch.optim.Adam(n.parameters(), config.learning_rate, config.betas) for n in (generator, discriminator)
    )
    modules = {"generator": generator, "discriminator": discriminator, "ema": ema}
    optimizers = {"optimizer_g": optimizer_g, "optimizer_d": optimizer_d}
    step, scores = _load(config.run, modules, optimizers) if config.resume else (0, {})
    loss_d, loss_g = losses.ADVERSARIAL[config.adversarial]
    adversarial = "adversarial" in weights

    def fast() -> torch.autocast:
        """Convolutions in the fast precision."""
        return torch.autocast(device.type, dtype, enabled=dtype != torch.float32)

    def judge(image: Tensor, picture: Tensor, precision: Callable[[], AbstractContextManager] = fast) -> Judgement:
        """What the discriminator makes of an encoded picture."""
        with precision():
            return discriminator(torch.cat([image, picture], 1) if config.conditional else picture)

    def save() -> None:
        _require_finite_weights(modules, step)
        tensors = {k: v for name, m in modules.items() for k, v in checkpoint.module_tensors(name, m).items()}
        tensors |= {k: v for name, o in optimizers.items() for k, v in checkpoint.optimizer_tensors(name, o).items()}
        checkpoint.save_checkpoint(config.run, step, tensors, {"scores": scores})

    def show() -> dict[str, float]:
        return _preview(config, ema, data, _spread(held_out or frames, PREVIEW_FRAMES), board, step)

    log.info("%d frames to train on, %d held out, on %s in %s", len(frames), len(held_out), device, dtype)
    save()
    started, values = time.monotonic(), {}
    bar = tqdm(total=config.steps * config.batch, initial=step * config.batch, unit="img", smoothing=0.05)
    with SummaryWriter(config.run / "tensorboard", purge_step=step) as board, _stop_on_signals() as stopping, bar:
        while step < config.steps and not stopping and not _is_over(config.minutes, started):
            # Draw the crops of this step and let the generator paint them.
            batch = draw_crops(data, frames, config, np.random.default_rng((config.seed, step)))
            *passes, target = (t.to(device, memory_format=torch.channels_last, non_blocking=True) for t in batch)
            image, target = encode(passes[0]), encode(target)
            rate = config.learning_rate * _decay(step / config.steps, config.decay_from)
            with fast():
                output = generator.encoded(*passes)

            # Teach the discriminator to tell targets from outputs.
            terms = {}
            if adversarial:
                judged = judge(image.repeat(2, 1, 1, 1), torch.cat([target, output.detach()]))
                terms["discriminator"] = losses.mean(loss_d(*part.float().chunk(2)) for part in judged.logits)
                loss = terms["discriminator"]
                if r1_weight and step % config.r1_every == 0:
                    real = target.clone().requires_grad_()
                    terms["r1"] = losses.r1(judge(image, real, nullcontext).logits, real)  # second derivatives: full precision
                    loss = loss + r1_weight * config.r1_every * terms["r1"]
                _update(optimizer_d, loss, rate)

            # Teach the generator to match the target and to pass for one.
            if "l1" in weights:
                terms["l1"] = losses.l1(output, target)
            if "l2" in weights:
                terms["l2"] = losses.l2(output, target)
            if "edge" in weights:
                terms["edge"] = losses.edge(output, target)
            if "variation" in weights:
                terms["variation"] = losses.variation(output)
            if vgg:
                with fast():
                    seen = vgg(output)
                    with torch.no_grad():
                        wanted = vgg(target)
                if "content" in weights:
                    terms["content"] = losses.content(seen, wanted, config.content_layers)
                if "style" in weights:
                    terms["style"] = losses.style(seen, wanted, config.style_layers)
            if adversarial:
                discriminator.requires_grad_(False)
                judged = judge(image, output)
                terms["adversarial"] = losses.mean(loss_g(part.float()) for part in judged.logits)
                if "features" in weights:
                    with torch.no_grad():
                        wanted = judge(image, target)
                    terms["features"] = losses.feature_matching(judged.features, wanted.features)
                discriminator.requires_grad_(True)
            _update(optimizer_g, sum(weight * terms[name] for name, weight in weights.items()), rate)
            step += 1

            # Update the running mean of the weights, quicker at the start.
            _blend(ema, generator, 1 - min(config.ema, step / (step + 10)))

            # Report the last value of each term; one that is not finite ends the run before it can reach a checkpoint.
            values |= dict(zip(terms, torch.stack([t.detach().float() for t in terms.values()]).tolist(), strict=True))
            _require_finite(values, step, config.run)
            bar.update(config.batch)
            if step % config.log_every == 0:
                bar.set_postfix({k: f"{v:.3g}" for k, v in values.items()}, refresh=False)
                for name, value in {**values, "learning_rate": rate}.items():
                    board.add_scalar(f"train/{name}", value, step)
            if step % config.preview_every == 0:
                scores = show()
            if step % config.checkpoint_every == 0:
                save()
        if step % config.preview_every:
            scores = show()
        save()
    outcome = "Finished" if step == config.steps else "Stopped"
    log.info("%s after step %d of %d, scores %s; the run is in %s", outcome, step, config.steps, scores, config.run)
    return config.run


def _update(optimizer: torch.optim.Optimizer, loss: Tensor, rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = rate
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()


@torch.no_grad()
def _blend(ema: GuidedGenerator, generator: GuidedGenerator, amount: float) -> None:
    torch._foreach_lerp_(list(ema.parameters()), list(generator.parameters()), amount)


def _decay(progress: float, begin: float) -> float:
    """1 until `begin`, then half a cosine down to 0 at the end; progress is the finished share of the steps."""
    return 0.5 + 0.5 * math.cos(math.pi * max(0.0, progress - begin) / (1 - begin))


def _device(config: TrainConfig) -> tuple[torch.device, torch.dtype]:
    """Where and in which precision to train. Raises TrainingError if CUDA is asked for and missing."""
    if config.threads:
        torch.set_num_threads(config.threads)
    cuda = torch.cuda.is_available()
    if config.device == "cuda" and not cuda:
        raise TrainingError("PyTorch finds no CUDA device here; use --device auto or cpu.")
    device = torch.device("cuda" if cuda and config.device != "cpu" else "cpu")
    fast = torch.cuda.is_bf16_supported() if device.type == "cuda" else torch.cpu._is_avx512_bf16_supported()
    return device, torch.bfloat16 if config.precision == "bfloat16" or (config.precision == "auto" and fast) else torch.float32


def _open_run(config: TrainConfig, record: dict) -> None:
    """Make a new run folder with its settings, or check that a resumed one belongs to this data. Raises TrainingError."""
    path = config.run / "data.json"
    if config.resume:
        if json.loads(path.read_text()) != record:
            raise TrainingError(f"The data in {config.data} changed since the run {config.run} was started; start a new run.")
        return
    if config.run.exists():
        raise TrainingError(f"The run folder {config.run} exists already; choose another, or give --resume to go on with it.")
    config.run.mkdir(parents=True)
    (config.run / "config.json").write_text(json.dumps(to_values(config) | {"resume": False}, indent=2) + "\n")
    path.write_text(json.dumps(record, indent=2) + "\n")


def _load(run: Path, modules: dict, optimizers: dict) -> tuple[int, dict]:
    """Restore everything from the newest checkpoint and return its step and scores."""
    tensors, state = checkpoint.load_checkpoint(run)
    for name, module in modules.items():
        checkpoint.load_module(name, module, tensors)
    for name, optimizer in optimizers.items():
        checkpoint.load_optimizer(name, optimizer, tensors)
    return state["step"], state["scores"]


def _preview(
    config: TrainConfig, ema: GuidedGenerator, data: PairedFrames, shown: list[Frame], board: SummaryWriter, step: int
) -> dict[str, float]:
    """Score the averaged generator on the shown frames and write a contact sheet; returns the scores."""
    triples = [preview.whole_frame(ema, data, frame) for frame in shown]
    values = preview.scores(triples)
    sheet = preview.contact_sheet(triples, min(config.crop, 256))
    folder = config.run / "previews"
    folder.mkdir(exist_ok=True)
    sheet.save(folder / f"step_{step:08d}.png")
    preview.thumbnail(triples[0][1]).save(config.run / "thumbnail.png")
    for name, value in values.items():
        board.add_scalar(f"held_out/{name}", value, step)
    board.add_image("input | output | target", np.asarray(sheet), step, dataformats="HWC")
    return values


def _spread(frames: list[Frame], count: int) -> list[Frame]:
    """At most `count` frames, evenly spread."""
    count = min(count, len(frames))
    return [frames[(2 * i + 1) * len(frames) // (2 * count)] for i in range(count)]


def _is_over(minutes: float, started: float) -> bool:
    return bool(minutes) and time.monotonic() - started > 60 * minutes


def _require_finite(values: dict[str, float], step: int, run: Path) -> None:
    for name, value in values.items():
        if not math.isfinite(value):
            raise TrainingError(f"The loss term '{name}' became {value} at step {step}; {run} keeps the last good checkpoint. "
                                "Try a smaller --learning-rate or another --adversarial loss.")


def _require_finite_weights(modules: dict, step: int) -> None:
    for name, module in modules.items():
        if not all(p.isfinite().all() for p in module.parameters()):
            raise TrainingError(f"The weights of the {name} are not finite at step {step}; try a smaller --learning-rate.")


@contextmanager
def _stop_on_signals() -> Iterator[list]:
    """A list that fills when Ctrl-C or SIGTERM asks to stop after the current step; the second time interrupts at once."""
    asked: list[int] = []

    def ask(number: int, _frame: object) -> None:
        if asked:
            raise KeyboardInterrupt
        asked.append(number)

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
