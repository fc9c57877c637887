"""Our goals for speed and memory, compared with the figures of the table of speeds."""

from dataclasses import dataclass

QHD, HD, UHD, UHD2, ANY = "960x540", "1920x1080", "3840x2160", "7680x4320", "any size"
Place = tuple[str, str, str]
"""Size of the frame, what was measured, and the name of its figure."""
OURS = (HD, "default onnxruntime", "seconds")
PEAK = "peak_megabytes"


@dataclass(frozen=True)
class Goal:
    """A figure, or its ratio to another, that shall be at least or at most the limit."""

    words: str
    limit: float
    of: Place
    by: Place | None = None
    at_most: bool = False

    def found(self, results: dict[str, dict[str, dict]]) -> float | None:
        """The figure from {size: {what: {figure: value}}}; None if a part of it was not measured."""
        values = [results.get(size, {}).get(what, {}).get(figure) for size, what, figure in (self.of, self.by or self.of)]
        return None if None in values else values[0] / values[1] if self.by else values[0]

    def met(self, found: float | None) -> bool | None:
        """None if it was not measured."""
        return None if found is None else found <= self.limit if self.at_most else found >= self.limit


def _most(words: str, limit: float, *of: str) -> Goal:
    return Goal(words, limit, of, at_most=True)


def _faster(words: str, limit: float, other: str, ours: str = "default onnxruntime") -> Goal:
    return Goal(words, limit, (HD, other, "seconds"), (HD, ours, "seconds"))


def _flat(size: str) -> tuple[Goal, Goal]:
    """The cost of a pixel at a size, within 15 % of that at 1080p: at most so much more, and at most so much less."""
    width, height = map(int, size.split("x"))
    pixels = width * height / (1920 * 1080)
    place, words = (size, "default onnxruntime", "seconds"), f"default, seconds per pixel at {size} against 1080p"
    return (
        Goal(f"{words}, times {pixels:g}", 1.15 * pixels, place, OURS, at_most=True),
        Goal(f"{words}, times {pixels:g}", 0.85 * pixels, place, OURS),
    )


