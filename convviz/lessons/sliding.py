"""How many times a kernel fits: the output size of a convolution or pooling.

output = floor((n − k + 2p) / s) + 1, where a kernel of k taps with dilation d spans d·(k − 1) + 1
pixels (Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", 2016).
"""

import functools
from dataclasses import dataclass

from convviz.errors import SettingError, at_least
from convviz.language import later, numeral, tr, trn
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
        where = [tr("{count} beyond the last stop", count=beyond)] if beyond else []
        if skipped:
            gaps = self.unseen[:skipped]  # what lies beyond the last stop comes last
            spanned = [
                any(start <= gap < start + self.span for start in self.starts) for gap in gaps
            ]
            if not any(spanned):
                where.append(tr("{count} between stops", count=skipped))
            elif all(spanned):
                where.append(tr("{count} between taps", count=skipped))
            else:
                where.append(tr("{count} between stops and taps", count=skipped))
        return tr(
            "On both axes: {count} of {length} rows and columns of the image are never "
            "looked at ({places}).",
            count=len(self.unseen),
            length=self.length,
            places=tr(" and ").join(where),
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
        quotient = numeral(f"{self.quotient:.4g}")
        return f"⌊{fraction}⌋ + 1 = ⌊{quotient}⌋ + 1 = {self.output}"

    @property
    def sentence(self) -> str:
        """What happens, in words."""
        if not self.dropped:
            return trn(
                "The kernel stops once and reaches the far edge exactly.",
                "The kernel stops {count} times and reaches the far edge exactly.",
                self.output,
            )
        return trn(
            "The kernel stops once; {rest}",
            "The kernel stops {count} times; {rest}",
            self.output,
            rest=self._left_over,
        )

    @property
    def _left_over(self) -> str:
        """What is left over, as the end of a sentence."""
        if not self.padding:
            return trn(
                "{count} pixel at the far edge is left over and dropped.",
                "{count} pixels at the far edge are left over and dropped.",
                self.dropped,
            )
        if not self.dropped_picture:
            return trn(
                "{count} pixel of padding at the far edge is left over and dropped.",
                "{count} pixels of padding at the far edge are left over and dropped.",
                self.dropped,
            )
        return trn(
            "{count} pixel at the far edge, {padding} of them padding, is left over and dropped.",
            "{count} pixels at the far edge, {padding} of them padding, are left over and dropped.",
            self.dropped,
            padding=self.dropped - self.dropped_picture,
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
    at_least(tr("kernel"), kernel, 1)
    at_least(tr("stride"), stride, 1, tr("the kernel would never move on;"))
    at_least(tr("padding"), padding, 0)
    at_least(tr("dilation"), dilation, 1)
    span = dilation * (kernel - 1) + 1
    padded_length = length + 2 * padding
    if span > padded_length:
        message = (
            later(
                "A kernel that spans {span} pixels does not fit into {length} with {padding} of "
                "padding at each end: choose a kernel of at most {most}, or more padding."
            )
            if padding
            else later(
                "A kernel that spans {span} pixels does not fit into {length}: "
                "choose a kernel of at most {most}, or more padding."
            )
        )
        most = (padded_length - 1) // dilation + 1
        raise SettingError(tr(message, span=span, length=length, padding=padding, most=most))
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
