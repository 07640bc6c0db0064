"""Which work is shared, what of it may lie on disk, and that it comes back from there whole."""

import io
from dataclasses import fields, is_dataclass, replace
from typing import Any

import pytest
import torch
from PIL import Image

from convviz.datasets.image_set import Files, SampleCrops
from convviz.features.class_target import ClassTarget
from convviz.features.dead import count_dead
from convviz.features.deletion import delete_and_insert
from convviz.features.occlusion import occlude, occlude_class
from convviz.features.saliency import find_saliency
from convviz.features.synthesis import SynthesisConfig, synthesise
from convviz.features.top_patches import find_top_patches
from convviz.networks.network import Network
from convviz.reconstruction import progress
from convviz.reconstruction.amplify import AmplifyConfig
from convviz.reconstruction.config import ReconstructionConfig
from convviz.structure.layers import layers
from convviz.ui import shared_work
from convviz.ui.choice import ChosenImage
from convviz.ui.sidebar.image import of_sample
from convviz.weights.load import load
from tests.networks_for_tests import network_of, two_convolutions

KEY = "a" * 64


@pytest.fixture(scope="module")
def tiny() -> Network:
    return network_of(two_convolutions(), side=24, classes=("cat", "cup", "rocket"), imagenet=True)


def own(colour: str, name: str = "mine.png") -> ChosenImage:
    data = io.BytesIO()
    Image.new("RGB", (24, 24), colour).save(data, "PNG")
    return ChosenImage.of(name, name, data.getvalue(), "upload")


def plan(network: Network, image: ChosenImage, **settings: Any) -> progress.Plan:
    layer = layers(network)[0]
    config = ReconstructionConfig(layer.name, **{"steps": 3, **settings})
    return progress.unnamed(progress.plan(network, layer, image.pixels, image.title, config))


def same(network: Network, image: ChosenImage, **settings: Any) -> str:
    arguments = {"plan": plan(network, image, **settings)}
    return shared_work.sharing(progress.reconstruct_one, arguments, (image,)).same


def test_the_same_bytes_network_and_settings_are_the_same_work(tiny: Network) -> None:
    twin = network_of(two_convolutions(), side=24, classes=("cat", "cup", "rocket"), imagenet=True)
    one = same(tiny, own("teal"))
    assert len(one) == 64
    assert same(twin, own("teal", "another name.png")) == one


def test_whatever_changes_the_result_makes_it_other_work(tiny: Network) -> None:
    other_weights = replace(tiny, weights=replace(tiny.weights, sha256="other"))
    several = {
        same(tiny, own("teal")),
        same(tiny, own("navy")),
        same(other_weights, own("teal")),
        same(tiny, own("teal"), steps=4),
        same(tiny, own("teal"), seed=1),
        same(tiny, own("teal"), start=torch.zeros(3, 24, 24)),
        same(tiny, own("teal"), start=torch.ones(3, 24, 24)),
    }
    assert len(several) == 7


def test_another_file_with_the_same_pixels_is_another_image(tiny: Network) -> None:
    data = io.BytesIO()
    Image.new("RGB", (24, 24), "teal").save(data, "PNG", compress_level=0)
    again = ChosenImage.of("mine.png", "mine.png", data.getvalue(), "upload")
    assert again.pixels.tobytes() == own("teal").pixels.tobytes()
    assert same(tiny, again) != same(tiny, own("teal"))


