"""Global average pooling against fully connected layers (Lin, Chen and Yan 2014, section 3.2)."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from convviz.errors import SettingError, at_least
from convviz.formatting import grouped, percent, product, times
from convviz.language import tr
from convviz.structure.costs import Costs, LayerCost


@dataclass(frozen=True)
class Classifiers:
    """One encoder with three classifiers: the network's, one on averaged maps, one on all values.

    Attributes:
        title: The network's name for people.
        maps: (C, H, W) of the encoder's output; (C, T) of T tokens of C values.
        classes: Number of classes.
        encoder: Parameters of the encoder.
        own: Parameters of the network's decoder.
        form: What that decoder is: "average" for one linear layer on the mean of each map, "token"
            for one on a single token, "maps" for a convolution to one map for each class, which is
            then averaged; "" for anything else.
    """

    title: str
    maps: tuple[int, ...]
    classes: int
    encoder: int
    own: int
    form: str = ""

    @property
    def averaged(self) -> int:
        """Parameters of one linear layer on the mean of each map (GAP)."""
        return self.maps[0] * self.classes + self.classes

    @property
    def flattened(self) -> int:
        """Parameters of one linear layer on every value of every map."""
        return prod(self.maps) * self.classes + self.classes

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
        """Whether the network's decoder already is the GAP classifier, perhaps after a norm."""
        return self.form == "average"

    @property
    def averaged_formula(self) -> str:
        """GAP's weights with the numbers put in."""
        weights = product(self.maps[0], self.classes)
        return f"{weights} + {grouped(self.classes)} = {grouped(self.averaged)}"

    @property
    def remark(self) -> str:
        """What the network's own classifier is and weighs beside that on averaged maps."""
        channels, *positions = self.maps
        count = grouped(prod(positions))
        if len(positions) == 1:
            shape = tr(
                "{count} tokens of {channels} values", count=count, channels=grouped(channels)
            )
        else:
            shape = tr(
                "{channels} maps of {size}",
                channels=grouped(channels),
                size=" × ".join(map(str, positions)),
            )
        own = grouped(self.own)
        if self.form == "average":
            norm = self.own - self.averaged
            built = (
                tr(
                    "{shape}; it is built this way, with a norm of {count} parameters between.",
                    shape=shape,
                    count=grouped(norm),
                )
                if norm
                else tr("{shape}; it is built this way.", shape=shape)
            )
            return " ".join(filter(None, (built, self._on_all_values)))
        if self.form == "token":
            own_sentence = tr(
                "{shape}; its own classifier has {count}: one linear layer on one of the "
                "tokens, so a mean would save nothing.",
                shape=shape,
                count=own,
            )
            return " ".join(filter(None, (own_sentence, self._on_all_values)))
        if self.form == "maps":
            return tr(
                "{shape}; its own classifier has {count}: a convolution makes one map for "
                "each class and the mean of each map is the score, which takes as many "
                "weights.",
                shape=shape,
                count=own,
            )
        before, after = grouped(self.network), grouped(self.network_averaged)
        return tr(
            "{shape}; its own classifier has {count}. The whole network would have {after} "
            "instead of {before}: {comparison}.",
            shape=shape,
            count=own,
            after=after,
            before=before,
            comparison=_comparison(self.network, self.network_averaged),
        )

    @property
    def _on_all_values(self) -> str:
        if self.flattened == self.averaged:
            return ""
        factor = times(self.flattened / self.averaged)
        return tr(
            "One layer on all values would take {count}, {factor} times as many.",
            count=grouped(self.flattened),
            factor=factor,
        )


def _comparison(before: int, after: int) -> str:
    """Compare two numbers of parameters in words."""
    if before == after:
        return tr("the same")
    more, fewer = after > before, before / after
    factor = 1 / fewer if more else fewer
    if factor < 1.05:
        share = percent(abs(after - before) / before, 1)
        return tr("{share} more", share=share) if more else tr("{share} less", share=share)
    if more:
        return tr("{factor} times as many", factor=times(factor))
    return tr("{factor} times fewer", factor=times(factor))


def classifiers(costs: Costs, classes: int | None = None) -> Classifiers:
    """Count a network's parameters with other classifiers on its encoder.

    Args:
        costs: The network's costs.
        classes: Number of classes; None for the network's.

    Raises:
        SettingError: The network has no maps to average, or no classes.
    """
    rows = [row for row in costs.layers if row.executed and row.part != "auxiliary"]
    encoder = [row for row in rows if row.part == "encoder" and len(row.output_shape) >= 2]
    if not encoder or len(rows[-1].output_shape) != 1:
        raise SettingError(
            tr(
                "{title} has no maps with a classifier behind them, so there is nothing to "
                "average: choose a network that ends in class scores.",
                title=costs.title,
            )
        )
    outputs = rows[-1].output_shape[0]
    if classes is not None:
        at_least(tr("number of classes"), classes, 1)
    decoder = [row for row in rows if row.part == "decoder"]
    maps = _maps(encoder[-1], decoder)
    return Classifiers(
        title=costs.title,
        maps=maps,
        classes=outputs if classes is None else classes,
        encoder=costs.part("encoder").parameters,
        own=costs.part("decoder").parameters,
        form=_form(maps, decoder),
    )


def _maps(last: LayerCost, decoder: Sequence[LayerCost]) -> tuple[int, ...]:
    """Return what the decoder averages or could: what it reads, else what the encoder returns."""
    read = decoder[0].input_shapes[0] if decoder and decoder[0].input_shapes else ()
    if len(read) == 3:
        return read
    if len(last.output_shape) == 2:
        tokens, channels = last.output_shape
        return channels, tokens
    return last.output_shape


def _form(maps: tuple[int, ...], decoder: Sequence[LayerCost]) -> str:
    weighted = [row for row in decoder if row.parameters]
    layers = [row for row in weighted if "norm" not in row.kind]
    if len(layers) != 1:
        return ""
    (layer,) = layers
    pools = [i for i, row in enumerate(decoder) if row.kind == "average pooling"]
    if layer.kind == "convolution":
        return "maps" if pools and decoder.index(layer) < pools[0] else ""
    if layer.kind != "linear" or layer.input_shapes[0] != (maps[0],):
        return ""
    if pools and pools[0] < decoder.index(layer):
        return "average"
    return "token" if len(maps) == 2 else ""
