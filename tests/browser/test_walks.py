"""From what people bring to the grid: networks, weights, a divided zip, a microscope's TIFF.

Each walk leaves a picture of what one sees at its end, in the folder that WALKS names.
"""

import io
import os
import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image
from playwright.sync_api import Browser, Page, expect
from sklearn.datasets import load_digits
from torchvision.models import resnet18

from convviz.images.decode import decode
from convviz.images.samples import sample
from tests.browser.conftest import served, settled

pytestmark = [pytest.mark.browser, pytest.mark.walks, pytest.mark.timeout(600)]

README = Path(__file__).parents[2] / "README.md"
Walk = Callable[[str], Page]


@pytest.fixture(scope="module")
def address(session_settings: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start the app with the networks of README's example, LeNet and ResNet-18."""
    folder = tmp_path_factory.mktemp("walks")
    example = next(
        code
        for code in re.findall(r"```python\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
        if "register(" in code
    )
    lenet_alone = example[: example.index('register(NetworkSpec(name="resnet18"')]
    (folder / "my_net.py").write_text(lenet_alone, encoding="utf-8")
    with served(folder / "log.txt", CONVVIZ_NETWORKS=str(folder / "my_net.py")) as started:
        yield started


@pytest.fixture
def walk(address: str, browser: Browser, request: pytest.FixtureRequest) -> Iterator[Walk]:
    """Open a page as a new visitor; at the end a picture is taken of it."""
    contexts = []

    def opened(path: str) -> Page:
        contexts.append(browser.new_context(viewport={"width": 1440, "height": 900}))
        page = contexts[-1].new_page()
        page.goto(address + path)
        settled(page)
        return page

    yield opened
    for context in contexts:
        for page in context.pages:
            if folder := os.environ.get("WALKS"):
                page.screenshot(path=Path(folder, f"{request.node.name}.png"))
        context.close()


def bring_image(page: Page, name: str, data: bytes) -> None:
    """Upload an image on Home, and go to Activations."""
    page.locator(".st-key-home_upload input[type=file]").set_input_files(
        {"name": name, "mimeType": "application/octet-stream", "buffer": data}
    )
    expect(page.locator(".st-key-home_chosen_upload")).to_contain_text(name)
    settled(page)


def to_activations(page: Page) -> None:
    page.locator(".st-key-navigation").get_by_text("Activations").click()
    expect(page.locator("h1")).to_have_text("Activations")
    settled(page)


def choose(page: Page, key: str, option: str) -> None:
    """Choose from a list, by a part of the option's name that is typed."""
    settled(page)
    page.locator(f".st-key-{key} input").click()
    page.locator(f".st-key-{key} input").fill(option)
    page.get_by_test_id("stSelectboxVirtualDropdown").get_by_text(option).first.click()


def expect_grid(page: Page, channels: int, side: int) -> None:
    """Expect as many tiles as channels, not all of them the same."""
    expect(page.get_by_text(f"{channels} maps of {side} × {side}")).to_be_visible()
    expect(page.get_by_role("option")).to_have_count(channels)
    settled(page)


def test_a_digit_through_lenet(walk: Walk) -> None:
    file = io.BytesIO()
    Image.fromarray((load_digits().images[3] * 15.9).astype(np.uint8)).resize((28, 28)).save(
        file, "PNG"
    )
    page = walk("/?network=lenet")
    bring_image(page, "three.png", file.getvalue())
    to_activations(page)
    choose(page, "layer", "conv2 — 16 × 10 × 10")
    expect_grid(page, 16, 10)


def test_a_checkpoint_of_a_resnet_with_ten_classes(walk: Walk, tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = resnet18(num_classes=10)
    optimizer = torch.optim.SGD(network.parameters(), 0.1)
    torch.save(
        {"epoch": 7, "state_dict": network.state_dict(), "optimizer": optimizer.state_dict()},
        tmp_path / "best.pth.tar",
    )
    page = walk("/Activations?image=cat")
    page.get_by_role("button", name="Open a saved network").click()
    page.locator(".st-key-sidebar_saved_upload input").set_input_files(tmp_path / "best.pth.tar")
    expect(page.get_by_text("best.pth.tar is in use: ResNet18 with 10 classes.")).to_be_visible()
    page.keyboard.press("Escape")
    choose(page, "layer", "layer3.1 · relu — 256 × 14 × 14")
    expect_grid(page, 256, 14)


def test_a_convnext_from_the_list(walk: Walk) -> None:
    page = walk("/Activations?image=coffee")
    choose(page, "network", "ConvNeXt Tiny")
    box = page.locator(".st-key-weights_missing")
    expect(box).to_contain_text("Fetch them (114 MB)")
    expect(box).to_contain_text("BSD 3-clause licence")
    page.locator(".st-key-use_untrained button:visible").click()
    expect(page).to_have_url(re.compile("weights=random"))
    choose(page, "layer", "96 × 56 × 56")
    expect_grid(page, 96, 56)


def test_a_zip_that_is_divided_already(walk: Walk, tmp_path: Path) -> None:
    path = tmp_path / "pets.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for part, count in (("train", 10), ("val", 4)):
            for name in ("cat", "coffee"):
                picture = decode(sample(name).read())
                for k in range(count):
                    left, top = 9 * k + (5 if part == "val" else 0), 7 * k
                    file = io.BytesIO()
                    picture.crop((left, top, left + 160, top + 160)).save(file, "JPEG")
                    archive.writestr(f"pets/{part}/{name}/{k}.jpg", file.getvalue())
    page = walk("/Transfer_learning?network=alexnet&data=zip&training_seconds=5&compare=False")
    page.locator(".st-key-training_zip input").set_input_files(path)
    expect(page.get_by_text("cat: 14")).to_be_visible()
    settled(page)
    page.locator(".st-key-start").get_by_role("button").click()
    expect(page.get_by_text("Test accuracy", exact=True)).to_be_visible(timeout=300_000)
    to_activations(page)
    choose(page, "weights", "Yours: pets")
    # It was trained on images of 128 pixels, and sees the picture so.
    choose(page, "layer", "conv3 — 384 × 7 × 7")
    expect_grid(page, 384, 7)


def test_a_tiff_of_twelve_bits(walk: Walk) -> None:
    grey = np.asarray(decode(sample("brick").read()).convert("L")).astype(np.uint16) * 16
    file = io.BytesIO()
    tifffile.imwrite(file, grey)
    page = walk("/")
    bring_image(page, "cells.tif", file.getvalue())
    expect(
        page.get_by_text(re.compile("of what 16 bits can hold: they are stretched"))
    ).to_be_visible()
    to_activations(page)
    choose(page, "layer", "conv2 — 192 × 27 × 27")
    expect_grid(page, 192, 27)
