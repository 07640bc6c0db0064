"""The sample photographs that ship with convviz, and their credits.

CREDITS.md in this folder has the same credits.
"""

from dataclasses import dataclass
from importlib.resources import files

from convviz.errors import ImageError


@dataclass(frozen=True)
class Sample:
    """One sample photograph.

    Attributes:
        name: As links and commands call it.
        title: For people.
        label: What it shows, as a class of ImageNet is called where there is one for it.
        credit: Who made it, and where it was taken from.
        licence: Its licence.
    """

    name: str
    title: str
    label: str
    credit: str
    licence: str

    def read(self) -> bytes:
        """Read the photograph's JPEG file."""
        return files(__package__).joinpath(f"{self.name}.jpg").read_bytes()


_GCOMPRIS, _LOMIRI = "from GCompris", "from Lomiri’s wallpapers"
_BERASATEGI = f"Aitzol Berasategi, {_LOMIRI}"

_SAMPLES = (
    Sample("cat", "Cat", "tabby", "Stéfan van der Walt, “Chelsea”, from scikit-image", "CC0 1.0"),
    Sample("coffee", "Coffee", "espresso", "Rachel Michetti, from scikit-image", "CC0 1.0"),
    Sample(
        *("astronaut", "Astronaut", "astronaut"),
        *("NASA, Eileen Collins, from scikit-image", "public domain"),
    ),
    Sample("rocket", "Rocket", "projectile", "SpaceX, from scikit-image", "public domain"),
    Sample("brick", "Brick wall", "brick wall", "CC0Textures, from scikit-image", "CC0 1.0"),
)
_MORE = (
    Sample("koala", "Koala", "koala", f"David Iliff, {_GCOMPRIS}", "CC BY-SA 3.0"),
    Sample("arch", "Arch", "triumphal arch", f"Dan Mckay, {_GCOMPRIS}", "CC BY-SA 2.0"),
    Sample("alp", "Alps", "alp", _BERASATEGI, "CC BY 4.0"),
    Sample("dam", "Dam", "dam", f"László Szalai, {_GCOMPRIS}", "public domain"),
    Sample("bucket", "Bucket", "bucket", f"MarlonBSB, {_GCOMPRIS}", "public domain"),
    Sample("pan", "Pan", "frying pan", f"Suricata, {_GCOMPRIS}", "public domain"),
    Sample("mountain", "Mountain", "alp", _BERASATEGI, "CC BY 4.0"),
)
_GALLERY = ("coffee", "koala", "arch", "alp", "dam", "bucket", "pan", "rocket", "mountain")


def samples() -> tuple[Sample, ...]:
    """List the five photographs that sets of images and comparisons are made of."""
    return _SAMPLES


def gallery() -> tuple[Sample, ...]:
    """List the photographs that are offered, in order.

    AlexNet, VGG16 and GoogLeNet, with the weights that come with convviz, each have the class of
    each of them among their first five.
    """
    return tuple(sample(name) for name in _GALLERY)


def sample(name: str) -> Sample:
    """Find a sample photograph by its name, whether or not the gallery offers it.

    Raises:
        ImageError: There is no such sample.
    """
    for candidate in (*_SAMPLES, *_MORE):
        if candidate.name == name:
            return candidate
    names = ", ".join(names_of_samples())
    raise ImageError(f"There is no sample photograph called {name[:40]!r}; there are {names}.")


def names_of_samples() -> tuple[str, ...]:
    """Name all sample photographs."""
    return tuple(candidate.name for candidate in (*_SAMPLES, *_MORE))
