"""Looks on while a training runs: says how it goes, writes its style every few seconds, and passes on what is asked for."""

import logging
import math
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from core.training import TrainingSettings

from ..export_onnx import ExportError, style_of
from ..training.onlooker import Moment
from .folder import NextRun, content_of, last_state, note_content
from .live import LiveStyle
from .talk import Commands, Voice

log = logging.getLogger(__name__)

PROGRESS_SECONDS = 1.0
PREVIEW_SECONDS = 5.0
SHARE = 20
"""Times as long as a preview took that the next one is waited for."""
CURVES = ("l1", "tones", "content", "cycle", "nce", "discriminator")
"""The term that is drawn as the curve: the first of these that the training has."""


class Reporter:
    """An export.training.onlooker.Onlooker of one run."""

    def __init__(
        self,
        folder: Path,
        run: NextRun,
        settings: Callable[[], TrainingSettings],
        voice: Voice,
        commands: Commands,
        live: LiveStyle,
    ):
        """settings: reads them again, as they may have changed."""
        self.folder, self.run, self.voice, self.commands, self.live = folder, run, voice, commands, live
        self._read_settings, self.settings = settings, settings()
        self.changed = False
        """Whether it was stopped because there is something else to learn from."""
        self._first = self._last = None
        self._progress_due = self._preview_due = 0.0

    def look(self, moment: Moment) -> bool:
        """Raises ExportError."""
        now = time.monotonic()
        if self._first is None:
            self._first = moment
            self._preview_due = now + PREVIEW_SECONDS
            note_content(self.run)
        self._last = moment
        if now >= self._progress_due:
            self._say_progress(moment)
            self._progress_due = now + PROGRESS_SECONDS
        if now >= self._preview_due:
            self._preview_due = now + max(PREVIEW_SECONDS, SHARE * self._preview(moment))
        asked = self.commands.take()
        if "frames" in asked and "stop" not in asked:
            self.changed = self._read_settings() != self.settings or self._content() != self.run.content
        return self.changed or "stop" in asked

    def finish(self) -> None:
        """The last style, compared with PyTorch. Raises ExportError."""
        if self._last is not None:
            last = replace(self._last, scores=last_state(self.run.config.run)["scores"])
            self._say_progress(last)
            self._preview(last, check=True)

    def _content(self) -> str:
        return content_of(self.folder, self.settings.teach)

    def _say_progress(self, moment: Moment) -> None:
        losses = {name: float(f"{value:.4g}") for name, value in moment.losses().items() if math.isfinite(value)}
        curve = next((name for name in CURVES if name in losses), "")
        spent = moment.seconds - self._first.seconds
        self.voice.say(
            "progress",
            step=moment.step,
            done=round(min(moment.done, 1.0), 4),
            seconds=round(moment.seconds, 1),
            seconds_left=round(max(0.0, 60 * self.run.config.minutes - moment.seconds), 1),
            images_per_second=round((moment.images - self._first.images) / spent, 2) if spent else 0.0,
            curve=curve,
            loss=losses.get(curve),
            losses=losses,
            time=time.time(),
        )

    def _preview(self, moment: Moment, check: bool = False) -> float:
        """Write the style; the seconds that it took, but for those to make the graph, which comes once. Raises ExportError."""
        config, started, new = self.run.config, time.monotonic(), not self.live.key
        sheets = sorted((config.run / "previews").glob("*.png"))
        state = {"step": moment.step, "seconds": moment.seconds, "scores": moment.scores}
        style = replace(style_of(config.run, config, state, moment.generator), name=self.settings.name)
        try:
            self.live.write(moment.generator, style, check)
        except OSError as error:
            if check:
                raise ExportError(f"The style {self.live.path} can't be written ({error}); make space.") from error
            log.info("%s can't be written now (%s).", self.live.path, error)
            return 0.0
        self.voice.say(
            "preview",
            path=self.live.path.relative_to(self.folder).as_posix(),
            step=moment.step,
            seconds=round(moment.seconds, 1),
            sheet=sheets[-1].relative_to(self.folder).as_posix() if sheets else "",
            checked=check,
        )
        return 0.0 if new else time.monotonic() - started
