import copy
import gc
import threading
import weakref
from dataclasses import dataclass
from typing import Any

import pytest
import torch
import torchvision
from PIL import Image
from torch import Tensor, nn

from convviz.errors import ImageError, NetworkError, SettingError
from convviz.features.capture import (
    capture,
    capture_with_input,
    check_images,
    input_batches,
    input_for,
    observe,
    truncated,
)
from convviz.images.decode import decode
from convviz.images.samples import sample
from tests.networks_for_tests import network_of


def untrained(name: str) -> nn.Module:
    options: dict[str, Any] = {"init_weights": False} if name in ("googlenet", "vgg11") else {}
    return getattr(torchvision.models, name)(**options).eval()


def by_hand(module: nn.Module, batch: Tensor) -> dict[str, Tensor]:
    """Every module's last output, kept by hooks on a deep copy."""
    copied = copy.deepcopy(module)
    kept: dict[str, Tensor] = {}
    for name, part in copied.named_modules():
        if name:
            part.register_forward_hook(
                lambda _m, _i, output, name=name: kept.__setitem__(name, output.clone())
            )
    with torch.no_grad():
        copied(batch)
    return kept


def state_of(module: nn.Module) -> list[Any]:
    return [
        (part.training, len(part._forward_hooks), [p.requires_grad for p in part.parameters(False)])
        for part in module.modules()
    ]


@pytest.fixture(scope="module", params=["alexnet", "vgg11", "googlenet", "resnet18"])
def real(request: pytest.FixtureRequest) -> tuple[nn.Module, Tensor, dict[str, Tensor]]:
    module = untrained(request.param)
    batch = torch.randn(1, 3, 96, 96, generator=torch.Generator().manual_seed(1))
    return module, batch, by_hand(module, batch)


