"""The whole course, from its first step to its last, with every answer computed here anew."""

import io
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from playwright.sync_api import Locator, Page, expect
from sklearn.metrics.pairwise import cosine_distances
from torch import Tensor, nn

from convviz.features.capture import input_for
from convviz.features.predictions import for_decoder
from convviz.images.decode import decode
from convviz.images.samples import names_of_samples, sample
from convviz.language import LANGUAGES, speaking, tr
from convviz.learning import recording
from convviz.networks.network import Network
from convviz.reconstruction import recorded
from convviz.ui.course import steps
from convviz.weights.load import load
from tests.browser.conftest import settled
from tests.reconstruction import by_skimage

pytestmark = pytest.mark.browser

# Each language walks with another image, for which other options are right.
SAMPLES = {"en": "coffee", "da": "rocket"}


@cache
def network(name: str) -> Network:
    return load(name, "bundled" if name == "googlenet" else "encoder")


@cache
def batch(image: str, name: str) -> Tensor:
    return input_for(network(name), decode(sample(image).read()))


@torch.inference_mode()
def maps(image: str, name: str, *modules: str) -> list[Tensor]:
    """What modules put out for the image, each (C, H, W), by PyTorch's hooks alone."""
    module, found = network(name).module, dict[str, Tensor]()

    def keep(wanted: str) -> Callable[..., None]:
        return lambda _module, _inputs, output: found.update({wanted: output[0].clone()})

    hooks = [module.get_submodule(name).register_forward_hook(keep(name)) for name in modules]
    try:
        module(batch(image, name))
    finally:
        for hook in hooks:
            hook.remove()
    return [found[name] for name in modules]


@torch.inference_mode()
def guess(image: str, name: str, scores: Tensor | None = None) -> tuple[str, float]:
    """The class named first, and its probability."""
    if scores is None:
        scores = network(name).module(for_decoder(network(name), batch(image, name)))[0]
    best = scores.softmax(0).max(0)
    return network(name).weights.classes[int(best.indices)].split(",")[0], float(best.values)


def in_percent(probability: float) -> str:
    text = f"{100 * probability:.1f} %"
    return {"100.0 %": "> 99.9 %", "0.0 %": "< 0.1 %"}.get(text, text)


def yes(holds: bool) -> str:
    return "yes" if holds else "no"


def amount(before: float, after: float) -> str:
    return "same" if before == after else "more" if after > before else "less"


def of(parts: Mapping[str, Tensor]) -> tuple[str, list[float]]:
    """The part with the largest value, and the largest value of each."""
    highest = {name: float(values.max()) for name, values in parts.items()}
    return max(highest, key=highest.__getitem__), list(highest.values())


# Each returns the name of the right option, and what the answer must say: numbers as they are
# rounded there, and names of classes.
Expected = tuple[str, Sequence[str]]


def encoder(image: str, _answer: str) -> Expected:
    label, probability = guess(image, "alexnet")
    return yes(probability > 0.5), [label, in_percent(probability)]


def filters(image: str, answer: str) -> Expected:
    channel = int(re.findall(r"\d+", answer)[0])
    share = float((maps(image, "alexnet", "features.1")[0][channel] > 0).double().mean())
    return yes(share > 0.5), [f"{100 * share:.1f} %"]


def alexnet(image: str, _answer: str) -> Expected:
    labels = [guess(image, name)[0] for name in ("alexnet", "googlenet")]
    return yes(labels[0] == labels[1]), labels


def vgg(image: str, _answer: str) -> Expected:
    sure = {name: guess(image, name)[1] for name in ("alexnet", "vgg16")}
    return max(sure, key=sure.__getitem__), [in_percent(value) for value in sure.values()]


def bottleneck(image: str, _answer: str) -> Expected:
    before, after = maps(image, "googlenet", "maxpool3", "inception4a.branch3.0")
    right, highest = of({"before": before, "after": after})
    return right, [f"{value:.2f}" for value in highest]


