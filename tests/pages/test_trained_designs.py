"""A design that was trained is a network like every other, on the pages that look into one."""

from typing import Any

import pytest

from convviz.networks.decoders import Form
from convviz.networks.design import Design
from convviz.networks.design_module import build
from convviz.networks.design_spec import design_spec
from convviz.weights import trained

TEXT = """name tiny
input 3x32x32
conv 4 3x3 /2 p1
relu
maxpool 2x2
conv 6 3x3 p1
relu
gap
fc 2
"""


@pytest.fixture(scope="module")
def network() -> Any:
    return trained_network(TEXT)


def trained_network(text: str) -> Any:
    design = Design.parse(text)
    info = trained.TrainedInfo(
        *(
            design_spec(design).name,
            Form("", 1, ("cat", "dog")),
            design.input.height,
            "set",
            "",
            0.75,
        ),
        design=design.text,
    )
    module = build(design, 3).eval().requires_grad_(False)
    made = trained.describe(module, info, trained.write(module, info))
    trained.keep(made)
    return made


@pytest.mark.parametrize(
    "page", ["app.py", "pages/1_Activations.py", "pages/2_Filters.py", "pages/4_Reconstruction.py"]
)
def test_a_link_opens_a_trained_design(page: str, network: Any, open_page: Any) -> None:
    app = open_page(page, network=network.name, weights=network.weights.source)
    assert not app.exception
    assert not app.error
    assert app.selectbox(key="network").value == network.name
    assert "tiny" in app.selectbox(key="network").options
    assert app.selectbox(key="weights").options == ["Untrained", "Yours: set, 75 %"]
    assert app.selectbox(key="weights").value == network.weights.source


@pytest.mark.parametrize(
    "page", ["app.py", "pages/1_Activations.py", "pages/2_Filters.py", "pages/4_Reconstruction.py"]
)
def test_a_design_for_the_smallest_images_opens_on_the_other_pages(
    page: str, open_page: Any
) -> None:
    small = trained_network("name smallest\ninput 1x8x8\nconv 4 3x3 p1\nrelu\ngap\nfc 2")
    app = open_page(page, network=small.name, weights=small.weights.source)
    assert not app.exception
    assert not app.error
    assert app.selectbox(key="network").value == small.name


def test_a_design_of_nobody_is_no_choice(open_page: Any) -> None:
    app = open_page("pages/1_Activations.py", network="design-none-00000000")
    assert not app.exception
    assert app.selectbox(key="network").value == "alexnet"  # what a visit begins with
