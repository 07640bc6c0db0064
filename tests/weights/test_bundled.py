import io
import tarfile
from pathlib import Path

import pytest
import torch
from PIL import Image

from convviz.features.predictions import predict
from convviz.images.decode import decode
from convviz.images.preprocess import to_tensor
from convviz.images.samples import sample
from convviz.networks.network import IMAGENET_MEAN, IMAGENET_STD
from convviz.weights import bundled
from convviz.weights.load import load


def test_it_is_googlenet_with_its_auxiliary_heads_as_it_was_trained() -> None:
    network = load("googlenet", "bundled")
    module, weights = network.module, network.weights
    assert module.aux1 is not None
    assert module.aux2 is not None
    assert module.fc.out_features == module.aux1.fc2.out_features == 200
    assert not module.transform_input
    assert {value.dtype for value in module.parameters()} == {torch.float32}
    assert (weights.source, weights.training_set) == ("bundled", "Tiny ImageNet-200")
    assert weights.has_decoder
    assert (network.input_size, weights.resize) == (128, 128)
    assert weights.bytes == bundled.path().stat().st_size
    assert "46.0 %" in weights.note
    assert "73.7 %" in weights.note
    assert "10,000" in weights.note


def test_there_are_two_hundred_classes_of_different_names() -> None:
    names = bundled.classes()
    assert len(names) == len(set(names)) == 200
    assert names[0] == "goldfish"
    assert names == load("googlenet").weights.classes


def test_it_sees_a_cat_in_the_sample_of_a_cat() -> None:
    network = load("googlenet", "bundled")
    best = predict(network, decode(sample("cat").read()))
    assert {"tabby", "Persian cat", "Egyptian cat"} & {guess.label for guess in best}


@pytest.mark.shared
def test_it_names_about_as_many_classes_rightly_as_it_says(shared_data: Path) -> None:
    network = load("googlenet", "bundled")
    batch, expected = [], []
    with tarfile.open(shared_data / "tiny-imagenet-subset.tar") as tar:
        index = {line.split("\t")[0]: position for position, line in enumerate(_classes(tar))}
        validation = [member for member in tar if "/val/" in member.name and member.isfile()]
        for member in validation[::10]:
            file = tar.extractfile(member)
            assert file is not None
            image = Image.open(io.BytesIO(file.read())).convert("RGB")
            side = network.input_size
            batch.append(
                to_tensor(image, size=side, resize=side, mean=IMAGENET_MEAN, std=IMAGENET_STD)
            )
            expected.append(index[member.name.split("/")[-2]])
    assert len(batch) == 200
    with torch.inference_mode():
        logits = torch.cat(
            [network.module(torch.cat(batch[i : i + 50])) for i in range(0, 200, 50)]
        )
    right = (logits.argmax(1) == torch.tensor(expected)).float().mean().item()
    assert right > 0.35


def _classes(tar: tarfile.TarFile) -> list[str]:
    file = tar.extractfile("tiny-imagenet-subset/classes.tsv")
    assert file is not None
    return file.read().decode().splitlines()
