"""The words of this field, each with one sentence; `mark` dots them where a text uses them.

A marked word stands in Streamlit's colour directive, which no other text of the app uses. The
component `glossary` finds it in the browser and explains it there. Both go by the words of the
reader's language.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache

from convviz.language import current, later, speaking, tr


@dataclass(frozen=True)
class Term:
    """A word of the field.

    Attributes:
        forms: The forms in which texts write it, with "|" between them, the first as the glossary
            lists it. A message: each language has its own forms, and as many as it needs.
        meaning: One sentence; a message.
    """

    forms: str
    meaning: str

    @property
    def name(self) -> str:
        """Its name in English, by which pages choose it."""
        return self.forms.partition("|")[0]

    @property
    def title(self) -> str:
        """Its name in the reader's language."""
        return tr(self.forms).partition("|")[0]

    @property
    def spellings(self) -> tuple[str, ...]:
        """Every form of the word in the reader's language, in small letters."""
        return tuple(form.casefold() for form in tr(self.forms).split("|"))


TERMS = (
    Term(
        later("ConvNet|ConvNets|convolutional network|convolutional networks"),
        later(
            "A network whose layers slide small filters over an image and over one another's maps."
        ),
    ),
    Term(
        later("layer|layers"),
        later(
            "One step of a network: it takes the maps of the step before and makes new ones of "
            "them."
        ),
    ),
    Term(
        later("channel|channels"),
        later("One of the maps that a layer puts out, made by one filter."),
    ),
    Term(
        later("feature map|feature maps|activation map|activation maps"),
        later("The values of one channel for one image, one value for each position."),
    ),
    Term(
        later("activation|activations"),
        later(
            "A value that a layer puts out for an image; a high one says that its pattern is there."
        ),
    ),
    Term(
        later("empty channel|empty channels"),
        later("A channel of which nothing is left after the ReLU, for this image."),
    ),
    Term(
        later("dead channel|dead channels"),
        later(
            "A channel that is empty for every image of a set; the number of images is named with "
            "it."
        ),
    ),
    Term(
        later("filter|filters|kernel|kernels"),
        later("A small block of weights that looks for one pattern everywhere."),
    ),
    Term(
        later("weight|weights"),
        later("A number that training has set, by which an input is multiplied."),
    ),
    Term(
        later("parameter|parameters"),
        later("A number that training sets: a weight, or the bias added to a sum."),
    ),
    Term(
        later("ReLU|ReLUs"),
        later("The step that sets every negative value to 0 and leaves the others as they are."),
    ),
    Term(
        later("convolution|convolutions|convolutional layer|convolutional layers"),
        later(
            "Sliding a filter over its input and, at each stop, adding up the products of weights "
            "and values."
        ),
    ),
    Term(
        later("batch norm|batch norms|batch normalisation"),
        later(
            "A step that shifts and scales each channel, so that the next layer gets numbers of a "
            "familiar size."
        ),
    ),
    Term(
        later("concatenation|concatenations"),
        later("The maps of several branches, one behind the other."),
    ),
    Term(
        later("stride|strides"),
        later("How many pixels a filter moves from one stop to the next."),
    ),
    Term(
        later("padding|paddings"),
        later("Rows of zeros around a map, so that a filter also fits at its edge."),
    ),
    Term(
        later("receptive field|receptive fields"),
        later("The part of the image that one position of a layer can depend on."),
    ),
    Term(
        later("pooling|poolings"),
        later("Replacing small squares of a map by their maximum or their mean."),
    ),
    Term(
        later("global average pooling"),
        later("Replacing every map by its mean, so that one number is left for each channel."),
    ),
    Term(
        later("1×1 convolution|1×1 convolutions|bottleneck|bottlenecks"),
        later(
            "A filter that sees one position of all channels at once: it mixes channels, and "
            "narrows them where there are fewer filters than channels."
        ),
    ),
    Term(
        later("Inception module|Inception modules"),
        later(
            "A block of GoogLeNet that looks with filters of several sizes at once and joins "
            "their channels."
        ),
    ),
    Term(
        later("auxiliary classifier|auxiliary classifiers|auxiliary head|auxiliary heads"),
        later(
            "A small classifier that reads a network's maps on the way and is used in training "
            "only."
        ),
    ),
    Term(
        later("encoder|encoders"),
        later("The convolutional part of a network, which turns an image into maps."),
    ),
    Term(
        later("decoder|decoders|classifier|classifiers"),
        later("The part behind the encoder, which turns its maps into class scores."),
    ),
    Term(
        later("MACs|MAC|multiply–accumulate|multiply–accumulates"),
        later(
            "Multiply–accumulates, each one multiplication and one addition: a MAC is two FLOPs."
        ),
    ),
    Term(
        later("reconstruction|reconstructions"),
        later("An image that was changed until a layer answers to it as it does to the original."),
    ),
    Term(
        later("relative error|relative errors"),
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
        later("fine-tuning|fine-tunings"),
        later("Training an encoder further on the new task, with small steps."),
    ),
    Term(
        later("gradient|gradients"),
        later("How the loss changes when a weight, or a pixel, changes by a little."),
    ),
    Term(
        later("seed|seeds"),
        later("A number that random draws begin with: the same seed draws the same again."),
    ),
    Term(
        later("rank correlation|rank correlations"),
        later("How alike two orders of the same things are: 1 for the same, −1 for the reverse."),
    ),
    Term(
        later("McNemar's test"),
        later(
            "Of the images that only one of two networks names correctly: whether the two share "
            "them so unevenly that it is hardly chance."
        ),
    ),
    Term(
        later("L-BFGS"),
        later("A way of minimising that learns from its last steps how the loss curves."),
    ),
    Term(
        later("best front"),
        later("The networks that no other beats in accuracy at the same cost or a lower one."),
    ),
    Term(
        later("score|scores"),
        later("The number that a network gives a class before it makes probabilities of all."),
    ),
    Term(
        later("Grad-CAM"),
        later(
            "A layer's maps added up, each times its mean gradient: by how much the class's score "
            "rises with that map, averaged over its positions."
        ),
    ),
    Term(
        later("loss|losses"),
        later("What training lowers: how far the network's answers are from the right ones."),
    ),
    Term(
        later("ablation|ablations"),
        later("Setting channels to 0 and comparing what the network says before and after."),
    ),
    Term(
        later("top patch|top patches"),
        later("A part of a set's images to which a channel answers most."),
    ),
    Term(
        later("ImageNet"),
        later("The large set of labelled photographs that these networks were trained on."),
    ),
)

