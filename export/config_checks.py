"""What must hold between the trainer's settings."""

from dataclasses import fields

from .modes import (
    JUDGED_SHIFT,
    OURS,
    OWN_GENERATORS,
    PAIRED_TERMS,
    PEERS,
    STRONGEST,
    TERMS_OF,
    UNPAIRED,
    UNPAIRED_OR_ALONE,
)
from .settings import require
from .train_settings import TrainSettings


def check(config: TrainSettings) -> None:
    """Raise ConfigError for settings that can't go together or lie out of their range."""
    _check_weights(config)
    _check_passes(config)
    _check_numbers(config)
    _check_networks(config)
    _check_paint(config)
    _check_knobs(config)


def _check_weights(config: TrainSettings) -> None:
    """Raise ConfigError for weights of losses that lack what they need."""
    weights = {f.name: getattr(config, f.name) for f in fields(config) if f.name.startswith("weight_")}
    for name, value in weights.items():
        flag, term = name.replace("_", "-"), name.removeprefix("weight_")
        require(value >= 0, f"{flag} must be at least 0, not {value}")
        require(
            not value or TERMS_OF.get(term, config.mode) == config.mode,
            f"{flag} belongs to mode {TERMS_OF.get(term)}; set it to 0 for mode {config.mode}",
        )
        require(
            not value or term not in PAIRED_TERMS or config.mode not in UNPAIRED_OR_ALONE,
            f"{flag} compares an output with its own target, which mode {config.mode} does not have; set it to 0",
        )
    if config.mode in UNPAIRED:
        require(config.weight_adversarial > 0, f"mode {config.mode} learns from weight-adversarial; give it more than 0")
    if config.mode in UNPAIRED_OR_ALONE:
        require(not config.conditional, f"conditional can't be on in mode {config.mode}: no target belongs to an input")
    if config.mode == "exemplar":
        return _check_exemplar(config, weights)
    require(not config.exemplar, "exemplar belongs to mode exemplar")
    aims = ("l1", "l2", "edge", "adversarial", "content", "style")
    require(any(weights[f"weight_{aim}"] for aim in aims), f"weights must not all be 0: give one of {', '.join(aims)}")
    for name in ("weight_features", "weight_r1"):
        flag = name.replace("_", "-")
        require(
            bool(config.weight_adversarial) or not weights[name],
            f"{flag} needs a discriminator: give weight-adversarial too, or set {flag} to 0",
        )
    if config.discriminator == "projected":
        return _check_projected(config, weights)
    _check_vgg(config, weights)


def _check_exemplar(config: TrainSettings, weights: dict[str, float]) -> None:
    """Raise ConfigError for what mode exemplar can't learn from or does not have."""
    require(bool(config.exemplar) != bool(config.looks), "exemplar must name a picture of the look or a few, or looks several")
    require(
        config.weight_adversarial > 0 or config.weight_style > 0,
        "mode exemplar learns from weight-adversarial or weight-style; give one of them more than 0",
    )
    require(0 < config.brush <= 2, f"brush must be above 0 and at most 2, not {config.brush}")
    for name in ("r1", "features", "variation"):
        require(not weights[f"weight_{name}"], f"weight-{name} is no part of mode exemplar; set it to 0")


def _check_projected(config: TrainSettings, weights: dict[str, float]) -> None:
    """Raise ConfigError for what does not go with a projected discriminator, which brings features of its own."""
    require(config.mode != "paired", "discriminator projected is not for mode paired, but for keyframes or mode exemplar")
    require(not config.conditional, "conditional can't be on with discriminator projected")
    for name in ("l2", "variation", "content", *(() if config.mode in UNPAIRED else ("r1",))):
        require(not weights[f"weight_{name}"], f"weight-{name} can't be used with discriminator projected; set it to 0")


