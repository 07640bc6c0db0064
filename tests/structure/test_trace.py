"""Running a user's network once: whatever it returns, and whatever it does wrong."""

import gc
import weakref
from collections import namedtuple
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from convviz.errors import NetworkError
from convviz.structure import trace as tracer
from convviz.structure.layers import Layer
from convviz.structure.trace import TraceError, call_counts, record, trace
from tests.networks_for_tests import Broken, Empty

Read = Callable[..., dict[str, Layer]]


class TestRecord:
    """What is recorded of one pass."""

    @pytest.fixture
    def module(self) -> nn.Module:
        return nn.Sequential(
            nn.Conv2d(3, 2, 1), nn.ReLU(inplace=True), nn.Dropout(), nn.Flatten(), nn.Linear(8, 2)
        ).eval()

    def test_nothing_is_kept_of_a_pass_that_needed_gradients(self, module: nn.Module) -> None:
        _, output = record(module, torch.zeros(1, 3, 2, 2), gradients=True)
        kept = weakref.ref(output)
        del output
        gc.collect()
        assert kept() is None

    def test_a_network_may_differentiate_inside_its_forward(self) -> None:
        class Force(nn.Module):
            def forward(self, images: Tensor) -> Tensor:
                with torch.enable_grad():
                    images = images.detach().requires_grad_()
                    return torch.autograd.grad((images**2).sum(), images)[0]

        _, output = record(Force(), torch.full((1, 3, 2, 2), 3.0), gradients=True)
        assert output.tolist() == torch.full((1, 3, 2, 2), 6.0).tolist()

    def test_calls_are_listed_in_the_order_in_which_they_end(self, module: nn.Module) -> None:
        calls = trace(module, 2).calls
        assert [call.name for call in calls] == ["0", "1", "2", "3", "4", ""]
        assert [call.position for call in calls] == [1, 2, 3, 4, 5, 0]
        assert [call.parent for call in calls] == [0, 0, 0, 0, 0, -1]
        assert (calls[0].shape, calls[-1].shape) == ((1, 2, 2, 2), (1, 2))
        assert [call.leaf for call in calls] == [True] * 5 + [False]

    def test_writing_in_place_makes_a_new_value_in_the_same_memory(self, module: nn.Module) -> None:
        convolution, relu, dropout, *_ = trace(module, 2).calls
        assert relu.inputs == (convolution.output,)
        assert convolution.output is not None
        assert relu.output is not None
        assert relu.output is not convolution.output
        assert relu.output.memory == convolution.output.memory
        assert dropout.output is relu.output

    def test_operations_know_their_arguments_parameters_and_calls(self, module: nn.Module) -> None:
        found = trace(module, 2)
        named = {operation.name: operation for operation in found.operations}
        convolution = named["convolution"]
        assert convolution.arguments["weight"] == (2, 3, 1, 1)
        assert convolution.arguments["groups"] == 1
        assert convolution.parameters == ("0.weight", "0.bias")
        assert convolution.sources == (found.image,)
        assert [value.stored for value in convolution.inputs] == [False, True, True]
        assert named["relu"].parameters == ()
        assert set(named["addmm"].parameters) == {"4.weight", "4.bias"}
        assert found.calls[-2].position == named["addmm"].call

    def test_writing_to_a_view_changes_what_the_whole_tensor_holds(self) -> None:
        class Half(nn.Module):
            def forward(self, x: Tensor) -> Tensor:
                x = x + 1
                x[:, :2].relu_()
                return x

        found = trace(Half(), 2)
        output = found.calls[-1].output
        assert output is not None
        assert output.before is found.operations[0].output
        assert tracer.lookup({found.operations[0].output: "known"}, output) == "known"

    def test_it_is_recorded_once_for_each_size(self, module: nn.Module) -> None:
        assert trace(module, 2) is trace(module, (3, 2, 2))
        assert trace(module, 2) is not trace(module, 2, train=True)

    def test_no_hook_stays_and_a_failed_pass_says_how_far_it_came(self, module: nn.Module) -> None:
        with pytest.raises(TraceError) as error:
            record(module, torch.zeros(1, 3, 5, 5))
        assert (error.value.name, error.value.shape) == ("4", (1, 50))
        assert [call.name for call in error.value.trace.calls] == ["0", "1", "2", "3"]
        assert not any(part._forward_hooks or part._forward_pre_hooks for part in module.modules())

    def test_calls_are_counted_under_every_name_of_a_module(self) -> None:
        relu = nn.ReLU()
        module = nn.Sequential(nn.Conv2d(3, 3, 1), relu, nn.Conv2d(3, 3, 1), relu, nn.Linear(9, 1))
        counts = call_counts(module, torch.zeros(1, 3, 2, 2))
        assert counts == {"0": 1, "1": 2, "3": 2, "2": 1}, "the linear layer does not fit"

    def test_a_pass_in_train_mode_leaves_the_statistics_alone(self) -> None:
        class Looks(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.norm = nn.BatchNorm2d(3)

            def forward(self, x: Tensor) -> Tensor:
                return self.norm(x + 1) if float(x.sum()) < 1 else x

        module = Looks()
        assert trace(module, 2, train=True).on_zeros
        assert float(module.norm.running_mean.abs().sum()) == 0
        assert int(module.norm.num_batches_tracked) == 0


class TestOutputs:
    """Whatever a network returns, its layers are found."""

    @dataclass
    class Record:
        """What some libraries return."""

        logits: Tensor

    @pytest.mark.parametrize(
        "wrap",
        [
            lambda x: {"out": x},
            lambda x: (x, None),
            lambda x: [x],
            namedtuple("Named", "logits")._make,
            Record,
        ],
    )
    def test_of_any_kind(self, read: Read, wrap: Callable[[Any], Any]) -> None:
        class Wrapped(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.conv = nn.Conv2d(3, 2, 1)

            def forward(self, x: Tensor) -> object:
                x = self.conv(x)
                return wrap([x] if getattr(wrap, "__name__", "") == "_make" else x)

        found = read(nn.Sequential(Wrapped()))
        assert list(found) == ["0.conv"]

    def test_of_tokens_are_maps_where_they_stand_for_places(self, read: Read) -> None:
        class Tokens(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.conv = nn.Conv2d(3, 4, 4, stride=4)
                self.norm = nn.LayerNorm(4)
                self.fc = nn.Linear(4, 2)

            def forward(self, x: Tensor) -> Tensor:
                tokens = self.norm(self.conv(x).flatten(2).transpose(1, 2))  # (N, 4, 4)
                return self.fc(tokens.mean(1))

        found = read(Tokens())
        assert list(found) == ["conv", "norm", "fc"]
        assert found["norm"].shape == (4, 2, 2)


class TestFaults:
    def test_a_network_that_looks_at_its_numbers_is_run_on_zeros(self, read: Read) -> None:
        class DisplayOptions(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.conv = nn.Conv2d(3, 2, 1)

            def forward(self, x: Tensor) -> Tensor:
                x = self.conv(x)
                return functional.relu(x) if x.sum().item() < 1e9 else x

        assert read(DisplayOptions())["conv"].pre_relu is None, (
            "the sum reads what is below zero as well"
        )
        assert read(DisplayOptions())["conv"].shape == (2, 8, 8)

    def test_another_number_of_channels_is_refused_in_a_sentence(self, read: Read) -> None:
        with pytest.raises(NetworkError, match=r"Own cannot be run .* 3 × 8 × 8 .*: layer 0 fails"):
            read(nn.Sequential(nn.Conv2d(5, 2, 1)))
        with pytest.raises(NetworkError, match=r"Own cannot be run .* 1 × 8 × 8 .*: layer 1 fails"):
            read(nn.Sequential(nn.Conv2d(1, 2, 1), nn.Conv2d(1, 2, 1)))

    def test_an_error_in_forward_is_told(self, read: Read) -> None:
        with pytest.raises(NetworkError, match=r"its forward\(\) fails with “KeyError: 'weights'”"):
            read(Broken())

    def test_a_network_without_layers_is_refused(self, read: Read) -> None:
        with pytest.raises(NetworkError, match="no layer"):
            read(Empty())

    def test_an_encoder_may_end_with_a_group_of_layers(self, read: Read) -> None:
        module = nn.Sequential()
        module.add_module("body", nn.Sequential(nn.Conv2d(3, 2, 1), nn.ReLU()))
        module.add_module("head", nn.Conv2d(2, 2, 1))
        found = read(module, encoder_end="body")
        assert [each.in_encoder for each in found.values()] == [True, True, False]
        with pytest.raises(NetworkError, match="no layer tail"):
            read(module, encoder_end="tail")
