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

_Run = tuple[ReconstructionProgress, ReconstructionResult]


def what_is_lost(runs: Sequence[ReconstructionProgress]) -> str:
    """Say what the deeper layers of one network lose, from the first and last run that ended.

    Args:
        runs: From shallow to deep.
    """
    results = _ended(runs)
    if len(results) < 2:
        return ""
    (first, shallow), (last, deep) = results[0], results[-1]
    if max(shallow.relative_error, deep.relative_error) > _FAR:
        return _too_far(results)
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
    return f"{numbers} {finding} {_how_sure(results)}"


def what_differs(runs: Sequence[ReconstructionProgress]) -> str:
    """Say which network's layer keeps the most of the image, from the numbers."""
    results = _ended(runs)
    if len(results) < 2:
        return ""
    sizes = "; ".join(
        f"{run.subject.layer_title} of {run.subject.network} describes the image with "
        f"{run.subject.numbers:,} numbers (the image itself has {3 * run.subject.pixels**2:,})"
        for run, _ in results
    )
    if max(result.relative_error for _, result in results) > _FAR:
        return f"{sizes}. {_too_far(results)}"
    best = max(results, key=lambda pair: pair[1].ssim)
    worst = min(results, key=lambda pair: pair[1].ssim)
    if best[1].ssim - worst[1].ssim < _NOTICEABLE:
        finding = "Their reconstructions are about equally like their originals."
    else:
        finding = (
            f"The reconstruction from {best[0].subject.network} is the most like its original "
            f"(SSIM {decimals(best[1].ssim)}), that from {worst[0].subject.network} the least "
            f"({decimals(worst[1].ssim)})."
        )
    return f"{sizes}. {finding} {_how_sure(results)}"


def _ended(runs: Sequence[ReconstructionProgress]) -> list[_Run]:
    return [(run, run.result) for run in runs if run.result]


def _how_sure(results: Sequence[_Run]) -> str:
    """Say which differences are due to the layer and which to the short optimisation."""
    unmatched = [
        run.subject.layer_title for run, result in results if result.relative_error > _MATCHED
    ]
    if not unmatched:
        return (
            "All relative errors are small: the feature maps are nearly those of the original, so "
            "what still looks different is what the layers do not know."
        )
    names = (
        ", ".join(unmatched)
        if len(unmatched) <= 3
        else f"{len(unmatched)} of the {len(results)} pictures"
    )
    return (
        f"With {names} the relative error is still above {_MATCHED:g}: there, part of the "
        "difference is not what the layer lost but what more time would bring."
    )


def _too_far(results: Sequence[_Run]) -> str:
    largest = max(result.relative_error for _, result in results)
    return (
        f"With a relative error of up to {largest:.2f} the pictures say more about the short "
        "optimisation than about the layers: give each more time."
    )
