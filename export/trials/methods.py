"""What the rows of the benchmark are trained with: our defaults, and published methods by their papers' settings."""

SPAN = 2
"""The papers compare pictures in [-1, 1], we in [0, 1]: their weights of absolute differences are multiplied by this."""
OURS = {
    "ours": {},
    "ours_guided": {"passes": ("image", "depth", "normal", "albedo")},
    "ours_unpaired": {"mode": "contrastive"},
}
PUBLISHED = {
    # Isola et al. 2017, sections 3.3 and 6. Unlike theirs: the 70 px PatchGAN has no batch normalisation, pictures are log
    # encoded and never mirrored or enlarged, the rate falls along a half cosine, and time ends a run in place of 200 epochs.
    "pix2pix": {
        "generator": "pix2pix_unet",
        "crop": 256,
        "batch": 1,
        "discriminator_channels": 64,
        "spectral_norm": False,
        "adversarial": "non_saturating",
        "weight_l1": 100.0 * SPAN,
        "weight_edge": 0.0,
        "weight_features": 0.0,
        "learning_rate": 2e-4,
        "betas": (0.5, 0.999),
        "decay_from": 0.5,
        "ema": 0.0,
    },
    # Texler et al. 2020, section 3, and its authors' reference_P.yaml; our least squares have their factor of 0.5 already.
    "few_shot": {
        "generator": "few_shot",
        "crop": 32,
        "batch": 40,
        "discriminator_channels": 12,
        "discriminator_layers": 2,
        "spectral_norm": False,
        "conditional": False,
        "adversarial": "least_squares",
        "weight_l1": 4.0 * SPAN,
        "weight_edge": 0.0,
        "weight_features": 0.0,
        "learning_rate": 4e-4,
        "betas": (0.9, 0.999),
        "decay_from": 0.99,
        "ema": 0.0,
    },
    # Zhu et al. 2017, sections 4 and 7; its least squares lack our factor of 0.5 where the generators learn.
    "cyclegan": {
        "mode": "cycle",
        "generator": "cyclegan_resnet",
        "crop": 256,
        "batch": 1,
        "discriminator_channels": 64,
        "spectral_norm": False,
        "conditional": False,
        "adversarial": "least_squares",
        "weight_adversarial": 2.0,
        "weight_cycle": 10.0 * SPAN,
        "weight_identity": 5.0 * SPAN,
        "learning_rate": 2e-4,
        "betas": (0.5, 0.999),
        "decay_from": 0.5,
        "ema": 0.0,
    },
    # Park et al. 2020, section 3 and appendix C.1, and its authors' options, which take the mean of both PatchNCE terms. Unlike
    # theirs, the generator is cyclegan's, which halves and doubles without their blur; least squares as of cyclegan.
    "cut": {
        "mode": "contrastive",
        "generator": "cyclegan_resnet",
        "crop": 256,
        "batch": 1,
        "discriminator_channels": 64,
        "spectral_norm": False,
        "adversarial": "least_squares",
        "weight_adversarial": 2.0,
        "weight_nce": 0.5,
        "weight_nce_identity": 0.5,
        "learning_rate": 2e-4,
        "betas": (0.5, 0.999),
        "decay_from": 0.5,
        "ema": 0.0,
    },
}
FEW_SHOT_VGG = {"weight_content": 6.0, "content_layers": ("relu1_1", "relu1_2", "relu2_1")}
"""What few_shot adds where VGG-19's weights are given."""
PROJECTED = {
    "ours_projected": {"discriminator": "projected"},  # of keyframes alone
    "ours_unpaired_projected": {"mode": "contrastive", "discriminator": "projected"},
}
"""Ours with the judge that knows pictures."""
EXEMPLAR = {
    "ours_exemplar": {"mode": "exemplar"},
    # Johnson et al. 2016: their network and losses, by the features that ours learns by. Unlike theirs: crops, batch and schedule
    # are ours, which suit short runs; losses are relative to the look's and the frame's features; no total variation.
    "fast_neural_style": {
        "mode": "exemplar",
        "generator": "transformer",
        "passes": ("image",),
        "noise": 0,
        "noise_everywhere": False,
        "gate": False,
        "weight_adversarial": 0.0,
        "weight_tones": 0.0,
        "weight_content": 1.0,
        "weight_style": 10.0,
        "style_distance": "gram",
        "learning_rate": 1e-3,
        "betas": (0.9, 0.999),
        "ema": 0.0,
    },
}
"""Those that learn from pictures alone."""
PER_FRAME = "per_frame"
"""The row that learns nothing: each scored frame is optimised for its share of the minutes (training/teacher.py)."""
METHODS = OURS | PUBLISHED | PROJECTED | EXEMPLAR
"""Row of the table -> settings of `train` that differ from the defaults of its mode."""