class TestRealNetworks:
    def test_every_layer_equals_a_pass_by_hand(
        self, real: tuple[nn.Module, Tensor, dict[str, Tensor]]
    ) -> None:
        module, batch, expected = real
        before = state_of(module)
        captured = capture(module, batch, list(expected))
        assert list(captured) == list(expected)
        for name, output in expected.items():
            assert torch.equal(captured[name], output), name
            assert captured[name].dtype == torch.float32
        assert state_of(module) == before

    def test_one_layer_at_a_time_and_truncated_equal_it_too(
        self, real: tuple[nn.Module, Tensor, dict[str, Tensor]]
    ) -> None:
        module, batch, expected = real
        for name in [*list(expected)[::9], list(expected)[-1]]:
            assert torch.equal(capture(module, batch, [name])[name], expected[name]), name
            assert torch.equal(truncated(module, name)(batch), expected[name]), name

    def test_thirty_threads_ask_for_different_layers_at_once(
        self, real: tuple[nn.Module, Tensor, dict[str, Tensor]]
    ) -> None:
        module, batch, expected = real
        before = state_of(module)
        names = (list(expected) * 30)[:: max(1, len(expected) // 7)][:30]
        start = threading.Barrier(len(names))
        wrong: list[str] = []

        def ask(name: str) -> None:
            start.wait()
            if not torch.equal(capture(module, batch, [name])[name], expected[name]):
                wrong.append(name)

        threads = [threading.Thread(target=ask, args=(name,)) for name in names]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(threads) == 30
        assert wrong == []
        assert state_of(module) == before


def test_vgg16_equals_a_pass_by_hand() -> None:
    with torch.device("meta"):
        module = torchvision.models.vgg16(init_weights=False)
    module = module.to_empty(device="cpu").eval()
    generator = torch.Generator().manual_seed(0)
    for parameter in module.features.parameters():
        parameter.data.normal_(0, 0.05, generator=generator)
    for parameter in module.classifier.parameters():
        parameter.data.zero_()
    batch = torch.randn(1, 3, 64, 64, generator=generator)
    expected = by_hand(module, batch)
    captured = capture(module, batch, list(expected))
    assert all(torch.equal(captured[name], expected[name]) for name in expected)


class TestCapture:
    RED = torch.tensor([1.0, 0.5, -1.0, 2.0]).view(1, 1, 2, 2)

    @pytest.fixture
    def batch(self) -> Tensor:
        return torch.cat([self.RED, torch.zeros(1, 2, 2, 2)], dim=1)

    def test_a_relu_in_place_does_not_reach_what_was_captured(
        self, red_channels: nn.Module, batch: Tensor
    ) -> None:
        captured = capture(red_channels, batch, ["conv", "relu", "pool", "fc"])
        assert captured["conv"].flatten(2).tolist() == [
            [[1.0, 0.5, -1.0, 2.0], [-2.0, -1.0, 2.0, -4.0], [-5.0] * 4]
        ]
        assert captured["relu"].flatten(2).tolist() == [
            [[1.0, 0.5, 0.0, 2.0], [0.0, 0.0, 2.0, 0.0], [0.0] * 4]
        ]
        assert captured["pool"].flatten().tolist() == [2.0, 2.0, 0.0]
        assert captured["fc"].tolist() == [[2.0, 2.0]]

    def test_what_comes_back_is_ordinary_memory_of_its_own(
        self, red_channels: nn.Module, batch: Tensor
    ) -> None:
        target = capture(red_channels, batch, ["conv"])["conv"]
        assert not target.is_inference()
        assert target.is_contiguous()
        guess = torch.zeros_like(target, requires_grad=True)
        nn.functional.mse_loss(guess, target).backward()
        assert guess.grad is not None

    def test_nothing_after_the_last_layer_is_run(self, batch: Tensor) -> None:
        class Bomb(nn.Module):
            def forward(self, batch: Tensor) -> Tensor:
                raise RuntimeError("this part was run")

        module = nn.Sequential(nn.Conv2d(3, 2, 1), nn.ReLU(), Bomb())
        assert capture(module, batch, ["1", "0"])["1"].shape == (1, 2, 2, 2)
        assert truncated(module, "0")(batch).shape == (1, 2, 2, 2)

    def test_a_pass_that_raises_leaves_no_hook_and_no_flag_changed(self, batch: Tensor) -> None:
        class Picky(nn.Module):
            def forward(self, batch: Tensor) -> Tensor:
                raise RuntimeError("I do not like this picture")

        module = nn.Sequential(nn.Conv2d(3, 2, 1), Picky(), nn.ReLU())
        module.train()
        before = state_of(module)
        with pytest.raises(RuntimeError, match="do not like"):
            capture(module, batch, ["0", "2"])
        assert state_of(module) == before

    def test_of_a_module_called_twice_the_last_call_counts(self, batch: Tensor) -> None:
        class Twice(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.add = nn.Hardtanh(-100, 100)
                self.end = nn.Identity()

            def forward(self, batch: Tensor) -> Tensor:
                return self.end(self.add(self.add(batch) + 10))

        module = Twice()
        assert torch.equal(capture(module, batch, ["add"])["add"], batch + 10)
        assert torch.equal(truncated(module, "add")(batch), batch + 10)

    def test_modules_that_meta_tensors_cannot_run_are_counted_for_real(self, batch: Tensor) -> None:
        class Fickle(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.relu = nn.ReLU()

            def forward(self, batch: Tensor) -> Tensor:
                batch = self.relu(batch)
                return self.relu(batch - 1) if batch.max().item() > 0 else batch

        expected = (batch.relu() - 1).relu()
        assert torch.equal(capture(Fickle(), batch, ["relu"])["relu"], expected)
        assert torch.equal(truncated(Fickle(), "relu")(batch), expected)
        # An image for which it runs once, after one for which it ran twice.
        fickle = Fickle()
        assert torch.equal(capture(fickle, batch, ["relu"])["relu"], expected)
        assert torch.equal(capture(fickle, -batch.abs(), ["relu"])["relu"], batch * 0)

    def test_observe_keeps_only_what_it_is_told_to(
        self, red_channels: nn.Module, batch: Tensor
    ) -> None:
        maxima = observe(
            red_channels, batch, ["conv", "relu"], lambda output: output.amax((0, 2, 3))
        )
        assert maxima["conv"].tolist() == [2.0, 2.0, -5.0]
        assert maxima["relu"].tolist() == [2.0, 2.0, 0.0]

    def test_an_unknown_layer_names_near_matches(self, batch: Tensor) -> None:
        module = untrained("alexnet")
        for ask in (lambda: capture(module, batch, ["features.99"]), lambda: truncated(module, "")):
            with pytest.raises(NetworkError, match="no layer called"):
                ask()
        with pytest.raises(NetworkError, match=r"near matches: .*features\.9"):
            truncated(module, "features.99")

    def test_a_layer_that_never_runs(self, batch: Tensor) -> None:
        module = untrained("googlenet")
        with pytest.raises(NetworkError, match="does not run"):
            capture(module, torch.zeros(1, 3, 64, 64), ["aux1.conv"])
        with pytest.raises(NetworkError, match="does not run"):
            truncated(module, "aux1.conv")(torch.zeros(1, 3, 64, 64))

    def test_of_several_tensors_the_first_counts_and_without_any_there_is_a_sentence(
        self, batch: Tensor
    ) -> None:
        class Several(nn.Module):
            def forward(self, batch: Tensor) -> tuple[Tensor, Tensor]:
                return batch * 2, batch

        class Text(nn.Module):
            def forward(self, batch: Tensor) -> tuple[str]:
                return ("x",)

        assert capture(nn.Sequential(Several()), batch, ["0"])["0"].equal(batch * 2)
        with pytest.raises(NetworkError, match="a tuple without a tensor"):
            capture(nn.Sequential(Text()), batch, ["0"])

    def test_input_for_uses_the_numbers_of_network_and_weights(
        self, red_channels: nn.Module
    ) -> None:
        batch = input_for(network_of(red_channels, side=48), decode(sample("cat").read()))
        assert batch.shape == (1, 3, 48, 48)
        assert 0 <= batch.min() < batch.max() <= 1


class TestTruncated:
    def test_gradients_flow_to_the_batch_only(self) -> None:
        module = untrained("alexnet")
        cut = truncated(module, "features.6")
        assert not any(parameter.requires_grad for parameter in cut.parameters())
        batch = torch.rand(1, 3, 64, 64, requires_grad=True)
        cut(batch).square().sum().backward()
        assert batch.grad is not None
        assert batch.grad.abs().sum() > 0
        whole = batch.detach().clone().requires_grad_()
        module.features[:7](whole).square().sum().backward()
        assert torch.equal(batch.grad, whole.grad)

    @pytest.mark.parametrize("name", ["alexnet", "resnet18"])
    def test_other_memory_formats_and_autocast(self, name: str) -> None:
        module = untrained(name)
        layer = {"alexnet": "features.8", "resnet18": "layer2.0.relu"}[name]
        batch = torch.rand(1, 3, 64, 64)
        expected = by_hand(module, batch)[layer]
        cut = truncated(module, layer).to(memory_format=torch.channels_last)
        last = batch.contiguous(memory_format=torch.channels_last)
        assert torch.allclose(cut(last), expected, atol=1e-4)
        with torch.autocast("cpu", torch.bfloat16):
            half = cut(last)
        assert half.dtype == torch.bfloat16 or name == "resnet18"
        assert (half - expected).norm() < 0.05 * expected.norm()
        kernels = [p for p in module.parameters() if p.dim() == 4 and p.shape[2] > 1]
        assert all(kernel.is_contiguous() for kernel in kernels)

    def test_it_changes_neither_the_network_nor_its_hooks(self) -> None:
        module = untrained("alexnet")
        before = state_of(module)
        truncated(module, "features.3")(torch.rand(2, 3, 64, 64))
        assert state_of(module) == before

    def test_nothing_of_a_pass_stays_in_memory(self) -> None:
        cut = truncated(untrained("alexnet"), "features.6")
        seen: list[weakref.ref[Tensor]] = []
        cut.get_submodule("network.features.3").register_forward_hook(
            lambda _m, _i, output: seen.append(weakref.ref(output))
        )
        gc.disable()
        try:
            with torch.no_grad():
                cut(torch.rand(1, 3, 64, 64))
            assert [reference() for reference in seen] == [None]
        finally:
            gc.enable()


class TestInputsOfModules:
    def test_the_input_of_a_module_is_kept_beside_the_output_of_a_later_layer(
        self, red_channels: nn.Module
    ) -> None:
        batch = torch.arange(48.0).reshape(1, 3, 4, 4) - 20
        before = state_of(red_channels)
        inputs, output = capture_with_input(red_channels, batch, "pool", "relu")
        # The ReLU works in place: what it was given is kept as it was.
        assert torch.equal(inputs, capture(red_channels, batch, ["conv"])["conv"][0])
        assert torch.equal(output, capture(red_channels, batch, ["pool"])["pool"][0])
        assert state_of(red_channels) == before

    def test_a_layer_can_be_asked_for_its_own_input(self, red_channels: nn.Module) -> None:
        batch = torch.ones(1, 3, 4, 4)
        inputs, _ = capture_with_input(red_channels, batch, "conv", "conv")
        assert torch.equal(inputs, batch[0])


class TestSets:
    @dataclass(frozen=True)
    class Colours:
        """Images of one colour each; None stands for one that cannot be read."""

        colours: tuple[str | None, ...]
        name: str = "colours"

        @property
        def titles(self) -> tuple[str, ...]:
            return tuple(str(index) for index in range(len(self.colours)))

        def __len__(self) -> int:
            return len(self.colours)

        def image(self, place: int) -> Image.Image:
            colour = self.colours[place]
            if colour is None:
                raise ImageError("It is not an image.")
            return Image.new("RGB", (4, 4), colour)

    def test_batches_leave_out_what_cannot_be_read(self, red_channels: nn.Module) -> None:
        network = network_of(red_channels)
        images = self.Colours(("red", None, "lime", "blue", None, "white"))
        first, second = input_batches(network, images)
        assert (first.indices, first.done, first.seen) == ((0, 2, 3), 4, 3)
        assert first.inputs.shape == (3, 3, 4, 4)
        assert [left.title for left in first.left_out] == ["1"]
        assert (second.indices, second.done, second.seen) == ((5,), 6, 4)
        assert [left.title for left in second.left_out] == ["1", "4"]
        (rest,) = input_batches(network, images, first.done, first.left_out)
        assert (rest.indices, rest.left_out) == (second.indices, second.left_out)
        assert torch.equal(rest.inputs, second.inputs)

    def test_a_batch_may_hold_nothing(self, red_channels: nn.Module) -> None:
        images = self.Colours((None, None, None, None, "red"))
        first, _ = input_batches(network_of(red_channels), images)
        assert (len(first.inputs), first.indices, first.seen) == (0, (), 0)

    @pytest.mark.claims("convviz.features.capture.none_readable")
    def test_a_set_of_nothing_readable_is_refused(self, red_channels: nn.Module) -> None:
        with pytest.raises(
            ImageError, match="Not one picture of the set can be read; the first: 0"
        ):
            list(input_batches(network_of(red_channels), self.Colours((None, None))))
        with pytest.raises(SettingError, match="no picture"):
            check_images(self.Colours(()))
