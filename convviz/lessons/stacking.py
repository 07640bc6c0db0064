"""A stack of small kernels against one large kernel (Simonyan and Zisserman 2015, section 2.3)."""

from dataclasses import dataclass

from convviz.errors import SettingError, at_least
from convviz.formatting import grouped
from convviz.language import tr


@dataclass(frozen=True)
class Stacking:
    """A stack of k×k convolutions, and the single convolution with the same receptive field.

    All layers have as many output as input channels; biases are not counted.

    Attributes:
        kernel: k of the stacked convolutions.
        layers: How many are stacked.
        channels: Input and output channels of every layer.
    """

    kernel: int
    layers: int
    channels: int

    @property
    def receptive_field(self) -> int:
        """Pixels seen by one output: the same for the stack and the large kernel."""
        return self.layers * (self.kernel - 1) + 1

    @property
    def stack_per_pair(self) -> int:
        """Weights of the stack for each pair of one input and one output channel."""
        return self.layers * self.kernel**2

    @property
    def single_per_pair(self) -> int:
        """Weights of the large kernel for each pair of one input and one output channel."""
        return self.receptive_field**2

    @property
    def stack_weights(self) -> int:
        """Weights of the whole stack."""
        return self.stack_per_pair * self.channels**2

    @property
    def single_weights(self) -> int:
        """Weights of the one large convolution."""
        return self.single_per_pair * self.channels**2

    @property
    def saving(self) -> float:
        """Share of the large kernel's weights that the stack saves; negative if it costs more."""
        return 1 - self.stack_per_pair / self.single_per_pair

    @property
    def field_formula(self) -> str:
        """The receptive field with the numbers put in: "1 + 2·(3 − 1) = 5"."""
        return f"1 + {self.layers}·({self.kernel} − 1) = {self.receptive_field}"

    @property
    def stack_formula(self) -> str:
        """The stack's weights with the numbers put in."""
        pair = f"{self.layers}·{self.kernel}·{self.kernel}"
        return self._weights(pair, self.stack_weights)

    @property
    def single_formula(self) -> str:
        """The large kernel's weights with the numbers put in."""
        pair = f"{self.receptive_field}·{self.receptive_field}"
        return self._weights(pair, self.single_weights)

    def _weights(self, pair: str, weights: int) -> str:
        if self.channels == 1:
            return f"{pair} = {weights}"
        return f"{pair}·{self.channels}·{self.channels} = {grouped(weights)}"


def stack(kernel: int, layers: int, channels: int = 1) -> Stacking:
    """Stack convolutions with stride 1.

    Args:
        kernel: k of each k×k convolution.
        layers: How many are stacked.
        channels: Input and output channels of every layer.

    Raises:
        SettingError: A number is too small to make a convolution.
    """
    at_least(tr("kernel"), kernel, 1)
    at_least(tr("number of layers"), layers, 1)
    at_least(tr("number of channels"), channels, 1)
    return Stacking(kernel, layers, channels)


def replacing(large: int, kernel: int = 3, channels: int = 1) -> Stacking:
    """Stack k×k convolutions to the receptive field of one large kernel: two 3×3 for one 5×5.

    Args:
        large: Width of the large kernel.
        kernel: k of the stacked convolutions.
        channels: Input and output channels of every layer.

    Raises:
        SettingError: A number is too small, or no number of layers has exactly that receptive
            field.
    """
    reason = tr("kernels of 1×1 never see further, however many are stacked;")
    at_least(tr("kernel"), kernel, 2, reason)
    at_least(tr("large kernel"), large, kernel)
    layers, rest = divmod(large - 1, kernel - 1)
    if rest:
        raise SettingError(
            tr(
                "No stack of {kernel}×{kernel} kernels sees exactly {pixels} pixels: choose "
                "{less} or {more}.",
                kernel=kernel,
                pixels=large,
                less=large - rest,
                more=large - rest + kernel - 1,
            )
        )
    return stack(kernel, layers, channels)
