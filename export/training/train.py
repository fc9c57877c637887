"""Trains a generator against a discriminator by the objective of a mode: one flat loop that can stop and resume exactly."""

import copy
import json
import logging
import math
import signal
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

from ..config import TUNED, TrainConfig, run_config
from ..networks.guided import GuidedGenerator
from ..settings import TrainerError, to_values
from . import checkpoint, preview
from .distributed import average, largest, leader_first, leads, processes, rank
from .exemplar import Exemplar
from .hardware import find_hardware, trusted
from .keyframes import Keyframes
from .objective import Objective
from .onlooker import Moment, Onlooker
from .start_from import start_from
from .start_from_resnet import start_from_resnet
from .supervised import Supervised
from .unpaired import Contrastive, Cycle

log = logging.getLogger(__name__)

OBJECTIVES = {"paired": Supervised, "keyframes": Supervised, "cycle": Cycle, "contrastive": Contrastive, "exemplar": Exemplar}
"""Mode -> what is learned from what, without a projected discriminator but in the last."""
PROJECTED = {"keyframes": Keyframes}
PATIENCE = 10
"""Steps in a row without a finite loss that end a run; fewer are passed over, so that one does not cost hours."""
PREVIEW_FRAMES = 4
"""Held-out frames, at most, that are scored and shown at each preview."""
PRUNING_FRAMES = 16
"""Frames, at most, that tell which channels carry least."""
PREVIEW_SHARE = 20
"""Times as long as a preview took that one due by the clock is waited for."""


def objective_of(config: TrainConfig) -> type[Objective]:
    """What the mode and the discriminator ask for."""
    return (config.discriminator == "projected" and PROJECTED.get(config.mode)) or OBJECTIVES[config.mode]


class TrainingError(TrainerError):
    """Training can't start in this folder, or a loss is no longer a number."""