def inception(image: str, _answer: str) -> Expected:
    names = [f"inception4a.branch{number}" for number in (1, 2, 3, 4)]
    right, highest = of(dict(zip("1234", maps(image, "googlenet", *names), strict=True)))
    return right, [f"{value:.2f}" for value in highest]


def gap(image: str, _answer: str) -> Expected:
    last = maps(image, "googlenet", "inception5b")[0].mean((1, 2))
    decoder = network("googlenet").module.get_submodule("fc")
    assert isinstance(decoder, nn.Linear)
    label = network("googlenet").weights.classes.index(
        next(
            n
            for n in network("googlenet").weights.classes
            if n.split(",")[0] == guess(image, "googlenet")[0]
        )
    )
    adding = (decoder.weight[label].detach() * last).clamp(min=0).sort(descending=True).values
    share = float(adding[:10].sum() / adding.sum())
    return yes(share > 0.5), [f"{100 * share:.1f} %"]


def auxiliary(image: str, _answer: str) -> Expected:
    between = maps(image, "googlenet", "inception4a")[0]
    with torch.inference_mode():
        scores = network("googlenet").module.get_submodule("aux1")(between[None])[0]
    labels = [guess(image, "googlenet", scores)[0], guess(image, "googlenet")[0]]
    return yes(labels[0] == labels[1]), labels


def empty(image: str, _answer: str) -> Expected:
    found = maps(image, "alexnet", "features.1", "features.11")
    shares = [(int((each.amax((1, 2)) <= 0).sum()), len(each)) for each in found]
    right = amount(*(count / channels for count, channels in shares))
    return right, [f"{100 * count / channels:.1f} %" for count, channels in shares]


def reconstruction(image: str, _answer: str) -> Expected:
    runs = recorded.read(network("alexnet"), image).series.runs
    similarities = [
        by_skimage.ssim(
            *(Image.open(io.BytesIO(data)).convert("RGB") for data in (run.original, run.image))
        )
        for run in runs
    ]
    count = sum(similarity > 0.5 for similarity in similarities)
    right = "more" if count > 2 else "two" if count == 2 else "one"
    return right, [f"{similarity:.2f}" for similarity in similarities]


def transfer(image: str, _answer: str) -> Expected:
    names = [image, *(name for name in names_of_samples() if name != image)]
    nearest = []
    for rows in (
        [maps(name, "alexnet", "features.12")[0].mean((1, 2)) for name in names],
        [batch(name, "alexnet").flatten() for name in names],
    ):
        array = np.stack([row.numpy().astype(float) for row in rows])
        nearest.append(names[1 + int(cosine_distances(array[:1], array[1:]).argmin())])
    titles = [tr(sample(name).title) for name in nearest]
    return yes(nearest[0] == nearest[1]), titles


def training(image: str, _answer: str) -> Expected:
    counts = []
    pixels = decode(sample(image).read())
    for step in (recording.steps()[0], recording.steps()[-1]):
        values = recording.snapshot(pixels, "conv3", step).maps[0].activations().rectified
        counts.append((int((values.amax((1, 2)) <= 0).sum()), len(values)))
    right = amount(*(count / channels for count, channels in counts))
    return right, [f"({100 * count / channels:.1f} %)" for count, channels in counts]


def better(_image: str, _answer: str) -> Expected:
    return "", []  # the visitor has trained nothing yet


EXPECTED = {
    "encoder": encoder,
    "filters": filters,
    "alexnet": alexnet,
    "vgg": vgg,
    "bottleneck": bottleneck,
    "inception": inception,
    "gap": gap,
    "auxiliary": auxiliary,
    "empty": empty,
    "reconstruction": reconstruction,
    "transfer": transfer,
    "training": training,
    "better": better,
}


def in_english(text: str, code: str) -> str:
    """Write a text's numbers as English does."""
    return text if code == "en" else text.translate(str.maketrans(",.", ".,"))


