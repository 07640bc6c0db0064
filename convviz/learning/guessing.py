"""What is reached without looking at the image, which every accuracy and loss stands beside.

The best that guessing can do is to know how often each class occurs: whoever must name one class
names the largest, and whoever must give probabilities gives the classes' shares, which costs a
cross-entropy of their entropy. With K classes of equal size these are 1 / K and ln K.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from convviz.datasets.labelled_set import Dataset, Split


@dataclass(frozen=True)
class Guessing:
    """What guessing reaches.

    Attributes:
        accuracy: Share of the validation images that belong to the largest class learned from.
        loss: Cross-entropy, in nats, of giving every training image the classes' shares.
    """

    accuracy: float
    loss: float


def guessing(dataset: Dataset, split: Split) -> Guessing:
    """Say what guessing reaches with a data set.

    Args:
        dataset: Images with their classes.
        split: Its training and validation images, at least one of each.
    """
    counts = Counter(dataset.labels[index] for index in split.train)
    largest = max(counts, key=lambda label: (counts[label], -label))
    hits = sum(dataset.labels[index] == largest for index in split.validation)
    return Guessing(hits / len(split.validation), entropy(list(counts.values())))


def entropy(counts: Sequence[float]) -> float:
    """Return the entropy of a distribution, in nats.

    Args:
        counts: How often each class occurs, or its share; at least one is above 0.
    """
    total = sum(counts)
    return sum(count / total * math.log(total / count) for count in counts if count)


def smoothed_floor(smoothing: float, classes: int) -> float:
    """Return the least cross-entropy with label smoothing, in nats: that of a perfect network.

    The right class's target is 1 − smoothing + smoothing / classes, that of each other class
    smoothing / classes (Szegedy et al. 2016, section 7); no loss is below the target's entropy.

    Args:
        smoothing: In 0…1.
        classes: How many there are.
    """
    other = smoothing / classes
    return entropy([1 - smoothing + other, *[other] * (classes - 1)])
