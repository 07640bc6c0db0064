"""Which weights `load` chooses, and what it says where there are none."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from convviz.downloads import cache
from convviz.errors import NetworkError, SettingError, WeightsError, WeightsNotHere
from convviz.networks import catalogue, registry
from convviz.networks.initial_weights import untrained
from convviz.networks.network import NetworkSpec
from convviz.networks.registry import register, spec
from convviz.weights import sources
from convviz.weights.load import load

ALEXNET = "alexnet-owt-7be5be79.pth"


class Small(nn.Module):
    """A network of a user's own."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 2, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x).relu()


@pytest.fixture
def small(fresh_registry: None) -> NetworkSpec:
    torch.manual_seed(0)
    built = Small()
    own = NetworkSpec(name="small", title="Small", build=lambda: built, input_size=112)
    register(own)
    return own


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Name a folder of weight files in CONVVIZ_WEIGHTS."""
    path = tmp_path / "weights"
    path.mkdir()
    monkeypatch.setenv("CONVVIZ_WEIGHTS", str(path))
    return path


@pytest.fixture
def thin(fresh_registry: None, monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], Path]:
    """Make AlexNet thin and quick to write, and give torchvision's checksum for what is written.

    Returns:
        A function that writes a file of its weights, under the checksum that is then expected.
    """

    def build(num_classes: int = 1000) -> nn.Module:
        module = catalogue.torchvision_network("alexnet", num_classes=num_classes)
        with torch.device("meta"):
            module.classifier = nn.Sequential(nn.Linear(256 * 36, 1000))
        return module

    known = sources.torchvision_file(spec("alexnet"))
    assert known is not None
    prefixes = [known.sha256_prefix]
    monkeypatch.setitem(registry._specs, "alexnet", replace(spec("alexnet"), build=build))
    monkeypatch.setattr(
        sources,
        "torchvision_file",
        lambda spec: replace(known, sha256_prefix=prefixes[0]) if spec.name == "alexnet" else None,
    )

    def write(path: Path) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save(untrained(spec("alexnet"), 0).state_dict(), path)
        prefixes[0] = cache.sha256(path)[:8]
        return path

    return write


def test_untrained_weights_come_only_when_asked_for_and_say_so() -> None:
    network = load("alexnet", "random", seed=3)
    weights = network.weights
    assert (weights.source, weights.title) == ("random", "Untrained")
    assert weights.training_set == "none (untrained)"
    assert (weights.has_decoder, weights.classes) == (False, ())
    assert weights.bytes == 4 * 61_100_840
    assert "untrained" in weights.note
    assert "no class predictions" in weights.note
    assert (network.input_size, weights.resize) == (224, 256)
    assert not network.module.training
    assert not any(parameter.requires_grad for parameter in network.module.parameters())


def test_the_same_seed_gives_the_same_checksum(small: NetworkSpec) -> None:
    sums = [load("small", "random", seed=seed).weights.sha256 for seed in (1, 1, 2)]
    assert sums[0] == sums[1] != sums[2]


def test_googlenet_starts_at_once_without_a_network() -> None:
    assert load("googlenet", fetch=False).weights.source == "bundled"
    assert load("googlenet").weights.source == "bundled"


@pytest.mark.parametrize("name", ["vgg11", "vgg19", "vgg19_bn"])
def test_nothing_is_fetched_unasked_and_the_sentence_says_what_can_be_done(name: str) -> None:
    with pytest.raises(WeightsNotHere) as caught:
        load(name, fetch=False)
    said = str(caught.value)
    assert said.startswith(f"{spec(name).title}'s weights are not on this machine: fetch ")
    assert "MB)" in said
    assert f"{name}.pth into a folder and name it in CONVVIZ_WEIGHTS" in said
    assert said.endswith("or choose untrained weights.")
    assert "\n" not in said
    assert not cache.folder().exists()


def test_a_machine_without_a_network_gets_one_sentence() -> None:
    """The tests' proxy answers nobody, so the download fails as on such a machine."""
    with pytest.raises(WeightsError) as caught:
        load("vgg19")
    said = str(caught.value)
    assert said.startswith(
        "VGG19's weights are not on this machine, and download.pytorch.org cannot be reached"
    )
    assert "CONVVIZ_WEIGHTS, or choose untrained weights." in said
    assert "\n" not in said
    assert said.count(". ") == 0


