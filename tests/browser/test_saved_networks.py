"""A checkpoint that somebody trained elsewhere, from the file to the page, in a real browser."""

from pathlib import Path
from typing import Any

import pytest
import torch
from playwright.sync_api import expect
from torchvision.models import googlenet

pytestmark = pytest.mark.browser

NAMES = ("ant", "bee", "cat", "dog", "elk")


def test_a_checkpoint_is_recognised_and_takes_names(visit: Any, tmp_path: Path) -> None:
    torch.manual_seed(0)
    module = googlenet(num_classes=5, aux_logits=False, init_weights=False)
    state = {f"module.{name}": value.half() for name, value in module.state_dict().items()}
    torch.save({"epoch": 3, "model": state}, tmp_path / "run7.ckpt")
    (tmp_path / "names.txt").write_text("\n".join(NAMES), encoding="utf-8")
    page = visit("/?image=cat&network=googlenet")
    page.get_by_role("button", name="Open a saved network").click()
    box = page.locator(".st-key-sidebar_open_saved")
    expect(page.get_by_text("At most 200 MB. Larger files go into the folder")).to_be_visible()
    page.locator(".st-key-sidebar_saved_upload input").set_input_files(tmp_path / "run7.ckpt")
    expect(page.get_by_text("run7.ckpt is in use: GoogLeNet with 5 classes.")).to_be_visible()
    expect(box).to_be_visible()
    page.locator(".st-key-sidebar_names_upload input").set_input_files(tmp_path / "names.txt")
    expect(page.get_by_text("elk", exact=True)).to_be_visible()
