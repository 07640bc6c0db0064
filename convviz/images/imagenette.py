"""Imagenette, torchvision's small part of ImageNet, as a set of images: ten classes of photographs.

It is fetched once, with torchvision's own function, which checks what it got; 160 pixels on the
shorter side are enough for what a channel sees. Where its server cannot be reached, a sentence says
so, and everything else works without it.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from PIL import Image

from convviz.errors import ImageError
from convviz.images.decode import decode

FETCH_MEGABYTES = 99
_FOLDER = Path("imagenette2-160") / "train"


@dataclass(frozen=True)
class Imagenette:
    """Some of Imagenette's pictures, chosen at random but the same for the same seed.

    Attributes:
        root: The folder that holds torchvision's data sets.
        count: How many pictures; fewer if there are not as many.
        seed: Chooses them.
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
        found = sorted((self.root / _FOLDER).glob("*/*.JPEG"))
        chosen = random.Random(self.seed).sample(found, min(self.count, len(found)))  # noqa: S311
        return tuple(sorted(chosen))

    @cached_property
    def titles(self) -> tuple[str, ...]:
        """Title of each picture: the file's name."""
        return tuple(file.stem for file in self._files)

    def __len__(self) -> int:
        """Return how many pictures there are."""
        return len(self._files)

    def picture(self, place: int) -> Image.Image:
        """Decode one picture."""
        try:
            return decode(self._files[place].read_bytes())
        except OSError as error:
            raise ImageError("The file is gone; fetch Imagenette again.") from error


def is_here(root: Path) -> bool:
    """Whether Imagenette lies in a folder of torchvision's data sets."""
    return next((root / _FOLDER).glob("*/*.JPEG"), None) is not None


def fetch(root: Path) -> None:
    """Fetch Imagenette.

    Raises:
        ImageError: It could not be fetched or unpacked.
    """
    from torchvision.datasets import Imagenette as Fetched

    root.mkdir(parents=True, exist_ok=True)
    try:
        Fetched(root, split="train", size="160px", download=True)
    except Exception as error:  # whatever servers, disks and archives raise
        if is_here(root):
            return
        raise ImageError(
            f"Imagenette ({FETCH_MEGABYTES} MB) could not be fetched: "
            f"{' '.join(str(error).split())[:120] or type(error).__name__}. "
            "Try again with a connection, or bring pictures of your own."
        ) from error
