"""Small pictures in class folders, for tests of zips, folders and sets of images."""

import zipfile
from io import BytesIO

from PIL import Image

from convviz.images.decode import decode
from convviz.images.samples import sample


def zipped(files: dict[str, bytes]) -> bytes:
    """Pack files, by their paths."""
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return file.getvalue()


def png(colour: str, side: int = 40) -> bytes:
    file = BytesIO()
    Image.new("RGB", (side, side), colour).save(file, "PNG")
    return file.getvalue()


def crop(name: str, corner: int) -> bytes:
    file = BytesIO()
    box = (corner, corner, corner + 96, corner + 96)
    decode(sample(name).read()).crop(box).save(file, "JPEG")
    return file.getvalue()


def two(**more: bytes) -> dict[str, bytes]:
    files = {f"{name}/{k}.png": png(name, 40 + k) for name in ("red", "blue") for k in range(2)}
    return files | {name.replace("__", "/"): data for name, data in more.items()}
