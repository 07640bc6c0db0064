"""Every sentence is compared with numbers that the test chose or computed itself."""

from __future__ import annotations

import io
import math
import re
from dataclasses import replace

import pytest
import torch
from PIL import Image, ImageOps
from torch import nn

from convviz.formatting import say_seconds
from convviz.images.decode import decode
from convviz.images.samples import sample, samples
from convviz.networks.registry import spec
from convviz.reconstruction import findings
from convviz.reconstruction.config import ReconstructionConfig
from convviz.reconstruction.progress import ReconstructionProgress, Subject
from convviz.reconstruction.quality import SsimBaselines
from convviz.reconstruction.reconstruct import Halfway, LossParts, ReconstructionResult
from convviz.reconstruction.reconstruct import ReconstructionStep as Step
from convviz.structure.layers import layers
from tests.networks_for_tests import network_of
from tests.reconstruction import by_skimage

STEADY = 0.01  # a change for each doubling of the steps, as "How we know" states it
MATCHED = 0.1


def png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def result(
    layout: float | None = 0.9,
    detail: float | None = 0.5,
    error: float = 0.02,
    ssim: float = 0.5,
    *,
    steps: int = 100,
    half: Halfway | str | None = "same",
    **more: object,
) -> ReconstructionResult:
    if half == "same":
        half = Halfway(steps // 2, error, ssim, layout, detail)
    return ReconstructionResult(
        image=torch.zeros(3, 2, 2),
        unrounded=torch.zeros(3, 2, 2),
        relative_error=error,
        psnr=20.0,
        ssim=ssim,
        layout=layout,
        detail=detail,
        seconds=1.0,
        steps=steps,
        losses=(0.5,),
        precision="float32",
        halfway=half,
        **more,
    )


def run(
    title: str,
    *measures: float | None,
    network: str = "VGG16",
    pixels: int = 32,
    original: bytes = b"",
    image: bytes = b"",
    config: ReconstructionConfig | None = None,
    before: int = 0,
    **more: object,
) -> ReconstructionProgress:
    subject = Subject(
        "Cat", network.lower(), network, "random", "", title, title, 2_000, pixels, pixels
    )
    ended = result(*measures, **more)
    last = Step(before + ended.steps, None, 1.0, LossParts(1, 0, 0), 0.1, 2.0, 0.0)
    return ReconstructionProgress(
        subject,
        config or ReconstructionConfig(),
        original,
        image,
        steps=(last,),
        result=ended,
    )


# ---- whose pictures, and how long they take ----


@pytest.mark.claims(
    "convviz.reconstruction.findings.original_text",
    "convviz.reconstruction.findings.whose",
    "convviz.reconstruction.findings.series_left",
)
def test_pictures_say_whose_they_are_and_how_long_all_take() -> None:
    subject = run("relu", 0.1).subject
    named = findings.original_text(subject)
    assert named.startswith("**x**, Cat, as VGG16 sees it: 32 × 32 pixels")
    unnamed = findings.original_text(replace(subject, image=""))
    assert unnamed.startswith("**x**, as VGG16 sees it: 32 × 32 pixels")
    assert findings.whose("a*b", "Cat") == (
        "These pictures belong to **a\\*b**. The image chosen now is **Cat**."
    )
    assert findings.series_left(41.2) == f"{say_seconds(41.2)} left for all pictures"
    assert findings.series_left(None) == ""


# ---- one number ----


@pytest.mark.claims("convviz.reconstruction.findings.error_text")
@pytest.mark.parametrize("error", [0.0, 1e-7, 0.000412, 0.0349, 0.1, 0.999, 1.05, 37.0])
def test_an_error_that_is_not_zero_is_never_written_as_zero(error: float) -> None:
    text = findings.error_text(error)
    assert float(text) == pytest.approx(error, rel=0.005)
    assert (float(text) == 0) == (error == 0)


@pytest.mark.claims("convviz.reconstruction.findings.error_text")
def test_where_there_is_no_relative_error_none_is_written() -> None:
    assert findings.error_text(0.2, is_silent=True) == "undefined"
    assert findings.error_text(math.nan) == findings.error_text(math.inf) == "undefined"


@pytest.mark.claims("convviz.reconstruction.findings.error_meaning")
@pytest.mark.parametrize("error", [0.0, 0.00002, 0.004, 0.0349, 0.25, 1.0, 1.31])
def test_an_error_is_explained_as_the_share_that_it_is(error: float) -> None:
    x = torch.tensor([3.0, 4.0])
    y = x + error * x.norm() * torch.tensor([0.6, -0.8])  # a unit vector
    share = 100 * float((y - x).norm() / x.norm())
    text = findings.error_meaning(error)
    said = re.search(r"differ by (less than )?([\d.]+) % of the length of those of x", text)
    assert said is not None
    if said[1]:
        assert 0 < share < float(said[2])
    else:
        assert float(said[2]) == pytest.approx(share, abs=0.51)
        assert (float(said[2]) == 0) == (error == 0)


@pytest.mark.claims("convviz.reconstruction.findings.error_meaning")
def test_no_number_is_explained_where_there_is_none() -> None:
    for text in (
        findings.error_meaning(None),
        findings.error_meaning(math.nan),
        findings.error_meaning(0.3, is_silent=True),
    ):
        assert not re.search(r"\d %", text)
    assert "all of these are 0" in findings.error_meaning(0.3, is_silent=True)


@pytest.mark.claims("convviz.reconstruction.findings.how_measured")
@pytest.mark.parametrize(
    ("fast", "before", "said"),
    [
        (0, 0, "after 100 steps in 2.0 seconds, all in float32."),
        (100, 0, "after 100 steps in 2.0 seconds, all in bfloat16."),
        (70, 0, "after 100 steps in 2.0 seconds, 70 of them in bfloat16 and the others in float32"),
        (0, 1200, "after 1,300 steps in 2.0 seconds; the last 100, all in float32."),
        (95, 7, "after 107 steps in 2.0 seconds; of the last 100, 95 in bfloat16 and the others"),
    ],
)
def test_steps_and_precision_are_those_of_the_runs(fast: int, before: int, said: str) -> None:
    text = findings.how_measured(run("a", fast_steps=fast, before=before))
    assert said in text
    assert "in float32 on the image as it is saved" in text
    assert "after 1 step in" in findings.how_measured(run("a", steps=1, half=None))
    assert findings.how_measured(replace(run("a"), result=None)) == ""


@pytest.mark.claims(
    "convviz.reconstruction.findings.likeness_in_context",
    "convviz.reconstruction.findings._baselines",
)
@pytest.mark.parametrize(
    ("value", "is_like"), [(0.16, False), (0.40, False), (0.401, True), (0.7, True)]
)
def test_an_ssim_stands_beside_that_of_images_that_show_nothing(
    value: float, is_like: bool
) -> None:
    text = findings.likeness_in_context(value, SsimBaselines(0.4, (0.06, 0.1, 0.2)))
    assert "with the original of 0.40, 3 other photographs 0.06 to 0.20" in text
    assert (f"an SSIM of {value:.2f} alone is no sign of likeness" in text) == (not is_like)


@pytest.mark.claims("convviz.reconstruction.findings.likeness_in_context")
def test_few_photographs_are_counted_as_they_are() -> None:
    assert "photograph" not in findings.likeness_in_context(0.5, SsimBaselines(0.1, ()))
    one = findings.likeness_in_context(0.5, SsimBaselines(0.1, (-0.02,)))
    assert "another photograph −0.02." in one
    assert "2 other photographs 0.30." in findings.likeness_in_context(
        0.5, SsimBaselines(0.1, (0.301, 0.302))
    )
    assert findings.likeness_in_context(0.5, None) == ""


# ---- whether a run is done ----


@pytest.mark.claims("convviz.reconstruction.findings.is_settled")
@pytest.mark.parametrize("measure", ["ssim", "layout", "detail"])
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("steps", [(50, 100, 0), (40, 100, 0), (10, 20, 500)])
def test_a_run_has_settled_if_its_image_hardly_changes(
    measure: str, sign: int, steps: tuple[int, int, int]
) -> None:
    half, end, before = steps
    allowed = STEADY * math.log2((before + end) / (before + half))
    for share, expected in ((0.0, True), (0.95, True), (1.05, False)):
        earlier = Halfway(half, 0.03, 0.5, 0.9, 0.5)
        earlier = replace(earlier, **{measure: getattr(earlier, measure) - sign * share * allowed})
        ended = result(0.9, 0.5, 0.02, 0.5, steps=end, half=earlier)
        assert findings.is_settled(ended, before=before) == expected


@pytest.mark.claims("convviz.reconstruction.findings.is_settled")
def test_a_run_has_not_settled_for_other_reasons() -> None:
    assert findings.is_settled(result(error=MATCHED))
    assert not findings.is_settled(result(error=MATCHED + 1e-6))
    assert not findings.is_settled(result(half=None))
    assert not findings.is_settled(result(gave_up=True))
    assert not findings.is_settled(result(is_silent=True))
    assert findings.is_settled(result(None, None, 0.0, 1.0))


UNMATCHED = "not matched: the optimisation is stuck"
DRIFTS = "what the run changes now is what the layer leaves free"
SETTLED = "has settled: what still looks different is what the layer hardly knows"


@pytest.mark.claims(
    "convviz.reconstruction.findings.how_far", "convviz.reconstruction.findings._verdict"
)
@pytest.mark.parametrize(
    ("earlier", "after", "said"),
    [  # relative error, SSIM, layout, detail
        # the findings' own case, inception4a: 0.099 with an SSIM of 0.245, later 0.047 with 0.309
        ((0.2, 0.2, 0.7, 0.1), (0.099, 0.245, 0.76, 0.16), "It is not done: more time"),
        ((0.099, 0.245, 0.8, 0.2), (0.047, 0.309, 0.8, 0.2), "It is not done: more time"),
        ((0.0505, 0.30, 0.8, 0.2), (0.05, 0.33, 0.8, 0.2), "but the image still changes"),
        ((0.05, 0.30, 0.8, 0.2), (0.04, 0.301, 0.801, 0.2), SETTLED),
        ((0.0, 1.0, 1.0, 1.0), (0.0, 1.0, 1.0, 1.0), SETTLED),
        ((0.0, 1.0, None, None), (0.0, 1.0, None, None), SETTLED),
        ((0.9, 0.3, 0.0, 0.0), (0.8999, 0.3, 0.0, 0.0), UNMATCHED),
        ((0.3, 0.3, 0.0, 0.0), (0.4, 0.2, 0.0, 0.0), UNMATCHED),
        ((0.9, 0.3, 0.0, 0.0), (0.5, 0.3, 0.0, 0.0), "It is not done: more time"),
        ((0.2, 0.5, 0.8, 0.3), (0.1, 0.4, 0.7, 0.2), DRIFTS),
        ((0.09, 0.5, 0.8, 0.3), (0.05, 0.4, 0.8, 0.3), DRIFTS),
        ((0.2, 0.5, None, None), (0.1, 0.4, None, None), DRIFTS),
        ((0.2, 0.5, 0.8, 0.3), (0.1, 0.4, 0.9, 0.2), "It is not done: more time"),
        ((0.9, 0.5, 0.8, 0.3), (0.6, 0.4, 0.7, 0.2), "says little about the layer"),
    ],
)
def test_how_far_a_run_is_follows_its_second_half(
    earlier: tuple[float, ...], after: tuple[float, ...], said: str
) -> None:
    error, ssim, layout, detail = after
    ended = result(layout, detail, error, ssim, half=Halfway(50, *earlier))
    text = findings.how_far(ended, ReconstructionConfig())
    assert said in text
    assert (SETTLED in text) == findings.is_settled(ended)
    assert text.startswith("From step 50 to step 100 the relative error ")
    for name, before, now in zip(
        ("relative error", "SSIM", "layout", "detail"), earlier, after, strict=True
    ):
        if now is None:
            assert name not in text
            continue
        number = r"(\d+(?:\.\d+)?)"
        change = re.search(rf"{name} (?:(fell|rose) from {number} to|(stayed) at) {number}", text)
        assert change is not None, text
        assert float(change[4]) == pytest.approx(now, abs=0.0051)
        if change[3]:
            assert before == pytest.approx(now, abs=0.0051)
        else:
            assert float(change[2]) == pytest.approx(before, abs=0.0051)
            assert (change[1] == "fell") == (now < before)


@pytest.mark.claims("convviz.reconstruction.findings.how_far")
def test_steps_count_from_the_first_run_and_one_says_nothing() -> None:
    ended = result(half=Halfway(40, 0.03, 0.4, 0.9, 0.5))
    text = findings.how_far(ended, ReconstructionConfig(), before=1000)
    assert text.startswith("From step 1,040 to step 1,100")
    single = findings.how_far(result(steps=1, half=None), ReconstructionConfig())
    assert "nothing can be said" in single
    assert findings.how_far(result(is_silent=True), ReconstructionConfig()) == ""
    gave_up = findings.how_far(result(gave_up=True), ReconstructionConfig())
    assert "ended before it was done" in gave_up


@pytest.mark.claims("convviz.reconstruction.findings._verdict")
@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"optimizer": "adam"}, "due to Adam:"),
        ({"learning_rate": 1e-6}, "due to the learning rate of 1e-06:"),
        ({"decay": 10.0}, "due to its decay:"),
        ({"tv": 3.0}, "due to the penalty on total variation:"),
        ({"optimizer": "adam", "learning_rate": 0.5}, "due to Adam and the learning rate of 0.5:"),
        ({"learning_rate": 1.0, "decay": 0.0}, None),
    ],
)
def test_settings_that_can_hold_an_image_fast_are_named(
    settings: dict[str, object], named: str | None
) -> None:
    config = ReconstructionConfig(**settings)
    text = findings.how_far(result(), config)
    assert (SETTLED in text) == (named is None)
    assert named is None or named in text
    runs = [run("a", config=config), run("b", config=config)]
    assert ("All runs have settled" in findings.what_is_lost(runs)) == (named is None)


