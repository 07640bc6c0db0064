"""A 1×1 convolution that narrows the maps before a large kernel (Szegedy et al. 2015, section 3).

Multiplications are MACs, as everywhere in convviz: biases are not counted.
"""

from dataclasses import dataclass

from convviz.errors import at_least
from convviz.formatting import grouped, product
from convviz.language import tr


@dataclass(frozen=True)
class Bottleneck:
    """A large kernel, directly and after a 1×1 convolution to fewer channels.

    Attributes:
        height: Height of the maps, in positions.
        width: Width of the maps, in positions.
        channels: Input channels.
        reduced: Output channels of the 1×1 convolution.
        outputs: Output channels of the large kernel.
        kernel: k of the large kernel.
    """

    height: int
    width: int
    channels: int
    reduced: int
    outputs: int
    kernel: int

    @property
    def direct_macs(self) -> int:
        """Multiplications of the large kernel on all channels."""
        return self.height * self.width * self.direct_weights

    @property
    def reduce_macs(self) -> int:
        """Multiplications of the 1×1 convolution."""
        return self.height * self.width * self.channels * self.reduced

    @property
    def expand_macs(self) -> int:
        """Multiplications of the large kernel on the reduced channels."""
        return self.height * self.width * self.kernel**2 * self.reduced * self.outputs

    @property
    def bottleneck_macs(self) -> int:
        """Multiplications of both convolutions together."""
        return self.reduce_macs + self.expand_macs

    @property
    def direct_weights(self) -> int:
        """Weights of the large kernel on all channels."""
        return self.kernel**2 * self.channels * self.outputs

    @property
    def bottleneck_weights(self) -> int:
        """Weights of both convolutions together."""
        return self.channels * self.reduced + self.kernel**2 * self.reduced * self.outputs

    @property
    def factor(self) -> float:
        """How many times fewer multiplications; below 1 the bottleneck costs more."""
        return self.direct_macs / self.bottleneck_macs

    @property
    def break_even(self) -> float:
        """Number of reduced channels at which both cost the same; with fewer, it saves."""
        return self.direct_weights / (self.channels + self.kernel**2 * self.outputs)

    @property
    def direct_formula(self) -> str:
        """The large kernel's cost with the numbers put in."""
        factors = (self.height, self.width, self.kernel, self.kernel, self.channels, self.outputs)
        return f"{product(*factors)} = {grouped(self.direct_macs)}"

    @property
    def bottleneck_formula(self) -> str:
        """The bottleneck's cost with the numbers put in."""
        reduce = product(self.height, self.width, self.channels, self.reduced)
        factors = (self.height, self.width, self.kernel, self.kernel, self.reduced, self.outputs)
        return (
            f"{reduce} + {product(*factors)} = {grouped(self.reduce_macs)} +"
            f" {grouped(self.expand_macs)} = {grouped(self.bottleneck_macs)}"
        )


def bottleneck(
    height: int, width: int, channels: int, reduced: int, outputs: int, kernel: int
) -> Bottleneck:
    """Compare a large kernel with and without a 1×1 convolution before it.

    Args:
        height: Height of the maps, in positions.
        width: Width of the maps, in positions.
        channels: Input channels.
        reduced: Output channels of the 1×1 convolution.
        outputs: Output channels of the large kernel.
        kernel: k of the large kernel.

    Raises:
        SettingError: A number is too small to make a convolution.
    """
    for name, value in (
        (tr("height"), height),
        (tr("width"), width),
        (tr("number of channels"), channels),
        (tr("number of reduced channels"), reduced),
        (tr("number of output channels"), outputs),
        (tr("kernel"), kernel),
    ):
        at_least(name, value, 1)
    return Bottleneck(height, width, channels, reduced, outputs, kernel)
