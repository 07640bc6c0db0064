"""Running a user's network once: whatever it returns, and whatever it does wrong."""

from collections import namedtuple
from dataclasses import dataclass

import pytest
from torch import Tensor, nn
from torch.nn import functional

from convviz.errors import NetworkError


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
    def test_of_any_kind(self, read, wrap):
        class Wrapped(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.conv = nn.Conv2d(3, 2, 1)

            def forward(self, x: Tensor) -> object:
                x = self.conv(x)
                return wrap([x] if getattr(wrap, "__name__", "") == "_make" else x)

        found = read(nn.Sequential(Wrapped()))
        assert list(found) == ["0.conv"]

    def test_of_other_shapes_are_no_layers(self, read):
        class Tokens(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.conv = nn.Conv2d(3, 4, 4, stride=4)
                self.norm = nn.LayerNorm(4)
                self.fc = nn.Linear(4, 2)

            def forward(self, x: Tensor) -> Tensor:
                tokens = self.norm(self.conv(x).flatten(2).transpose(1, 2))  # (N, 4, 4)
                return self.fc(tokens.mean(1))

        assert list(read(Tokens())) == ["conv", "fc"]


class TestFaults:
    def test_a_network_that_looks_at_its_numbers_is_run_on_zeros(self, read):
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

    def test_another_number_of_channels_is_refused_in_a_sentence(self, read):
        with pytest.raises(NetworkError, match=r"Own cannot be run .* 3 × 8 × 8 .*: layer 0 fails"):
            read(nn.Sequential(nn.Conv2d(1, 2, 1)))

    def test_an_error_in_forward_is_told(self, read):
        class Broken(nn.Module):
            def forward(self, x: Tensor) -> Tensor:
                raise KeyError("weights")

        with pytest.raises(NetworkError, match=r"its forward\(\) fails with “KeyError: 'weights'”"):
            read(Broken())

    def test_a_network_without_layers_is_refused(self, read):
        class Empty(nn.Module):
            def forward(self, x: Tensor) -> Tensor:
                return x

        with pytest.raises(NetworkError, match="no layer"):
            read(Empty())

    def test_an_encoder_may_end_with_a_group_of_layers(self, read):
        module = nn.Sequential()
        module.add_module("body", nn.Sequential(nn.Conv2d(3, 2, 1), nn.ReLU()))
        module.add_module("head", nn.Conv2d(2, 2, 1))
        found = read(module, encoder_end="body")
        assert [each.in_encoder for each in found.values()] == [True, True, False]
        with pytest.raises(NetworkError, match="no layer tail"):
            read(module, encoder_end="tail")
