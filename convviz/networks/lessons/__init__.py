"""The course's architectural ideas as pure arithmetic.

Each function returns a frozen worked result that carries its formula with the numbers put in. Input
that makes no sense raises a SettingError whose sentence says what to choose instead.
"""

from convviz.networks.lessons.auxiliary import AuxiliaryLoss, auxiliary_loss
from convviz.networks.lessons.bottleneck import Bottleneck, bottleneck
from convviz.networks.lessons.inception import Branch, InceptionModule, inception_modules
from convviz.networks.lessons.pooling import Classifiers, classifiers
from convviz.networks.lessons.sliding import Sliding, exact_lengths, slide
from convviz.networks.lessons.stacking import Stacking, replacing, stack
from convviz.networks.lessons.surprise import surprise
from convviz.networks.lessons.written import WrittenLayer, write_out
from convviz.structure.costs import Head, heads

__all__ = [
    "AuxiliaryLoss",
    "Bottleneck",
    "Branch",
    "Classifiers",
    "Head",
    "InceptionModule",
    "Sliding",
    "Stacking",
    "WrittenLayer",
    "auxiliary_loss",
    "bottleneck",
    "classifiers",
    "exact_lengths",
    "heads",
    "inception_modules",
    "replacing",
    "slide",
    "stack",
    "surprise",
    "write_out",
]
