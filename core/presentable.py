"""What a stranger's file may have shown to the artist: lines of text, names that can be files, and small pictures."""

import re
import struct
import unicodedata
import zlib

MAX_TEXT = 2**20
MAX_NAME = 60
MAX_PICTURE = 2**19, 1024
"""Bytes of a PNG, and pixels of its sides."""
MARKUP = re.compile(r"<[A-Za-z/!?]")
UNSEEN = {"Cc", "Cf", "Co", "Cs", "Zl", "Zp"}
"""Unicode's categories of characters that break a line, are invisible, mean nothing in common or can't be encoded."""
BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0")
"""Letters and marks that show nothing (Unicode's property Default_Ignorable_Code_Point), and the Braille pattern without dots."""
DEVICES = re.compile(r"(CON|PRN|AUX|NUL|(COM|LPT)[1-9\u00b9\u00b2\u00b3])(\..*)?", re.IGNORECASE)
"""Names that no file can have on Windows."""
CHUNKS = {b"IHDR", b"PLTE", b"tRNS", b"gAMA", b"sRGB", b"pHYs", b"IDAT", b"IEND"}
"""Parts of a PNG that are let through: none that unfolds but the picture itself."""
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Colour type of a PNG -> samples of a pixel."""


class StyleError(ValueError):
    """The style file is missing, damaged, or not one that this version can run."""


def check_line(key: str, value: object, length: int = MAX_TEXT) -> None:
    """Check that a field's value is text that may be shown as it is."""
    if not isinstance(value, str) or len(value) > length or any(unicodedata.category(c) in UNSEEN for c in value):
        raise StyleError(f"the field '{key}' of its contract must be one line of text")
    if MARKUP.search(value):
        raise StyleError(f"the field '{key}' of its contract must be plain text without markup")


def check_name(name: str) -> None:
    """Check that a line of text can be seen, and be the name of a file on every system."""
    if not name.strip() or len(name) > MAX_NAME:
        raise StyleError(f"its name must have 1 to {MAX_NAME} characters")
    if BLANK.intersection(name) or not any(unicodedata.category(c)[0] in "LN" for c in name):
        raise StyleError("its name must have letters or digits, and no characters that can't be seen")
    if name.startswith(".") or set(name) & set('/\\:*?"<>|'):
        raise StyleError("its name must not begin with a dot or hold a character that file names can't have")
    if name != name.strip() or name.endswith(".") or DEVICES.fullmatch(name):
        raise StyleError("its name must not end in a dot, begin or end with a space, or be a name that Windows keeps for devices")


def check_picture(png: bytes) -> None:
    """Check that a thumbnail is a plain small PNG, whole, that unfolds to its own pixels only (ISO/IEC 15948); empty is none."""
    size, side = MAX_PICTURE
    if not png:
        return
    if len(png) > size or png[:8] != b"\x89PNG\r\n\x1a\n" or png[12:16] != b"IHDR" or len(png) < 33:
        raise StyleError(f"its thumbnail is not a PNG of at most {size // 2**10} KiB")
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", png[16:29])
    if not (1 <= width <= side and 1 <= height <= side):
        raise StyleError(f"its thumbnail must have at most {side} x {side} pixels")
    if depth != 8 or colour not in CHANNELS or interlaced:
        raise StyleError("its thumbnail must be a PNG of 8 bits, not interlaced")
    expected = height * (1 + width * CHANNELS[colour])
    unfolding = zlib.decompressobj()
    try:
        pixels = unfolding.decompress(_packed(png), expected + 1)
    except zlib.error as error:
        raise StyleError("its thumbnail is damaged") from error
    if len(pixels) != expected or not unfolding.eof or unfolding.unused_data:
        raise StyleError("its thumbnail does not hold as many pixels as it says")


def _packed(png: bytes) -> bytes:
    """The packed pixels of a PNG, whose parts are all whole and among CHUNKS."""
    at, kind, packed = 8, b"", []
    while at < len(png) and kind != b"IEND":
        length, kind = struct.unpack(">I4s", png[at : at + 8].ljust(8, b"\0"))
        content, check = png[at + 8 : at + 8 + length], png[at + 8 + length : at + 12 + length]
        if kind not in CHUNKS or check != struct.pack(">I", zlib.crc32(kind + content)):
            raise StyleError("its thumbnail is damaged, or holds more than a picture")
        packed += [content] if kind == b"IDAT" else []
        at += 12 + length
    if kind != b"IEND" or at != len(png):
        raise StyleError("its thumbnail is damaged, or holds more than a picture")
    return b"".join(packed)
