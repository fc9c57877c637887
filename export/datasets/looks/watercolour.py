"""Watercolour: transparent washes on white paper, whose pigment gathers at their borders and in the grain of the paper."""

import numpy as np
import torch
from scipy import ndimage

from core.colour import decode_log, encode_log, luminance

from ...networks.encoding import relative_depth
from ...networks.washes import FAINT, colours, gaps, laid, on_paper, relief, turbulence
from .anchored import noise_everywhere, paper_grain
from .lines import borders
from .shown import shown
from .smoothing import within_edges
from .tones import flatten, smoothstep


def watercolour(
    passes: dict[str, np.ndarray], pigment: float | np.ndarray = 1.0, wetness: float | np.ndarray = 1.0
) -> np.ndarray:
    """Washes on warm paper with dark dried borders and granulation: (H, W, 3) linear Rec.709.

    The parts of a computer-generated watercolour (Curtis et al. 1997) without its simulation of water: a few flat washes one over
    the other, each below a height of the light and with pigment at its border; their density, which turbulence and the grain of
    the paper change (Bousseau et al. 2006); gaps of white paper between things and dry brush where the paint runs out
    (Montesdeoca et al. 2017). Light above 1.1 turns from paper white to its own radiance.

    pigment, wetness: knobs, one number or (H, W): how much paint there is, with its dark borders and its grain, and from dry
    brush, over crisp washes, to paint that runs within surfaces.
    """
    encoded = encode_log(np.maximum(passes["image"][..., :3], 0))
    everywhere = np.ones(encoded.shape[:2], np.float32)
    pigment, wetness = ((np.asarray(knob, np.float32) * everywhere)[..., None] for knob in (pigment, wetness))
    edges, noise, grain = borders(passes), noise_everywhere(passes, 2), paper_grain(*encoded.shape[:2], 1)
    water, paper, calm = shown(turbulence, noise), shown(relief, grain), flattened(passes, encoded, edges)
    wet = np.clip(wetness - 0.9, 0, 1) * (0.75 + 0.25 * water)
    density = shown(colours, calm) * shown(laid, calm, noise[..., 1:], paper, wetness)
    density = density + (within_edges(density, edges, 30) - density) * wet
    tone = luminance(density)[..., None]
    bare = shown(bare_paper, passes["normal"], passes["depth"], tone, water)
    pictures = encoded, density / np.maximum(tone, FAINT), tone, water * wetness, paper, pigment, bare
    return decode_log(shown(on_paper, *pictures)).astype(np.float32)


def flattened(passes: dict[str, np.ndarray], encoded: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """The encoded picture without texture: colour averaged within surfaces, up to borders of light."""
    flat = flatten(np.minimum(encoded, 1.1), passes["normal"], passes["albedo"], passes["depth"], radius=4)
    lit = smoothstep(0.02, 0.08, ndimage.gaussian_gradient_magnitude(luminance(flat), 1.0))
    return within_edges(flat, np.maximum(edges, lit), 8)


def bare_paper(normal: torch.Tensor, depth: torch.Tensor, *more: torch.Tensor) -> torch.Tensor:
    """Gaps of passes as a generator sees them."""
    return gaps(torch.clamp(normal, -1.0, 1.0), relative_depth(depth), *more)
