"""The sheet of candidates: a picture through each of them side by side, with its name under it, as PNG."""

import struct
import zlib
from pathlib import Path

import numpy as np

LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ.-:,*"
ROWS = (
    "75557262277174771717557117471774757711117575775717"  # 0 to 9
    "257556565634443655567464774644345535575572227111525565544447577556555525552"  # A to O
    "65644255636565534216722225555755552557755525555222712470000200700020200002405250"  # P to Z . - : , *
)
"""The LETTERS in 3 x 5 pixels: an octal digit for each row."""
LABEL = 16
COLUMNS = 4
BACKGROUND, INK = 0.12, 0.9


def draw_sheet(pictures: dict[str, np.ndarray]) -> np.ndarray:
    """{label: (H, W, 3) display values in [0, 1]}, all of one size, to the sheet (h, w, 3)."""
    height, width = next(iter(pictures.values())).shape[:2]
    columns = min(COLUMNS, len(pictures))
    rows = -(-len(pictures) // columns)
    sheet = np.full((rows * (height + LABEL), columns * width, 3), BACKGROUND, np.float32)
    for index, (label, picture) in enumerate(pictures.items()):
        y, x = index // columns * (height + LABEL), index % columns * width
        sheet[y : y + height, x : x + width] = np.clip(picture, 0, 1)
        text = _text(label)[:, : width - 4]
        sheet[y + height + 3 : y + height + 3 + len(text), x + 4 : x + 4 + text.shape[1]] = text[..., None]
    return sheet


def _text(label: str) -> np.ndarray:
    """A line of text, 10 pixels high; characters without a glyph are left out."""
    line = np.full((5, 4 * len(label)), BACKGROUND, np.float32)
    for index, letter in enumerate(label.upper()):
        place = LETTERS.find(letter)
        for row, digit in enumerate(ROWS[5 * place : 5 * place + 5] if place >= 0 else ""):
            for column in range(3):
                if int(digit, 8) >> (2 - column) & 1:
                    line[row, 4 * index + column] = INK
    return line.repeat(2, 0).repeat(2, 1)


def write_png(path: Path, picture: np.ndarray) -> None:
    """Write (H, W, 3) display values in [0, 1] with 8 bits (ISO/IEC 15948). Raises OSError."""
    path.write_bytes(encode_png(picture))


def encode_png(picture: np.ndarray) -> bytes:
    """(H, W, 3) display values in [0, 1] to a PNG of 8 bits a channel."""
    height, width = picture.shape[:2]
    values = (np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8).reshape(height, -1)
    rows = np.concatenate([np.zeros((height, 1), np.uint8), values], 1).tobytes()  # each row begins with its filter: none

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")
