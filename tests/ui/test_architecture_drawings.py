"""Where the diagram's blocks stand, and the side view of a stack."""

from itertools import pairwise
from xml.etree import ElementTree

import pytest

from convviz.lessons.stacking import replacing
from convviz.networks.registry import spec
from convviz.structure import costs
from convviz.ui.components import network_diagram
from convviz.ui.course import lesson_stacking


@pytest.mark.parametrize("name", ["alexnet", "vgg19_bn", "googlenet"])
def test_blocks_stand_in_order_and_to_scale(name: str) -> None:
    found = costs.count(spec(name))
    blocks = network_diagram.strip(found)
    rows = {row.name: row for row in found.layers}
    for left, right in pairwise(blocks):
        assert right.x >= left.x + left.width
    maps = [(block, rows[block.id]) for block in blocks if block.id and not block.flat]
    for block, row in maps:
        part = (row.output_shape[1] / found.input_size) ** 0.5
        assert block.height == pytest.approx(part * network_diagram.HEIGHT, abs=0.06)
    wide = [(block, row) for block, row in maps if block.title and block.width > 10.1]
    shares = [block.width / row.output_shape[0] for block, row in wide]
    assert max(shares) == pytest.approx(min(shares), rel=0.02)


@pytest.mark.parametrize("name", ["alexnet", "vgg16", "vgg19_bn", "googlenet"])
@pytest.mark.parametrize("size", [63, 224])
def test_every_block_can_be_seen(name: str, size: int) -> None:
    blocks = network_diagram.strip(costs.count(spec(name), size))
    assert min(block.height for block in blocks) >= 12
    assert blocks[0].height * 0.06 < blocks[1].x - blocks[0].width  # its back ends before conv1


def test_every_row_that_runs_has_a_block() -> None:
    found = costs.count(spec("googlenet"))
    drawn = network_diagram.message(found)
    known = {block["id"] for block in drawn["blocks"]}
    for module in drawn["modules"].values():
        known |= {step["id"] for lane in module["lanes"] for step in lane["steps"]}
    assert {row.name for row in found.layers if row.executed} <= known


def test_modules_unfold_into_their_branches() -> None:
    module = network_diagram.unfolded(costs.count(spec("googlenet")))["inception3a"]
    assert [lane["channels"] for lane in module["lanes"]] == [64, 128, 32, 32]
    assert [step["text"] for step in module["lanes"][1]["steps"] if not step["thin"]] == [
        "1×1",
        "3×3",
    ]
    assert module["formula"] == "64 + 128 + 32 + 32 = 256"


@pytest.mark.parametrize("large", [3, 5, 11])
def test_a_stack_is_drawn_cell_by_cell(large: int) -> None:
    found = replacing(large)
    drawing = ElementTree.fromstring(lesson_stacking.svg(found))
    cells = sum(element.tag.endswith("rect") for element in drawing.iter())
    stack = sum(large - 2 * level for level in range(found.layers + 1))
    assert cells == stack + large + 1
    assert f"see {large} pixels each" in drawing.attrib["aria-label"]
