"""Every classifier of torchvision: its costs, its layers, and what every page does with it.

One member of each family runs in every test; `make networks` runs all.
"""

from dataclasses import replace

import pytest
import torch
import torchvision
from PIL import Image

from convviz.datasets.image_set import Files
from convviz.errors import ConvvizError, NetworkError, SettingError
from convviz.features.ablation import ablate
from convviz.features.activations import activations, layers_with_maps
from convviz.features.capture import input_for
from convviz.features.class_target import ClassTarget
from convviz.features.dead import count_dead
from convviz.features.filters import filter_layers, filters
from convviz.features.grad_cam import grad_cam
from convviz.features.predictions import predict
from convviz.images.encode import png
from convviz.learning.plan import plan
from convviz.networks.catalogue import CATALOGUE
from convviz.networks.network import Network
from convviz.networks.registry import spec
from convviz.reconstruction.config import ReconstructionConfig
from convviz.reconstruction.reconstruct import reconstruct
from convviz.structure import costs
from convviz.structure.layers import Layer, layers
from convviz.weights.load import load

FAMILIES = (
    *("alexnet", "vgg11", "googlenet", "resnet18", "densenet121", "mobilenet_v2"),
    *("mobilenet_v3_small", "efficientnet_b0", "inception_v3", "convnext_tiny", "regnet_y_400mf"),
    *("vit_b_32", "swin_t", "swin_v2_t", "maxvit_t", "squeezenet1_1", "shufflenet_v2_x0_5"),
    "mnasnet0_5",
)
EVERY = [
    pytest.param(each.name, marks=() if each.name in FAMILIES else pytest.mark.networks)
    for each in CATALOGUE
]
IMAGE = Image.effect_noise((256, 256), 90).convert("RGB")

# The side of the smallest image, in pixels; 32 for all others, which take any from there on.
SMALLEST = {"inception_v3": 75, "alexnet": 63}
ONE_SIZE = ("vit", "maxvit")  # they take images of their own size alone


def smallest(name: str) -> int:
    return spec(name).input_size if name.startswith(ONE_SIZE) else SMALLEST.get(name, 32)


@pytest.mark.parametrize("name", EVERY)
def test_costs_are_those_that_torchvision_publishes(name: str) -> None:
    published = torchvision.models.get_weight(spec(name).torchvision_weights).meta
    found = costs.count(spec(name))
    # torchvision counts Inception's auxiliary head, and not GoogLeNet's.
    with_heads = name == "inception_v3"
    parameters = found.parameters_with_auxiliary if with_heads else found.parameters
    assert parameters == published["num_params"]
    assert round(found.macs / 1e9, 3) == pytest.approx(published["_ops"], abs=0.00051)
    assert sum(row.macs for row in found.layers) == found.macs
    listed = layers(spec(name))
    assert len({layer.title for layer in listed}) == len({layer.name for layer in listed})
    assert len({layer.name for layer in listed}) == len(listed)


def at_smallest(name: str) -> Network:
    """The network with random weights, for images of the smallest size that it takes."""
    loaded, size = load(name, "random"), smallest(name)
    classes = tuple(f"class {k}" for k in range(1000))
    weights = replace(
        loaded.weights, input_size=size, resize=size, classes=classes, has_decoder=True
    )
    return Network(loaded.spec, loaded.module, weights)


@pytest.mark.parametrize("name", EVERY)
def test_scores_evidence_and_kernels_of_it_are_there(name: str) -> None:
    network = at_smallest(name)
    with torch.inference_mode():
        scores = network.module(input_for(network, IMAGE))[0]
    assert scores.std() > 1e-7  # those of a vision transformer's new head are 0
    predictions = predict(network, IMAGE)
    predicted = scores[[each.index for each in predictions]]
    torch.testing.assert_close(predicted, scores.topk(5).values, rtol=1e-3, atol=1e-8)
    shares = [each.probability for each in predictions]
    assert shares == pytest.approx(scores.softmax(0).topk(5).values.tolist(), rel=1e-4)
    first, middle, last = three(layers(network))
    evidence = grad_cam(network, IMAGE, middle.name, ClassTarget(predictions[0].index))
    assert evidence.is_reached
    assert evidence.gradients.isfinite().all()
    found_filters = filters(network, filter_layers(network)[0])
    assert found_filters.kernels.std() > 0
    *_, step = count_dead(network, Files((("noise.png", png(IMAGE)),)))
    assert step.seen == 1
    assert {row.layer.name for row in step.layers} == {
        each.name for each in layers_with_maps(network)
    }
    off = ablate(network, IMAGE, first.name, range(first.shape[0]), last.name)
    assert off.before.maps.std() > 0
    assert not torch.equal(off.before.maps, off.after.maps)


@pytest.mark.parametrize("name", EVERY)
def test_every_page_works_at_the_smallest_size(name: str) -> None:
    size = smallest(name)
    network = at_smallest(name)
    listed = layers(network, size)
    for layer in three(listed):
        found = activations(network, IMAGE, layer.name)
        assert tuple(found.maps.shape[:1]) == layer.shape[:1]
        assert found.maps.isfinite().all()
        assert found.maps.abs().max() > 1e-4
    assert costs.count(network, size).macs > 0
    reconstructs(network, three(listed)[1])
    if name.startswith("squeezenet"):
        with pytest.raises(NetworkError, match="no fully connected layer"):
            plan(network, "last-layer", ("a", "b"))
    else:
        made = plan(network, "last-layer", ("a", "b"))
        assert made.trained_names()
        assert "replaced" in {part.state for part in made.parts}


def three(listed: tuple[Layer, ...]) -> tuple[Layer, ...]:
    """The first, the middle and the last of the layers that return maps."""
    maps = [layer for layer in listed if layer.in_encoder and len(layer.shape) == 3]
    return maps[0], maps[len(maps) // 2], maps[-1]


def reconstructs(network: Network, layer: Layer) -> None:
    config = ReconstructionConfig(
        layer=layer.name, steps=1, optimizer="adam", start="noise", precision="float32"
    )
    *_, last = reconstruct(network, IMAGE, config)
    result = last.result
    assert result is not None
    assert result.image.shape == (3, network.input_size, network.input_size)
    assert result.relative_error > 0
    assert torch.isfinite(result.image).all()
    assert result.image.std() > 0


@pytest.mark.parametrize(
    ("name", "size", "words"),
    [
        ("inception_v3", 74, "choose 75×75 or more"),
        ("alexnet", 62, "choose 63×63 or more"),
        ("vit_b_32", 128, "choose 224×224."),
        ("vit_b_32", 300, "choose 224×224."),
        ("maxvit_t", 128, "choose 224×224."),
    ],
)
def test_a_size_that_it_cannot_take_is_answered_with_one_that_it_can(
    name: str, size: int, words: str
) -> None:
    with pytest.raises(SettingError) as caught:
        costs.count(spec(name), size)
    assert words in str(caught.value)
    with pytest.raises(ConvvizError) as caught:
        layers(spec(name), size)
    assert words.rstrip(".") in str(caught.value)
    assert costs.count(spec(name), smallest(name)).macs > 0