def _check_vgg(config: TrainSettings, weights: dict[str, float]) -> None:
    """Raise ConfigError for losses by VGG-19 that lack its weights, its layers or pixels enough."""
    for name, layers in (("weight_content", config.content_layers), ("weight_style", config.style_layers)):
        if weights[name]:
            flag = name.replace("_", "-")
            require(
                config.vgg_weights is not None,
                f"{flag} needs VGG-19's weights: give vgg-weights, the file that "
                f"torchvision calls vgg19-dcbb9e9d.pth, or set {flag} to 0",
            )
            require(bool(layers), f"{flag} needs at least one layer of VGG-19")
            require(config.crop >= 16, f"{flag} needs crops of 16 px or more")


def _check_passes(config: TrainSettings) -> None:
    """Raise ConfigError for passes and guides that are named wrongly, or can't be mirrored."""
    require(
        config.passes[:1] == ("image",) and len(set(config.passes)) == len(config.passes),
        "passes must start with image and name nothing twice",
    )
    names = [g.name for g in config.own_guides]
    require(len(set(names)) == len(names), "guide and matte must name nothing twice")
    # These two are in world space: mirroring them takes the camera, which the files don't hold.
    world = {"normal", "position"} & set(config.passes)
    require(not (config.flip and world), "flip can't mirror the passes normal or position")


def _check_numbers(config: TrainSettings) -> None:
    """Raise ConfigError for numbers out of their range."""
    require(config.crop >= 8 and config.crop % 8 == 0, f"crop must be a multiple of 8, not {config.crop}")
    for name in (
        "crop_alignment",
        "batch",
        "discriminator_channels",
        "discriminator_layers",
        "discriminator_scales",
        "discriminator_side",
        "r1_every",
        "steps",
        "log_every",
        "preview_every",
        "checkpoint_every",
    ):
        require(getattr(config, name) >= 1, f"{name.replace('_', '-')} must be at least 1, not {getattr(config, name)}")
    for name in ("holdout_fraction", "decay_from", "ema"):
        value = getattr(config, name)
        require(0 <= value < 1, f"{name.replace('_', '-')} must be at least 0 and below 1, not {value}")
    for name in ("noise", "grain", "fine", "strokes", "scan_lines", "tones", "swatches"):
        require(getattr(config, name) >= 0, f"{name} must be at least 0, not {getattr(config, name)}")
    require(len(config.betas) == 2, "betas must be two numbers")
    require(config.frame_height >= 0, f"frame-height must be at least 0, not {config.frame_height}")
    require(0 <= config.black <= 1, f"black must be from 0 to 1, not {config.black}")
    require(config.dodge >= 0, f"dodge must be at least 0, not {config.dodge}")
    require(
        0 <= config.stroke_strength <= STRONGEST, f"stroke-strength must be from 0 to {STRONGEST:g}, not {config.stroke_strength}"
    )
    require(config.match >= 0, f"match must be at least 0, not {config.match}")


def _check_networks(config: TrainSettings) -> None:
    """Raise ConfigError for widths that the generator doesn't take, and for crops too small for the discriminator."""
    peer = config.generator in PEERS
    require(
        not peer or (config.size == "default" and not any(getattr(config, name) for name in OURS)),
        f"generator {config.generator} has one published size and takes no {', '.join(OURS[:-1])} or {OURS[-1]}",
    )
    count = {"cnn": 4, "unet": max(len(config.widths), 2), "resnet": 3}.get(config.generator, 2)
    require(
        len(config.widths) in (0, count) and all(w > 0 for w in config.widths),
        f"widths must be {count} whole numbers above 0 for the {config.generator}",
    )
    require(
        config.resnet_weights is None or (config.generator == "resnet" and not config.start_from),
        "resnet-weights is for generator resnet without start-from",
    )
    judges_by = config.discriminator_vgg_layers
    require(config.discriminator == "projected" or config.mode != "exemplar", "discriminator must be projected in mode exemplar")
    if config.discriminator == "vgg":
        require(
            config.vgg_weights is not None,
            "discriminator vgg needs VGG-19's weights: give vgg-weights, the file that "
            "torchvision calls vgg19-dcbb9e9d.pth, or choose another discriminator",
        )
        require(bool(judges_by), "discriminator-vgg-layers must name at least one layer")
    smallest = {
        "dense": config.discriminator_side,
        "patch": 8 * 2**config.discriminator_layers,
        "multiscale": 8 * 2 ** (config.discriminator_layers + config.discriminator_scales - 1),
        "vgg": 2 * 2 ** max((int(layer[4]) for layer in judges_by), default=1),
        "projected": 64 + JUDGED_SHIFT,
    }[config.discriminator]
    require(config.crop >= smallest, f"discriminator {config.discriminator} of this size needs crops of {smallest} px or more")
    require(
        not config.match or (config.mode in UNPAIRED and config.discriminator == "projected"),
        "match is for the modes cycle and contrastive with discriminator projected; set it to 0",
    )
    require(
        config.adversarial != "relativistic" or config.mode in UNPAIRED_OR_ALONE or config.discriminator == "projected",
        "adversarial can't be relativistic here: give mode cycle, contrastive or exemplar, or discriminator projected",
    )