# ---- several runs ----


@pytest.mark.claims("convviz.reconstruction.findings.what_is_lost")
def test_both_ends_and_their_numbers_are_named() -> None:
    runs = [run("relu1", 1.0, 0.99), run("x", 0.5, 0.0), run("relu5", 0.9, -0.2)]
    text = findings.what_is_lost(runs)
    assert text.startswith("From relu1 to relu5")
    assert "from 0.99 to −0.20 in the detail" in text
    assert "from 1.00 to 0.90 in the layout" in text


@pytest.mark.claims("convviz.reconstruction.findings.what_is_lost")
@pytest.mark.parametrize("layout", [1.0, 0.96, 0.9, 0.5, -0.3])
@pytest.mark.parametrize("detail", [1.0, 0.96, 0.9, 0.5, -0.3])
def test_the_finding_is_the_one_that_the_numbers_show(layout: float, detail: float) -> None:
    text = findings.what_is_lost([run("a", 1.0, 1.0), run("b", layout, detail)])
    fall = {"layout": 1.0 - layout, "detail": 1.0 - detail}
    said = {
        "about as close": max(fall.values()) < 0.05,
        "is the detail, more than": fall["detail"] > fall["layout"] + 0.05,
        "The layout suffers more": fall["layout"] > fall["detail"] + 0.05,
        "lost together": max(fall.values()) >= 0.05
        and abs(fall["layout"] - fall["detail"]) < 0.0500001,
    }
    assert [words for words in said if words in text] == [w for w, true in said.items() if true]


