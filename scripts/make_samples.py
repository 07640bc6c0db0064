"""Make the sample photographs of the gallery from the packages that they come in.

    python scripts/make_samples.py FOLDER

FOLDER holds the Debian packages gcompris-qt-data 3.1-2 and lomiri-wallpapers-16.04 20.04.0-2,
unpacked with `dpkg-deb -x`. The five photographs of scikit-image were scaled in the same way.
"""

import io
import struct
import sys
import zlib
from pathlib import Path

from PIL import Image

SIDE = 512  # pixels of the longer side at most
QUALITY = 88

_GCOMPRIS = "usr/share/gcompris-qt/rcc"
_LOMIRI = "usr/share/backgrounds"
# Name of the sample: its file, and what it is called inside where that is an archive.
SOURCES = {
    "koala": (f"{_GCOMPRIS}/explore_world_animals.rcc", "animals/koala.webp"),
    "arch": (f"{_GCOMPRIS}/categorization.rcc", "monuments/arcDeTriomphe.webp"),
    "dam": (f"{_GCOMPRIS}/categorization.rcc", "renewable/dam2.webp"),
    "bucket": (f"{_GCOMPRIS}/categorization.rcc", "others/bucket.webp"),
    "pan": (f"{_GCOMPRIS}/categorization.rcc", "others/pan.webp"),
    "alp": (f"{_LOMIRI}/picosdeeuropa_by_Aitzol_Berasategi.jpg", ""),
    "mountain": (f"{_LOMIRI}/aitzgorri_by_Aitzol_Berasategi.jpg", ""),
}


def resources(data: bytes) -> dict[str, bytes]:
    """Read the files in an archive of Qt's resource compiler, by path, but for those in zstd."""
    version, tree, files, names = struct.unpack_from(">IIII", data, 4)
    node_bytes = 14 if version == 1 else 22
    found: dict[str, bytes] = {}

    def walk(index: int, path: str) -> None:
        at = tree + index * node_bytes
        name_at, flags = struct.unpack_from(">IH", data, at)
        if index:
            length = struct.unpack_from(">H", data, names + name_at)[0]
            start = names + name_at + 6
            path = f"{path}/{data[start : start + 2 * length].decode('utf-16-be')}"
        if flags & 2:  # a folder
            count, first = struct.unpack_from(">II", data, at + 6)
            for child in range(first, first + count):
                walk(child, path)
            return
        start = files + struct.unpack_from(">I", data, at + 10)[0]
        size = struct.unpack_from(">I", data, start)[0]
        content = data[start + 4 : start + 4 + size]
        if not flags & 4:
            found[path] = zlib.decompress(content[4:]) if flags & 1 else content

    walk(0, "")
    return found


def source(folder: Path, path: str, inside: str) -> bytes:
    """Read one photograph from the unpacked packages."""
    data = next(folder.rglob(path)).read_bytes()
    if not inside:
        return data
    return next(content for name, content in resources(data).items() if name.endswith(inside))


def main(folder: Path) -> None:
    """Write the samples beside those that are there."""
    for name, (path, inside) in SOURCES.items():
        image = Image.open(io.BytesIO(source(folder, path, inside))).convert("RGB")
        image.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
        image.save(f"convviz/images/samples/{name}.jpg", quality=QUALITY, optimize=True)
        print(name, image.size)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
