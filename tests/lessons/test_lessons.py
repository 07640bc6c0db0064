"""The course's arithmetic, by hand and against torch's own layers."""

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import nn

from convviz.errors import SettingError
from convviz.lessons.auxiliary_loss import auxiliary_loss
from convviz.lessons.bottleneck import bottleneck
from convviz.lessons.inception import inception_modules
from convviz.lessons.pooling import classifiers
from convviz.lessons.sliding import exact_lengths, slide
from convviz.lessons.stacking import replacing, stack
from convviz.networks import registry
from convviz.structure import costs
from convviz.structure.costs import heads

# --- output size


@pytest.mark.parametrize(
    ("length", "padding", "output", "dropped", "formula"),
    [
        (227, 0, 55, 0, "(227 − 11 + 0)/4 + 1 = 55"),
        (224, 0, 54, 1, "⌊(224 − 11 + 0)/4⌋ + 1 = ⌊53.25⌋ + 1 = 54"),
        (224, 2, 55, 1, "⌊(224 − 11 + 4)/4⌋ + 1 = ⌊54.25⌋ + 1 = 55"),
        (277, 0, 67, 2, "⌊(277 − 11 + 0)/4⌋ + 1 = ⌊66.5⌋ + 1 = 67"),
    ],
)
def test_alexnets_first_layer(
    length: int, padding: int, output: int, dropped: int, formula: str
) -> None:
    slid = slide(length, 11, stride=4, padding=padding)
    assert (slid.output, slid.dropped, slid.formula) == (output, dropped, formula)


def test_what_is_dropped_may_be_padding_only() -> None:
    slid = slide(224, 11, stride=4, padding=2)
    assert (slid.dropped, slid.dropped_picture) == (1, 0)
    assert slid.starts[:2] == (-2, 2)
    assert "1 pixel of padding" in slid.sentence


def test_sizes_that_fit_exactly() -> None:
    assert exact_lengths(slide(224, 11, stride=4), 220, 232) == (223, 227, 231)


numbers = {
    "length": st.integers(1, 60),
    "kernel": st.integers(1, 12),
    "stride": st.integers(1, 6),
    "padding": st.integers(0, 6),
    "dilation": st.integers(1, 3),
}


@settings(max_examples=150, deadline=None)
@given(**numbers)
def test_output_size_is_torchs(
    length: int, kernel: int, stride: int, padding: int, dilation: int
) -> None:
    layer = nn.Conv2d(1, 1, kernel, stride, padding, dilation, bias=False)
    layer.weight.data.fill_(1.0)
    image = torch.ones(1, 1, length, length, requires_grad=True)
    try:
        slid = slide(length, kernel, stride, padding, dilation)
    except SettingError:
        with pytest.raises(RuntimeError):
            layer(image)
        return
    out = layer(image)
    assert tuple(out.shape[-2:]) == (slid.output, slid.output)
    out.sum().backward()
    assert image.grad is not None
    reached = image.grad[0, 0].sum(0).nonzero().flatten()
    if stride == dilation == 1 and len(reached):
        assert length - 1 - int(reached.max()) == slid.dropped_picture


@settings(max_examples=100, deadline=None)
@given(**numbers)
def test_pooling_output_size_is_torchs(
    length: int, kernel: int, stride: int, padding: int, dilation: int
) -> None:
    assume(padding <= kernel // 2)  # torch refuses more for pooling
    assume(length + 2 * padding >= dilation * (kernel - 1) + 1)
    pooled = nn.MaxPool2d(kernel, stride, padding, dilation)(torch.zeros(1, 1, length, length))
    assert pooled.shape[-1] == slide(length, kernel, stride, padding, dilation).output


@settings(max_examples=60, deadline=None)
@given(
    length=st.integers(1, 50),
    kernel=st.integers(1, 9),
    stride=st.integers(1, 5),
    padding=st.integers(0, 4),
)
def test_dropped_pixels_change_nothing(length: int, kernel: int, stride: int, padding: int) -> None:
    assume(length + 2 * padding >= kernel)
    slid = slide(length, kernel, stride, padding)
    assert slid.starts[-1] + slid.span + slid.dropped == length + padding
    weight = torch.ones(1, 1, kernel)
    values = torch.arange(1.0, length + 1)
    used_values = values[: length - slid.dropped_picture]
    full_output = nn.functional.conv1d(values.view(1, 1, -1), weight, None, stride, padding)
    changed = values.clone()
    changed[len(used_values) :] = -99.0
    again = nn.functional.conv1d(changed.view(1, 1, -1), weight, None, stride, padding)
    assert torch.equal(full_output, again)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((5, 7), "does not fit into 5: choose a kernel of at most 5"),
        ((5, 9, 1, 1), "with 1 of padding at each end: choose a kernel of at most 7"),
        ((5, 3, 0), "stride cannot be 0: the kernel would never move on; choose 1 or more"),
        ((0, 1), "size cannot be 0"),
        ((5, 0), "kernel cannot be 0"),
        ((5, 3, 1, -1), "padding cannot be -1"),
        ((9, 4, 1, 0, 3), "spans 10 pixels"),
        ((5, 2.5), "must be a whole number"),
    ],
)
def test_bad_input_gets_a_sentence(arguments: tuple[int, ...], sentence: str) -> None:
    with pytest.raises(SettingError, match=sentence):
        slide(*arguments)