@pytest.mark.claims(
    "convviz.reconstruction.findings._how_sure",
    "convviz.reconstruction.findings._how_open",
    "convviz.reconstruction.findings.what_is_lost",
)
def test_only_settled_runs_show_what_layers_do_not_know() -> None:
    def text(*settled: bool) -> str:
        return findings.what_is_lost(
            [
                run(f"layer{index}", 1.0, 0.5, half="same" if each else Halfway(50, 0.1, 0, 1, 0.5))
                for index, each in enumerate(settled)
            ]
        )

    assert "what still looks different is what the layers hardly know" in text(True, True, True)
    assert "layer1 has not settled" in text(True, False, True)
    assert "layer0 and layer1 have not settled" in text(False, False)
    assert "layer0, layer1 and layer2 have not settled" in text(False, False, False)
    assert "4 of the 5 images have not settled" in text(False, False, True, False, False)
    none = text(*[False] * 4)
    assert "None of the 4 images has settled: part of what looks different is not lost" in none
    for settled in ((True, False), (False, False)):
        assert "hardly know" not in text(*settled)


@pytest.mark.claims("convviz.reconstruction.findings._how_sure")
def test_a_small_error_alone_is_no_proof() -> None:
    earlier = Halfway(50, 0.12, 0.21, 0.9, 0.5)
    runs = [run(name, 0.9, 0.5, 0.099, 0.245, half=earlier) for name in ("inception4a", "b")]
    assert "inception4a and b have not settled" in findings.what_is_lost(runs)


