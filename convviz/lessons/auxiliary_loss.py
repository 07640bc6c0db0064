"""Auxiliary classifiers: where they sit, what they add to the loss (Szegedy et al. 2015, §5)."""

from dataclasses import dataclass

from convviz.errors import SettingError
from convviz.language import numeral, tr
from convviz.networks.network import AUXILIARY_WEIGHT


@dataclass(frozen=True)
class AuxiliaryLoss:
    """A training loss with auxiliary losses.

    Attributes:
        main: The main classifier's loss.
        extra: The auxiliary classifiers' losses.
        weight: Factor of each auxiliary loss.
    """

    main: float
    extra: tuple[float, ...]
    weight: float

    @property
    def total(self) -> float:
        """The loss that training minimises."""
        return self.main + self.weight * sum(self.extra)

    @property
    def formula(self) -> str:
        """The loss with the numbers put in: "1.20 + 0.3·2.00 + 0.3·1.80 = 2.34".

        It has as many digits as are needed for what is written to add up.
        """
        for digits in (2, 3, 4):
            main, *extra = (round(each, digits) for each in (self.main, *self.extra))
            if f"{main + self.weight * sum(extra):.{digits}f}" == f"{self.total:.{digits}f}":
                break
        terms = "".join(f" + {self.weight:g}·{loss:.{digits}f}" for loss in self.extra)
        return numeral(f"{self.main:.{digits}f}{terms} = {self.total:.{digits}f}")


def point() -> str:
    """Say what auxiliary classifiers are for, in two sentences."""
    return tr(
        "**In a deep network the loss is far from the first layers. GoogLeNet has two "
        "small classifiers on the way, and adds {weight:g} times their losses.** They are "
        "thrown away after training.",
        weight=AUXILIARY_WEIGHT,
    )


def auxiliary_loss(
    main: float, extra: tuple[float, ...], weight: float = AUXILIARY_WEIGHT
) -> AuxiliaryLoss:
    """Add auxiliary losses to a main loss.

    Args:
        main: The main classifier's loss.
        extra: The auxiliary classifiers' losses.
        weight: Factor of each auxiliary loss; by default the paper's.

    Raises:
        SettingError: A loss or the weight is negative.
    """
    if min((main, weight, *extra)) < 0:
        raise SettingError(tr("A loss and its weight cannot be negative: choose 0 or more."))
    return AuxiliaryLoss(main, extra, weight)
