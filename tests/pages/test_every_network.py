"""Every page with networks of other structures, as a student opens them with weights of their own.

In every run one of torchvision's that scores by a convolution, and a small one with channels last
and windows; `make networks` takes one member of each of torchvision's families through every view.
"""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qsl

import pytest
import torch
from streamlit.testing.v1 import AppTest
from torch import nn
from torchvision.models.swin_transformer import (
    PatchMergingV2,
    SwinTransformer,
    SwinTransformerBlockV2,
)

from convviz.networks.network import NetworkSpec
from convviz.networks.registry import register
from convviz.weights.load import load
from tests.networks.test_every_network import FAMILIES

OpenPage = Callable[..., AppTest]

PLAIN = ("squeezenet1_1",)
FIRST_VIEWS = {
    "1_Activations": "",
    "2_Filters": "",
    "3_Architectures": "architectures=layers",
    "4_Reconstruction": "",
    "5_Transfer_learning": "",
    "8_Evidence": "",
}
FURTHER_VIEWS = (
    ("1_Activations", "view=All layers"),
    *(
        ("1_Activations", f"view=One channel&question={question}")
        for question in ("Map and field", "What stimulates it", "Arithmetic", "Switch it off")
    ),
    *(
        ("1_Activations", f"view=Compare&compare={compared}")
        for compared in ("Two images", "Two layers", "Two networks", "Two checkpoints")
    ),
    ("2_Filters", "filters_view=First layers"),
    ("2_Filters", "filters_view=Trained and untrained"),
    *(("8_Evidence", f"evidence={view}") for view in ("Is it true?", "A worse image")),
    ("8_Evidence", "evidence=Two networks"),
    *(("4_Reconstruction", f"series={each}") for each in ("depth", "layer", "networks", "amplify")),
    ("5_Transfer_learning", "transfer=separate"),
    ("3_Architectures", ""),
    *((page, "") for page in ("0_Course", "6_Training", "7_Auxiliary_classifiers", "9_Design")),
)
DRAWN = ("bidi_component", "plotly_chart", "dataframe", "table", "html", "imgs")
NO_DECODER = (
    "The network has no fully connected layer whose place a new decoder could take; choose another "
    "network."
)


@pytest.fixture
def weights(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Lay a file of weights for the network into the folder of one's own; return its name."""
    name: str = request.param
    state = load(name, "random").module.state_dict()
    halves = {
        key: value.half() if value.is_floating_point() else value for key, value in state.items()
    }
    torch.save(halves, tmp_path / f"{name}.pth")
    monkeypatch.setenv("CONVVIZ_WEIGHTS", str(tmp_path))
    return name


def check(app: AppTest, name: str, page: str, link: str) -> None:
    """Check that a page shows something of the network, or says in one sentence why it does not."""
    assert [each.value for each in app.exception] == []
    has_no_plan = (name, page, link) == ("squeezenet1_1", "5_Transfer_learning", "")
    expected = [NO_DECODER] if has_no_plan else []
    assert [each.value for each in app.error] == expected
    said = [each.value for each in (*app.info, *app.warning)]
    assert [each for each in said if "does not exist here" in each or "untrained" in each] == []
    drawn = [kind for kind in DRAWN if app.get(kind)]
    assert drawn or expected, (page, link)


@pytest.mark.parametrize(
    "weights",
    [pytest.param(name, marks=() if name in PLAIN else pytest.mark.networks) for name in FAMILIES],
    indirect=True,
)
def test_every_page_draws_it(weights: str, open_page: OpenPage) -> None:
    for page, link in FIRST_VIEWS.items():
        options = dict(parse_qsl(link))
        app = open_page(f"pages/{page}.py", network=weights, weights="own", image="cat", **options)
        check(app, weights, page, link)


class SmallSwin(SwinTransformer):
    """Swin v2 for 32 pixels, with a dropout on maps, and a learned number by which scores grow."""

    def __init__(self) -> None:
        super().__init__(
            *([4, 4], 8, [2, 1], [2, 2], [4, 4]),
            num_classes=5,
            block=SwinTransformerBlockV2,
            downsample_layer=PatchMergingV2,
        )
        self.dropout, self.scale = nn.Dropout2d(), nn.Parameter(torch.tensor(0.5))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        scores: torch.Tensor = super().forward(self.dropout(x)) * self.scale.exp()
        return scores


def test_every_view_draws_a_network_of_ones_own(fresh_registry: None, open_page: OpenPage) -> None:
    torch.manual_seed(0)
    module = SmallSwin()
    register(NetworkSpec("small-swin", "Small Swin", build=lambda: module, input_size=32))
    for page, link in (*FIRST_VIEWS.items(), *FURTHER_VIEWS[:1]):
        options = dict(parse_qsl(link))
        app = open_page(f"pages/{page}.py", network="small-swin", image="cat", **options)
        check(app, "small-swin", page, link)
        assert app.selectbox(key="network").value == "small-swin"


@pytest.mark.networks
@pytest.mark.timeout(900)
@pytest.mark.parametrize("weights", FAMILIES, indirect=True)
def test_every_further_view_draws_it(weights: str, open_page: OpenPage) -> None:
    for page, link in FURTHER_VIEWS:
        options = dict(parse_qsl(link))
        app = open_page(f"pages/{page}.py", network=weights, weights="own", image="cat", **options)
        check(app, weights, page, link)
