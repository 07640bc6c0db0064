"""Encoder and decoder of networks of many kinds, against torchvision's own classifiers."""

import pytest

from convviz.lessons.pooling import classifiers
from convviz.networks.registry import build
from tests.independent.networks import counted, spec_of

# The part that torchvision's networks call their classifier.
PARTS = {
    "alexnet": "classifier",
    "vgg11_bn": "classifier",
    "googlenet": "fc",
    "resnet18": "fc",
    "squeezenet1_1": "classifier",
    "vit_b_16": "heads",
    "densenet121": "classifier",
    "mobilenet_v2": "classifier",
    "mobilenet_v3_small": "classifier",
    "shufflenet_v2_x1_0": "fc",
    "convnext_tiny": "classifier",
    "swin_t": "head",
    "efficientnet_b0": "classifier",
    "regnet_x_400mf": "fc",
}
QUICK = {"alexnet", "vgg11_bn", "googlenet", "resnet18", "squeezenet1_1", "vit_b_16"}


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=() if name in QUICK else pytest.mark.independent) for name in PARTS],
)
def test_the_decoder_is_what_torchvision_calls_the_classifier(name: str) -> None:
    module, found = build(spec_of(name)), counted(name, 224)
    own = sum(p.numel() for p in module.get_submodule(PARTS[name]).parameters())
    assert found.part("decoder").parameters == own
    assert found.part("encoder").parameters == found.parameters - own
    lesson = classifiers(found)
    assert (lesson.own, lesson.network) == (own, found.parameters)


@pytest.mark.claims("convviz.lessons.pooling.Classifiers.remark")
@pytest.mark.parametrize(
    ("name", "own", "words"),
    [
        ("vit_b_16", 769_000, ("197 tokens of 768 values", "one linear layer on one of the tok")),
        ("squeezenet1_1", 513_000, ("512 maps of 13 × 13", "one map for each class")),
        ("resnet18", 513_000, ("512 maps of 7 × 7; it is built this way. ", "49 times as many")),
        ("googlenet", 1_025_000, ("1,024 maps of 7 × 7", "50,177,000, 49 times as many")),
        ("alexnet", 58_631_144, ("256 maps of 6 × 6", "2,726,696 instead of 61,100,840: 22 tim")),
        pytest.param(
            "convnext_tiny",
            769_000 + 1_536,
            ("it is built this way, with a norm of 1,536 parameters between",),
            marks=pytest.mark.independent,
        ),
        pytest.param(
            "mobilenet_v3_small",
            576 * 1024 + 1024 + 1024 * 1000 + 1000,
            ("1,504,008 instead of 2,542,856: 1.7 times fewer",),
            marks=pytest.mark.independent,
        ),
    ],
)
def test_the_lesson_says_what_the_own_classifier_is(
    name: str, own: int, words: tuple[str, ...]
) -> None:
    lesson = classifiers(counted(name, 224))
    assert lesson.own == own
    for text in words:
        assert text in lesson.remark
    assert "1.0 times" not in lesson.remark
    assert "0.6 times" not in lesson.remark