@pytest.mark.claims("convviz.reconstruction.findings._how_sure")
def test_no_more_time_is_promised_to_an_image_that_moves_away() -> None:
    def drifting(name: str) -> ReconstructionProgress:
        return run(name, 0.7, 0.2, 0.1, 0.4, half=Halfway(50, 0.2, 0.5, 0.8, 0.3))

    alone = findings.what_is_lost([run("a", 0.9, 0.9), drifting("b")])
    assert "the image of b moved away from the original" in alone
    assert "come with more time" not in alone
    earlier = Halfway(50, 0.12, 0.21, 0.9, 0.5)
    mixed = findings.what_is_lost([run("a", 0.9, 0.5, 0.099, 0.245, half=earlier), drifting("b")])
    assert "the image of b moved away" in mixed
    assert "a has not settled" in mixed
    both = findings.what_is_lost([drifting("a"), drifting("b")])
    assert "the images of a and b moved away" in both
    assert "have settled" not in alone + mixed + both


@pytest.mark.claims("convviz.reconstruction.findings._too_far")
def test_runs_that_came_nowhere_near_show_nothing_about_the_layers() -> None:
    runs = [run("a", 0.0, 0.0, 0.9), run("b", 0.0, 0.0, 1.05, network="AlexNet")]
    assert findings.what_is_lost(runs).startswith("With a relative error of up to 1.05")
    text = findings.what_differs(runs)
    assert "up to 1.05" in text
    assert "most like" not in text


