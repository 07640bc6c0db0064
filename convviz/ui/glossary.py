"""The words of this field, each with one sentence; `mark` dots them where a text uses them.

A marked word stands in Streamlit's colour directive, which no other text of the app uses. The
component `glossary` finds it in the browser and explains it there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from convviz.language import later


@dataclass(frozen=True)
class Term:
    """A word of the field.

    Attributes:
        name: As the glossary lists it.
        meaning: One sentence.
        forms: Other ways in which texts write it; a plural s is added by itself.
    """

    name: str
    meaning: str
    forms: tuple[str, ...] = ()

    @property
    def spellings(self) -> tuple[str, ...]:
        """Every form of the word, singular and plural, in small letters."""
        words = [form.casefold() for form in (self.name, *self.forms)]
        return tuple(dict.fromkeys([*words, *(_plural(word) for word in words)]))


def _plural(word: str) -> str:
    if word.endswith(("s", "ch")):
        return word + "es"
    return f"{word[:-1]}ies" if re.search(r"[^aeiou]y$", word) else f"{word}s"


TERMS = (
    Term(
        "ConvNet",
        later(
            "A network whose layers slide small filters over an image and over one another's maps."
        ),
        (later("convolutional network"),),
    ),
    Term(
        "layer",
        later(
            "One step of a network: it takes the maps of the step before and makes new ones "
            "of them."
        ),
    ),
    Term(
        "channel",
        later("One of the maps that a layer puts out, made by one filter."),
    ),
    Term(
        later("feature map"),
        later("The values of one channel for one image, one value for each position."),
        (later("activation map"),),
    ),
    Term(
        "activation",
        later(
            "A value that a layer puts out for an image; a high one says that its pattern is there."
        ),
    ),
    Term(
        later("empty channel"),
        later("A channel of which nothing is left after the ReLU, for this image."),
    ),
    Term(
        later("dead channel"),
        later(
            "A channel that is empty for every image of a set; the number of images is named "
            "with it."
        ),
    ),
    Term(
        "filter",
        later("A small block of weights that looks for one pattern everywhere."),
        ("kernel",),
    ),
    Term("weight", later("A number that training has set, by which an input is multiplied.")),
    Term("parameter", later("A number that training sets: a weight, or the bias added to a sum.")),
    Term(
        "ReLU",
        later("The step that sets every negative value to 0 and leaves the others as they are."),
    ),
    Term(
        "convolution",
        later(
            "Sliding a filter over its input and, at each stop, adding up the products of "
            "weights and values."
        ),
        (later("convolutional layer"),),
    ),
    Term(
        later("batch norm"),
        later(
            "A step that shifts and scales each channel, so that the next layer gets numbers "
            "of a familiar size."
        ),
        (later("batch normalisation"),),
    ),
    Term("concatenation", later("The maps of several branches, one behind the other.")),
    Term("stride", later("How many pixels a filter moves from one stop to the next.")),
    Term("padding", later("Rows of zeros around a map, so that a filter also fits at its edge.")),
    Term(
        later("receptive field"),
        later("The part of the image that one position of a layer can depend on."),
    ),
    Term("pooling", later("Replacing small squares of a map by their maximum or their mean.")),
    Term(
        later("global average pooling"),
        later("Replacing every map by its mean, so that one number is left for each channel."),
    ),
    Term(
        "1×1 convolution",
        later(
            "A filter that sees one position of all channels at once: it mixes channels, and "
            "narrows them where there are fewer filters than channels."
        ),
        ("bottleneck",),
    ),
    Term(
        later("Inception module"),
        later(
            "A block of GoogLeNet that looks with filters of several sizes at once and joins "
            "their channels."
        ),
    ),
    Term(
        later("auxiliary classifier"),
        later(
            "A small classifier that reads a network's maps on the way and is used in "
            "training only."
        ),
        (later("auxiliary head"),),
    ),
    Term("encoder", later("The convolutional part of a network, which turns an image into maps.")),
    Term(
        "decoder",
        later("The part behind the encoder, which turns its maps into class scores."),
        ("classifier",),
    ),
    Term(
        "MACs",
        later(
            "Multiply–accumulates, each one multiplication and one addition: a MAC is two FLOPs."
        ),
        ("MAC", "multiply–accumulate"),
    ),
    Term(
        "reconstruction",
        later("An image that was changed until a layer answers to it as it does to the original."),
    ),
    Term(
        later("relative error"),
        later(
            "How far a reconstruction's maps are from the original's: the length of the "
            "difference over the length of the original's, at one layer."
        ),
    ),
    Term(
        later("transfer learning"),
        later("Using an encoder trained for one task in a network for another."),
    ),
    Term(
        "fine-tuning",
        later("Training an encoder further on the new task, with small steps."),
    ),
    Term(
        "gradient",
        later("How the loss changes when a weight, or a pixel, changes by a little."),
    ),
    Term(
        "score",
        later("The number that a network gives a class before it makes probabilities of all."),
    ),
    Term(
        "Grad-CAM",
        later(
            "A layer's maps added up, each times its mean gradient: by how much the class's "
            "score rises with that map, averaged over its positions."
        ),
    ),
    Term(
        "loss",
        later("What training lowers: how far the network's answers are from the right ones."),
    ),
    Term(
        "ablation",
        later("Setting channels to 0 and comparing what the network says before and after."),
    ),
    Term(later("top patch"), later("A part of a set's images to which a channel answers most.")),
    Term(
        "ImageNet",
        later("The large set of labelled photographs that these networks were trained on."),
    ),
)

_BY_SPELLING = {spelling: term for term in TERMS for spelling in term.spellings}

# What is no prose: code, formulas, icons, links, and what is marked already.
_NO_PROSE = r"`+[^`]*`+|\$[^$]+\$|:[\w/-]+:|:?[\w-]*\[[^\]]*\]\([^)]*\)|:[\w-]+\[[^\]]*\]|<[^>]+>"
_WORDS = "|".join(
    re.escape(spelling).replace(r"\ ", r"\s+")
    for spelling in sorted(_BY_SPELLING, key=len, reverse=True)
)
_PATTERN = re.compile(rf"({_NO_PROSE})|(?<![\w×-])({_WORDS})(?![\w×]|-\w)", re.IGNORECASE)


def meaning(word: str) -> str | None:
    """Return the sentence that explains a word in any of its forms; None for any other word."""
    term = _BY_SPELLING.get(" ".join(word.split()).casefold())
    return term.meaning if term else None


def meanings() -> dict[str, str]:
    """Return the sentence of every spelling."""
    return {spelling: term.meaning for spelling, term in _BY_SPELLING.items()}


def mark(text: str) -> str:
    """Mark each of the glossary's words where a Markdown text uses it first.

    Code, formulas and links stay as they are.
    """
    seen: set[Term] = set()

    def marked(match: re.Match[str]) -> str:
        word = match[2]
        if word is None:
            return match[0]
        term = _BY_SPELLING[" ".join(word.split()).casefold()]
        if term in seen:
            return word
        seen.add(term)
        return f":primary[{word}]"

    return _PATTERN.sub(marked, text)
