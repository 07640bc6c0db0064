"""Costs: known totals, rows that sum to them, an independent counter, and awkward networks."""

import pytest
import torch
import torchvision
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from convviz.errors import NetworkError, SettingError
from convviz.language import again, speaking
from convviz.networks import registry
from convviz.networks.catalogue import OF_THE_COURSE
from convviz.networks.network import NetworkSpec
from convviz.structure import costs
from convviz.structure.ops import kind_text
from tests.networks_for_tests import LooksAtValues, Shared

BUILT_IN = tuple(each.name for each in OF_THE_COURSE)


@pytest.fixture(scope="module")
def course_costs() -> dict[str, costs.Costs]:
    return {name: costs.count(registry.spec(name)) for name in BUILT_IN}


@pytest.mark.parametrize(
    ("name", "total", "decoder", "auxiliary"),
    [
        ("alexnet", 61_100_840, 58_631_144, 0),
        ("vgg16", 138_357_544, 123_642_856, 0),
        ("googlenet", 13_004_888, 1_025_000, 13_004_888 - 6_624_904),
    ],
)
def test_known_totals(
    course_costs: dict[str, costs.Costs], name: str, total: int, decoder: int, auxiliary: int
) -> None:
    network_costs = course_costs[name]
    assert network_costs.parameters_with_auxiliary == total
    assert network_costs.parameters == total - auxiliary
    assert network_costs.part("decoder").parameters == decoder
    assert network_costs.part("auxiliary").parameters == auxiliary


@pytest.mark.parametrize("name", BUILT_IN)
def test_rows_sum_to_parts_and_parts_to_the_whole(
    course_costs: dict[str, costs.Costs], name: str
) -> None:
    network_costs = course_costs[name]
    module = registry.spec(name).build()
    everything = sum(p.numel() for p in module.parameters())
    assert network_costs.parameters_with_auxiliary == everything
    rows = network_costs.layers
    assert everything == sum(row.weights + row.biases for row in rows)
    main = [row.parameters for row in rows if row.part != "auxiliary"]
    assert network_costs.parameters == sum(main)
    for quantity in ("parameters", "macs", "activation_bytes"):
        parts = [getattr(network_costs.part(part), quantity) for part in ("encoder", "decoder")]
        assert sum(parts) == getattr(network_costs, quantity)
    assert len({row.name for row in network_costs.layers}) == len(network_costs.layers)


@pytest.mark.parametrize("name", BUILT_IN)
def test_counts_agree_with_torchvisions_published_ones(
    course_costs: dict[str, costs.Costs], name: str
) -> None:
    enum, member = str(registry.spec(name).torchvision_weights).split(".")
    published = torchvision.models.get_weight(f"{enum}.{member}").meta
    network_costs = course_costs[name]
    assert network_costs.parameters == published["num_params"]
    # What torchvision calls GFLOPS are billions of multiply–accumulates.
    assert round(network_costs.macs / 1e9, 3) == pytest.approx(published["_ops"], abs=0.0006)


@pytest.mark.parametrize("name", ["alexnet", "vgg16", "googlenet"])
@pytest.mark.parametrize("size", [224, 131])
def test_macs_equal_half_the_flops_of_an_independent_counter(name: str, size: int) -> None:
    counter = FlopCounterMode(display=False)
    module = registry.spec(name).build().eval()
    with counter, torch.no_grad():
        module(torch.empty(1, 3, size, size, device="meta"))
    assert costs.flops(costs.count(registry.spec(name), size).macs) == counter.get_total_flops()


@pytest.mark.parametrize(
    ("name", "depth"),
    [("alexnet", 8), ("vgg11", 11), ("vgg13_bn", 13), ("vgg16", 16), ("vgg19", 19)],
)
def test_depth_counts_layers_with_kernels(
    course_costs: dict[str, costs.Costs], name: str, depth: int
) -> None:
    assert course_costs[name].depth == depth


