"""Shows scores to people: as a table of text, and as a sheet of pictures with the table below."""

from typing import NamedTuple

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image, ImageDraw, ImageFont
from tabulate import tabulate
from torch import Tensor

from ..networks.encoding import display

WIDTH, NARROWEST, GAP, LINE = 1600, 400, 8, 26
"""Pixels of the sheet's least width, of its narrowest pictures, between them, and of a line of the table."""
PAPER, INK = (250, 250, 248), (30, 30, 30)


class Score(NamedTuple):
    """How a score is shown."""

    label: str
    better: str
    """Which way is better: "less", "more", or empty where it depends."""
    format: str


NETWORKS = {"efficientnet": "EfficientNet", "squeezenet": "SqueezeNet", "vgg19": "VGG-19"}
"""Networks that know pictures, and what scores by them are called."""

SCORES = {
    "sliced_wasserstein": Score("style: patches", "less", ".1f"),
    "gram_vgg19": Score("style: Gram VGG-19", "less", ".3f"),
    "gram_gabor": Score("style: Gram Gabor", "less", ".3f"),
    **{f"nearest_{kind}": Score(f"style: nearest {name}", "less", ".3f") for kind, name in NETWORKS.items()},
    "kid": Score("style: KID x 1000", "less", ".1f"),
    "fid": Score("style: FID", "less", ".1f"),
    "ms_ssim": Score("content: MS-SSIM", "more", ".3f"),
    "edge_agreement": Score("content: edges", "more", ".3f"),
    "lpips": Score("content: LPIPS", "less", ".3f"),
    **{f"content_{kind}": Score(f"content: {name}", "less", ".3f") for kind, name in NETWORKS.items()},
    **{f"both_{kind}": Score(f"style x content: {name}", "less", ".3f") for kind, name in NETWORKS.items()},
    "psnr": Score("target: PSNR dB", "more", ".2f"),
    "ssim": Score("target: SSIM", "more", ".3f"),
    "warping_ratio": Score("warping error ratio", "less", ".2f"),
    "seconds": Score("seconds at 1080p", "less", ".2f"),
    "peak_megabytes": Score("MB at 1080p", "less", ".0f"),
    "parity": Score("export parity", "less", ".0e"),
    "tf32": Score("TF32 difference", "less", ".0e"),
    "half": Score("half precision difference", "less", ".0e"),
}
"""The scores in the order of the table; where they are computed their meaning is explained."""


def table(rows: dict[str, dict], spreads: dict[str, dict] | None = None, style: str = "simple") -> str:
    """{row: {score: value}} as text, one line per score, for a few rows; scores that no row has are left out.

    spreads: {row: {score: standard deviation}}, of the values that are means. style: of tabulate.
    """
    lines = _cells(rows, spreads)
    return tabulate(lines, ["", *rows], tablefmt=style, disable_numparse=True, colalign=["left", *["right"] * len(rows)])


def _cells(rows: dict[str, dict], spreads: dict[str, dict] | None) -> list[list[str]]:
    """The table's lines: what a score is called, and its value in each row; empty where it was not measured."""

    def cell(row: str, name: str, form: str) -> str:
        value, spread = (found.get(row, {}).get(name) for found in (rows, spreads or {}))
        return " ± ".join(format(number, form) for number in (value, spread) if number is not None)

    return [
        [
            f"{score.label}{f' ({score.better} is better)' if score.better else ''}",
            *(cell(row, name, score.format) for row in rows),
        ]
        for name, score in SCORES.items()
        if any(name in values for values in rows.values())
    ]


def sheet(
    rows: dict[str, dict], pictures: dict[str, dict[str, Tensor]], title: str, spreads: dict[str, dict] | None = None
) -> Image.Image:
    """One page: a line of pictures per frame, a column per row of the table, and the table.

    pictures: {name of a frame: {row: (3, H, W) scene-linear}}; a row that a frame has no picture of stays empty.
    spreads: as of table().
    """
    width = max((WIDTH - GAP) // len(rows) - GAP, NARROWEST)
    whole = max(len(rows) * (width + GAP) + GAP, WIDTH)
    heights = [max(p.shape[1] * width // p.shape[2] for p in shown.values()) for shown in pictures.values()]
    font, small = _font(17), _font(15)
    scores = _table_picture(rows, spreads, whole - 2 * GAP)
    page = Image.new("RGB", (whole, 80 + sum(heights) + GAP * len(heights) + scores.height + 3 * GAP), PAPER)
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
    page.paste(scores, (GAP, y + GAP))
    return page


def _table_picture(rows: dict[str, dict], spreads: dict[str, dict] | None, width: int) -> Image.Image:
    """The table, so many pixels wide, with lines between its rows."""
    columns, lines = list(rows), _cells(rows, spreads)
    dots = 100
    figure = Figure((width / dots, LINE * (len(lines) + 1) / dots), dpi=dots, facecolor=[c / 255 for c in PAPER])
    axes = figure.add_axes((0, 0, 1, 1))
    axes.axis("off")
    first = 340 / width
    drawn = axes.table(
        [["", *columns], *lines],
        colWidths=[first, *[(1 - first) / len(columns)] * len(columns)],
        edges="horizontal",
        bbox=(0, 0, 1, 1),
    )
    drawn.auto_set_font_size(False)
    drawn.set_fontsize(12)
    for (_, column), cell in drawn.get_celld().items():
        cell.PAD = 0.02
        cell.set_text_props(ha="right" if column else "left", color=[c / 255 for c in INK])
        cell.set(edgecolor="lightgrey")
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")


def _font(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.load_default(size)


def _picture(linear: Tensor) -> Image.Image:
    """(3, H, W) scene-linear as a screen shows it."""
    return Image.fromarray((display(linear) * 255 + 0.5).byte().permute(1, 2, 0).numpy().astype(np.uint8))
