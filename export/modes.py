"""The modes of training and the kinds of networks by name, with the settings whose defaults differ in a mode."""

VGG_LAYERS = tuple(f"relu{block}_{n}" for block, count in enumerate((2, 2, 4, 4, 4), 1) for n in range(1, count + 1))
"""The layers of VGG-19 in order, each a convolution and its ReLU."""

SIZES = {
    "cnn": {"draft": (16, 32, 1, 4), "fast": (16, 48, 1, 4), "default": (32, 64, 2, 3), "high": (48, 96, 2, 3)},
    "unet": {"draft": (16, 32, 48), "fast": (16, 32, 64, 96), "default": (32, 64, 96, 128), "high": (48, 96, 192, 256)},
    "resnet": {"draft": (16, 32, 4), "fast": (16, 48, 6), "default": (32, 64, 9), "high": (64, 128, 9)},
}
"""Our generators -> size -> widths."""
EARLIER_SIZES = {"cnn": {"fast": (32, 64, 1, 4), "default": (48, 96, 2, 3), "high": (64, 128, 3, 8)}}
"""The same of runs whose settings were written without widths, where they are others now."""
OWN_GENERATORS = tuple(SIZES)
OURS = ("noise", "grain", "swatches", "strokes", "scan_lines", "tones", "stepped", "washed", "dabs", "contoured", "outlined")
OURS += ("gate", "smooth", "hued", "dodge", "stroke_strength")
"""What our generators can be given and published ones can't."""
PEERS = ("pix2pix_unet", "cyclegan_resnet", "few_shot", "transformer")
"""Generators of published methods, which ours are compared with."""

STROKE_STRENGTH, STRONGEST = "stroke_strength", 3.0
"""The knob that lays strokes fainter or stronger than they were learned, and its highest value."""

UNPAIRED = ("cycle", "contrastive")
"""Modes whose targets show other things than the inputs."""
UNPAIRED_OR_ALONE = (*UNPAIRED, "exemplar")
"""Modes in which no target belongs to an input."""
JUDGED_SHIFT = 48
"""Of mode exemplar: how many pixels less than a crop the part is high and wide that is judged, which lies anywhere in it."""
PAIRED_TERMS = ("l1", "l2", "edge", "features")
"""Loss terms that compare an output with its own target."""
TERMS_OF = {
    "cycle": "cycle",
    "identity": "cycle",
    "nce": "contrastive",
    "nce_identity": "contrastive",
    "tones": "exemplar",
    "shift": "exemplar",
}
"""Loss term -> the only mode that has it."""

WITHOUT_PAIRS = {"conditional": False, "adversarial": "hinge", "weight_l1": 0.0, "weight_edge": 0.0, "weight_features": 0.0}
MODE_DEFAULTS = {
    # Small patches from anywhere, many at once: more of a frame's variety in each step (Texler et al. 2020, section 3.1). The
    # judge sees less than such a patch and works less than the generator, so that a minute has twice the steps.
    "keyframes": {
        "crop": 64,
        "crop_alignment": 1,
        "batch": 16,
        "learning_rate": 5e-4,
        "conditional": False,
        "smooth": True,
        "discriminator_channels": 16,
        "discriminator_layers": 2,
    },
    "cycle": {"weight_cycle": 10.0, "weight_identity": 5.0} | WITHOUT_PAIRS,
    "contrastive": {"weight_nce": 1.0, "weight_nce_identity": 1.0} | WITHOUT_PAIRS,
    "exemplar": {
        "passes": ("image", "normal", "position"),
        "noise": 3,
        "noise_everywhere": True,
        "generator": "unet",
        "gate": True,
        "black": 0.005,
        "dodge": 0.1,
        "stroke_strength": 1.0,
        "discriminator": "projected",
        "weight_content": 2.0,
        "weight_tones": 20.0,
        "crop": 176,
        "crop_alignment": 1,
        "learning_rate": 5e-4,
        "betas": (0.0, 0.99),
        "decay_from": 0.4,
        "ema": 0.995,
        "exposure_jitter": 0.3,
        "steps": 100_000,
        "minutes": 10.0,
    }
    | WITHOUT_PAIRS,
}
"""Mode -> settings whose defaults differ there from those of TrainConfig."""
PROJECTED = {
    "generator": "unet",
    "gate": True,
    "crop": 144,
    "crop_alignment": 1,
    "batch": 2,
    "learning_rate": 5e-4,
    "betas": (0.0, 0.99),
    "decay_from": 0.4,
    "ema": 0.995,
    "black": 1.0,  # who paints a frame says what is black
}
"""What the modes have in common whose judge is projected by choice."""
PROJECTED_DEFAULTS = {
    "keyframes": PROJECTED
    | {"fine": 16, "smooth": False, "discriminator_channels": 32, "adversarial": "hinge"}
    | {"weight_l1": 10.0, "weight_edge": 0.0, "weight_features": 1.0, "weight_style": 1.0},
    "cycle": PROJECTED | {"adversarial": "relativistic", "weight_r1": 1.0, "match": 8},
    "contrastive": PROJECTED | {"adversarial": "relativistic", "weight_r1": 1.0, "match": 8},
}
"""Mode -> further ones with discriminator projected."""
