"""Which files convviz reads as pictures, told by their first bytes, and what it says of others."""

from __future__ import annotations

import re

from convviz.images import avif, headers, heic, tiff
from convviz.language import later, tr

BY_PILLOW = ("JPEG", "PNG", "WEBP", "AVIF", "GIF", "BMP", "TIFF")
"""What Pillow may read, by its own names."""

FILE_SUFFIXES: tuple[str, ...] = (
    "jpg",
    "jpeg",
    "jpe",
    "jfif",
    "png",
    "webp",
    "avif",
    "gif",
    "bmp",
    "tif",
    "tiff",
)
if heic.is_available():
    FILE_SUFFIXES += ("heic", "heif")

FIRST_BYTES = 300
"""So many bytes of a file tell what it is."""

_SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"BM", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

_RAW_SIGNATURES = (b"IIRO", b"IIRS", b"MMOR", b"IIU\0", b"FUJIFILMCCD-RAW", b"FOVb", b"\0MRM")

_FILM_BOXES = (b"moov", b"mdat", b"wide", b"pnot")  # of QuickTime files that name no brand

_TEXT = 4096  # bytes of a file in which a text says what it is
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"

# What people take for a picture, or have as one in another program, by how it begins.
_OTHER_FORMATS = (
    ("JPEG 2000", (b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51")),
    ("JPEG XL", (b"\0\0\0\x0cJXL \r\n\x87\n", b"\xff\x0a")),
    ("Photoshop", (b"8BPS\0",)),
    ("GIMP", (b"gimp xcf",)),
    ("PostScript", (b"%!PS", b"\xc5\xd0\xd3\xc6")),
    ("OpenEXR", (b"\x76\x2f\x31\x01",)),
    ("Radiance HDR", (b"#?RADIANCE", b"#?RGBE")),
    ("FITS", (b"SIMPLE  =",)),
    ("NumPy", (b"\x93NUMPY",)),
    ("HDF5", (b"\x89HDF\r\n",)),
    ("ICO", (b"\0\0\1\0",)),
    ("ICNS", (b"icns",)),
    ("DDS", (b"DDS ",)),
    ("PNM", tuple(b"P%d\n" % number for number in range(1, 8))),
)

# Files in which others are packed, by how they begin.
_PACKINGS = (
    ("zip", (b"PK\3\4", b"PK\5\6")),
    ("gzip", (b"\x1f\x8b",)),
    ("7-Zip", (b"7z\xbc\xaf\x27\x1c",)),
    ("RAR", (b"Rar!\x1a\7",)),
    ("xz", (b"\xfd7zXZ\0",)),
    ("bzip2", tuple(b"BZh%d" % number for number in range(1, 10))),
    ("Zstandard", (b"\x28\xb5\x2f\xfd",)),
)

_PACKED = later(
    "The file is an archive with other files in it: unpack it, and choose a picture out of it."
)
_WEB_PAGE = later(
    "The file is a web page, which came in place of a picture: open its link in a browser, and "
    "save the picture itself."
)
_REFUSED_FORMAT = later(
    "convviz cannot read {format} files. It reads {formats}: export the picture as one of these."
)
_REFUSALS = {
    "video": later(
        "convviz cannot read video files. It reads {formats}: export the picture as one of these."
    ),
    "such": later(
        "convviz cannot read such files. It reads {formats}: export the picture as one of these."
    ),
}


def format_names() -> str:
    """Name the formats that are read; HEIC is one where pi-heif is installed."""
    if heic.is_available():
        return tr("JPEG, PNG, WebP, AVIF, HEIC, GIF, BMP and TIFF")
    return tr("JPEG, PNG, WebP, AVIF, GIF, BMP and TIFF")


def is_image(start: bytes) -> bool:
    """Tell by a file's `FIRST_BYTES` whether it is of a format that convviz reads."""
    if start.startswith(b"BM"):  # two letters, which many texts begin with; zeros follow
        return start[6:10] == bytes(4)
    is_webp = start[:4] == b"RIFF" and start[8:12] == b"WEBP"
    if start.startswith(_SIGNATURES) or is_webp or avif.is_avif(start):
        return True
    return heic.is_available() and heic.is_heic(start)


def packing_of(start: bytes) -> str:
    """Name what a file is packed with by its `FIRST_BYTES`; "" if it is not packed."""
    if start[257:262] == b"ustar":
        return "tar"
    return next((name for name, begins in _PACKINGS if start.startswith(begins)), "")


def refusal(data: bytes) -> str:
    """Say whether the file is damaged or of a format that convviz does not read."""
    if is_image(data) or data.startswith(_SIGNATURES):
        return tr(headers.DAMAGED)
    if data.startswith(_RAW_SIGNATURES) or data[4:12] == b"ftypcrx ":
        return tr(tiff.RAW)
    if packing_of(data):
        return tr(_PACKED)
    text = data[:_TEXT].removeprefix(_BYTE_ORDER_MARK).lstrip().lower()
    element = re.search(rb"<(?:!doctype )?(html|svg)\b", text) if text.startswith(b"<") else None
    if element and element[1] == b"html":
        return tr(_WEB_PAGE)
    if data[4:8] == b"ftyp":
        kind = _kind_of_boxes(data)
    elif data[4:8] in _FILM_BOXES:
        kind = "video"
    elif element:
        kind = "SVG"
    elif text.startswith(b"%pdf"):
        kind = "PDF"
    elif data[128:132] == b"DICM":
        kind = "DICOM"
    else:
        names = (name for name, begins in _OTHER_FORMATS if data.startswith(begins))
        kind = next(names, "such")
    sentence = _REFUSALS.get(kind, _REFUSED_FORMAT)
    return tr(sentence, format=kind, formats=format_names())


def _kind_of_boxes(data: bytes) -> str:
    """Tell images from films by the brands that such a file names at its beginning."""
    return "HEIC" if heic.is_heic(data) else "video"