def check(page: Page, option: int) -> Locator:
    """Predict an option and have it checked; the answer."""
    page.locator(".st-key-questions_predict [role=radiogroup] label").nth(option).click()
    page.locator(".st-key-questions_check button").click()
    answer = page.locator(".st-key-questions_answer")
    expect(answer).to_be_visible()
    settled(page)
    return answer


@pytest.mark.timeout(600)  # thirteen steps and what they compute, and the machine may be busy
@pytest.mark.parametrize("code", LANGUAGES)
def test_from_the_first_step_to_the_last_every_answer_is_right(code: str, visit: Any) -> None:
    assert list(EXPECTED) == list(steps.by_name())
    image = SAMPLES[code]
    page = visit(f"/Course?image={image}&network=alexnet&weights=encoder&lang={code}")
    expect(page.locator("html")).to_have_attribute("lang", code)
    for number, (name, step) in enumerate(steps.by_name().items(), start=1):
        with speaking(code):
            expect(page.locator("h2").first).to_have_text(f"{number}. {tr(step.title)}")
            expect(page.locator(".st-key-questions_predict")).to_contain_text(
                tr(step.question.text)
            )
            as_predicted = tr("**As you predicted.**").strip("*")
        options = list(step.question.options)
        predicted = number % len(options)
        # A line's end, and what keeps a number with its unit, are spaces.
        answer = " ".join(check(page, predicted).inner_text().split())
        with speaking(code):
            right, said = EXPECTED[name](image, answer)
            # What is right is said, whichever option was predicted.
            told = tr(step.question.options[right]) if right else ""
            otherwise = tr("**Otherwise than you predicted: {right}.**", right=told).strip("*")
        if not right:
            assert as_predicted not in answer
        elif right == options[predicted]:
            assert answer.startswith(as_predicted), (name, answer)
        else:
            assert answer.startswith(otherwise), (name, answer)
        for each in said:
            assert each.replace("-", "−") in in_english(answer, code).replace("-", "−"), (
                name,
                answer,
                each,
            )
        if number < len(EXPECTED):
            page.locator(".st-key-course_next button").click()
            expect(page).to_have_url(re.compile(f"step={list(EXPECTED)[number]}"))
            settled(page)
    expect(page.locator(".st-key-course_next button")).to_be_disabled()


def test_a_step_stays_open_after_its_answer(visit: Any) -> None:
    """The list of steps writes a step's title otherwise once it is answered."""
    page = visit("/Course?image=coffee&network=alexnet&weights=encoder&step=filters")
    check(page, 0)
    page.locator(".st-key-laboratory label").click()
    settled(page)
    expect(page.locator("h2").first).to_contain_text("2. ")
    expect(page.locator(".st-key-course_steps input")).to_have_value(re.compile("^2 .*✓$"))
    expect(page).to_have_url(re.compile("step=filters"))
    expect(page.locator(".st-key-laboratory input")).to_be_checked()


def test_on_a_phone_both_auxiliary_classifiers_are_seen_and_fields_are_one_width(
    visit: Any,
) -> None:
    page = visit("/Course?step=auxiliary&laboratory=True", width=390, height=844)
    strip = page.locator(".strip").first
    expect(strip.locator(".mark")).to_have_text(["aux1", "aux2"])
    box = strip.bounding_box()
    for mark in strip.locator(".mark").all():
        at = mark.bounding_box()
        assert box["x"] <= at["x"]
        assert at["x"] + at["width"] <= box["x"] + box["width"]
    # What goes on beyond an edge fades there.
    assert "gradient" in strip.evaluate("strip => getComputedStyle(strip).maskImage")
    lab = page.locator(".stMain :is(.stSelectbox, .stNumberInput, .stSlider):visible")
    expect(lab).to_have_count(5)
    assert {round(each.bounding_box()["width"]) for each in lab.all()} == {round(box["width"])}