def test_depth_is_the_longest_way_through_branches(course_costs: dict[str, costs.Costs]) -> None:
    assert course_costs["googlenet"].depth == 22  # "22 layers deep", says the paper


def test_functional_parts_are_rows_in_their_place(course_costs: dict[str, costs.Costs]) -> None:
    rows = course_costs["googlenet"].layers
    names = [row.name for row in rows]
    assert names[:4] == ["conv1.conv", "conv1.bn", "conv1.relu()", "maxpool1"]
    concatenation = rows[names.index("inception3a.cat()")]
    assert concatenation.kind == "concatenation"
    assert [shape[0] for shape in concatenation.input_shapes] == [64, 128, 32, 32]
    assert concatenation.output_shape == (256, 28, 28)
    assert names.index("inception3a.branch4.1.relu()") == names.index("inception3a.cat()") - 1
    assert "flatten()" in names
    idle = [row for row in rows if not row.executed]
    assert {row.name.split(".")[0] for row in idle} == {"aux1", "aux2"}
    assert all(row.macs == row.activation_bytes == 0 for row in idle)


def test_transform_input_is_one_row() -> None:
    module = registry.spec("googlenet").build(transform_input=True)
    first = costs.count(module).layers[0]
    assert (first.name, first.kind) == ("transform_input()", "input transform")
    assert first.input_shapes == ((3, 224, 224),)
    assert first.output_shape == (3, 224, 224)
    assert first.receptive_field == 1


def test_one_row_by_hand(course_costs: dict[str, costs.Costs]) -> None:
    row = course_costs["alexnet"].layers[3]
    assert (row.name, row.kind, row.part) == ("features.3", "convolution", "encoder")
    assert row.input_shapes == ((64, 27, 27),)
    assert row.output_shape == (192, 27, 27)
    assert row.window is not None
    assert (row.window.kernel, row.window.stride, row.window.padding) == ((5, 5), (1, 1), (2, 2))
    assert row.weights == 5 * 5 * 64 * 192
    assert row.biases == 192
    assert row.macs == 27 * 27 * 5 * 5 * 64 * 192
    assert row.output_bytes == row.activation_bytes == 4 * 192 * 27 * 27
    assert (row.receptive_field, row.jump) == (51, 8)
    assert not row.shares_memory
    assert course_costs["alexnet"].layers[4].shares_memory  # an in-place ReLU


def test_inception_branches_are_sums_of_rows(course_costs: dict[str, costs.Costs]) -> None:
    network_costs = course_costs["googlenet"]
    module = network_costs.within("inception3a")
    branches = [network_costs.within(f"inception3a.branch{i}") for i in (1, 2, 3, 4)]
    assert module.parameters == sum(branch.parameters for branch in branches)
    assert branches[0].parameters == 192 * 64 + 2 * 64


def test_kinds_in_titles_are_kept_in_english_and_told_again() -> None:
    with speaking("da"):
        rows = costs.count(registry.spec("googlenet")).layers
        told = {row.name: (row.title, again(row.title)) for row in rows}
    assert told["conv1.conv"] == ("conv1 · convolution", "conv1 · foldning")
    assert told["maxpool3"] == ("pool3", "pool3")
    joined = next(row for row in rows if row.kind == "concatenation")
    assert joined.title == "inception3a · concatenation"
    with speaking("da"):
        assert again(joined.title) == f"inception3a · {kind_text('concatenation')}"


