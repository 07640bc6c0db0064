"""Full ImageNet weights: which file is used, and what is said of it."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from convviz.downloads import cache
from convviz.errors import WeightsError, WeightsNotHere
from convviz.networks.initial_weights import untrained
from convviz.networks.registry import available, build, spec
from convviz.weights import checkpoint, imagenet
from convviz.weights.load import load, source_statuses

ALEXNET = "alexnet-owt-7be5be79.pth"


@pytest.mark.parametrize("name", available())
def test_torchvision_names_its_files_by_their_checksum(name: str) -> None:
    file = imagenet.torchvision_file(spec(name))
    assert file is not None
    assert file.url == f"https://download.pytorch.org/models/{file.name}"
    assert file.name == f"{file.name.rsplit('-', 1)[0]}-{file.sha256_prefix}.pth"
    assert len(file.sha256_prefix) in (8, 10)
    assert int(file.sha256_prefix, 16) > 0
    assert (len(file.classes), file.classes[0]) == (1000, "tench")


@pytest.mark.parametrize("location", ["folder", "cache", "hub"])
def test_full_weights_at_hand_come_first(
    thin: Callable[[Path], Path], folder: Path, location: str
) -> None:
    hub = Path(torch.hub.get_dir()) / "checkpoints"
    path = thin({"folder": folder, "cache": cache.folder(), "hub": hub}[location] / ALEXNET)
    network = load("alexnet", fetch=False)
    weights = network.weights
    assert (weights.source, weights.title) == ("imagenet", "ImageNet, full network")
    assert weights.training_set == "ImageNet-1k"
    assert weights.sha256 == cache.sha256(path)
    assert weights.bytes == path.stat().st_size
    assert weights.has_decoder
    assert (len(weights.classes), weights.classes[281]) == (1000, "tabby")
    assert weights.note == ""
    status = {entry.source: entry for entry in source_statuses("alexnet")}["imagenet"]
    assert (status.here, status.path, status.fetch_bytes) == (True, path, 0)


def test_the_users_folder_is_looked_at_before_the_caches(
    thin: Callable[[Path], Path], folder: Path
) -> None:
    thin(cache.folder() / ALEXNET)
    path = thin(folder / ALEXNET)
    local = imagenet.usable_file(spec("alexnet"))
    assert local is not None
    assert local.path == path


@pytest.mark.parametrize("ending", ["pth", "pt", "safetensors"])
def test_a_file_named_after_the_network_is_used_and_said_to_be_the_users(
    thin: Callable[[Path], Path], folder: Path, ending: str
) -> None:
    module = untrained(spec("alexnet"), 1)
    path = folder / f"alexnet.{ending}"
    (save_file if ending == "safetensors" else torch.save)(module.state_dict(), path)
    network = load("alexnet", fetch=False)
    assert network.module.state_dict()["features.0.weight"].equal(module.features[0].weight)
    weights = network.weights
    assert (weights.source, weights.title) == ("imagenet", f"Your file alexnet.{ending}")
    assert weights.training_set == "not stated"
    assert "1,000 classes" in weights.note
    assert weights.sha256 == cache.sha256(path)


def test_torchvisions_file_is_known_under_any_name(
    thin: Callable[[Path], Path], folder: Path
) -> None:
    thin(folder / "alexnet.pth")
    assert load("alexnet", fetch=False).weights.training_set == "ImageNet-1k"


def test_a_damaged_file_in_the_users_folder_is_refused(
    thin: Callable[[Path], Path], folder: Path
) -> None:
    path = thin(folder / ALEXNET)
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(WeightsError, match=f"{ALEXNET} in your CONVVIZ_WEIGHTS folder is damaged"):
        load("alexnet")


def test_a_file_of_another_network_is_refused(folder: Path) -> None:
    torch.save({"conv.weight": torch.zeros(2)}, folder / "vgg11.pth")
    with pytest.raises(WeightsError, match=r"vgg11\.pth does not fit VGG11: it lacks features\.0"):
        load("vgg11", fetch=False)


def test_a_damaged_file_of_torch_hub_is_passed_over_and_left_alone(
    thin: Callable[[Path], Path],
) -> None:
    path = thin(Path(torch.hub.get_dir()) / "checkpoints" / ALEXNET)
    path.write_bytes(b"damaged")
    with pytest.raises(WeightsNotHere, match=f"{ALEXNET} is there, but damaged"):
        load("alexnet", "imagenet", fetch=False)
    assert load("alexnet", fetch=False).weights.source == "encoder"
    assert path.read_bytes() == b"damaged"
    status = {entry.source: entry for entry in source_statuses("alexnet")}["imagenet"]
    assert (status.here, status.fetch_bytes) == (False, 244_409_434)


def test_imagenet_weights_of_googlenet_scale_their_input_and_have_no_auxiliary_heads(
    folder: Path,
) -> None:
    state = untrained(spec("googlenet"), 0).state_dict()
    torch.save(state, folder / "googlenet.pth")
    module = load("googlenet", fetch=False).module
    assert module.transform_input
    assert module.aux1 is None
    assert not module.aux_logits
    assert module(torch.zeros(1, 3, 64, 64)).shape == (1, 1000)
    assert sum(parameter.numel() for parameter in module.parameters()) == 6_624_904


def test_files_with_names_of_former_days_fit_todays_modules() -> None:
    dense, block = "features.denseblock1.denselayer2", "encoder.layers.encoder_layer_0"
    former = {
        f"{dense}.norm.1.weight": f"{dense}.norm1.weight",
        f"{dense}.conv.2.weight": f"{dense}.conv2.weight",
        f"{block}.mlp.linear_1.bias": f"{block}.mlp.0.bias",
        f"{block}.mlp.linear_2.bias": f"{block}.mlp.3.bias",
        "features.1.0.mlp.0.weight": "features.1.0.mlp.0.weight",
        "layer1.0.conv1.weight": "layer1.0.conv1.weight",
    }
    tensors = {name: torch.full((1,), float(k)) for k, name in enumerate(former)}
    named = checkpoint.with_todays_names(tensors)
    assert list(named) == list(former.values())
    assert all(named[today] is tensors[name] for name, today in former.items())
    today = {*build(spec("densenet121")).state_dict(), *build(spec("vit_b_32")).state_dict()}
    assert set(list(former.values())[:4]) <= today