# --- stacks


def test_two_3x3_see_what_one_5x5_sees_with_fewer_weights() -> None:
    stacking = replacing(5)
    assert (stacking.layers, stacking.receptive_field) == (2, 5)
    assert (stacking.stack_per_pair, stacking.single_per_pair) == (18, 25)
    assert stacking.saving == pytest.approx(0.28)
    assert stacking.stack_formula == "2·3·3 = 18"
    assert stacking.single_formula == "5·5 = 25"
    assert stacking.field_formula == "1 + 2·(3 − 1) = 5"


def test_three_3x3_see_what_one_7x7_sees() -> None:
    stacking = replacing(7, channels=64)
    assert (stacking.layers, stacking.stack_weights, stacking.single_weights) == (
        3,
        27 * 4096,
        49 * 4096,
    )
    assert stacking.stack_formula == "3·3·3·64·64 = 110,592"


def test_no_stack_of_3x3_sees_an_even_number() -> None:
    with pytest.raises(SettingError, match="choose 5 or 7"):
        replacing(6)
    with pytest.raises(SettingError, match="never see further"):
        replacing(5, kernel=1)


@settings(max_examples=25, deadline=None)
@given(kernel=st.integers(1, 5), layers=st.integers(1, 4), channels=st.integers(1, 4))
def test_stacks_are_what_torch_builds(kernel: int, layers: int, channels: int) -> None:
    stacking = stack(kernel, layers, channels)
    layered = nn.Sequential(
        *(nn.Conv2d(channels, channels, kernel, bias=False) for _ in range(layers))
    )
    single = nn.Conv2d(channels, channels, stacking.receptive_field, bias=False)
    assert stacking.stack_weights == sum(p.numel() for p in layered.parameters())
    assert stacking.single_weights == sum(p.numel() for p in single.parameters())
    image = torch.zeros(1, channels, 20, 20)
    assert layered(image).shape == single(image).shape


# --- bottlenecks


def test_the_courses_hundred_million_to_five_million() -> None:
    result = bottleneck(14, 14, 480, 16, 48, 5)
    assert result.direct_macs == 112_896_000
    assert result.bottleneck_macs == 1_505_280 + 3_763_200
    assert result.factor == pytest.approx(21.4, abs=0.05)
    assert result.direct_formula == "14·14·5·5·480·48 = 112,896,000"
    assert result.bottleneck_formula.endswith("1,505,280 + 3,763,200 = 5,268,480")


def test_at_break_even_both_ways_cost_the_same() -> None:
    result = bottleneck(1, 1, 90, 9, 10, 3)
    assert result.break_even == pytest.approx(45)
    assert bottleneck(1, 1, 90, 45, 10, 3).factor == pytest.approx(1)


@settings(max_examples=25, deadline=None)
@given(
    size=st.integers(1, 6),
    channels=st.integers(1, 9),
    reduced=st.integers(1, 9),
    outputs=st.integers(1, 9),
    kernel=st.sampled_from([1, 3, 5]),
)
def test_bottlenecks_cost_what_the_counter_counts(
    size: int, channels: int, reduced: int, outputs: int, kernel: int
) -> None:
    result = bottleneck(size, size, channels, reduced, outputs, kernel)
    same = kernel // 2
    detour = nn.Sequential(
        nn.Conv2d(channels, reduced, 1, bias=False),
        nn.Conv2d(reduced, outputs, kernel, padding=same, bias=False),
    )
    direct = nn.Sequential(nn.Conv2d(channels, outputs, kernel, padding=same, bias=False))
    entry = nn.Conv2d(3, channels, 1, bias=False)
    extra = size * size * 3 * channels
    assert costs.count(nn.Sequential(entry, detour), size).macs == result.bottleneck_macs + extra
    assert costs.count(nn.Sequential(entry, direct), size).macs == result.direct_macs + extra
    assert sum(p.numel() for p in detour.parameters()) == result.bottleneck_weights