def test_shared_parameters_count_once_and_unused_ones_are_kept() -> None:
    module = Shared()
    network_costs = costs.count(module, 8)
    by_name = {row.name: row for row in network_costs.layers}
    everything = sum(p.numel() for p in module.parameters())
    assert network_costs.parameters_with_auxiliary == everything
    assert network_costs.parameters == everything - 10  # without the idle layer
    assert by_name["again"].parameters == 4 * 4 * 9
    assert by_name["again #2"].parameters == 0
    assert by_name["again #2"].macs == by_name["again"].macs == 8 * 8 * 4 * 4 * 9
    assert by_name["mul()"].parameters == 4
    assert by_name["tied"].parameters == 4  # its bias; the weight was the other's first
    assert by_name["mm()"].macs == 16
    assert by_name["idle"].parameters == 10
    assert not by_name["idle"].executed
    assert by_name["max_pool2d()"].receptive_field == 8
    assert by_name["mean()"].output_shape == (4,)
    assert network_costs.part("encoder").parameters == 112 + 144 + 4


def test_a_network_that_looks_at_values_is_run_for_real() -> None:
    found = costs.count(LooksAtValues(), 5)
    assert [row.name for row in found.layers if row.macs] == ["conv"]
    assert found.macs == 9 * 9 * 3 * 2


def test_attention_is_counted_with_all_its_parameters() -> None:
    module = torchvision.models.vit_b_32(weights=None)
    network_costs = costs.count(module)
    assert network_costs.parameters == sum(p.numel() for p in module.parameters())
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad(), torch.device("meta"):
        module.to("meta").eval()(torch.empty(1, 3, 224, 224))
    assert costs.flops(network_costs.macs) == counter.get_total_flops()


