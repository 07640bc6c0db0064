"""The loss, its parts and its gradient, against values worked out by hand."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from convviz.errors import ReconstructionError
from convviz.networks.network import Network
from convviz.reconstruction.objective import INVALID_WEIGHT, Objective
from convviz.structure.layers import layer as layer_named
from tests.networks_for_tests import network_of

CPU = torch.device("cpu")


def objective_of(
    network: Network,
    layer: str,
    original: Tensor,
    tv: float = 0.0,
    dtype: torch.dtype = torch.float32,
) -> Objective:
    return Objective(network, layer_named(network, layer), original, tv=tv, dtype=dtype, device=CPU)


def normalised(network: Network, pixels: Tensor) -> Tensor:
    mean = torch.tensor(network.spec.mean).view(1, 3, 1, 1)
    return (pixels - mean) / torch.tensor(network.spec.std).view(1, 3, 1, 1)


@pytest.fixture
def sums() -> Network:
    """A layer that adds the three colours up, before and after a ReLU in place."""
    module = nn.Sequential(nn.Conv2d(3, 1, 1), nn.ReLU(inplace=True))
    module[0].weight.data.fill_(1.0)
    module[0].bias.data.zero_()
    return network_of(module, side=2, imagenet=True)


def batch(*values: float) -> Tensor:
    """A 2 × 2 input, all colours alike, that the network sees as these four values."""
    return torch.tensor(values).view(1, 1, 2, 2).expand(1, 3, 2, 2).contiguous()


def pixels_for(network: Network, *values: float) -> Tensor:
    mean = torch.tensor(network.spec.mean).view(1, 3, 1, 1)
    return batch(*values) * torch.tensor(network.spec.std).view(1, 3, 1, 1) + mean


def test_before_a_relu_both_signs_count(sums: Network) -> None:
    objective = objective_of(sums, "0", batch(1.0, -1.0, 0.5, 0.0))  # target 3, -3, 1.5, 0
    at = objective.evaluate(pixels_for(sums, 1.0, 0.0, 0.5, 0.0), precise=True)
    assert at.parts.feature == pytest.approx(9 / 20.25, rel=1e-4)
    assert at.relative_error == pytest.approx((9 / 20.25) ** 0.5, rel=1e-4)


def test_a_silent_output_that_should_be_positive_has_a_gradient(sums: Network) -> None:
    objective = objective_of(sums, "1", batch(1.0, -1.0, 0.5, 0.0))  # target 3, 0, 1.5, 0
    at = objective.evaluate(pixels_for(sums, -1.0, -5.0, 0.5, 1.0), precise=True)
    # Input of the ReLU: -3, -15, 1.5, 3; its output: 0, 0, 1.5, 3. Target's square: 11.25.
    assert at.parts.feature == pytest.approx((6**2 + 3**2) / 11.25, rel=1e-4)
    assert at.relative_error == pytest.approx(((3**2 + 3**2) / 11.25) ** 0.5, rel=1e-4)
    std = torch.tensor(sums.spec.std)
    outside = pixels_for(sums, -1.0, -5.0, 0.5, 1.0)[0, :, 0, 1].clamp(max=0)
    invalid = 2 * INVALID_WEIGHT / 12 * outside
    slope = at.gradient[0].permute(1, 2, 0)
    torch.testing.assert_close(slope[0, 0], 2 / 11.25 * -6 / std, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(slope[0, 1], invalid, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(slope[1, 1], 2 / 11.25 * 3 / std, rtol=1e-4, atol=1e-4)
    assert objective.relative_error(pixels_for(sums, -1.0, -5.0, 0.5, 1.0)) == at.relative_error


def test_invalid_pixels_and_variation_by_hand(sums: Network) -> None:
    objective = objective_of(sums, "0", batch(0.1, 0.2, 0.3, 0.4), tv=3.0)
    pixels = torch.zeros(1, 3, 2, 2)
    pixels[0, 0] = torch.tensor([[1.5, 0.0], [-0.25, 1.0]])
    at = objective.evaluate(pixels, precise=True)
    assert at.parts.invalid == pytest.approx(INVALID_WEIGHT * (0.5**2 + 0.25**2) / 12)
    differences = 1.5**2 + 1.25**2 + 1.75**2 + 1.0**2  # right, right, down, down
    assert at.parts.variation == pytest.approx(3.0 * differences / 12)
    assert at.parts.total == sum((at.parts.feature, at.parts.variation, at.parts.invalid))


@pytest.mark.parametrize("layer", ["0", "1", "3", "4", "7"])
def test_the_gradient_is_that_of_the_loss(network: Network, layer: str) -> None:
    generator = torch.Generator().manual_seed(0)
    original = torch.rand(1, 3, 24, 24, generator=generator)
    objective = objective_of(network, layer, normalised(network, original), tv=0.5)
    pixels = torch.rand(1, 3, 24, 24, generator=generator) * 1.6 - 0.3
    direction = torch.randn(1, 3, 24, 24, generator=generator)
    slope = float((objective.evaluate(pixels, precise=True).gradient * direction).sum())
    step = 1e-3
    ahead, behind = (
        objective.evaluate(pixels + sign * step * direction, precise=True).parts.total
        for sign in (1, -1)
    )
    assert slope == pytest.approx((ahead - behind) / (2 * step), rel=0.05)


def test_bfloat16_gives_about_the_same(network: Network) -> None:
    generator = torch.Generator().manual_seed(0)
    original = torch.rand(1, 3, 24, 24, generator=generator)
    objective = objective_of(network, "4", normalised(network, original), dtype=torch.bfloat16)
    pixels = torch.rand(1, 3, 24, 24, generator=generator)
    fast, precise = (objective.evaluate(pixels, precise=each) for each in (False, True))
    assert fast.relative_error == pytest.approx(precise.relative_error, rel=0.03)
    assert fast.gradient.dtype == torch.float32
    assert 0 < objective.rounding < 0.03


def test_a_silent_layer_counts_the_root_mean_square() -> None:
    module = nn.Sequential(nn.Conv2d(3, 1, 1), nn.ReLU())
    module[0].weight.data.zero_()
    module[0].bias.data.fill_(-1.0)
    network = network_of(module, side=2, imagenet=True)
    objective = objective_of(network, "1", batch(1.0, 2.0, 3.0, 4.0))
    assert objective.is_silent
    assert (
        objective.evaluate(pixels_for(network, 0.0, 0.0, 0.0, 0.0), precise=True).parts.total == 0
    )


def test_features_that_are_not_finite_are_nothing_to_aim_at(sums: Network) -> None:
    sums.module[0].weight.data[0, 0] = torch.nan
    with pytest.raises(ReconstructionError, match="not finite"):
        objective_of(sums, "0", batch(1.0, 1.0, 1.0, 1.0))


def test_a_layer_without_a_gradient_is_refused() -> None:
    class Steps(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return (x > 0).float()

    network = network_of(nn.Sequential(nn.Conv2d(3, 2, 1), Steps()), side=2, imagenet=True)
    objective = objective_of(network, "1", batch(1.0, 2.0, 3.0, 4.0))
    with pytest.raises(ReconstructionError, match="cannot be differentiated"):
        objective.evaluate(torch.rand(1, 3, 2, 2), precise=True)