def test_only_what_is_nobodys_own_may_lie_on_disk(tiny: Network) -> None:
    listed = load("googlenet", "random")
    trained = replace(listed, weights=replace(listed.weights, source="trained-0123456789ab"))
    sample = of_sample("coffee")

    def is_public(network: Network, *images: ChosenImage) -> bool:
        arguments = {"network": network, "pictures": SampleCrops()}
        return shared_work.sharing(count_dead, arguments, images).is_public

    assert is_public(listed)
    assert is_public(listed, sample)
    assert not is_public(listed, own("teal"))
    assert not is_public(listed, sample, own("teal"))
    assert not is_public(trained)
    assert not is_public(tiny)  # a network of somebody's own
    inside = {"plans": (plan(tiny, sample),)}
    assert not shared_work.sharing(progress.reconstruct_series, inside, (sample,)).is_public
    nothing = shared_work.sharing(count_dead, {"network": listed}, None)
    assert nothing == shared_work.Sharing("", is_public=False)


def test_a_set_of_somebodys_own_is_shared_with_who_brought_the_same_and_stays_off_the_disk() -> (
    None
):
    network = load("googlenet", "random")

    def shared(*files: tuple[str, bytes], name: str = "conv1") -> shared_work.Sharing:
        arguments = {"network": network, "layer_name": name, "pictures": Files(files)}
        return shared_work.sharing(find_top_patches, arguments, (), own=True)

    first = shared(("a.png", b"1"), ("b.png", b"2"))
    assert len(first.same) == 64
    assert not first.is_public
    assert shared(("a.png", b"1"), ("b.png", b"2")) == first
    others = [
        shared(("a.png", b"1"), ("b.png", b"3")),
        shared(("a.png", b"1"), ("b.png", b"2"), name="conv2"),
    ]
    assert len({first.same, *(each.same for each in others)}) == 3


def equal(first: Any, second: Any) -> bool:
    """Compare results, also of classes that do not compare by value."""
    if isinstance(first, torch.Tensor):
        return first.dtype == second.dtype and torch.equal(first, second)
    if isinstance(first, Image.Image):
        return first.tobytes() == second.tobytes()
    if isinstance(first, tuple):
        return len(first) == len(second) and all(map(equal, first, second))
    if is_dataclass(first):
        names = [field.name for field in fields(first)]
        return type(first) is type(second) and all(
            equal(getattr(first, name), getattr(second, name)) for name in names
        )
    return bool(first == second)


@pytest.mark.parametrize(
    "kind",
    [
        *("reconstruction", "series", "amplify", "synthesis", "dead", "top patches"),
        *("occlusion", "score occlusion", "saliency", "deletion"),
    ],
)
def test_every_result_that_is_kept_comes_back_whole(tiny: Network, kind: str) -> None:
    image = own("teal")
    layer = layers(tiny)[0]
    amplified = progress.amplify_plan(
        tiny, layer, image.pixels, image.title, AmplifyConfig(octaves=1, steps=3)
    )
    config = SynthesisConfig(steps=2, size=24)
    photo = of_sample("coffee").pixels
    never = {"stop": lambda: False}
    works: dict[str, Any] = {
        "reconstruction": lambda: progress.reconstruct_one(plan=plan(tiny, image), **never),
        "series": lambda: progress.reconstruct_series(plans=(plan(tiny, image),) * 2, **never),
        "amplify": lambda: progress.amplify_one(plan=amplified, **never),
        "synthesis": lambda: synthesise(tiny, layer.name, 0, config, **never),
        "dead": lambda: count_dead(tiny, SampleCrops(), **never),
        "top patches": lambda: find_top_patches(tiny, layer.name, SampleCrops(), **never),
        "occlusion": lambda: occlude(tiny, photo, layer.name, 0, positions=2, **never),
        "score occlusion": lambda: occlude_class(tiny, photo, ClassTarget(1), **never),
        "saliency": lambda: find_saliency(
            tiny, photo, ClassTarget(1, against=0), "smoothgrad", **never
        ),
        "deletion": lambda: delete_and_insert(
            tiny, photo, ClassTarget(1), torch.rand(24, 24), steps=2, **never
        ),
    }
    *_, result = works[kind]()
    shared_work.store().put(KEY, result)
    again = shared_work.store().get(KEY)
    assert again is not None
    assert again is not result
    assert equal(again, result)
