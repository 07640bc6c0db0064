"""The course in a real browser, from the first step to the last; words, presenter mode, copying.

Every answer is compared with numbers that this file computes from the networks, or reads from the
recorded files, by itself.
"""

import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from playwright.sync_api import Page, expect
from torch import Tensor, nn

from convviz.features.capture import input_for
from convviz.features.class_evidence import average_maps
from convviz.features.predictions import head_predictions, predict
from convviz.images.decode import decode
from convviz.images.samples import sample
from convviz.learning import recording
from convviz.networks.clone import clone
from convviz.networks.network import Network
from convviz.weights.load import load
from tests.browser.conftest import settled

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[2]
IMAGE = "koala"
PICTURE = decode(sample(IMAGE).read())
AMOUNT = {1: "A larger share", -1: "A smaller share", 0: "The same share"}


def yes(holds: bool) -> str:
    return "Yes" if holds else "No"


def outputs(network: Network, *names: str) -> list[Tensor]:
    """What modules put out for the image, after a ReLU, by hooks of this file's own."""
    module, found = clone(network.module), {}
    for name in names:

        def keep(_: nn.Module, __: object, output: Tensor, name: str = name) -> None:
            found[name] = output.detach().clone().relu()[0]

        module.get_submodule(name).register_forward_hook(keep)
    with torch.inference_mode():
        module(input_for(network, PICTURE))
    return [found[name] for name in names]


def empty(maps: Tensor) -> int:
    return int((maps.flatten(1).max(1).values <= 0).sum())


def compared(before: Tensor, after: Tensor) -> tuple[str, list[str]]:
    first, last = empty(before), empty(after)
    shares = first / len(before), last / len(after)
    words = [f"{first:,} of {len(before):,}", f"{last:,} of {len(after):,}"]
    return AMOUNT[(shares[1] > shares[0]) - (shares[1] < shares[0])], words


