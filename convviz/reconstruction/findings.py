"""Sentences about a series of reconstructions, made from its numbers.

No sentence claims more than the numbers show; where they show the opposite of what is usual, the
sentence says so.
"""

from __future__ import annotations

from collections.abc import Sequence

from convviz.formatting import decimals
from convviz.reconstruction.progress import ReconstructionProgress
from convviz.reconstruction.quality import PATCH
from convviz.reconstruction.reconstruct import ReconstructionResult

_NOTICEABLE = 0.05  # of a correlation or an SSIM
_MATCHED = 0.1  # up to this relative error, feature maps are nearly the same
_FAR = 0.5  # above this one, an image says more about the optimisation than about the layer

_Ended = tuple[ReconstructionProgress, ReconstructionResult]


def what_is_lost(runs: Sequence[ReconstructionProgress]) -> str:
    """Say what the deeper layers of one network lose, from the first and last run that ended.

    Args:
        runs: From shallow to deep.
    """
    ended = _ended(runs)
    if len(ended) < 2:
        return ""
    (first, shallow), (last, deep) = ended[0], ended[-1]
    if max(shallow.relative_error, deep.relative_error) > _FAR:
        return _too_far(ended)
    if (
        shallow.layout is None
        or shallow.detail is None
        or deep.layout is None
        or deep.detail is None
    ):
        return "The image is too even to say what the deeper layers lose."
    numbers = (
        f"From {first.subject.layer_title} to {last.subject.layer_title} the agreement with the "
        f"original goes from {decimals(shallow.detail)} to {decimals(deep.detail)} in the detail "
        f"(what the pixels of a patch of {PATCH} × {PATCH} add to its mean colour) and from "
        f"{decimals(shallow.layout)} to {decimals(deep.layout)} in the layout (the patches' mean "
        "colours); 1 is identical."
    )
    layout, detail = shallow.layout - deep.layout, shallow.detail - deep.detail
    if max(layout, detail) < _NOTICEABLE:
        finding = "So the deepest of these layers still knows about as much as the first."
    elif detail > layout + _NOTICEABLE:
        finding = "So what the deeper layers lose is the detail, more than what is where."
    elif layout > detail + _NOTICEABLE:
        finding = "Here the layout suffers more than the detail, which is unusual."
    else:
        finding = "Here detail and layout are lost together."
    return f"{numbers} {finding} {_how_sure(ended)}"


def what_differs(runs: Sequence[ReconstructionProgress]) -> str:
    """Say which network's layer keeps the most of the image, from the numbers."""
    ended = _ended(runs)
    if len(ended) < 2:
        return ""
    named = "; ".join(
        f"{run.subject.layer_title} of {run.subject.network} describes the image with "
        f"{run.subject.numbers:,} numbers (the image itself has {3 * run.subject.pixels**2:,})"
        for run, _ in ended
    )
    if max(result.relative_error for _, result in ended) > _FAR:
        return f"{named}. {_too_far(ended)}"
    most = max(ended, key=lambda pair: pair[1].ssim)
    least = min(ended, key=lambda pair: pair[1].ssim)
    if most[1].ssim - least[1].ssim < _NOTICEABLE:
        finding = "Their reconstructions are about equally like their originals."
    else:
        finding = (
            f"The reconstruction from {most[0].subject.network} is the most like its original "
            f"(SSIM {decimals(most[1].ssim)}), that from {least[0].subject.network} the least "
            f"({decimals(least[1].ssim)})."
        )
    return f"{named}. {finding} {_how_sure(ended)}"


def _ended(runs: Sequence[ReconstructionProgress]) -> list[_Ended]:
    return [(run, run.result) for run in runs if run.result]


def _how_sure(ended: Sequence[_Ended]) -> str:
    """Say which differences are due to the layer and which to the short optimisation."""
    far = [run.subject.layer_title for run, result in ended if result.relative_error > _MATCHED]
    if not far:
        return (
            "All relative errors are small: the feature maps are nearly those of the original, so "
            "what still looks different is what the layers do not know."
        )
    which = ", ".join(far) if len(far) <= 3 else f"{len(far)} of the {len(ended)} pictures"
    return (
        f"With {which} the relative error is still above {_MATCHED:g}: there, part of the "
        "difference is not what the layer lost but what more time would bring."
    )


def _too_far(ended: Sequence[_Ended]) -> str:
    worst = max(result.relative_error for _, result in ended)
    return (
        f"With a relative error of up to {worst:.2f} the pictures say more about the short "
        "optimisation than about the layers: give each more time."
    )