@pytest.mark.claims("convviz.reconstruction.findings.what_is_lost")
def test_too_few_runs_or_a_flat_image_give_no_finding() -> None:
    unfinished = replace(run("a"), result=None)
    assert findings.what_is_lost([run("a", 1.0, 1.0), unfinished]) == ""
    assert findings.what_is_lost([]) == findings.what_differs([]) == ""
    assert findings.what_differs([run("a", 1.0, 1.0)]) == ""
    assert "too even" in findings.what_is_lost([run("a", None, None), run("b", None, None)])


@pytest.mark.claims(
    "convviz.reconstruction.findings._ended", "convviz.reconstruction.findings.what_is_lost"
)
def test_a_silent_layer_is_left_out_and_named() -> None:
    runs = [run("a", 1.0, 1.0), run("dead", 0.0, 0.0, 0.0, is_silent=True), run("b", 1.0, 0.5)]
    text = findings.what_is_lost(runs)
    assert text.startswith("From a to b")
    assert "all features of dead are 0" in text
    assert findings.what_is_lost(runs[:2]).startswith("For this image all features of dead are 0")


def photograph(name: str, side: int) -> Image.Image:
    return ImageOps.fit(decode(sample(name).read()), (side, side), Image.Resampling.BILINEAR)


def blurred(image: Image.Image, side: int) -> Image.Image:
    return image.resize((side, side), Image.Resampling.BOX).resize(image.size)