GOALS = (
    _faster("default against pix2pix in PyTorch, times as fast", 10, "pix2pix_unet pytorch"),
    _faster("default against CycleGAN in PyTorch, times as fast", 40, "cyclegan_resnet pytorch"),
    _faster("default against Few-Shot in PyTorch, times as fast", 40, "few_shot pytorch"),
    _faster("fast against CycleGAN in PyTorch, times as fast", 100, "cyclegan_resnet pytorch", "fast onnxruntime"),
    _faster("high against CycleGAN in PyTorch, times as fast", 12, "cyclegan_resnet pytorch", "high onnxruntime"),
    _faster("default against White-box in ONNX Runtime, times as fast", 4, "white_box onnxruntime"),
    _faster("default against OIDN's U-Net in ONNX Runtime, times as fast", 4, "denoiser_unet onnxruntime"),
    _faster("default against the network of 26 styles in ONNX Runtime, times as fast", 3, "multi_style onnxruntime"),
    _faster(
        "fast against the network of 26 styles in ONNX Runtime, times as fast", 6, "multi_style onnxruntime", "fast onnxruntime"
    ),
    _faster("default against AnimeGANv3 in ONNX Runtime, times as fast", 6, "animegan3 onnxruntime"),
    Goal(
        "default against the bare convolutions, share of their rate",
        0.88,
        (HD, "default onnxruntime", "rate"),
        (HD, "bare_convolutions onnxruntime", "rate"),
    ),
    Goal("default, share of the convolutions in its time", 0.9, (HD, "profile default", "convolutions")),
    _most("default, changes of layout of the inputs", 0, HD, "profile default", "ReorderInputs"),
    _most("default, changes of layout of the output", 1, HD, "profile default", "ReorderOutputs"),
    _most("default, MB of a 1080p frame", 150, HD, "default onnxruntime", PEAK),
    _most("default, MB of a 4K frame", 500, UHD, "default onnxruntime", PEAK),
    _most("default, MB of a 4K frame in tiles of 1024", 250, UHD, "tiles of 1024", PEAK),
    Goal(
        "default, memory of later frames against the first, times",
        1.1,
        (HD, "default onnxruntime", PEAK),
        (HD, "default onnxruntime", "first_megabytes"),
        at_most=True,
    ),
    Goal(
        "default against White-box in ONNX Runtime, times less memory",
        8,
        (HD, "white_box onnxruntime", PEAK),
        (HD, "default onnxruntime", PEAK),
    ),
    _most("tiles of 2048 at 4K against the whole frame, largest difference", 1e-4, UHD, "tiles of 2048", "difference"),
    _most("tiles of 1024 at 4K against the whole frame, largest difference", 1e-4, UHD, "tiles of 1024", "difference"),
    _most("tiles of 2048 at 4K against the whole frame, times the seconds", 1.4, UHD, "tiles of 2048", "by_whole"),
    _most("tiles of 2048 at 4K, seconds against the pixels computed", 1.1, UHD, "tiles of 2048", "time_by_work"),
    _most("tiles of 1024 at 4K, seconds against the pixels computed", 1.1, UHD, "tiles of 1024", "time_by_work"),
    *(
        _most(f"8K within a limit of {n} MB, share of it taken (0 if refused)", 1.1, UHD2, f"limit of {n} MB", "share")
        for n in (100, 250, 1000)
    ),
    *(goal for size in (QHD, UHD, UHD2) for goal in _flat(size)),
    _most("default with stylize() around it, times the generator alone", 1.1, HD, "parts default", "whole_by_generator"),
    _most("fast with stylize() around it, times the generator alone", 1.2, HD, "parts fast", "whole_by_generator"),
    _most("stylize() without the generator, in copies of the frame", 12, HD, "parts default", "rest_in_copies"),
    _most("node in Blender without the generator at 1080p, seconds", 0.25, HD, "node", "rest"),
    _most("node in Blender without the generator at 4K, seconds", 1, UHD, "node", "rest"),
    Goal("stylised viewport, fast at 960x540, pictures a second", 10, (QHD, "viewport fast", "pictures_per_second")),
    _most("from the start of a process to its first 1080p frame, times a later frame", 1.5, HD, "start", "first_by_steady"),
    _most("Blender's start with the add-on, seconds longer", 0.05, ANY, "enabling", "seconds"),
    _most("enabling the add-on, heavy modules imported", 0, ANY, "enabling", "heavy_modules"),
    Goal(
        "default with ten input channels against three, times the seconds",
        1.1,
        (HD, "default_guided onnxruntime", "seconds"),
        OURS,
        at_most=True,
    ),
    _most("default for any size against this size alone, times the seconds", 1.1, HD, "shapes default", "any_by_one"),
    _most("ONNX Runtime against PyTorch, largest difference", 1e-5, ANY, "agreement default", "difference"),
    _most("shipped styles with TF32's 11 bits, largest difference, log-encoded", 0.02, ANY, "rounding", "difference"),
    _most("shipped styles in half precision, largest difference, log-encoded", 0.02, ANY, "rounding", "half_difference"),
    _most("operator set of the style files", 18, ANY, "agreement default", "opset"),
    Goal(
        "training step against CycleGAN's generator, times as fast",
        8,
        (ANY, "step cyclegan_resnet", "seconds"),
        (ANY, "step default", "seconds"),
    ),
    _most("default on CUDA with upload and download at 1080p, seconds", 0.008, HD, "default cuda", "seconds"),
    _most("twelve channels through EXR in memory, times NumPy's own files", 2, HD, "exchange", "exr_by_npy"),
)
"""From the project's list of goals; all ratios are of one run on one machine."""


def judged(results: dict[str, dict[str, dict]]) -> list[dict]:
    """Each goal in words, its limit, what was found, and whether it is met (both None if it was not measured)."""
    return [
        {"goal": goal.words, "limit": goal.limit, "at_most": goal.at_most, "found": found, "met": goal.met(found)}
        for goal in GOALS
        for found in (goal.found(results),)
    ]
