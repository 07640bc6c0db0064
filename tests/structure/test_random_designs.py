"""Random designs: each is refused with a sentence, or runs and is counted as it runs."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from convviz.errors import DesignError
from convviz.networks.design import Design
from convviz.networks.design_blocks import (
    AvgPoolToBlock,
    ConvBlock,
    DesignBlock,
    InceptionBlock,
    InputBlock,
    PoolBlock,
)
from convviz.networks.design_module import DesignNetwork, build, place_blocks
from convviz.structure.design_costs import count_design, count_text
from tests.random_designs import texts


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(texts())
def test_a_design_runs_as_it_is_counted_or_has_a_sentence(text: str) -> None:
    counted = count_text(text)
    if counted.error is not None:
        assert 1 <= counted.error.line <= len(text.splitlines())
        assert counted.error.sentence.endswith(".")
        return
    design, costs = counted.design, counted.costs
    assert design is not None
    assert costs is not None
    assert Design.parse(design.text) == design
    shapes: dict[str, torch.Size] = {}
    network = build(design, seed=1)
    for name, part in network.named_children():
        part.register_forward_hook(
            lambda part, inputs, output, name=name: shapes.__setitem__(name, output.shape[1:])
        )
    images = torch.rand(2, *design.input.shape)
    outputs = network.train()(images)
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    assert len(outputs) == 1 + len(design.auxiliary)
    assert all(tuple(each.shape[1:]) == costs.output for each in outputs)
    placed = [each.output for each in place_blocks(design).blocks]
    assert placed == [block.output for block in costs.blocks]
    sizes = {name: p.numel() for name, p in network.named_parameters()}
    for block in costs.blocks:
        own = [name for name in sizes if name.split(".")[0] in block.parts]
        assert block.parameters == sum(sizes[name] for name in own)
        if block.parts and not block.auxiliary and block.text not in {"gap", "end"}:
            assert tuple(shapes[block.parts[0]]) == block.output
    assert costs.parameters_with_auxiliary == sum(sizes.values())
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network.eval()(images[:1])
    assert counter.get_total_flops() == 2 * costs.macs


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["conv 2", "maxpool", "avgpool"]),
            *(st.integers(1, 5), st.integers(1, 3), st.integers(0, 2), st.integers(1, 3)),
        ),
        min_size=1,
        max_size=6,
    )
)
def test_sizes_and_fields_follow_the_formulas_of_a_chain(
    chain: list[tuple[str, int, int, int, int]],
) -> None:
    lines, size, field, jump = ["input 1x64x64"], 64, 1, 1
    expected = []
    for kind, kernel, stride, padding, dilation in chain:
        is_conv = kind.startswith("conv")
        dilated = dilation if is_conv else 1
        pad = padding if is_conv else min(padding, kernel // 2)
        span = dilated * (kernel - 1) + 1
        if size + 2 * pad < span:
            break
        lines.append(
            f"{kind} {kernel}x{kernel} /{stride} p{pad}" + (f" d{dilated}" if is_conv else "")
        )
        size = (size + 2 * pad - span) // stride + 1
        field, jump = field + (span - 1) * jump, jump * stride
        expected.append((size, field, jump))
    if len(lines) == 1:
        return
    blocks = count_design(Design.parse("\n".join(lines))).blocks[1:]
    found = [(block.output[1], block.receptive_field, block.jump) for block in blocks]
    assert found == expected


def test_every_kind_of_block_is_tried() -> None:
    kinds: Counter[str] = Counter()

    @settings(max_examples=150, deadline=None, database=None, derandomize=True)
    @given(texts())
    def collect(text: str) -> None:
        try:
            placed = place_blocks(Design.parse(text))
        except DesignError:
            kinds["refused"] += 1
            return
        for each in placed.blocks:
            kinds[type(each.block).__name__] += 1

    collect()
    assert kinds["refused"] > 10
    for kind in (AvgPoolToBlock, InceptionBlock):
        assert kinds[kind.__name__] > 0


def test_a_text_is_counted_up_to_the_line_that_is_wrong() -> None:
    text = "input 3x8x8\nresidual\nconv 4 3x3 p1\nauxiliary 0.3\nrelu\nconv 4 9x9\nend\nfc 3"
    counted = count_text(text)
    assert counted.design is None
    assert counted.error is not None
    assert counted.error.line == 6
    assert counted.costs is not None
    assert [block.line for block in counted.costs.blocks] == [1, 3, 5]
    assert counted.costs.blocks[1].parameters == 3 * 4 * 9 + 4
    assert count_text("inptu 3x8x8").costs is None
    whole = count_text("input 3x8x8\nfc 3")
    assert (whole.error, whole.design is not None) == (None, True)


def summing(network: DesignNetwork) -> DesignNetwork:
    """Make a network in which nothing that a position sees cancels out or is left aside."""
    generator = torch.Generator().manual_seed(0)
    network.double().eval()
    for name, part in list(network.named_modules()):
        parent = network.get_submodule(name.rpartition(".")[0])
        if isinstance(part, torch.nn.ReLU):
            setattr(parent, name.rpartition(".")[2], torch.nn.Identity())
        elif isinstance(part, torch.nn.MaxPool2d):
            mean = torch.nn.AvgPool2d(
                part.kernel_size, part.stride, part.padding, ceil_mode=part.ceil_mode
            )
            setattr(parent, name.rpartition(".")[2], mean)
    for parameter in network.parameters():
        torch.nn.init.uniform_(parameter, 0.5, 1.5, generator=generator)
    return network


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(texts(), st.data())
def test_a_position_sees_what_changes_it_in_the_running_module(
    text: str, data: st.DataObject
) -> None:
    try:
        placed = place_blocks(Design.parse(text))
    except DesignError:
        return
    maps = [
        number
        for number, each in enumerate(placed.blocks)
        if number and len(each.output) == 3 and each.block.keyword not in ("residual", "auxiliary")
    ]
    if not maps:
        return
    blocks = placed.design.blocks[: data.draw(st.sampled_from(maps)) + 1]
    keywords = [block.keyword for block in blocks]
    left_out = [k for k, keyword in enumerate(keywords) if keyword == "auxiliary"]
    if keywords.count("residual") > keywords.count("end"):
        left_out.append(len(keywords) - 1 - keywords[::-1].index("residual"))
    kept = tuple(block for k, block in enumerate(blocks) if k not in left_out)
    costs = count_design(replace(placed.design, blocks=kept))
    field = costs.blocks[-1].layers[-1].field
    assert field is not None
    image = torch.ones(1, *placed.design.input.shape, dtype=torch.float64, requires_grad=True)
    output = summing(build(costs.design))(image)[0].sum(0)
    row = data.draw(st.integers(0, output.shape[0] - 1))
    column = data.draw(st.integers(0, output.shape[1] - 1))
    (gradient,) = torch.autograd.grad(output[row, column], image, allow_unused=True)
    seen = (gradient[0] != 0).any(0).nonzero()
    box = field.box(row, column)
    if box is None:
        assert not len(seen)
        return
    first, last = seen.min(0).values.tolist(), seen.max(0).values.tolist()
    assert box == (*first, last[0] + 1, last[1] + 1)


def cured(design: Design, place: int, cure: str) -> Iterator[tuple[DesignBlock, ...]]:
    """Apply a cure to the block at a place; where it says no block, to each that it may mean."""
    before, block = design.blocks[:place], design.blocks[place]
    assert isinstance(block, ConvBlock | PoolBlock)
    if match := re.fullmatch(r"padding (\d+)(?:×(\d+))?", cure):
        pair = int(match[1]), int(match[2] or match[1])
        yield (*before, replace(block, padding=pair))
    elif match := re.fullmatch(r"an? (\d+)×(\d+) (kernel|window)", cure):
        yield (*before, replace(block, kernel=(int(match[1]), int(match[2]))))
    elif cure == "a smaller dilation":
        assert isinstance(block, ConvBlock)
        yield (*before, replace(block, dilation=(1, 1)))
    elif cure == "one pooling less":
        for number, each in enumerate(before):
            if isinstance(each, PoolBlock):
                yield (*before[:number], *before[number + 1 :], block)
    elif cure == "a smaller stride before":
        for number, each in enumerate(before):
            if isinstance(each, ConvBlock):
                yield (*before[:number], replace(each, stride=(1, 1)), *before[number + 1 :], block)
    else:
        assert cure == "a larger image"
        image = design.input
        for height, width in ((2 * image.height, 2 * image.width), (1024, 1024)):
            larger = InputBlock(image.channels, min(1024, height), min(1024, width))
            yield (larger, *before[1:], block)


def fits(blocks: tuple[DesignBlock, ...]) -> bool:
    """Whether lines can be written and fit, a residual that is still open apart."""
    text = "\n".join(block.text for block in blocks)
    open_one = text.count("residual") > text.count("end")
    if open_one:
        text = "".join(text.rpartition("residual\n")[::2])
    try:
        place_blocks(Design.parse(text))
    except DesignError:
        return False
    return True


def check_cures(text: str) -> list[str]:
    """Apply each cure that is named; returns them."""
    design = Design.parse(text)
    with pytest.raises(DesignError) as caught:
        place_blocks(design)
    place = next(k for k, block in enumerate(design.blocks) if block.line == caught.value.line)
    listed = caught.value.sentence.rpartition(": ")[2].removesuffix(".")
    cures = re.split(", | or ", listed)
    auxiliary_less = replace(
        design, blocks=tuple(b for b in design.blocks[: place + 1] if b.keyword != "auxiliary")
    )
    for cure in cures:
        ways = cured(auxiliary_less, len(auxiliary_less.blocks) - 1, cure)
        assert any(fits(blocks) for blocks in ways), cure
    return cures


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(texts())
def test_every_cure_that_is_named_cures(text: str) -> None:
    error = count_text(text).error
    if error is not None and re.search(r"(kernel|window)\b.* on an? \S+ map", error.sentence):
        check_cures(text)


@pytest.mark.parametrize(
    ("lines", "cures"),
    [
        (
            ["input 3x99x99", "maxpool 2x2 /1", "conv 8 200x200"],
            ["padding 51", "a larger image", "a 98×98 kernel"],
        ),
        (["input 3x8x8", "avgpool to 2x2", "conv 8 5x5"], ["padding 2", "a 2×2 kernel"]),
        (
            ["input 3x3x3", "conv 8 5x5 d2"],
            ["padding 3", "a larger image", "a 2×2 kernel"],
        ),
        (["input 3x8x8", "conv 8 1024x1024 d3"], ["a 3×3 kernel"]),
        (
            ["input 3x9x9", "conv 8 3x3 /4", "conv 8 5x5"],
            ["padding 2", "a smaller stride before", "a 2×2 kernel"],
        ),
        (["input 3x1024x1024", "conv 4 1x1", "conv 8 1024x1024 d2"], None),
    ],
)
def test_only_what_cures_is_named(lines: list[str], cures: list[str] | None) -> None:
    named = check_cures("\n".join(lines))
    if cures is None:
        assert "a larger image" not in named
    else:
        assert named == cures
