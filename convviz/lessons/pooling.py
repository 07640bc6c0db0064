"""Global average pooling against fully connected layers (Lin, Chen and Yan 2014, section 3.2)."""

from dataclasses import dataclass

from convviz.errors import SettingError, at_least
from convviz.formatting import grouped, product
from convviz.structure.costs import Costs


@dataclass(frozen=True)
class Classifiers:
    """One encoder with three classifiers: the network's, one on averaged maps, one on all values.

    Attributes:
        title: The network's name for people.
        maps: (C, H, W) of the encoder's output.
        classes: Number of classes.
        encoder: Parameters of the encoder.
        own: Parameters of the network's decoder.
    """

    title: str
    maps: tuple[int, int, int]
    classes: int
    encoder: int
    own: int

    @property
    def averaged(self) -> int:
        """Parameters of one linear layer on the mean of each map (GAP)."""
        return self.maps[0] * self.classes + self.classes

    @property
    def flattened(self) -> int:
        """Parameters of one linear layer on every value of every map."""
        channels, height, width = self.maps
        return channels * height * width * self.classes + self.classes

    @property
    def network(self) -> int:
        """Parameters of the network, without auxiliary heads."""
        return self.encoder + self.own

    @property
    def network_averaged(self) -> int:
        """Parameters of the network with GAP and one linear layer."""
        return self.encoder + self.averaged

    @property
    def uses_average(self) -> bool:
        """Whether the network's decoder already is the GAP classifier."""
        return self.own == self.averaged

    @property
    def averaged_formula(self) -> str:
        """GAP's weights with the numbers put in."""
        weights = product(self.maps[0], self.classes)
        return f"{weights} + {grouped(self.classes)} = {grouped(self.averaged)}"


def classifiers(costs: Costs, classes: int | None = None) -> Classifiers:
    """Count a network's parameters with other classifiers on its encoder.

    Args:
        costs: The network's costs.
        classes: Number of classes; None for the network's.

    Raises:
        SettingError: The network has no maps to average, or no classes.
    """
    rows = [row for row in costs.layers if row.executed]
    encoder = [row for row in rows if row.part == "encoder" and len(row.output_shape) == 3]
    if not encoder or len(rows[-1].output_shape) != 1:
        raise SettingError(
            f"{costs.title} has no maps with a classifier behind them, so there is nothing to"
            " average: choose a network that ends in class scores."
        )
    outputs = rows[-1].output_shape[0]
    if classes is not None:
        at_least("number of classes", classes, 1)
    channels, height, width = encoder[-1].output_shape
    return Classifiers(
        title=costs.title,
        maps=(channels, height, width),
        classes=outputs if classes is None else classes,
        encoder=costs.part("encoder").parameters,
        own=costs.part("decoder").parameters,
    )
