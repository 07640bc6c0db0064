"""A fault in a network's forward pass: a built-in one's is a bug with an id, a user's is told."""

import logging
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest
from torch import nn

from convviz.ui import cache, errors

OpenPage = Callable[..., AppTest]

SECRET = "secret /home/u/token.txt"
OWN = """\
from torch import nn

from convviz.networks import NetworkSpec, register


class Broken(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 2, 3)

    def forward(self, x):
        self.conv(x)
        raise RuntimeError("secret /home/u/token.txt")


register(NetworkSpec(name="broken-forward", title="Mine", build=Broken, input_size=32))
"""


def shown(app: AppTest) -> str:
    """Return all that the page sends."""
    nodes, texts = [app._tree], []
    while nodes:
        node: Any = nodes.pop()
        texts.append(str(getattr(node, "proto", "")))
        nodes += getattr(node, "children", {}).values()
    return "\n".join(texts)


@pytest.mark.parametrize("page", ["Home", "1_Activations", "2_Filters", "4_Reconstruction"])
def test_a_built_in_networks_fault_is_one_sentence_with_the_id_that_the_log_has(
    page: str,
    open_page: OpenPage,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(self: nn.Conv2d, x: object) -> object:
        raise RuntimeError(SECRET)

    cache.ACTIVATIONS.clear()
    st.cache_resource.clear()  # or the page needs no forward pass
    monkeypatch.setattr(nn.Conv2d, "forward", fail)
    app = open_page("app.py" if page == "Home" else f"pages/{page}.py", image="cat")
    assert not app.exception
    logged = {
        record.getMessage().removeprefix("error ")
        for record in caplog.records
        if record.name == errors.__name__ and record.levelno == logging.ERROR
    }
    ids = {match for error in app.error for match in re.findall(r"\(error (\w{8})\)", error.value)}
    assert len(app.error) == len(ids) == 1
    assert ids <= logged
    assert "secret" not in shown(app)
    assert "token.txt" not in shown(app)


def test_a_users_networks_fault_is_told_with_its_type_and_its_file_without_a_path(
    open_page: OpenPage, own_file: Callable[..., Path]
) -> None:
    own_file(OWN, "broken_net.py")
    for page in ("1_Activations", "2_Filters", "4_Reconstruction"):
        app = open_page(f"pages/{page}.py", network="broken-forward", weights="own")
        assert not app.exception
        told = app.error[0].value.replace("\\", "")
        assert "RuntimeError: secret token.txt" in told
        assert "broken_net.py, line 13" in told
        assert "/home/u" not in shown(app)