def test_a_folder_that_is_not_there_is_mentioned(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CONVVIZ_WEIGHTS", str(tmp_path / "gone"))
    with pytest.raises(WeightsNotHere, match="now it names none") as caught:
        load("vgg19", fetch=False)
    assert str(tmp_path) not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "weights", "sentence"),
    [
        ("alexnet", "bundled", "No weights of AlexNet come with convviz"),
        ("vgg19", "encoder", "There is no separate encoder for VGG19"),
        ("alexnet", "own", "AlexNet is built by convviz"),
        ("small", "imagenet", "no ImageNet weights for Small"),
    ],
)
def test_a_source_that_a_network_does_not_have_is_refused(
    small: NetworkSpec, name: str, weights: str, sentence: str
) -> None:
    with pytest.raises(WeightsError, match=sentence):
        load(name, weights)


def test_an_unknown_source_is_refused() -> None:
    with pytest.raises(
        SettingError, match="choose auto, imagenet, bundled, encoder, own or random"
    ):
        load("alexnet", "best")


@pytest.mark.parametrize("place", ["folder", "cache", "hub"])
def test_full_weights_at_hand_come_first(
    thin: Callable[[Path], Path], folder: Path, place: str
) -> None:
    hub = Path(torch.hub.get_dir()) / "checkpoints"
    path = thin({"folder": folder, "cache": cache.folder(), "hub": hub}[place] / ALEXNET)
    network = load("alexnet", fetch=False)
    weights = network.weights
    assert (weights.source, weights.title) == ("imagenet", "ImageNet, full network")
    assert weights.training_set == "ImageNet-1k"
    assert weights.sha256 == cache.sha256(path)
    assert weights.bytes == path.stat().st_size
    assert weights.has_decoder
    assert (len(weights.classes), weights.classes[281]) == (1000, "tabby")
    assert weights.note == ""
    status = {each.source: each for each in sources.status("alexnet")}["imagenet"]
    assert (status.here, status.path, status.fetch_bytes) == (True, path, 0)


def test_the_users_folder_is_looked_at_before_the_caches(
    thin: Callable[[Path], Path], folder: Path
) -> None:
    thin(cache.folder() / ALEXNET)
    path = thin(folder / ALEXNET)
    found = sources.usable_weights(spec("alexnet"))
    assert found is not None
    assert found.path == path


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
    torch.save(Small().state_dict(), folder / "vgg11.pth")
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
    status = {each.source: each for each in sources.status("alexnet")}["imagenet"]
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


def test_a_users_own_network_keeps_the_weights_it_was_built_with(small: NetworkSpec) -> None:
    network = load("small")
    assert network.module is small.build()
    assert not network.module.training
    weights = network.weights
    assert (weights.source, weights.title) == ("own", "As your file builds it")
    assert weights.bytes == 4 * (2 * 3 * 9 + 2)
    assert (weights.has_decoder, weights.classes) == (False, ())
    assert (network.input_size, weights.resize) == (112, 128)
    assert [each.source for each in sources.status("small")] == ["own", "random"]


def test_a_file_beats_what_a_users_own_network_was_built_with(
    small: NetworkSpec, folder: Path
) -> None:
    other = Small()
    torch.save(other.state_dict(), folder / "small.pth")
    network = load("small")
    assert network.module.conv.weight.equal(other.conv.weight)
    assert (network.weights.source, network.weights.title) == ("own", "Your file small.pth")
    assert sources.status("small")[0].title == "Your file small.pth"


def test_a_build_that_fails_becomes_a_sentence(fresh_registry: None) -> None:
    def build() -> nn.Module:
        raise ZeroDivisionError("division by zero\nand more")

    register(NetworkSpec(name="broken", title="Broken", build=build))
    with pytest.raises(NetworkError, match=r"Broken cannot be built: .*division by zero\.$"):
        load("broken")


def test_a_build_that_returns_nothing_becomes_a_sentence(fresh_registry: None) -> None:
    register(NetworkSpec(name="broken", title="Broken", build=lambda: None))
    with pytest.raises(NetworkError, match=r"Broken cannot be built: .* a NoneType\.$"):
        load("broken")


def test_the_global_random_numbers_are_left_alone(small: NetworkSpec) -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    load("small", "random")
    load("googlenet")
    assert torch.rand(3).equal(expected)
