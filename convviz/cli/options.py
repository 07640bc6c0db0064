"""Options that several commands share, and how they are read.

The parsers here are parents for argparse: they have no help of their own.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from convviz.cli.output import ProgressBar
from convviz.errors import ImageError, NetworkError
from convviz.formatting import size_text
from convviz.weights.file_names import SUFFIXES

if TYPE_CHECKING:
    from PIL import Image

    from convviz.networks.network import Network, NetworkSpec
    from convviz.structure.layers import Layer

_MOST_BYTES = 200_000_000  # no image within the limits of pixels is larger
_SAMPLE = "sample:"
USUAL_NETWORK = "googlenet"
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


def network() -> argparse.ArgumentParser:
    """Describe --network and --weights for commands that `load_network` loads the network of."""
    parser = argparse.ArgumentParser(add_help=False, parents=[weights()])
    parser.add_argument(
        "--network",
        metavar="NETWORK",
        help="alexnet, vgg16, resnet18, …; not needed with the file of a design (--weights), which "
        "says its network itself",
    )
    return parser


def network_or_design() -> argparse.ArgumentParser:
    """Describe --network for commands that look at GoogLeNet unless told otherwise."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument(
        "--network",
        metavar="NAME",
        help="default: googlenet, or the design whose file --weights names",
    )
    return parser


def layer_and_image() -> argparse.ArgumentParser:
    """Describe which layer of which network looks at which image, and where the result goes."""
    parser = argparse.ArgumentParser(add_help=False, parents=[json_output(), network()])
    parser.add_argument("image", metavar="IMAGE", help=f"a picture's file, or {_SAMPLE}cat")
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


def load_network(
    args: argparse.Namespace, progress: ProgressBar, usual: str | None = None
) -> Network:
    """Load the network that a command names by --network and --weights.

    The file of a design says its network itself. Of what is fetched first, size and licence are
    said on standard error.

    Args:
        args: The command's options.
        progress: Shows how far a fetch is.
        usual: The network where none is named; None if one must be.

    Raises:
        ConvvizError: No network is named, or as `weights.load.load` does.
    """
    from convviz.weights.load import DESIGN, load
    from convviz.weights.trained import design_in

    name = args.network
    if name is None and isinstance(args.weights, Path) and design_in(args.weights) is not None:
        name = DESIGN
    name = usual if name is None else name
    if name is None:
        raise NetworkError(
            "No network is named: give --network NAME, such as alexnet, or --weights FILE of a "
            "design that “convviz design --train” has saved."
        )
    return load(
        name,
        args.weights,
        progress=progress.megabytes,
        announce=lambda sentence: print(sentence, file=sys.stderr),
    )


def find_spec(text: str) -> NetworkSpec:
    """Look a network up by its name, or by the file of a trained design, which describes it.

    Raises:
        NetworkError: There is none of that name, or the file has no design.
        WeightsError: The design in the file cannot be built here.
    """
    from convviz.networks.design_spec import PREFIX
    from convviz.networks.registry import available, spec
    from convviz.weights.trained import design_in

    source = _source_or_file(text)
    if text not in available() and isinstance(source, Path):
        if not source.is_file():
            raise NetworkError(f"{text} cannot be read: there is no such file.")
        found = design_in(source)
        if found is None:
            raise NetworkError(
                f"{source.name} is not the file of a trained design, so it does not say its "
                "network: give the network's name."
            )
        return found
    try:
        return spec(text)
    except NetworkError:
        if not text.startswith(PREFIX):
            raise
        raise NetworkError(
            f"There is no network called {text}: a trained design is known from its file alone, so "
            "give the file's name instead, such as mine.safetensors."
        ) from None


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
    is_file = text.lower().endswith(SUFFIXES) or Path(text).exists()
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
    """Find a layer by its dotted name or its title; see `structure.layers.find`.

    Raises:
        NetworkError: There is none, or several have this title; the sentence names near matches.
    """
    from convviz.structure.layers import find

    return find(network, text)
