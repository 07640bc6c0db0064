"""The recording that ships: its moments, its maps, its log."""

import pytest
import torch
from torch.nn.functional import batch_norm, conv2d, relu

from convviz.features.activations import activations
from convviz.features.capture import capture, input_for
from convviz.images.decode import decode
from convviz.images.samples import sample
from convviz.learning import recording
from convviz.learning.snapshots import Maps
from convviz.networks.clone import clone
from convviz.networks.network import Network
from convviz.weights.load import load

CAT = decode(sample("cat").read())


def network_at(step: int) -> Network:
    """Return GoogLeNet with its first layers as they were after so many steps."""
    bundled = load("googlenet", "bundled")
    module = clone(bundled.module)
    module.load_state_dict(recording.state_at(step), strict=False, assign=True)
    return Network(bundled.spec, module.requires_grad_(False), bundled.weights)


def test_its_moments_run_from_the_first_step_to_the_last() -> None:
    assert recording.steps() == (0, 20, 100, 300, 1000, 3000, 8302)
    log = recording.log()
    assert log.steps == recording.steps()[-1]
    assert [p.step for p in log.points] == sorted(p.step for p in log.points)
    assert log.points[0].loss > log.points[-1].loss
    assert log.points[0].step == 100


def test_the_last_moment_is_the_bundled_network() -> None:
    last, bundled = network_at(8302), load("googlenet", "bundled")
    for layer in recording.recorded_layers():
        ours = activations(last, CAT, layer.name).maps
        assert torch.equal(ours, activations(bundled, CAT, layer.name).maps), layer.name


def test_the_first_moment_is_untrained() -> None:
    first = network_at(0)
    # He et al. 2015, by outputs, as the training drew it: standard deviation √(2 / (64·7·7)).
    weight = first.module.get_submodule("conv1.conv").weight
    assert float(weight.std()) == pytest.approx((2 / (64 * 49)) ** 0.5, rel=0.05)
    norm = first.module.get_submodule("conv1.bn")
    assert norm.running_mean.eq(0).all()
    assert norm.running_var.eq(1).all()
    assert norm.weight.eq(1).all()
    maps = activations(first, CAT, "conv1").maps
    assert not torch.equal(maps, activations(network_at(20), CAT, "conv1").maps)


def test_snapshots_show_what_the_networks_answer() -> None:
    result = recording.snapshots(CAT, "conv3")
    assert tuple(each.step for each in result) == recording.steps()
    assert [each.kept for each in result] == [False] * 6 + [True]
    for each in (result[0], result[3], result[-1]):
        network = network_at(each.step)
        expected = Maps.of(activations(network, CAT, "conv3"))
        (maps,) = each.maps
        assert torch.equal(maps.levels, expected.levels)
        assert torch.equal(maps.maximum, expected.maximum)
        assert torch.equal(each.kernels, network.module.get_submodule("conv1.conv").weight)


def test_empty_channels_are_those_of_a_pass_written_out() -> None:
    network = network_at(8302)
    x = input_for(network, CAT)
    for snapshot in recording.snapshots(CAT, "conv1"):
        state = recording.state_at(snapshot.step)
        y = conv2d(x, state["conv1.conv.weight"], stride=2, padding=3)
        mean, variance = state["conv1.bn.running_mean"], state["conv1.bn.running_var"]
        weight, bias = state["conv1.bn.weight"], state["conv1.bn.bias"]
        y = relu(batch_norm(y, mean, variance, weight, bias, eps=1e-3))
        assert snapshot.maps[0].empty == sum(float(channel.max()) <= 0 for channel in y[0])


def test_looking_back_leaves_the_bundled_network_alone() -> None:
    bundled = load("googlenet", "bundled")
    x = torch.zeros(1, 3, 64, 64)
    before = capture(bundled.module, x, ["conv1"])["conv1"]
    recording.snapshots(CAT, "conv1")
    assert torch.equal(before, capture(bundled.module, x, ["conv1"])["conv1"])


def test_the_layers_end_with_inception3a() -> None:
    names = [layer.name for layer in recording.recorded_layers()]
    assert names[0] == "conv1"
    assert names[-1] == "inception3a"
    assert not any(name.startswith(("inception3b", "aux", "fc")) for name in names)
