"""What a worksheet says of a page, and that its commands are the command line's own."""

import argparse
import importlib
import shlex
from dataclasses import replace

import pytest

from convviz.structure.layers import layer
from convviz.ui.choice import Choice, ChosenImage
from convviz.ui.worksheet import command
from convviz.weights.load import load

SAMPLE = ChosenImage.of("cat", "Cat", b"", "sample", "Somebody")


def chosen(image: ChosenImage = SAMPLE) -> Choice:
    network = load("googlenet", fetch=False)
    return Choice(image, "googlenet", network, layer(network, "inception3a"))


def parsed(line: str) -> argparse.Namespace:
    """Read a command as the command line does."""
    program, words = shlex.split(line)[:3], shlex.split(line)[3:]
    assert program == ["python", "-m", "convviz"]
    parser = argparse.ArgumentParser(exit_on_error=False)
    subparsers = parser.add_subparsers(dest="command")
    importlib.import_module(f"convviz.cli.{words[0]}").add(subparsers)
    return parser.parse_args(words)


def test_the_commands_are_understood() -> None:
    link = {"tau": "0.05", "order": "active", "contrast": "shared", "colours": "magma"}
    args = parsed(command("Activations", chosen(), link))
    assert (args.command, args.image, args.network) == ("activations", "sample:cat", "googlenet")
    assert (args.weights, args.layer, args.threshold) == ("bundled", "inception3a", 0.05)
    assert (args.order, args.contrast, args.colormap) == ("active", "shared", "magma")

    link = {"class": "tabby", "against": "goose", "method": "hirescam", "layer": "inception4a"}
    args = parsed(command("Evidence", chosen(), link))
    assert (args.class_name, args.against, args.method) == ("tabby", "goose", "hirescam")
    assert args.layer == "inception4a"

    args = parsed(command("Reconstruction", chosen(), {"seconds": "30"}))
    assert (args.command, args.layer, args.seconds) == ("reconstruct", "inception3a", 30)
    assert parsed(command("Reconstruction", chosen(), {"amplify": "layer"})).command == "amplify"

    args = parsed(command("Architectures", chosen(), {"compared": "vgg16,alexnet", "side": "96"}))
    assert (args.networks, args.input_size) == (["vgg16", "alexnet"], 96)


def test_what_the_command_line_does_not_offer_is_left_out() -> None:
    args = parsed(command("Activations", chosen(), {"order": "salience"}))
    assert args.order == "index"
    assert command("Filters", chosen(), {}) == ""


@pytest.mark.parametrize("name", ["my cat.jpg", "a;rm -rf ~.png", "$(x) 'y'.jpg"])
def test_a_file_s_name_stays_one_word(name: str) -> None:
    image = replace(SAMPLE, name=name, origin="upload")
    assert parsed(command("Evidence", chosen(image), {})).image == name
