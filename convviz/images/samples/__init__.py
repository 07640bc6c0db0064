"""The sample photographs that ship with convviz, and their credits.

CREDITS.md in this folder has the same credits.
"""

from dataclasses import dataclass
from importlib.resources import files

from convviz.errors import ImageError


@dataclass(frozen=True)
class Sample:
    """One photograph of the sample gallery."""

    name: str
    title: str
    credit: str
    licence: str

    def read(self) -> bytes:
        """Read the photograph's JPEG file."""
        return files(__package__).joinpath(f"{self.name}.jpg").read_bytes()


_SAMPLES = (
    Sample("cat", "Cat", "Stéfan van der Walt, “Chelsea”, from scikit-image", "CC0 1.0"),
    Sample("coffee", "Coffee", "Rachel Michetti, from scikit-image", "CC0 1.0"),
    Sample("astronaut", "Astronaut", "NASA, Eileen Collins, from scikit-image", "public domain"),
    Sample("rocket", "Rocket", "SpaceX, from scikit-image", "public domain"),
    Sample("brick", "Brick wall", "CC0Textures, from scikit-image", "CC0 1.0"),
)


def samples() -> tuple[Sample, ...]:
    """List the sample photographs in the gallery's order."""
    return _SAMPLES


def sample(name: str) -> Sample:
    """Find a sample photograph by its name.

    Raises:
        ImageError: There is no such sample.
    """
    for candidate in _SAMPLES:
        if candidate.name == name:
            return candidate
    names = ", ".join(candidate.name for candidate in _SAMPLES)
    raise ImageError(f"There is no sample photograph called {name[:40]!r}; there are {names}.")
