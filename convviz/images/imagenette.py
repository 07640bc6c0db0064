"""Imagenette, a small part of ImageNet, as a set of images: ten classes of photographs.

160 pixels on the shorter side are enough for what a channel sees.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from PIL import Image

from convviz.errors import ImageError
from convviz.images.decode import decode
from convviz.images.published import PublishedSet, evenly

IMAGENETTE = PublishedSet(
    key="imagenette",
    title="Imagenette",
    about="Photographs of ten classes, such as fish, churches and trucks: a small part of "
    "ImageNet, chosen to be easy. Encoders that were trained on ImageNet know them already.",
    url="https://s3.amazonaws.com/fast-ai-imageclas/imagenette2-160.tgz",
    bytes=99_003_388,
    sha256="64d0c4859f35a461889e0147755a999a48b49bf38a7e0f9bd27003f10db02fe5",
    folder="imagenette2-160",
)

# Its folders are named by WordNet's numbers.
_NAMES = {
    "n01440764": "tench",
    "n02102040": "English springer",
    "n02979186": "cassette player",
    "n03000684": "chain saw",
    "n03028079": "church",
    "n03394916": "French horn",
    "n03417042": "garbage truck",
    "n03425413": "gas pump",
    "n03445777": "golf ball",
    "n03888257": "parachute",
}


@dataclass(frozen=True)
class Imagenette:
    """Some of Imagenette's pictures, about as many of each class.

    Attributes:
        root: The folder of published sets.
        count: How many pictures; fewer if there are not as many.
        seed: Chooses them; the same ones for the same seed.
    """

    root: Path
    count: int = 500
    seed: int = 0

    @property
    def name(self) -> str:
        """What the set is called."""
        return f"{len(self)} pictures of Imagenette"

    @cached_property
    def _files(self) -> tuple[Path, ...]:
        found = sorted((self.root / IMAGENETTE.folder / "train").glob("*/*.JPEG"))
        folders = sorted({file.parent.name for file in found})
        labels = [folders.index(file.parent.name) for file in found]
        return tuple(found[place] for place in evenly(labels, self.count, self.seed))

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """Name of each class."""
        return tuple(_NAMES.get(name, name) for name in self._folders)

    @cached_property
    def labels(self) -> tuple[int, ...]:
        """Number of each picture's class."""
        return tuple(self._folders.index(file.parent.name) for file in self._files)

    @cached_property
    def titles(self) -> tuple[str, ...]:
        """Title of each picture: the file's name."""
        return tuple(file.stem for file in self._files)

    @cached_property
    def _folders(self) -> list[str]:
        return sorted({file.parent.name for file in self._files})

    def __len__(self) -> int:
        """Return how many pictures there are."""
        return len(self._files)

    def picture(self, place: int) -> Image.Image:
        """Decode one picture."""
        try:
            return decode(self._files[place].read_bytes())
        except OSError as error:
            raise ImageError("The file is gone; fetch Imagenette again.") from error