# --- Inception


def test_every_inception_module_is_found_with_its_depth_and_saving() -> None:
    modules = inception_modules(costs.count(registry.spec("googlenet")))
    assert [m.name[-2:] for m in modules] == ["3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b"]
    first = modules[0]
    assert first.depth_formula == "64 + 128 + 32 + 32 = 256"
    assert first.input_shape == (192, 28, 28)
    assert len(first.bottlenecks) == 2
    for module in modules:
        assert sum(branch.channels for branch in module.branches) == module.output_shape[0]
        branches = [branch.cost for branch in module.branches]
        assert sum(cost.macs for cost in branches) == module.cost.macs
        assert sum(cost.parameters for cost in branches) == module.cost.parameters
        assert module.macs_without > module.cost.macs


def test_macs_without_reductions_are_those_of_a_module_built_without() -> None:
    first = inception_modules(costs.count(registry.spec("googlenet")))[0]
    area = 28 * 28
    assert first.macs_without == area * 192 * (64 + 9 * 128 + 9 * 32 + 32)


def test_networks_without_branches_have_no_such_modules() -> None:
    assert inception_modules(costs.count(registry.spec("vgg11"))) == ()


# --- global average pooling


def test_what_alexnet_and_vgg16_would_weigh_with_gap() -> None:
    alexnet = classifiers(costs.count(registry.spec("alexnet")))
    assert alexnet.maps == (256, 6, 6)
    assert alexnet.averaged == 256 * 1000 + 1000
    assert alexnet.network_averaged == 61_100_840 - 58_631_144 + 257_000
    vgg = classifiers(costs.count(registry.spec("vgg16")))
    assert vgg.own == 123_642_856
    assert vgg.averaged_formula == "512·1,000 + 1,000 = 513,000"
    assert vgg.flattened == 512 * 7 * 7 * 1000 + 1000
    assert not vgg.uses_average
    googlenet = classifiers(costs.count(registry.spec("googlenet")))
    assert googlenet.uses_average
    assert googlenet.network == 6_624_904
    assert classifiers(costs.count(registry.spec("googlenet")), 10).averaged == 10_250


def test_networks_without_a_classifier_have_nothing_to_average() -> None:
    bare = costs.count(nn.Sequential(nn.Conv2d(3, 2, 3), nn.ReLU()), 8)
    with pytest.raises(SettingError, match="nothing to average"):
        classifiers(bare)


# --- auxiliary heads


def test_where_googlenets_heads_sit() -> None:
    spec = registry.spec("googlenet")
    first, second = heads(spec)
    assert (first.name, first.after, first.shape) == ("aux1", "inception4a", (512, 14, 14))
    assert (second.name, second.after, second.shape) == ("aux2", "inception4d", (528, 14, 14))
    assert (first.depth, second.depth, first.network_depth) == (9, 15, 22)
    assert first.encoder_depth == 21  # all but the classifier's own layer
    assert first.parameters + second.parameters == 13_004_888 - 6_624_904
    assert first.macs == 512 * 128 * 16 + 2048 * 1024 + 1024 * 1000
    assert heads(registry.spec("alexnet")) == ()


def test_auxiliary_losses_are_added_with_their_weight() -> None:
    loss = auxiliary_loss(1.2, (2.0, 1.8))
    assert loss.total == pytest.approx(2.34)
    assert loss.formula == "1.20 + 0.3·2.00 + 0.3·1.80 = 2.34"
    # 6.91 + 0.3 · 6.91 + 0.3 · 6.91 would be 11.06.
    loss = auxiliary_loss(6.908, (6.908, 6.908))
    assert loss.formula == "6.908 + 0.3·6.908 + 0.3·6.908 = 11.053"
    with pytest.raises(SettingError, match="cannot be negative"):
        auxiliary_loss(1.0, (1.0,), -0.3)
