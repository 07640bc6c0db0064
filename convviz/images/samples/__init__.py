"""The sample photographs that ship with convviz, and their credits.

CREDITS.md in this folder has the same credits.
"""

from dataclasses import dataclass
from importlib.resources import files

from convviz.errors import ImageError
from convviz.language import later, tr


@dataclass(frozen=True)
class Sample:
    """One sample photograph.

    Attributes:
        name: As links and commands call it.
        title: For people; `tr` tells it.
        label: What it shows, as a class of ImageNet is called where there is one for it.
        credit: Who made it, and where it was taken from; `tr` tells it.
        licence: Its licence; `tr` tells it.
        also: Other names that a class may have that it belongs to, "person" for an astronaut.
    """

    name: str
    title: str
    label: str
    credit: str
    licence: str
    also: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """What a class of it may be called, its label first; also in the reader's language."""
        return (self.label, self.title, tr(self.title), *self.also)

    def read(self) -> bytes:
        """Read the photograph's JPEG file."""
        return files(__package__).joinpath(f"{self.name}.jpg").read_bytes()


_PUBLIC = later("public domain")
_BERASATEGI = later("Aitzol Berasategi, from Lomiri’s wallpapers")

_SAMPLES = (
    Sample(
        *("cat", later("Cat"), "tabby"),
        *(later("Stéfan van der Walt, “Chelsea”, from scikit-image"), "CC0 1.0"),
        ("cats", "animal", "animals"),
    ),
    Sample(
        *("coffee", later("Coffee"), "espresso"),
        *(later("Rachel Michetti, from scikit-image"), "CC0 1.0"),
        ("cup", "cups", "drink", "drinks"),
    ),
    Sample(
        *("astronaut", later("Astronaut"), "astronaut"),
        *(later("NASA, Eileen Collins, from scikit-image"), _PUBLIC),
        ("person", "people", "human", "humans", "woman", "women"),
    ),
    Sample(
        *("rocket", later("Rocket"), "projectile"),
        *(later("SpaceX, from scikit-image"), _PUBLIC),
        ("rockets", "missile"),
    ),
    Sample(
        *("brick", later("Brick wall"), "brick wall"),
        *(later("CC0Textures, from scikit-image"), "CC0 1.0"),
        ("brick", "bricks", "wall", "walls"),
    ),
)
_MORE = (
    Sample(
        *("koala", later("Koala"), "koala"),
        *(later("David Iliff, from GCompris"), "CC BY-SA 3.0"),
        ("koalas", "animal", "animals"),
    ),
    Sample(
        *("arch", later("Arch"), "triumphal arch"),
        *(later("Dan Mckay, from GCompris"), "CC BY-SA 2.0"),
    ),
    Sample("alp", later("Alps"), "alp", _BERASATEGI, "CC BY 4.0"),
    Sample("dam", later("Dam"), "dam", later("László Szalai, from GCompris"), _PUBLIC),
    Sample("bucket", later("Bucket"), "bucket", later("MarlonBSB, from GCompris"), _PUBLIC),
    Sample("pan", later("Pan"), "frying pan", later("Suricata, from GCompris"), _PUBLIC),
    Sample("mountain", later("Mountain"), "alp", _BERASATEGI, "CC BY 4.0"),
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
    raise ImageError(
        tr(
            "There is no sample photograph called {name!r}; there are {names}.",
            name=name[:40],
            names=", ".join(names_of_samples()),
        )
    )


def names_of_samples() -> tuple[str, ...]:
    """Name all sample photographs."""
    return tuple(candidate.name for candidate in (*_SAMPLES, *_MORE))
