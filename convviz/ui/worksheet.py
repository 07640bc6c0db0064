"""A worksheet of any page: what it is about, its questions, and the command that makes it again."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from convviz.ui import exports, navigation, page_questions, state
from convviz.ui.choice import Choice
from convviz.ui.components.worksheet import worksheet
from convviz.ui.keys import Key
from convviz.ui.tools import WORKSHEET

_PROGRAM = ("python", "-m", "convviz")
_ORDERS, _CONTRASTS = ("index", "strength", "active"), ("channel", "shared")


def give(title: str, choice: Choice | None) -> None:
    """Make the button Worksheet save the page; the shell calls this at the end of each run.

    Args:
        title: The page's title.
        choice: The sidebar's choices; None where the page could not be drawn without more.
    """
    if title not in navigation.NEXT:
        title = navigation.HOME.title
    asked = [] if choice is None else page_questions.questions_of(title, choice)
    worksheet(
        button=WORKSHEET,
        name=exports.safe_name("convviz", title.lower(), "worksheet", ending="html"),
        image={} if choice is None else _image_named(choice),
        about={} if choice is None else _about(choice),
        questions=[(each.text, tuple(each.options.values())) for each, _ in asked],
        command="" if choice is None else command(title, choice, state.visit().address),
    )


def _image_named(choice: Choice) -> dict[str, str]:
    credit = {"Photograph by": choice.image.credit} if choice.image.credit else {}
    return {"Image": choice.image.title, **credit}


def _about(choice: Choice) -> dict[str, str]:
    found: dict[str, str] = {}
    network = choice.loaded
    if network is not None:
        found |= {"Network": network.title, "Weights": network.weights.title}
    if choice.layer is not None:
        title, name = choice.layer.title, choice.layer.name
        found["Layer"] = title if title == name else f"{title} ({name})"
    return found


def command(title: str, choice: Choice, address: Mapping[str, str]) -> str:
    """Write the command that makes again what a page shows; "" where there is none.

    Args:
        title: The page's title.
        choice: The sidebar's choices.
        address: What is chosen on the page, by the names of a link's parameters.
    """
    words: list[str] = []
    if title == "Activations":
        words = ["activations", *_image(choice), *_network(choice), *_layer(choice)]
        for option, key, allowed in (
            ("--threshold", Key.THRESHOLD, None),
            ("--order", Key.ORDER, _ORDERS),
            ("--contrast", Key.CONTRAST, _CONTRASTS),
            ("--colormap", Key.COLOURS, None),
        ):
            value = address.get(key, "")
            if value and (allowed is None or value in allowed):
                words += [option, value]
        words += ["--out", "grid.png"]
    elif title == "Evidence":
        words = ["evidence", *_image(choice), *_network(choice)]
        for option, key in (
            ("--class", Key.EVIDENCE_CLASS),
            ("--against", Key.EVIDENCE_AGAINST),
            ("--method", Key.EVIDENCE_METHOD),
            ("--layer", Key.LAYER),
        ):
            if address.get(key):
                words += [option, address[key]]
        words += ["--out", "map.png"]
    elif title == "Reconstruction":
        is_amplified = Key.AMPLIFY in address
        name = "amplify" if is_amplified else "reconstruct"
        words = [name, *_image(choice), *_network(choice), *_layer(choice)]
        if address.get(Key.SECONDS):
            words += ["--seconds", address[Key.SECONDS]]
        words += ["--out", "image.png"]
    elif title == "Architectures":
        compared = address.get(Key.COMPARED_NETWORKS, "alexnet,vgg16").split(",")
        words = ["costs", *compared]
        if address.get(Key.COMPARED_SIDE):
            words += ["--input-size", address[Key.COMPARED_SIDE]]
    return shlex.join((*_PROGRAM, *words)) if words else ""


def _image(choice: Choice) -> list[str]:
    image = choice.image
    return [f"sample:{image.name}" if image.origin == "sample" else image.name]


def _network(choice: Choice) -> list[str]:
    words = ["--network", choice.network_name]
    return words if choice.loaded is None else [*words, "--weights", choice.loaded.weights.source]


def _layer(choice: Choice) -> list[str]:
    return [] if choice.layer is None else ["--layer", choice.layer.name]