def _check_paint(config: TrainSettings) -> None:
    """Raise ConfigError for what a generator can't paint with in this mode."""
    require(not config.hued or config.gate or config.smooth, "hued needs gate or smooth")
    require(not config.fine or config.generator == "unet", "fine belongs to generator unet; set it to 0")
    require(
        not (config.grain or config.scan_lines) or not (config.weight_shift or config.mode in UNPAIRED),
        "grain and scan-lines can't move along with the frame: leave out weight-shift; cycle and contrastive take none",
    )
    require(
        not config.noise or config.noise_everywhere or "position" in config.passes,
        "noise needs position among the passes, or noise-everywhere",
    )
    require(config.stroke_width >= 4, f"stroke-width must be at least 4, not {config.stroke_width}")
    require(config.stroke_length > 0, f"stroke-length must be above 0, not {config.stroke_length}")
    require(
        not config.swatches or (config.mode == "keyframes" and config.discriminator == "projected"),
        "swatches belong to mode keyframes with discriminator projected; set them to 0",
    )
    require(not config.swatches or config.gate or config.smooth, "swatches need gate or smooth")
    require(config.strokes <= 2, f"strokes have 2 directions at most, not {config.strokes}")
    require(
        not config.strokes or {"normal", "position"} <= set(config.passes), "strokes need normal and position among the passes"
    )
    require(
        not config.dabs or {"depth", "normal", "position"} <= set(config.passes),
        "dabs need depth, normal and position among the passes",
    )


def _check_knobs(config: TrainSettings) -> None:
    """Raise ConfigError for knobs and looks that the mode or the generator does not take."""
    require(not config.knob or config.mode == "paired", "knob belongs to mode paired")
    require(not config.stroke_strength or config.mode == "exemplar", "stroke-strength belongs to mode exemplar")
    require(not config.looks or config.mode in ("paired", "exemplar"), "looks belong to the modes paired and exemplar")
    require(len(config.looks) != 1, "looks must name two or more")
    require(not config.controls or config.generator in OWN_GENERATORS, f"generator {config.generator} takes no knob and no looks")
    known = {control.name: control for control in config.controls[: len(config.knob)]}
    require(
        not config.stepped or (config.stepped in known and known[config.stepped].low >= 1),
        f"stepped must be one of the knobs, from 1 upwards, not {config.stepped}",
    )
    require(not config.contoured or config.contoured in known, f"contoured must be one of the knobs, not {config.contoured}")
    require(
        not config.outlined or (config.outlined in known and {"depth", "normal"} <= set(config.passes)),
        f"outlined must be one of the knobs, not {config.outlined}, and needs depth and normal among the passes",
    )
    require(
        not config.washed or (config.washed in known and config.noise > 1 and config.grain > 0),
        f"washed must be one of the knobs, not {config.washed}, and needs two channels of noise, and grain",
    )