@pytest.mark.claims(
    "convviz.reconstruction.findings.what_differs", "convviz.reconstruction.findings._likeness"
)
def test_networks_are_compared_at_the_same_size_with_their_baselines() -> None:
    large, small = photograph("cat", 128), photograph("cat", 64)
    runs = [
        run("relu4", pixels=128, original=png(large), image=png(blurred(large, 40))),
        run(
            "relu3",
            network="AlexNet",
            pixels=64,
            original=png(small),
            image=png(blurred(small, 8)),
        ),
    ]
    text = findings.what_differs(runs)
    said = re.search(
        r"Compared at 64 × 64 pixels, SSIM with the original: VGG16 ([\d.]+); AlexNet ([\d.]+); "
        r"flat grey and other photographs have ([\d.]+) to ([\d.]+)\.",
        text,
    )
    assert said is not None, text
    scaled = [
        each.resize((64, 64), Image.Resampling.BILINEAR) for each in (blurred(large, 40), large)
    ]
    assert float(said[1]) == pytest.approx(by_skimage.ssim(*scaled), abs=0.02)  # edges count less
    assert float(said[2]) == pytest.approx(by_skimage.ssim(blurred(small, 8), small), abs=0.02)
    shows_nothing = []
    for side, original in ((128, scaled[1]), (64, small)):
        others = [photograph(each.name, side) for each in samples() if each.name != "cat"]
        others.append(Image.new("RGB", (side, side), (128, 128, 128)))
        shows_nothing += [
            by_skimage.ssim(each.resize((64, 64), Image.Resampling.BILINEAR), original)
            for each in others
        ]
    assert float(said[3]) == pytest.approx(min(shows_nothing), abs=0.03)
    assert float(said[4]) == pytest.approx(max(shows_nothing), abs=0.03)
    assert "from VGG16 is the most like its original, that from AlexNet the least" in text
    assert "2,000 numbers (the image itself has 49,152)" in text
    assert "has 12,288)" in text


@pytest.mark.claims("convviz.reconstruction.findings.what_differs")
def test_equal_likeness_and_none_are_said_as_such() -> None:
    cat = photograph("cat", 64)
    near = run("a", original=png(cat), image=png(blurred(cat, 40)), pixels=64)
    other = replace(near, subject=replace(near.subject, network="AlexNet"))
    assert "about equally like" in findings.what_differs([near, other])
    grey = png(Image.new("RGB", (64, 64), (128, 128, 128)))
    assert "none is more like its original" in findings.what_differs(
        [replace(near, image=grey), replace(other, image=grey)]
    )


# ---- settings ----


@pytest.mark.claims("convviz.reconstruction.findings.what_settings")
@pytest.mark.parametrize(
    ("names", "guessed"),
    [
        (["alexnet"], []),
        (["alexnet", "vgg16", "googlenet"], []),
        (["vgg11"], ["vgg11"]),
        (["vgg19", "vgg16", "vgg13"], ["vgg19", "vgg13"]),
        ([], []),
    ],
)
def test_only_measured_networks_have_measured_settings(
    names: list[str], guessed: list[str]
) -> None:
    tiny = network_of(nn.Conv2d(3, 1, 1))
    networks = [replace(tiny, spec=spec(name)) for name in names]
    text = findings.what_settings(networks)
    titles = [spec(name).title for name in guessed]
    assert ("a guess" in text) == bool(guessed)
    if guessed:
        assert f"For {' and '.join(titles)} they are a guess" in text


@pytest.mark.claims("convviz.reconstruction.findings.what_settings")
def test_nothing_was_measured_with_untrained_weights() -> None:
    tiny = network_of(nn.Conv2d(3, 1, 1))
    untrained = replace(tiny, spec=spec("alexnet"), weights=replace(tiny.weights, source="random"))
    assert "For AlexNet they are a guess" in findings.what_settings([untrained])


@pytest.mark.claims("convviz.reconstruction.findings.compared_layers")
def test_the_layers_that_are_compared_are_named() -> None:
    network = network_of(nn.Sequential(nn.Conv2d(3, 2, 1), nn.ReLU()))
    layer = layers(network)[1]
    text = findings.compared_layers([(network, layer)])
    assert text.endswith(f"as the layer in the sidebar: {layer.title} of Tiny.")
    assert "at least one" in findings.compared_layers([])


@pytest.mark.claims("convviz.reconstruction.findings.weights_missing")
def test_missing_weights_are_named() -> None:
    assert "of VGG16 are not here yet: choose the network" in findings.weights_missing(["VGG16"])
    text = findings.weights_missing(["AlexNet", "VGG16"])
    assert "of AlexNet and VGG16 are not here yet: choose each network" in text
