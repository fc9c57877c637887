"""Shows scores to people: as a table of text, and as a sheet of pictures with the table below."""

from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from tabulate import tabulate
from torch import Tensor

from ..networks.encoding import display

WIDTH, NARROWEST, GAP = 1600, 400, 8
"""Pixels of the sheet's least width, of its narrowest pictures, and between them."""
PAPER, INK = (250, 250, 248), (30, 30, 30)


class Score(NamedTuple):
    """How a score is shown."""

    label: str
    better: str
    """Which way is better: "less", "more", or empty where it depends."""
    format: str


SCORES = {
    "sliced_wasserstein": Score("style: patches", "less", ".1f"),
    "gram_vgg19": Score("style: Gram VGG-19", "less", ".3f"),
    "gram_gabor": Score("style: Gram Gabor", "less", ".3f"),
    "kid": Score("style: KID x 1000", "less", ".1f"),
    "fid": Score("style: FID", "less", ".1f"),
    "ms_ssim": Score("content: MS-SSIM", "more", ".3f"),
    "edge_agreement": Score("content: edges", "more", ".3f"),
    "lpips": Score("content: LPIPS", "less", ".3f"),
    "psnr": Score("target: PSNR dB", "more", ".2f"),
    "ssim": Score("target: SSIM", "more", ".3f"),
    "warping_ratio": Score("warping error ratio", "less", ".2f"),
    "seconds": Score("seconds at 1080p", "less", ".2f"),
    "peak_megabytes": Score("MB at 1080p", "less", ".0f"),
    "parity": Score("export parity", "less", ".0e"),
    "tf32": Score("TF32 difference", "less", ".0e"),
}
"""The scores of the table in its order; what they mean is said where they are computed."""


def table(rows: dict[str, dict], style: str = "simple") -> str:
    """{row: {score: value}} as text, one line per score, for a few rows; scores that no row has are left out.

    style: of tabulate.
    """
    lines = [
        [
            f"{score.label}{f' ({score.better} is better)' if score.better else ''}",
            *(format(values[name], score.format) if name in values else "" for values in rows.values()),
        ]
        for name, score in SCORES.items()
        if any(name in values for values in rows.values())
    ]
    return tabulate(lines, ["", *rows], tablefmt=style, disable_numparse=True, colalign=["left", *["right"] * len(rows)])


def sheet(rows: dict[str, dict], pictures: dict[str, dict[str, Tensor]], title: str) -> Image.Image:
    """One page: a line of pictures per frame, a column per row of the table, and the table.

    pictures: {name of a frame: {row: (3, H, W) scene-linear}}; a row that a frame has no picture of stays empty.
    """
    width = max((WIDTH - GAP) // len(rows) - GAP, NARROWEST)
    whole = max(len(rows) * (width + GAP) + GAP, WIDTH)
    heights = [max(p.shape[1] * width // p.shape[2] for p in shown.values()) for shown in pictures.values()]
    text, font, small = table(rows), _font(17), _font(15)
    lines = text.count("\n") + 1
    page = Image.new("RGB", (whole, 100 + sum(heights) + GAP * len(heights) + lines * 22 + 2 * GAP), PAPER)
    draw = ImageDraw.Draw(page)
    draw.text((GAP, GAP), title, INK, _font(24))
    for column, row in enumerate(rows):
        draw.text((GAP + column * (width + GAP), 52), row, INK, font)
    y = 80
    for (name, shown), height in zip(pictures.items(), heights, strict=True):
        for column, row in enumerate(rows):
            if row in shown:
                page.paste(_picture(shown[row]).resize((width, height), Image.LANCZOS), (GAP + column * (width + GAP), y))
        draw.text((2 * GAP, y + height - 24), name, (255, 255, 255), small, stroke_width=2, stroke_fill=INK)
        y += height + GAP
    _draw_table(draw, rows, y + GAP, whole, font)
    return page


def _draw_table(draw: ImageDraw.ImageDraw, rows: dict[str, dict], y: int, width: int, font: ImageFont.FreeTypeFont) -> None:
    """The text table's cells at fixed columns: a proportional font would not keep its blanks in line."""
    cells = [line.split("\t") for line in table(rows, "tsv").splitlines()]
    first = 340
    step = (width - first - GAP) // len(rows)
    for number, line in enumerate(cells):
        draw.text((GAP, y + 22 * number), line[0].strip(), INK, font)
        for column, cell in enumerate(line[1:]):
            draw.text((first + (column + 1) * step, y + 22 * number), cell.strip(), INK, font, anchor="ra")


def _font(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.load_default(size)


def _picture(linear: Tensor) -> Image.Image:
    """(3, H, W) scene-linear as a screen shows it."""
    return Image.fromarray((display(linear) * 255 + 0.5).byte().permute(1, 2, 0).numpy().astype(np.uint8))
