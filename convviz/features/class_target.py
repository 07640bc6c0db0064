"""What is to be explained: the score of a class, or by how much it exceeds that of another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from PIL import Image
from torch import Tensor

from convviz.errors import NetworkError, SettingError
from convviz.features.capture import class_scores_in, input_for
from convviz.features.predictions import class_name, for_decoder
from convviz.formatting import did_you_mean
from convviz.language import tr
from convviz.networks.clone import clone
from convviz.networks.network import Network


@dataclass(frozen=True)
class ClassTarget:
    """The score of a class before softmax; or that score less the score of another class.

    Attributes:
        index: The class's number.
        against: The number of the class whose score is subtracted; None for no other class.
    """

    index: int
    against: int | None = None

    def score(self, scores: Tensor) -> Tensor:
        """Return what is explained, shape (N,), of the network's scores, shape (N, classes)."""
        score = scores[:, self.index]
        return score if self.against is None else score - scores[:, self.against]

    def probability(self, scores: Tensor) -> Tensor:
        """Return the class's probability, shape (N,), by softmax over all classes, in 0…1.

        With another class to compare with, softmax is taken over the two alone.
        """
        if self.against is None:
            return scores.float().softmax(1)[:, self.index]
        return self.score(scores).float().sigmoid()

    def title(self, network: Network) -> str:
        """Name the class, "goldfish", or the two, "goldfish and not bullfrog"."""
        name = class_name(network.weights.classes, self.index)
        if self.against is None:
            return name
        return tr(
            "{label} and not {other}",
            label=name,
            other=class_name(network.weights.classes, self.against),
        )


def decoder_input(network: Network, image: Image.Image) -> Tensor:
    """Turn an image into the input that the network's predictions are made of, (1, 3, S, S).

    Raises:
        NetworkError: The weights have no decoder, so no class has a score.
    """
    if not network.weights.has_decoder:
        raise NetworkError(
            tr(
                "The weights of {network} in use have no decoder, so no class has a score that "
                "could be explained: choose weights of the full network, or GoogLeNet, "
                "AlexNet or VGG16, whose weights come with a decoder.",
                network=network.title,
            )
        )
    return for_decoder(network, input_for(network, image))


def class_scores(network: Network, batch: Tensor) -> Tensor:
    """Compute the network's scores before softmax, shape (N, classes), float32.

    Args:
        network: The network.
        batch: Inputs as `decoder_input` makes them, shape (N, 3, S, S).

    Raises:
        NetworkError: It puts out no scores, or they are no finite numbers.
    """
    with torch.no_grad():
        scores = class_scores_in(clone(network.module)(batch)).float()
    check_scores(network, scores)
    return scores


def check_scores(network: Network, *numbers: Tensor) -> None:
    """Check that scores, and gradients of them, are finite.

    Raises:
        NetworkError: They are not.
    """
    if not all(bool(each.isfinite().all()) for each in numbers):
        raise NetworkError(
            tr(
                "The scores of {network} for this image, or their gradients, are no finite "
                "numbers, so nothing can be said of what made them: its weights are too large, or "
                "damaged; choose others.",
                network=network.title,
            )
        )


def check_target(network: Network, target: ClassTarget) -> None:
    """Check that a network has the classes of a target.

    Raises:
        SettingError: It has not, or the two are the same.
    """
    count = len(network.weights.classes)
    for index in (target.index, target.against):
        if index is not None and not 0 <= index < count:
            raise SettingError(
                tr("There is no class {index}: choose 0 to {last}.", index=index, last=count - 1)
            )
    if target.against == target.index:
        raise SettingError(tr("A class cannot be compared with itself: choose two classes."))


def find_class(network: Network, text: str) -> int:
    """Find a class by its number or by one of its names, in capitals or not.

    Raises:
        NetworkError: The weights have no decoder.
        SettingError: There is no such class; the sentence has near names.
    """
    classes = network.weights.classes
    if not network.weights.has_decoder:
        raise NetworkError(
            tr(
                "The weights of {network} in use have no decoder, so they know no class: "
                "choose weights of the full network.",
                network=network.title,
            )
        )
    wanted = _plain(text)
    if wanted.lstrip("-").isdigit():
        target = ClassTarget(int(wanted))
        check_target(network, target)
        return target.index
    by_name: dict[str, int] = {}
    for index, names in enumerate(classes):
        for name in (names, *names.split(",")):
            by_name.setdefault(_plain(name), index)
    if wanted in by_name:
        return by_name[wanted]
    question = did_you_mean(wanted, by_name, tr("choose one of {classes}.", classes=_some(classes)))
    raise SettingError(
        tr(
            "{network} has no class called {text}: {question}",
            network=network.title,
            text=text[:80],
            question=question,
        )
    )


def same_class(first: Network, index: int, second: Network) -> int | None:
    """Find a network's class among another's by its names; None if it is not among them."""
    names = {_plain(name) for name in first.weights.classes[index].split(",")}
    for number, candidate in enumerate(second.weights.classes):
        if names & {_plain(name) for name in candidate.split(",")}:
            return number
    return None


def _plain(name: str) -> str:
    return " ".join(name.replace("_", " ").split()).lower()


def _some(classes: Sequence[str]) -> str:
    names = ", ".join(name.split(",")[0].strip() for name in classes[:3])
    return tr("{names} … by name, or 0 to {last}", names=names, last=len(classes) - 1)