# What is no prose: code, formulas, icons, links, and what is marked already.
_NO_PROSE = r"`+[^`]*`+|\$[^$]+\$|:[\w/-]+:|:?[\w-]*\[[^\]]*\]\([^)]*\)|:[\w-]+\[[^\]]*\]|<[^>]+>"


MARKED = re.compile(r":primary\[([^\]]*)\]")
"""What `mark` makes of a word; its group is the word."""


@cache
def _by_spelling(language: str) -> Mapping[str, Term]:
    with speaking(language):
        return {spelling: term for term in TERMS for spelling in term.spellings}


@cache
def _pattern(language: str) -> re.Pattern[str]:
    words = "|".join(
        re.escape(spelling).replace(r"\ ", r"\s+")
        for spelling in sorted(_by_spelling(language), key=len, reverse=True)
    )
    return re.compile(rf"({_NO_PROSE})|(?<![\w×.-])({words})(?![\w×\\]|[-.]\w)", re.IGNORECASE)


def meaning(word: str) -> str | None:
    """Return the sentence that explains a word in any of its forms; None for any other word."""
    term = _by_spelling(current()).get(" ".join(word.split()).casefold())
    return tr(term.meaning) if term else None


def meanings() -> dict[str, str]:
    """Return the sentence of every spelling, in the reader's language."""
    return {spelling: tr(term.meaning) for spelling, term in _by_spelling(current()).items()}


def mark(text: str) -> str:
    """Mark each of the glossary's words where a Markdown text uses it first.

    Code, formulas and links stay as they are.

    Args:
        text: In the reader's language.
    """
    return mark_but(text, frozenset())[0]


def _is_name(word: str, term: Term, match: re.Match[str]) -> bool:
    """Tell whether a word that is written small names a page: large within a sentence."""
    if not word[0].isupper() or term.title[0].isupper():
        return False
    before = match.string[: match.start()].rstrip()[-1:]
    return before.isalnum() or before in (",", ";")


def mark_but(text: str, shown: Collection[Term]) -> tuple[str, tuple[Term, ...]]:
    """Mark the words of a text that are not marked beside it, and say which are marked in it.

    Args:
        text: In the reader's language; words that it has marked itself stay so.
        shown: What is marked already.

    Returns:
        The text, and the words that are marked in it.
    """
    by_spelling = _by_spelling(current())
    marks = {" ".join(each.split()).casefold() for each in MARKED.findall(text)}
    by_itself = [by_spelling[each] for each in marks if each in by_spelling]
    new: list[Term] = []

    def marked(match: re.Match[str]) -> str:
        word = match[2]
        if word is None:
            return match[0]
        term = by_spelling[" ".join(word.split()).casefold()]
        if term in new or term in shown or term in by_itself or _is_name(word, term, match):
            return word
        new.append(term)
        return f":primary[{word}]"

    return _pattern(current()).sub(marked, text), (*by_itself, *new)
