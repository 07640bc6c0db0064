"""How many times a kernel fits: the output size of a convolution or pooling.

output = floor((n − k + 2p) / s) + 1, where a kernel of k taps with dilation d spans d·(k − 1) + 1
pixels (Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", 2016).
"""

import functools
from dataclasses import dataclass

from convviz.errors import SettingError, at_least
from convviz.language import tr
from convviz.networks.paper_designs import Conv, MaxPool, PaperDesign


@dataclass(frozen=True)
class Sliding:
    """A kernel that slides along one axis.

    Attributes:
        length: Pixels of the image along the axis.
        kernel: Taps of the kernel.
        stride: Pixels between two positions of the kernel.
        padding: Pixels of padding at each end.
        dilation: Pixels between two taps.
        output: Number of positions: the length of the output.
        dropped: Pixels at the far end, padding included, that the last position does not reach.
    """

    length: int
    kernel: int
    stride: int
    padding: int
    dilation: int
    output: int
    dropped: int

    @property
    def span(self) -> int:
        """Pixels from the kernel's first tap to its last."""
        return self.dilation * (self.kernel - 1) + 1

    @property
    def starts(self) -> tuple[int, ...]:
        """The first pixel at each position; negative ones are in the padding."""
        return tuple(i * self.stride - self.padding for i in range(self.output))

    @property
    def dropped_picture(self) -> int:
        """Pixels of the image, without padding, that no position reaches at the far end."""
        return min(self.length, max(0, self.dropped - self.padding))

    @functools.cached_property
    def unseen(self) -> tuple[int, ...]:
        """The pixels of the image, from 0, on which no tap ever falls.

        They lie beyond the last position, between two positions where the stride is wider than the
        kernel, and between the taps of a dilated kernel.
        """
        seen = {start + i * self.dilation for start in self.starts for i in range(self.kernel)}
        return tuple(pixel for pixel in range(self.length) if pixel not in seen)

    @property
    def unseen_bands(self) -> tuple[tuple[int, int], ...]:
        """The same as runs of neighbouring pixels: the first, and how many."""
        bands: list[tuple[int, int]] = []
        for pixel in self.unseen:
            if bands and sum(bands[-1]) == pixel:
                bands[-1] = (bands[-1][0], bands[-1][1] + 1)
            else:
                bands.append((pixel, 1))
        return tuple(bands)

    @property
    def skipped(self) -> int:
        """Pixels of the image that no tap falls on although the kernel has gone past them."""
        return len(self.unseen) - self.dropped_picture

    @property
    def unseen_sentence(self) -> str:
        """How much of a square image is never looked at; empty if all of it is."""
        if not self.unseen:
            return ""
        beyond, skipped = self.dropped_picture, self.skipped
        where = [tr("{beyond} beyond the last stop", beyond=beyond)] if beyond else []
        if skipped:
            gaps = self.unseen[:skipped]  # what lies beyond the last stop comes last
            spanned = [
                any(start <= gap < start + self.span for start in self.starts) for gap in gaps
            ]
            between = " and ".join(["stops"] * (not all(spanned)) + ["taps"] * any(spanned))
            where.append(tr("{skipped} between {between}", skipped=skipped, between=between))
        return tr(
            "On both axes: {count} of {length} rows and columns of the image are never "
            "looked at ({join}).",
            count=len(self.unseen),
            length=self.length,
            join=" and ".join(where),
        )

    @property
    def quotient(self) -> float:
        """How many strides fit, before rounding down."""
        return (self.length - self.span + 2 * self.padding) / self.stride

    @property
    def formula(self) -> str:
        """The formula with the numbers put in: "(227 − 11 + 0)/4 + 1 = 55"."""
        fraction = f"({self.length} − {self.span} + {2 * self.padding})/{self.stride}"
        if not self.dropped:
            return f"{fraction} + 1 = {self.output}"
        return f"⌊{fraction}⌋ + 1 = ⌊{self.quotient:.4g}⌋ + 1 = {self.output}"

    @property
    def sentence(self) -> str:
        """What happens, in words."""
        if not self.dropped:
            return tr(
                "The kernel stops {times} and reaches the far edge exactly.", times=self._times
            )
        return tr(
            "The kernel stops {times}; {left_over} and dropped.",
            times=self._times,
            left_over=self._left_over,
        )

    @property
    def _times(self) -> str:
        return "once" if self.output == 1 else tr("{output} times", output=self.output)

    @property
    def _left_over(self) -> str:
        pixels = "1 pixel" if self.dropped == 1 else tr("{dropped} pixels", dropped=self.dropped)
        verb = "is" if self.dropped == 1 else "are"
        if not self.padding:
            return tr("{pixels} at the far edge {verb} left over", pixels=pixels, verb=verb)
        if not self.dropped_picture:
            return tr(
                "{pixels} of padding at the far edge {verb} left over", pixels=pixels, verb=verb
            )
        in_padding = self.dropped - self.dropped_picture
        return tr(
            "{pixels} at the far edge, {in_padding} of them padding, {verb} left over",
            pixels=pixels,
            in_padding=in_padding,
            verb=verb,
        )


def slide(
    length: int, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1
) -> Sliding:
    """Slide a kernel along one axis.

    Args:
        length: Pixels of the image along the axis.
        kernel: Taps of the kernel.
        stride: Pixels between two positions of the kernel.
        padding: Pixels of padding at each end.
        dilation: Pixels between two taps.

    Raises:
        SettingError: A number is out of range, or the kernel does not fit even once.
    """
    at_least(tr("image's size"), length, 1)
    at_least("kernel", kernel, 1)
    at_least("stride", stride, 1, tr("the kernel would never move on;"))
    at_least("padding", padding, 0)
    at_least("dilation", dilation, 1)
    span = dilation * (kernel - 1) + 1
    padded_length = length + 2 * padding
    if span > padded_length:
        padding_text = (
            tr(" with {padding} of padding at each end", padding=padding) if padding else ""
        )
        raise SettingError(
            tr(
                "A kernel that spans {span} pixels does not fit into {length}{padding_text}: "
                "choose a kernel of at most {padded_length}, or more padding.",
                span=span,
                length=length,
                padding_text=padding_text,
                padded_length=(padded_length - 1) // dilation + 1,
            )
        )
    steps, dropped = divmod(padded_length - span, stride)
    return Sliding(length, kernel, stride, padding, dilation, steps + 1, dropped)


def exact_lengths(slid: Sliding, low: int, high: int) -> tuple[int, ...]:
    """Return the image sizes from `low` to `high` at which the kernel reaches the far edge.

    Args:
        slid: The kernel.
        low: The smallest size, in pixels.
        high: The largest size, in pixels.
    """
    first = slid.span - 2 * slid.padding
    return tuple(n for n in range(max(low, first, 1), high + 1) if (n - first) % slid.stride == 0)


def slides(design: PaperDesign, input_size: int) -> tuple[tuple[str, Sliding], ...]:
    """Slide the kernels of a design without branches over an image, one after the other.

    Args:
        design: One of DESIGNS.
        input_size: Side of the square image, in pixels.

    Returns:
        Name of each convolution and pooling, with how its kernel fits along one axis.

    Raises:
        SettingError: A kernel does not fit.
    """
    side = input_size
    steps: list[tuple[str, Sliding]] = []
    for name, plan in design.layers:
        if isinstance(plan, Conv):
            slid = slide(side, plan.kernel, plan.stride, plan.padding)
        elif isinstance(plan, MaxPool):
            slid = slide(side, plan.kernel, plan.stride)
        else:
            continue
        steps.append((name, slid))
        side = slid.output
    return tuple(steps)
