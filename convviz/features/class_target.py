"""What is to be explained: the score of a class, or by how much it exceeds that of another."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
from PIL import Image
from torch import Tensor

from convviz.errors import NetworkError, SettingError
from convviz.features.capture import class_scores_in, input_for
from convviz.features.predictions import class_name, for_decoder
from convviz.features.score_before_softmax import probabilities, scores_taken
from convviz.formatting import did_you_mean
from convviz.language import tr
from convviz.networks.clone import clone
from convviz.networks.network import Network

_NUMBER = re.compile(r"-?[0-9]{1,9}")


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

    def probability(self, network: Network, scores: Tensor) -> Tensor:
        """Return the class's probability, shape (N,), in 0…1, of scores of shape (N, classes).

        It is by softmax over all classes, or by the sigmoid that the network ends in. With another
        class to compare with, softmax is taken over the two alone: that it is this one, if it is
        one of the two and not the other.
        """
        if self.against is None:
            return probabilities(network, scores)[:, self.index]
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
            _why_no_class(network)
            or tr(
                "The weights of {network} in use have no decoder, so no class has a score that "
                "could be explained: choose weights of the full network, or GoogLeNet, "
                "AlexNet or VGG16, whose weights come with a decoder.",
                network=network.title,
            )
        )
    return for_decoder(network, input_for(network, image))


def _why_no_class(network: Network) -> str:
    """Say why a network with a decoder knows no class; empty if it has no decoder."""
    match network.weights.source:
        case "own":
            return tr(
                "The classes of {network} have no names, so none can be chosen: give them to its "
                'NetworkSpec in the order of its scores, classes=("cat", "dog", …).',
                network=network.title,
            )
        case "random":
            return tr(
                "{network} is untrained with the weights in use, random numbers, so its scores "
                "mean nothing: choose trained weights.",
                network=network.title,
            )
    return ""


def class_scores(network: Network, batch: Tensor) -> Tensor:
    """Compute the network's scores before softmax, shape (N, classes), float32.

    Args:
        network: The network.
        batch: Inputs as `decoder_input` makes them, shape (N, 3, S, S).

    Raises:
        NetworkError: It puts out no scores, or they are no finite numbers.
    """
    with torch.no_grad(), scores_taken(network.module, batch) as scores_of:
        scores = scores_of(class_scores_in(clone(network.module)(batch))).float()
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
    """Find a class by one of its names, as it is written or in other capitals, or by its number.

    A name goes before a number, so that each of the classes "1" to "9" has its own.

    Raises:
        NetworkError: The weights have no decoder.
        SettingError: There is no such class, and the sentence has near names; or there are several,
            and it has their numbers.
    """
    classes = network.weights.classes
    if not network.weights.has_decoder:
        raise NetworkError(
            _why_no_class(network)
            or tr(
                "The weights of {network} in use have no decoder, so they know no class: "
                "choose weights of the full network.",
                network=network.title,
            )
        )
    by_name: Mapping[str, tuple[int, ...]] = {}
    for spell in _SPELLINGS:
        by_name = _by_name(classes, spell)
        called = by_name.get(spell(text), ())
        if len(called) > 1:
            raise SettingError(
                tr(
                    "{network} has several classes called {text}: choose one of the numbers "
                    "{numbers}.",
                    network=network.title,
                    text=text[:80],
                    numbers=", ".join(map(str, called)),
                )
            )
        if called:
            return called[0]
    wanted = _in_small_letters(text)
    if _NUMBER.fullmatch(wanted):
        target = ClassTarget(int(wanted))
        check_target(network, target)
        return target.index
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
    """Find a network's class among another's by its names; None if it is not surely among them.

    ImageNet has a dog called Cardigan and a garment called cardigan, and two classes called crane:
    a name counts as it is written, in other capitals only where it is not found so, and never
    where several classes of one network have it.
    """
    names = first.weights.classes[index].split(",")
    for spell in _SPELLINGS:
        ours = _by_name(first.weights.classes, spell)
        theirs = _by_name(second.weights.classes, spell)
        same = {theirs.get(name, ()) for name in map(spell, names) if ours[name] == (index,)}
        same.discard(())
        if same:
            called = same.pop()
            return called[0] if not same and len(called) == 1 else None
    return None


def has_namesake(first: Network, index: int, second: Network) -> bool:
    """Tell whether another network has a class with a name of this one, `same_class` or not."""
    theirs = _by_name(second.weights.classes, _in_small_letters)
    return any(
        _in_small_letters(name) in theirs for name in first.weights.classes[index].split(",")
    )


def _as_written(name: str) -> str:
    return " ".join(name.replace("_", " ").split())


def _in_small_letters(name: str) -> str:
    return _as_written(name).lower()


# How names are compared: first as they are written.
_SPELLINGS: tuple[Callable[[str], str], ...] = (_as_written, _in_small_letters)


@lru_cache(maxsize=16)
def _by_name(
    classes: tuple[str, ...], spell: Callable[[str], str]
) -> Mapping[str, tuple[int, ...]]:
    """Number the classes that have each name; "tench, Tinca tinca" has three."""
    numbers: dict[str, tuple[int, ...]] = {}
    for index, names in enumerate(classes):
        for name in dict.fromkeys(map(spell, (names, *names.split(",")))):
            numbers[name] = (*numbers.get(name, ()), index)
    return numbers


def _some(classes: Sequence[str]) -> str:
    names = ", ".join(name.split(",")[0].strip() for name in classes[:3])
    return tr("{names} … by name, or 0 to {last}", names=names, last=len(classes) - 1)