class Attentive(nn.Module):
    """Attention over the patches of an image; it looks at values, if asked to."""

    def __init__(self, *, looks: bool) -> None:
        super().__init__()
        self.looks = looks
        self.conv = nn.Conv2d(3, 4, 4, stride=4)
        self.attention = nn.MultiheadAttention(4, 2, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.conv(x).flatten(2).transpose(1, 2)
        if self.looks and float(tokens.sum()) > 1e9:
            return tokens
        mixed: Tensor = self.attention(tokens, tokens, tokens, need_weights=False)[0]
        return mixed.mean(1)


def test_attention_is_counted_on_the_cpu_as_well() -> None:
    on_meta, for_real = (costs.count(Attentive(looks=looks), 16) for looks in (False, True))
    assert on_meta.macs == for_real.macs
    # Patches, three projections and one back, and 16 × 16 products of 4 values, twice.
    assert on_meta.macs == 16 * 48 * 4 + 4 * 16 * 4 * 4 + 2 * 16 * 16 * 4


def test_residual_network_of_a_user() -> None:
    spec = NetworkSpec("resnet18", "ResNet-18", lambda: torchvision.models.resnet18(weights=None))
    network_costs = costs.count(spec)
    assert network_costs.parameters == 11_689_512
    assert network_costs.depth == 18
    names = [row.name for row in network_costs.layers]
    assert "layer1.0.add()" in names
    assert "layer1.0.relu #2" in names
    assert (
        next(r for r in network_costs.layers if r.name == "layer4.1.add()").receptive_field == 435
    )


def test_counting_leaves_the_network_alone() -> None:
    module = Shared().train()
    costs.count(module, 8)
    assert module.training
    assert all(p.requires_grad and not p.is_meta for p in module.parameters())
    assert not module.first._forward_hooks
    assert not module.first._forward_pre_hooks


@pytest.mark.parametrize(("name", "least"), [("alexnet", 63), ("vgg16", 32), ("googlenet", 15)])
def test_too_small_a_picture_gets_the_least_size_that_works(name: str, least: int) -> None:
    with pytest.raises(SettingError, match=f"choose {least}×{least} or more"):
        costs.count(registry.spec(name), least - 1)
    assert costs.count(registry.spec(name), least).macs > 0


@pytest.mark.parametrize("size", [0, -3, 5000])
def test_sizes_that_are_none(size: int) -> None:
    with pytest.raises(SettingError, match="choose 1 to"):
        costs.count(registry.spec("alexnet"), size)


def test_a_norm_across_channels_behind_a_layer_that_cannot_be_followed_has_no_field() -> None:
    class Rolled(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.roll(x, 1)  # all in one row

    module = nn.Sequential(nn.Conv2d(3, 4, 1), Rolled(), nn.LocalResponseNorm(3), nn.ReLU())
    rows = {row.name: row for row in costs.count(module, 8).layers}
    assert rows["0"].receptive_field == 1
    assert [rows[name].field for name in ("1", "2", "3")] == [None, None, None]


def test_depth_goes_on_through_a_mean_of_other_memory_order() -> None:
    module = torchvision.models.convnext_tiny(weights=None)
    network_costs = costs.count(module, 64)
    # A stem, two convolutions and linear layers for each of 18 blocks, three reductions, a head.
    assert network_costs.depth == 1 + 3 * 18 + 3 + 1


@pytest.mark.parametrize(
    ("name", "depth"),
    [
        # A stem and a last convolution, 16 units of three (three times the first is one of five
        # convolutions, three on its longer branch), and the classifier.
        ("shufflenet_v2_x1_0", 1 + 16 * 3 + 1 + 1),
        # Patches, 12 blocks of qkv, projection and two linear layers, three mergings, the head.
        ("swin_t", 1 + 12 * 4 + 3 + 1),
    ],
)
def test_depth_goes_on_through_parts_and_permutations(name: str, depth: int) -> None:
    with torch.device("meta"):
        module = torchvision.models.get_model(name, weights=None)
    assert costs.count(module, 64).depth == depth


def test_depth_goes_on_through_parts_that_are_written_to() -> None:
    class Halves(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.two = nn.Conv2d(3, 3, 1), nn.Conv2d(3, 3, 1)
            self.last = nn.Conv2d(6, 2, 1)

        def forward(self, x: Tensor) -> Tensor:
            y = x.new_zeros(1, 6, *x.shape[2:])
            y[:, :3] = self.one(x)
            y[:, 3:].copy_(self.two(y[:, :3]))
            z: Tensor = self.last(y)
            return z

    assert costs.count(Halves(), 4).depth == 3


def test_what_does_not_depend_on_the_image_has_no_depth() -> None:
    class Bias(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.one, self.two = nn.Conv2d(3, 4, 1), nn.Linear(2, 8), nn.Linear(8, 4)

        def forward(self, x: Tensor) -> Tensor:
            bias = self.two(self.one(torch.ones(2)))
            y: Tensor = self.conv(x) + bias[:, None, None]
            return y

    assert costs.count(Bias(), 4).depth == 1


class OneSize(nn.Module):
    """Takes 8×8 pictures and no others."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(3 * 8 * 8, 2)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.fc(x.flatten(1))
        return y


def test_a_network_of_one_size_names_it() -> None:
    spec = NetworkSpec("one", "One", OneSize, input_size=8)
    with pytest.raises(SettingError, match="8×8"):
        costs.count(spec, 20)
    with pytest.raises(NetworkError, match="could not be run"):
        costs.count(OneSize(), 20)


# ---- what training keeps -------------------------------------------------------------------------


class KeptByHand(nn.Module):
    """Every kind of keeping once."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.relu = nn.ReLU(inplace=True)
        self.pool = nn.MaxPool2d(2)
        self.flatten = nn.Flatten()
        self.dropout = nn.Dropout(0.5)
        self.idle = nn.Dropout(0.0)
        self.fc = nn.Linear(4 * 4 * 4, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool(self.relu(self.norm(self.conv(x))))
        y: Tensor = self.fc(self.idle(self.dropout(self.flatten(x))))
        return y


def test_what_training_keeps_by_hand() -> None:
    rows = {row.name: row.activation_bytes for row in costs.count(KeptByHand(), 8).layers}
    maps = 4 * 4 * 8 * 8
    assert rows["conv"] == 4 * 3 * 8 * 8 + maps  # the image, and what the norm reads
    assert rows["norm"] == maps + 2 * 4 * 4  # what the ReLU overwrites; a mean and a deviation each
    assert rows["relu"] == 0  # in place
    assert rows["pool"] == 8 * 4 * 4 * 4  # where the maxima were; of its output the dropout needs
    assert rows["flatten"] == 0  # … no values
    assert rows["dropout"] == 2 * 4 * 64  # its mask, and what the linear layer reads
    assert rows["idle"] == 0
    assert rows["fc"] == 0  # nothing reads the scores


def test_a_relu_that_is_not_in_place_keeps_its_own_output_only() -> None:
    network = nn.Sequential(nn.Conv2d(3, 2, 1), nn.ReLU(), nn.Conv2d(2, 1, 1, bias=False))
    rows = {row.name: row.activation_bytes for row in costs.count(network, 5).layers}
    assert rows == {"0": 4 * 3 * 25, "1": 4 * 2 * 25, "2": 0}


@pytest.mark.parametrize(
    ("name", "megabytes"), [("vgg16", 73.355264), ("alexnet", 3.741184), ("googlenet", 48.22912)]
)
def test_what_training_keeps_of_the_courses_networks(
    course_costs: dict[str, costs.Costs], name: str, megabytes: float
) -> None:
    """The figures were taken from PyTorch's own hooks; tests/independent takes them again."""
    found = course_costs[name]
    assert found.activation_bytes == round(megabytes * 1e6)
    assert found.activation_bytes == sum(row.activation_bytes for row in found.layers)


def test_vgg16_by_hand(course_costs: dict[str, costs.Costs]) -> None:
    # The image, each ReLU's output (the memory of its convolution), each pooling's output and
    # indices, then two masks, two outputs of dropouts and two of ReLUs.
    sides = {64: (224, 2), 128: (112, 2), 256: (56, 3), 512: (28, 3)}
    maps = sum(channels * side**2 * count for channels, (side, count) in sides.items())
    maps += 512 * 14**2 * 3
    pooled = 64 * 112**2 + 128 * 56**2 + 256 * 28**2 + 512 * 14**2 + 512 * 7**2
    # Adaptive pooling to 7 × 7 makes a copy, which the first linear layer reads.
    last = 512 * 49
    hidden = 3 * 2 * 4096
    expected = 4 * (3 * 224**2 + maps + pooled + last + hidden) + 8 * pooled
    assert course_costs["vgg16"].activation_bytes == expected


# ---- bilinear and recurrent layers ---------------------------------------------------------------


class Recurrent(nn.Module):
    """The rows of an image's maps as a sequence, and a bilinear classifier."""

    def __init__(self, recurrent: nn.Module, width: int, *, looks: bool) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 5, 1)
        self.recurrent = recurrent
        self.bilinear = nn.Bilinear(width, width, 4)
        self.looks = looks

    def forward(self, x: Tensor) -> Tensor:
        sequence = self.conv(x).flatten(2).transpose(1, 2)
        if self.looks and float(sequence.detach().sum()) > 1e9:
            return sequence
        last = self.recurrent(sequence)[0][:, -1]
        y: Tensor = self.bilinear(last, last)
        return y


@pytest.mark.parametrize("looks", [False, True], ids=["on meta", "on zeros"])
@pytest.mark.parametrize(
    ("recurrent", "width", "kind", "layers", "products"),
    [
        # Four gates of 7 units read 5 values and 7 remembered ones; the second layer reads 7 and 7.
        (nn.LSTM(5, 7, 2, batch_first=True), 7, "LSTM", 2, 4 * 7 * (5 + 7) + 4 * 7 * (7 + 7)),
        (nn.GRU(5, 7, batch_first=True), 7, "GRU", 1, 3 * 7 * (5 + 7)),
        (nn.RNN(5, 7, batch_first=True, bidirectional=True), 14, "RNN", 1, 2 * 7 * (5 + 7)),
    ],
    ids=["LSTM", "GRU", "RNN"],
)
def test_recurrent_layers_by_hand(
    recurrent: nn.Module, width: int, kind: str, layers: int, products: int, looks: bool
) -> None:
    rows = {r.name: r for r in costs.count(Recurrent(recurrent, width, looks=looks), 4).layers}
    assert rows["recurrent"].kind == kind
    assert rows["recurrent"].macs == 16 * products
    assert rows["recurrent"].depth == 1 + layers
    assert (rows["bilinear"].macs, rows["bilinear"].depth) == (4 * width * width, 2 + layers)
    assert rows["bilinear"].kind == "bilinear"


def test_a_bilinear_layer_counts_each_row_of_its_input() -> None:
    class Rows(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.bilinear = nn.Bilinear(6, 6, 2, bias=False)

        def forward(self, x: Tensor) -> Tensor:
            y: Tensor = self.bilinear(x, x)
            return y

    # 3 channels of 6 rows: 18 rows of 6 values.
    assert costs.count(Rows(), 6).macs == 18 * 2 * 6 * 6


def test_a_cells_steps_are_no_depth() -> None:
    class Steps(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.cell = nn.GRUCell(3, 4)
            self.fc = nn.Linear(4, 2)

        def forward(self, x: Tensor) -> Tensor:
            state = None
            for column in x[0, :, 0].T:
                state = self.cell(column[None], state)
            y: Tensor = self.fc(state)
            return y

    found = costs.count(Steps(), 5)
    assert found.depth == 2
    assert found.macs == 5 * 3 * 4 * (3 + 4) + 4 * 2


def test_a_transformers_layer_that_is_one_operation_counts_as_its_parts() -> None:
    class Layered(nn.Module):
        def __init__(self, *, looks: bool) -> None:
            super().__init__()
            self.looks = looks
            self.conv = nn.Conv2d(3, 8, 2, stride=2)
            self.layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)

        def forward(self, x: Tensor) -> Tensor:
            tokens = self.conv(x).flatten(2).transpose(1, 2)
            if self.looks and float(tokens.detach().sum()) > 1e9:
                return tokens
            mixed: Tensor = self.layer(tokens)
            return mixed.mean(1)

    on_meta, for_real = (costs.count(Layered(looks=looks), 8) for looks in (False, True))
    # 16 tokens of 8: three projections and one back, two linear layers, and 16 × 16 pairs twice.
    by_hand = 16 * 8 * 3 * 4 + 16 * (4 * 64 + 2 * 128) + 2 * 16 * 16 * 8
    assert on_meta.macs == for_real.macs == by_hand
    assert on_meta.depth >= 5


# ---- encoder and decoder -------------------------------------------------------------------------


def test_batch_norm_follows_where_the_data_flows_into_one() -> None:
    class Beside(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one = nn.Conv2d(3, 4, 1, bias=False)
            self.norm = nn.BatchNorm2d(4)
            self.other = nn.Conv2d(4, 4, 1, bias=False)

        def forward(self, x: Tensor) -> Tensor:
            y: Tensor = self.other(self.norm(self.one(x)))
            return y

    rows = {row.name: row for row in costs.count(Beside(), 3).layers}
    assert (rows["one"].norm_follows, rows["other"].norm_follows) == (True, False)


@pytest.mark.claims(
    "convviz.structure.costs._refusal", "convviz.structure.input_size.size_sentence"
)
@pytest.mark.parametrize(("name", "size", "least"), [("alexnet", 62, 63), ("vgg16", 1, 32)])
def test_the_size_that_a_refusal_names_is_the_least(name: str, size: int, least: int) -> None:
    expected = f"cannot take an image of {size}×{size} pixels: choose {least}×{least} or more."
    with pytest.raises(SettingError, match=expected):
        costs.count(registry.spec(name), size)
    module = registry.spec(name).build()
    module(torch.zeros(1, 3, least, least, device="meta"))
    with pytest.raises(RuntimeError):
        module(torch.zeros(1, 3, least - 1, least - 1, device="meta"))
