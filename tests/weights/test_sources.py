"""What convviz says of the weights that are here and of those that are not."""

import pytest

from convviz.formatting import size_text
from convviz.networks.registry import available, spec
from convviz.weights import sources
from convviz.weights.source import SOURCES


def test_a_fresh_machine_has_the_courses_networks_and_untrained_weights() -> None:
    here = {
        name: [each.source for each in sources.status(name) if each.here] for name in available()
    }
    assert here.pop("googlenet") == ["bundled", "random"]
    assert here.pop("alexnet") == here.pop("vgg16") == ["encoder", "random"]
    assert set(map(tuple, here.values())) == {("random",)}


@pytest.mark.parametrize(
    ("name", "costs"),
    [
        ("alexnet", {"imagenet": "244 MB"}),
        ("vgg16", {"imagenet": "553 MB"}),
        ("googlenet", {"imagenet": "52 MB"}),
        ("vgg19_bn", {"imagenet": "575 MB"}),
    ],
)
def test_what_a_fetch_costs_is_known_beforehand(name: str, costs: dict[str, str]) -> None:
    places = [each for each in sources.status(name) if not each.here]
    assert {each.source: size_text(each.fetch_bytes) for each in places} == costs
    assert all(each.path is None and each.bytes == 0 for each in places)


@pytest.mark.parametrize("name", available())
def test_sources_are_listed_in_the_order_of_auto(name: str) -> None:
    found = [each.source for each in sources.status(name)]
    assert found == sorted(found, key=SOURCES.index)
    assert found[-1] == "random"


@pytest.mark.parametrize("name", available())
def test_torchvision_names_its_files_by_their_checksum(name: str) -> None:
    file = sources.torchvision_file(spec(name))
    assert file is not None
    assert file.url == f"https://download.pytorch.org/models/{file.name}"
    assert file.name == f"{file.name.rsplit('-', 1)[0]}-{file.sha256_prefix}.pth"
    assert len(file.sha256_prefix) == 8
    assert int(file.sha256_prefix, 16) > 0
    assert (len(file.classes), file.classes[0]) == (1000, "tench")


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (553_433_881, "553 MB"),
        (9_884_491, "9.9 MB"),
        (300_000, "0.3 MB"),
        (24_600, "25 kB"),
        (0, "0.0 MB"),
    ],
)
def test_sizes_are_written_in_megabytes(count: int, text: str) -> None:
    assert size_text(count) == text
