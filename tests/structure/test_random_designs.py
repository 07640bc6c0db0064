"""Random designs: each is refused with a sentence, or runs and is counted as it runs."""

from collections import Counter

import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from convviz.errors import DesignError
from convviz.networks.design import Design
from convviz.networks.design_blocks import AvgPoolToBlock, InceptionBlock
from convviz.networks.design_module import build, place_blocks
from convviz.structure.design_costs import count_design, count_text


def numbers(least: int, most: int) -> st.SearchStrategy[str]:
    return st.integers(least, most).map(str)


def options(*each: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Join words in any order; an empty word is left out."""
    return st.tuples(*each).flatmap(lambda words: st.permutations(list(words))).map(" ".join)


def perhaps(word: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(st.just(""), word)


SIZES = st.tuples(numbers(1, 5), st.sampled_from("x×X"), numbers(1, 5)).map("".join)
STRIDES = perhaps(st.integers(1, 3).map("/{}".format))
PADDINGS = perhaps(st.integers(0, 3).map("p{}".format))
COLUMNS = st.tuples(numbers(1, 3), numbers(1, 3)).map(">".join)
LINES = st.one_of(
    options(
        *(numbers(1, 6), SIZES, STRIDES, PADDINGS),
        perhaps(st.sampled_from(["g1", "g2", "g3"])),
        perhaps(st.sampled_from(["d1", "d2"])),
    ).map("conv {}".format),
    *(st.just(word) for word in ("batchnorm", "relu", "flatten", "gap", "lrn", "residual", "end")),
    options(SIZES, STRIDES, PADDINGS, perhaps(st.just("ceil"))).map("maxpool {}".format),
    options(SIZES, STRIDES, PADDINGS, perhaps(st.just("ceil"))).map("avgpool {}".format),
    SIZES.map("avgpool to {}".format),
    st.sampled_from(["dropout 0", "dropout .5"]),
    numbers(1, 8).map("fc {}".format),
    st.tuples(
        *(numbers(1, 4), st.one_of(COLUMNS, numbers(1, 3)), COLUMNS),
        numbers(1, 3).map(">{}".format),
        st.sampled_from(["", "3x3", "3x3s", "bn", "3x3s bn"]),
    ).map(lambda words: "inception " + " ".join(words)),
)
HEADS = st.sampled_from(["", "", "", "auxiliary 0.3", "auxiliary 1 bn"])


@st.composite
def texts(draw: st.DrawFn) -> str:
    lines = draw(st.lists(LINES, min_size=1, max_size=9))
    if head := draw(HEADS):
        lines.insert(draw(st.integers(0, len(lines))), head)
    height, width = draw(st.integers(1, 14)), draw(st.integers(1, 14))
    return "\n".join([f"input {draw(st.integers(1, 3))}x{height}x{width}", *lines])


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
