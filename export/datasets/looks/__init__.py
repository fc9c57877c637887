"""Looks: slow painters that turn the passes of a rendered frame into the target frame of a paired training.

A look may use every pass and take seconds; the generator learns to give its picture at the speed of a filter. What a look draws
must be a function of what the generator can see: it may use the noise that sticks to surfaces, but no other random numbers.
"""

from core.controls import Control

from .cel import cel
from .comic_book import comic_book
from .graphic_novel import graphic_novel
from .hologram import hologram
from .ink_hatching import ink_hatching
from .oil_painting import oil_painting
from .watercolour import watercolour

LOOKS = {
    "cel": cel,
    "comic_book": comic_book,
    "graphic_novel": graphic_novel,
    "hologram": hologram,
    "ink_hatching": ink_hatching,
    "oil_painting": oil_painting,
    "watercolour": watercolour,
}
"""Look name -> function from passes {name: (H, W, c)} to the target (H, W, 3), linear Rec.709, [0, inf)."""

LINES = Control("line_weight", 0.0, 3.0, 1.0, "How thick the lines are; 0 leaves them out")
STEPS = Control("tones", 2.0, 9.0, 5.0, "Steps of tone from black to white")
KNOBS = {
    "cel": (LINES, Control("tones", 2.0, 8.0, 4.0, "Steps of light from black to white")),
    "comic_book": (LINES, STEPS),
    "graphic_novel": (LINES, STEPS),
    "hologram": (
        Control("glow", 0.0, 2.0, 1.0, "How bright lines and their halo are"),
        Control("scan_lines", 0.0, 2.0, 1.0, "How dark it is between scan lines; 0 leaves them out"),
    ),
    "ink_hatching": (LINES, Control("hatching", 0.0, 2.0, 1.0, "How early the shade is hatched; 0 leaves strokes out")),
    "oil_painting": (
        Control("brush_marks", 0.0, 2.5, 1.0, "How deep the brush leaves its marks in the paint"),
        Control("broken_colour", 0.0, 2.5, 0.6, "How far dabs differ from what they paint"),
    ),
    "watercolour": (
        Control("pigment", 0.0, 2.0, 1.0, "How much paint there is, with its dark borders and its grain"),
        Control("wetness", 0.0, 2.0, 1.0, "From dry brush, over crisp washes, to paint that runs"),
    ),
}
"""Look name -> what can be set of it: arguments of the look's function, each one number or (H, W)."""