def train(config: TrainConfig, onlooker: Onlooker | None = None) -> Path:
    """Train until the last step, the time limit, Ctrl-C or SIGTERM, and return the run's folder, a checkpoint in it.
    An onlooker may stop it, too.

    Everything random is derived from the seed and the step, so that a resumed run reaches the weights of an uninterrupted one;
    only with a time limit, which the learning rate follows, do no two runs come out the same. Raises TrainerError for unusable
    data or settings, an existing run that is not resumed, and a loss that is not finite. Of several processes (see
    distributed.py), which all take the same steps, one writes and shows.
    """
    # Look at everything that can be wrong before anything is written.
    hardware = find_hardware(config)
    torch.manual_seed(config.seed)
    with leader_first():
        objective = objective_of(config)(config, hardware)
    networks, weights = objective.networks, objective.weights
    earlier = []
    if config.start_from and not config.resume:
        frames = (passes for passes, _ in objective.samples(_spread(objective.names, PRUNING_FRAMES)))
        earlier = start_from(config.start_from, networks["generator"], networks["discriminator"], frames)
    if config.resnet_weights and not config.resume:
        start_from_resnet(config.resnet_weights, networks["generator"])
    _open_run(config, objective.record, earlier)

    # Place the networks, and make the generator's average and the optimizers.
    for network in networks.values():
        network.to(hardware.device, memory_format=torch.channels_last)
    hardware = objective.hardware = trusted(hardware, networks.values())
    ema = copy.deepcopy(networks["generator"]).requires_grad_(False).eval()
    modules = {**networks, "ema": ema}
    taught = {"generator": objective.painters, "discriminator": objective.judges}
    optimizers = {name: _adam([networks[n] for n in names], config) for name, names in taught.items()}
    state = _load(config.run, modules, optimizers) if config.resume else {"step": 0, "seconds": 0.0, "scores": {}}
    step, scores = state["step"], state["scores"]
    if config.resume and leads():
        _note_changes(config, step)
    started = time.monotonic() - state["seconds"]
    previewed = saved = time.monotonic()
    preview_cost = 0.0

    def save() -> None:
        _require_finite_weights(modules, step)
        tensors = {k: v for name, m in modules.items() for k, v in checkpoint.module_tensors(name, m).items()}
        for name, optimizer in optimizers.items():
            tensors |= checkpoint.optimizer_tensors(f"optimizer_{name}", optimizer)
        if leads():
            checkpoint.save_checkpoint(config.run, step, tensors, {"seconds": time.monotonic() - started, "scores": scores})

    def show() -> dict[str, float]:
        names = _spread(objective.held_out or objective.names, PREVIEW_FRAMES)
        return _preview(config, ema, objective.samples(names), board, step) if leads() else {}

    log.info(
        "%d frames to train on, %d held out, on %s in %s",
        len(objective.names),
        len(objective.held_out),
        hardware.device,
        hardware.dtype,
    )
    save()
    batch_of_all, latest, lost = config.batch * processes(), {}, torch.zeros((), device=hardware.device)
    bar = tqdm(total=config.steps * batch_of_all, initial=step * batch_of_all, unit="img", smoothing=0.05, disable=not leads())
    writer = SummaryWriter(config.run / "tensorboard", purge_step=step) if leads() else nullcontext()
    with writer as board, _stop_on_signals() as stopping, bar:
        while (done := largest(math.inf if stopping else _progress(config, step, started), hardware.device)) < 1:
            # What PyTorch draws, as for dropout, follows from the seed and the step too.
            torch.manual_seed(np.random.SeedSequence((config.seed, step, rank())).generate_state(1).item())

            # Teach the discriminators to tell targets from outputs, then the generators to pass, each by its weighted terms.
            batch = objective.draw(np.random.default_rng((config.seed, step)))
            rate = config.learning_rate * _decay(done, config.decay_from)
            terms = {}
            for name, found in objective.losses(batch, step):
                _update(optimizers[name], sum(weights.get(term, 1.0) * loss for term, loss in found.items()), rate)
                terms |= found
            step += 1

            # Update the running mean of the weights, quicker at the start.
            _blend(ema, networks["generator"], 1 - min(config.ema, step / (step + 10)))

            # Read the last value of each term now and then, as a GPU must wait for that, and before any checkpoint.
            latest |= {name: t.detach().float() for name, t in terms.items()}
            lost = torch.where(torch.stack([latest[name] for name in terms]).isfinite().all(), 0.0, lost + 1)
            if step % config.log_every == 0 or step % config.checkpoint_every == 0:
                values = _read(latest)
                _require_finite(values, largest(lost.item(), hardware.device), step, config.run)
            bar.update(batch_of_all)
            if step % config.log_every == 0 and leads():
                bar.total = round(bar.n / _progress(config, step, started))  # with a time limit, what it will allow
                bar.set_postfix({k: f"{v:.3g}" for k, v in values.items()}, refresh=False)
                for name, value in {**values, "learning_rate": rate}.items():
                    if math.isfinite(value):
                        board.add_scalar(f"train/{name}", value, step)
            now = time.monotonic()
            if step % config.preview_every == 0 or _late(config.preview_seconds, now - previewed, preview_cost):
                scores, previewed = show(), time.monotonic()
                preview_cost = previewed - now
            if step % config.checkpoint_every == 0 or _late(config.checkpoint_seconds, now - saved):
                save()
                saved = time.monotonic()
            if onlooker is not None and leads():
                seconds = time.monotonic() - started
                seen = Moment(step, step * batch_of_all, seconds, done, partial(_read_here, latest), ema, scores)
                if onlooker.look(seen):
                    stopping.append(0)
        if latest:
            _require_finite(_read(latest), largest(lost.item(), hardware.device), step, config.run)
        if step % config.preview_every:
            scores = show()
        save()
    outcome = "Stopped" if math.isinf(done) else "Finished"
    log.info("%s after step %d of %d, scores %s; the run is in %s", outcome, step, config.steps, scores, config.run)
    return config.run


def _adam(networks: Iterable[nn.Module], config: TrainConfig) -> torch.optim.Optimizer:
    parameters = [p for network in networks for p in network.parameters()]
    return torch.optim.Adam(parameters, config.learning_rate, config.betas)


def _progress(config: TrainConfig, step: int, started: float) -> float:
    """The finished share of the run: of its steps, or of its minutes if that is more."""
    return max(step / config.steps, (time.monotonic() - started) / (60 * config.minutes) if config.minutes else 0.0)


def _late(limit: float, since: float, cost: float = 0.0) -> bool:
    """Whether something is due that comes after `limit` seconds at the latest (0: not by the clock) and shall take a small share
    of the time: it cost so many seconds."""
    return bool(limit) and since > max(limit, PREVIEW_SHARE * cost)


