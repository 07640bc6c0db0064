"""Options that several commands share, and how they are read.

The parsers here are parents for argparse: they have no help of their own.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from convviz.cli.output import ProgressBar
from convviz.errors import ImageError, NetworkError
from convviz.formatting import did_you_mean, near_matches, size_text
from convviz.weights.file_names import SUFFIXES

if TYPE_CHECKING:
    from PIL import Image

    from convviz.networks.network import Network
    from convviz.structure.layers import Layer

_MOST_BYTES = 200_000_000  # no image within the limits of pixels is larger
_SAMPLE = "sample:"
_SOURCES = ("auto", "imagenet", "bundled", "encoder", "own", "random")


def json_output() -> argparse.ArgumentParser:
    """Describe --json."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--json", metavar="FILE", help="write JSON to FILE, or - for the output")
    return parser


def weights() -> argparse.ArgumentParser:
    """Describe --weights."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument(
        "--weights",
        default="auto",
        metavar="SOURCE",
        type=_source_or_file,
        help="auto, imagenet, bundled, encoder, own or random, or the FILE of a state dict (.pth, "
        ".pt, .ckpt, .bin, .safetensors …) or of what train --out has written (default: auto)",
    )
    return parser


def layer_and_image() -> argparse.ArgumentParser:
    """Describe which layer of which network looks at which image, and where the result goes."""
    parser = argparse.ArgumentParser(add_help=False, parents=[json_output(), weights()])
    parser.add_argument("image", metavar="IMAGE", help=f"a picture's file, or {_SAMPLE}cat")
    parser.add_argument(
        "--network", required=True, metavar="NETWORK", help="alexnet, vgg16, resnet18, …"
    )
    parser.add_argument(
        "--layer",
        required=True,
        metavar="LAYER",
        help="dotted name (features.6), a block's too (layer1), or title (conv3); of a module that "
        "runs several times NAME:1 is its first use, NAME:class is a class token, NAME:heads are "
        "the heads of an attention",
    )
    parser.add_argument("--out", metavar="FILE.png", help="write the result as one picture")
    return parser


def load_network(name: str, weights: str | Path, progress: ProgressBar) -> Network:
    """Load a network; of what is fetched first, size and licence are said on standard error.

    Raises:
        ConvvizError: As `weights.load.load` does.
    """
    from convviz.weights.load import load

    return load(
        name,
        weights,
        progress=progress.megabytes,
        announce=lambda sentence: print(sentence, file=sys.stderr),
    )


def say_whose(name: str) -> None:
    """Say on standard error if a user's network has taken the place of a built-in one."""
    from convviz.networks.findings import replaces_built_in
    from convviz.networks.registry import replaces, spec

    if replaces(name):
        print(replaces_built_in(spec(name)), file=sys.stderr)


def _source_or_file(text: str) -> str | Path:
    if text in _SOURCES:
        return text
    # What has another name than weights have is a file if there is one.
    is_file = text.lower().endswith(SUFFIXES) or Path(text).is_file()
    return Path(text) if is_file else text


def read_image(name: str) -> Image.Image:
    """Read an image from a file, or a sample photograph by "sample:" and its name.

    What a file's image had to go through, such as values that were stretched, is said on standard
    error.

    Raises:
        ImageError: There is no such file, or it is not an image that convviz reads.
    """
    from convviz.images.decode import decode, read
    from convviz.images.findings import notes
    from convviz.images.samples import sample

    if name.startswith(_SAMPLE):
        return decode(sample(name.removeprefix(_SAMPLE)).read())
    path = Path(name)
    try:
        if path.stat().st_size > _MOST_BYTES:
            limit = size_text(_MOST_BYTES)
            raise ImageError(f"{name} is larger than {limit}; choose a smaller picture.")
        data = path.read_bytes()
    except OSError as error:
        raise ImageError(f"{name} cannot be read: {error.strerror}.") from error
    except ValueError as error:  # a name with a null character
        raise ImageError("The picture's file name holds a null character.") from error
    try:
        decoded = read(data)
    except ImageError as error:
        raise ImageError(f"{name}: {error}") from error
    for note in notes(decoded):
        print(f"{name}: {note}", file=sys.stderr)
    return decoded.image


def find_layer(network: Network, text: str) -> Layer:
    """Find a layer by its dotted name or by its title, with or without signs such as × and ·.

    Raises:
        NetworkError: There is none, or several have this title; the sentence names near matches.
    """
    from convviz.structure.layers import further_layers, layer, layers
    from convviz.structure.outputs import OutputName

    if OutputName.of(text).module != text:  # a use of a module, or a part of its output
        return layer(network, text)
    candidates = layers(network)
    for candidate in (*candidates, *further_layers(network)):
        if candidate.name == text:
            return candidate
    matches = [layer for layer in candidates if _plain(layer.title) == _plain(text)]
    if len(matches) == 1:
        return matches[0]
    if matches:
        names = ", ".join(layer.name for layer in matches)
        raise NetworkError(
            f"{network.title} has several layers called {text}: choose one of {names}."
        )
    question = did_you_mean(text, [layer.title for layer in candidates], "")
    if question and not near_matches(text, [layer.name for layer in candidates]):
        raise NetworkError(f"{network.title} has no layer called {text}: {question}")
    return layer(network, text)  # which raises a sentence with the near names


def _plain(title: str) -> str:
    return re.sub(r"[^a-z0-9_.]", "", title.lower().replace("×", "x"))
