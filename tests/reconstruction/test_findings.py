"""The sentences follow the numbers, also where these are not the usual ones."""

from __future__ import annotations

import pytest
import torch

from convviz.reconstruction import findings
from convviz.reconstruction.config import ReconstructionConfig
from convviz.reconstruction.progress import ReconstructionProgress, Subject
from convviz.reconstruction.reconstruct import ReconstructionResult


def run(
    title: str,
    layout: float | None,
    detail: float | None,
    error: float = 0.02,
    ssim: float = 0.5,
    network: str = "VGG16",
) -> ReconstructionProgress:
    subject = Subject("Cat", network.lower(), network, "random", "", title, title, 2_000, 32)
    image = torch.zeros(3, 2, 2)
    result = ReconstructionResult(
        image, error, 20.0, ssim, layout, detail, 1.0, 1, (0.5,), "float32"
    )
    return ReconstructionProgress(subject, ReconstructionConfig(), b"", result=result)


def test_the_usual_case_names_both_ends_and_their_numbers() -> None:
    text = findings.what_is_lost(
        [run("relu1", 1.0, 0.99), run("x", 0.5, 0), run("relu5", 0.9, 0.2)]
    )
    assert text.startswith("From relu1 to relu5")
    assert "from 0.99 to 0.20 in the detail" in text
    assert "from 1.00 to 0.90 in the layout" in text
    assert "is the detail, more than what is where" in text


@pytest.mark.parametrize(
    ("deep", "finding"),
    [
        ((0.98, 0.97), "about as much"),
        ((0.4, 0.9), "unusual"),
        ((0.5, 0.5), "lost together"),
    ],
)
def test_other_numbers_give_other_sentences(deep: tuple[float, float], finding: str) -> None:
    assert finding in findings.what_is_lost([run("a", 1.0, 1.0), run("b", *deep)])


def test_a_large_relative_error_is_not_blamed_on_the_layer() -> None:
    runs = [run("a", 1.0, 1.0, error=0.01), run("deep", 0.9, 0.2, error=0.3)]
    text = findings.what_is_lost(runs)
    assert "With deep the relative error is still above 0.1" in text
    assert "All relative errors are small" in findings.what_is_lost(runs[:1] * 2)


def test_runs_that_came_nowhere_near_show_nothing_about_the_layers() -> None:
    runs = [run("a", 0.0, 0.0, error=0.9), run("b", 0.0, 0.0, error=1.05, network="AlexNet")]
    assert findings.what_is_lost(runs).startswith("With a relative error of up to 1.05")
    text = findings.what_differs(runs)
    assert "up to 1.05" in text
    assert "most like" not in text


def test_too_few_runs_or_a_flat_image_give_no_finding() -> None:
    unfinished = ReconstructionProgress(run("a", 1, 1).subject, ReconstructionConfig(), b"")
    assert findings.what_is_lost([run("a", 1.0, 1.0), unfinished]) == ""
    assert findings.what_differs([run("a", 1.0, 1.0)]) == ""
    assert "too even" in findings.what_is_lost([run("a", None, None), run("b", None, None)])


def test_networks_are_compared_by_what_their_reconstructions_look_like() -> None:
    runs = [run("relu4", 1, 1, ssim=0.7), run("relu3", 1, 1, ssim=0.4, network="AlexNet")]
    text = findings.what_differs(runs)
    assert "from VGG16 is the most like its original (SSIM 0.70)" in text
    assert "from AlexNet the least (0.40)" in text
    assert "2,000 numbers (the image itself has 3,072)" in text
    assert "about equally" in findings.what_differs([runs[0], runs[0]])