def expected() -> dict[str, tuple[str, list[str]]]:
    """Of each step: the right option, and what the answer must say."""
    alexnet, googlenet = load("alexnet", "encoder"), load("googlenet", "bundled")
    best = {
        network.name: predict(network, PICTURE)[0]
        for network in (alexnet, googlenet, load("vgg16", "encoder"))
    }
    first, last = outputs(alexnet, "features.1", "features.11")
    wide, narrow, module = outputs(googlenet, "maxpool3", "inception4a.branch3.0", "inception4a")
    branches = [float(part.max()) for part in module.split([192, 208, 48, 64])]
    averaged = average_maps(googlenet, PICTURE)
    adding = (googlenet.module.fc.weight[best["googlenet"].index] * averaged.means).clamp(min=0)
    few = float(adding.topk(10).values.sum() / adding.sum())
    heads = head_predictions(googlenet, PICTURE)
    with zipfile.ZipFile(ROOT / f"convviz/reconstruction/data/alexnet-{IMAGE}.zip") as archive:
        runs = json.loads(archive.read("series.json"))["runs"]
    ssim = runs[len(runs) // 2]["result"]["ssim"]
    tuning = json.loads((ROOT / "convviz/learning/data/fine_tuning.json").read_text())["alexnet"]
    better = sum(seed["after"] > seed["before"] for seed in tuning["seeds"])
    watched = [
        recording.snapshot(PICTURE, "conv3", recording.steps()[n]).maps[0].values() for n in (0, -1)
    ]
    sure = {name: guess.probability for name, guess in best.items()}
    names = ["1×1", "3×3", "5×5 (3×3 in torchvision)", "pooling"]
    labels = [head.predictions[0].label for head in heads]
    return {
        "encoder": (yes(sure["alexnet"] > 0.5), [f"{100 * sure['alexnet']:.1f} %"]),
        "filters": ("", [" is above 0 at "]),  # see below
        "alexnet": (
            yes(best["alexnet"].label == best["googlenet"].label),
            [best["alexnet"].label, best["googlenet"].label],
        ),
        "vgg": (
            "AlexNet" if sure["alexnet"] > sure["vgg16"] else "VGG16",
            [f"{100 * sure['alexnet']:.1f} %", f"{100 * sure['vgg16']:.1f} %"],
        ),
        "bottleneck": (
            "Among the channels that go in"
            if wide.max() > narrow.max()
            else "Among those that come out",
            [f"{float(wide.max()):.2f}", f"{float(narrow.max()):.2f}"],
        ),
        "inception": (
            names[branches.index(max(branches))],
            [f"{value:.2f}" for value in branches],
        ),
        "gap": (yes(few > 0.5), [f"{100 * few:.1f} %"]),
        "auxiliary": (yes(labels[0] == labels[-1]), [labels[0], labels[-1]]),
        "empty": compared(first, last),
        "reconstruction": (yes(ssim > 0.5), [f"{ssim:.2f}"]),
        "transfer": (
            yes(better == len(tuning["seeds"])),
            [f"{better} of {len(tuning['seeds'])} seeds"],
        ),
        "training": compared(watched[0].relu(), watched[1].relu()),
    }


def test_the_course_from_start_to_end(visit: Callable[..., Page]) -> None:
    answers = expected()
    page = visit(f"/Course?image={IMAGE}&network=alexnet&weights=encoder")
    active = [float((one > 0).float().mean()) for one in outputs_of_first()]
    for number, (name, (right, words)) in enumerate(answers.items(), start=1):
        expect(page.locator("h2").first).to_have_text(re.compile(rf"^{number}\. "))
        expect(page).to_have_url(re.compile(rf"step={name}"))
        question = page.locator(".st-key-questions_predict")
        options = question.get_by_role("radio")
        expect(options.first).to_be_enabled()
        chosen = question.locator("label").nth(1).inner_text().strip()
        question.locator("[role=radiogroup] label").first.click()
        question.get_by_role("button", name="Check").click()
        answer = page.locator(".st-key-questions_answer")
        expect(answer).to_be_visible()
        said = answer.inner_text()
        if name == "filters":
            channel = int(re.findall(r"Channel (\d+)", said)[0])
            right, words = yes(active[channel] > 0.5), [f"{100 * active[channel]:.1f} %"]
        if said.startswith("As you predicted."):
            assert right == option_text(page), name
        else:
            assert said.startswith(f"Otherwise than you predicted: {right}."), (name, said, chosen)
        assert [word for word in words if word not in said] == [], (name, said)
        if number < len(answers):
            page.locator(".st-key-course_next button").click()
            settled(page)
    look_up_a_word(page)
    present(page)


def outputs_of_first() -> Tensor:
    return outputs(load("alexnet", "encoder"), "features.1")[0]


def option_text(page: Page) -> str:
    """The text of the first option, the one that is always predicted."""
    labels = page.locator(".st-key-questions_predict [role=radiogroup] label")
    return labels.first.inner_text().strip()


def look_up_a_word(page: Page) -> None:
    """Hover, focus and Escape; the sentence is also what screen readers read."""
    word = page.locator(".st-key-course_idea [data-convviz-term=gradient]")
    tip = page.locator(".convviz-term-tip:visible")
    expect(word).to_have_attribute("tabindex", "0")
    word.hover()
    expect(tip).to_contain_text("How the loss changes")
    page.keyboard.press("Escape")
    expect(tip).to_have_count(0)
    word.focus()
    expect(tip).to_have_count(1)
    assert word.get_attribute("aria-describedby") == tip.get_attribute("id")
    page.keyboard.press("Escape")


def present(page: Page) -> None:
    """Presenter mode by its key; arrows go through the steps, a click fills the screen."""
    page.set_viewport_size({"width": 1920, "height": 1080})
    page.keyboard.press("p")
    expect(page).to_have_url(re.compile("present=1"))
    expect(page.get_by_test_id("stSidebar")).to_be_hidden()
    expect(page.locator("html")).to_have_attribute("data-convviz-present", "")
    settled(page)
    assert page.evaluate(SMALL_TEXT) == []
    page.locator("body").click(position={"x": 5, "y": 5})
    page.keyboard.press("ArrowLeft")
    expect(page.locator("h2").first).to_have_text(re.compile(r"^11\. "))
    settled(page)
    image = page.locator(".st-key-course_figure img").first
    image.click()
    filled = page.locator(".convviz-filled img")
    expect(filled).to_be_visible()
    box = filled.bounding_box()
    assert box is not None
    assert (box["width"], box["height"]) == (1920, 1080)
    page.keyboard.press("Escape")
    expect(filled).to_have_count(0)
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("stSidebar")).to_be_visible()
    expect(page).not_to_have_url(re.compile("present"))


# Texts that can be seen and are smaller than 24 pixels.
SMALL_TEXT = """() => {
  const small = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const { parentElement: parent, textContent } = walker.currentNode;
    if (!textContent.trim() || !parent.checkVisibility({ checkVisibilityCSS: true })) continue;
    if (parent.closest("style, script, noscript, [data-testid=stStatusWidget]")) continue;
    if (!parent.closest("[data-testid=stMain], .convviz-leave")) continue;
    if (!parent.getClientRects().length) continue;
    const size = parseFloat(getComputedStyle(parent).fontSize);
    if (size < 24) small.push(`${size} ${textContent.slice(0, 40)}`);
  }
  return small;
}"""