def _update(optimizer: torch.optim.Optimizer, loss: Tensor, rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = rate
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    gradients = [p.grad for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
    average(gradients)
    for gradient in gradients:  # what is not finite teaches nothing (as Karras et al. 2024 leave it out)
        torch.nan_to_num(gradient, nan=0.0, posinf=0.0, neginf=0.0, out=gradient)
    optimizer.step()


@torch.no_grad()
def _blend(ema: GuidedGenerator, generator: GuidedGenerator, amount: float) -> None:
    torch._foreach_lerp_(list(ema.parameters()), list(generator.parameters()), amount)
    for own, new in zip(ema.buffers(), generator.buffers(), strict=True):  # statistics of batch normalisation
        own.copy_(new)


def _decay(progress: float, begin: float) -> float:
    """1 until `begin`, then half a cosine down to 0 at the end; progress is the finished share of the steps."""
    return 0.5 + 0.5 * math.cos(math.pi * max(0.0, progress - begin) / (1 - begin))


def _open_run(config: TrainConfig, record: dict, earlier: list[dict]) -> None:
    """Make a new run folder with its settings and the records of the trainings that it goes on from, or check that a resumed one
    belongs to this data. Raises TrainingError.
    """
    path = config.run / "data.json"
    if config.resume:
        saved = json.loads(path.read_text())
        for told in ("earlier", "changes"):
            saved.pop(told, None)
        if (before := saved.pop("processes", 1)) != processes():
            raise TrainingError(
                f"The run {config.run} was started with {before} processes, not {processes()}; "
                "go on with as many, for they share a batch."
            )
        if saved != record:
            raise TrainingError(f"The data in {config.data} changed since the run {config.run} was started; start a new run.")
        return
    if not leads():
        return
    if config.run.exists():
        raise TrainingError(f"The run folder {config.run} exists already; choose another, or give --resume to go on with it.")
    config.run.mkdir(parents=True)
    (config.run / "config.json").write_text(json.dumps(to_values(config) | {"resume": False}, indent=2) + "\n")
    path.write_text(json.dumps(record | {"processes": processes(), "earlier": earlier}, indent=2) + "\n")


def _note_changes(config: TrainConfig, step: int) -> None:
    """Write weights and rates that a resumed run changes into its settings, and into its record after how many steps."""
    settings, record = config.run / "config.json", config.run / "data.json"
    before, now = run_config(config.run), to_values(config)
    if changed := {name: now[name] for name in TUNED if now[name] != getattr(before, name)}:
        data = json.loads(record.read_text())
        data["changes"] = [*data.get("changes", []), {"after": step, **changed}]
        record.write_text(json.dumps(data, indent=2) + "\n")
        settings.write_text(json.dumps(to_values(before) | changed, indent=2) + "\n")


def _load(run: Path, modules: dict, optimizers: dict) -> dict:
    """Restore everything from the newest checkpoint and return its state: step, seconds and scores."""
    tensors, state = checkpoint.load_checkpoint(run)
    for name, module in modules.items():
        checkpoint.load_module(name, module, tensors)
    for name, optimizer in optimizers.items():
        checkpoint.load_optimizer(f"optimizer_{name}", optimizer, tensors)
    return state


def _preview(
    config: TrainConfig, ema: GuidedGenerator, samples: Iterable[preview.Sample], board: SummaryWriter, step: int
) -> dict[str, float]:
    """Let the averaged generator paint whole frames, and write a contact sheet; returns the scores of those with a target."""
    pictures = [preview.paint(ema, *sample) for sample in samples]
    values = preview.scores(pictures)
    sheet = preview.contact_sheet(pictures)
    folder = config.run / "previews"
    folder.mkdir(exist_ok=True)
    sheet.save(folder / f"step_{step:08d}.png")
    preview.thumbnail(pictures[-1][1]).save(config.run / "thumbnail.png")
    for name, value in values.items():
        board.add_scalar(f"held_out/{name}", value, step)
    board.add_image("input | output | target", np.asarray(sheet), step, dataformats="HWC")
    return values


def _spread(names: list[str], count: int) -> list[str]:
    """At most `count` names, evenly spread."""
    count = min(count, len(names))
    return [names[(2 * i + 1) * len(names) // (2 * count)] for i in range(count)]


def _read(latest: dict[str, Tensor]) -> dict[str, float]:
    """The last value of each loss term, the mean over the processes."""
    found = torch.stack(list(latest.values()))
    average([found])
    return dict(zip(latest, found.tolist(), strict=True))


def _read_here(latest: dict[str, Tensor]) -> dict[str, float]:
    """As _read(), of this process alone."""
    return dict(zip(latest, torch.stack(list(latest.values())).tolist(), strict=True))


def _require_finite(values: dict[str, float], lost: float, step: int, run: Path) -> None:
    """Raise TrainingError if the losses were not finite for PATIENCE steps in a row, the last `lost` ones."""
    if lost >= PATIENCE:
        name = next((name for name, value in values.items() if not math.isfinite(value)), "discriminator")
        raise TrainingError(
            f"The loss term '{name}' is {values.get(name)} at step {step}, and was not finite for {lost:.0f} steps; {run} keeps "
            "the last good checkpoint. Try a smaller --learning-rate or another --adversarial loss."
        )


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
