import hashlib
import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from convviz.errors import WeightsError
from convviz.weights import checkpoint


def tiny(device: str = "cpu") -> nn.Sequential:
    with torch.device(device):
        return nn.Sequential(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2))


def state() -> dict[str, Tensor]:
    return {name: value.clone() for name, value in tiny().state_dict().items()}


@pytest.mark.parametrize("mapped", [True, False])
@pytest.mark.parametrize("ending", [".pth", ".pt", ".safetensors"])
def test_a_file_comes_back_as_it_was_written(tmp_path: Path, ending: str, mapped: bool) -> None:
    path, written = tmp_path / f"tiny{ending}", state()
    save = save_file if ending == ".safetensors" else torch.save
    save(written, path)
    read = checkpoint.read(path, mapped=mapped)
    assert read.keys() == written.keys()
    assert all(read[name].equal(written[name]) for name in written)


def test_files_from_before_zip_archives_can_be_read(tmp_path: Path) -> None:
    torch.save(state(), tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    assert checkpoint.read(tmp_path / "old.pth", mapped=True).keys() == state().keys()


def test_half_precision_becomes_float32_and_counters_stay(tmp_path: Path) -> None:
    torch.save(tiny().half().state_dict(), tmp_path / "half.pth")
    read = checkpoint.read(tmp_path / "half.pth", mapped=True)
    assert read["0.weight"].dtype == torch.float32
    assert read["1.num_batches_tracked"].dtype == torch.int64


def test_a_state_dict_inside_a_checkpoint_is_found(tmp_path: Path) -> None:
    torch.save({"epoch": 3, "state_dict": state()}, tmp_path / "checkpoint.pth")
    assert checkpoint.read(tmp_path / "checkpoint.pth", mapped=True).keys() == state().keys()


class Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(Evil.folder),)

    folder = Path()


def test_a_file_that_would_run_code_is_refused(tmp_path: Path) -> None:
    Evil.folder = tmp_path / "made-by-code"
    torch.save({"0.weight": Evil()}, tmp_path / "evil.pth")
    for mapped in (True, False):
        with pytest.raises(WeightsError, match=r"evil\.pth cannot be read as weights"):
            checkpoint.read(tmp_path / "evil.pth", mapped=mapped)
    assert not Evil.folder.exists()


@pytest.mark.claims("convviz.weights.checkpoint._unreadable")
@pytest.mark.parametrize("name", ["junk.pth", "junk.safetensors"])
@pytest.mark.parametrize("content", [b"", b"junk", b"PK\x03\x04" + bytes(100)])
def test_a_damaged_file_is_named_without_its_path(
    tmp_path: Path, name: str, content: bytes
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(WeightsError, match=f"The file {name} cannot be read") as caught:
        checkpoint.read(tmp_path / name, mapped=True)
    assert str(tmp_path) not in str(caught.value)


@pytest.mark.parametrize("content", [[1, 2], {}, {"a": 1}, torch.zeros(2)])
def test_a_file_with_other_things_is_refused(tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / "other.pth")
    with pytest.raises(WeightsError, match=r"other\.pth"):
        checkpoint.read(tmp_path / "other.pth", mapped=True)


@pytest.mark.parametrize("device", ["meta", "cpu"])
def test_a_network_gets_its_weights_and_is_at_rest(device: str) -> None:
    module, tensors = tiny(device), state()
    filled = checkpoint.fill(module, tensors, title="Tiny", origin="The file")
    assert all(filled.state_dict()[name].equal(tensors[name]) for name in tensors)
    assert not filled.training
    assert not any(parameter.requires_grad for parameter in filled.parameters())


def test_nothing_is_held_twice() -> None:
    module, tensors = tiny("meta"), state()
    checkpoint.fill(module, tensors, title="Tiny", origin="The file")
    assert module[0].weight.data_ptr() == tensors["0.weight"].data_ptr()


def test_weights_that_a_network_shares_stay_shared() -> None:
    first = nn.Linear(2, 2)
    module = nn.Sequential(first, first)
    tensors = {name: value.clone() for name, value in module.state_dict().items()}
    filled = checkpoint.fill(module, tensors, title="Tiny", origin="The file")
    assert len(list(filled.parameters())) == 2


def test_counters_that_old_files_lack_are_made_up() -> None:
    tensors = state()
    del tensors["1.num_batches_tracked"]
    module = checkpoint.fill(tiny("meta"), tensors, title="Tiny", origin="The file")
    assert module.get_buffer("1.num_batches_tracked").item() == 0


def test_a_part_can_be_left_out() -> None:
    tensors = state()
    module = checkpoint.fill(tiny("meta"), tensors, title="Tiny", origin="The file", without=("1",))
    assert list(module.state_dict()) == ["0.weight", "0.bias"]
    for name in [name for name in tensors if name.startswith("1.")]:
        del tensors[name]
    checkpoint.fill(tiny("meta"), tensors, title="Tiny", origin="The file", without=("1",))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"0.weight": None, "0.bias": None}, "it lacks 0.weight and 1 more"),
        ({"2.weight": torch.zeros(1)}, "it also holds 2.weight"),
        ({"0.weight": torch.zeros(2, 3, 1, 1)}, "0.weight is (2, 3, 1, 1) instead of (2, 1, 1, 1)"),
    ],
)
def test_weights_that_do_not_fit_are_refused_with_the_difference(
    change: dict[str, Tensor | None], sentence: str
) -> None:
    tensors = {name: value for name, value in (state() | change).items() if value is not None}
    with pytest.raises(WeightsError) as caught:
        checkpoint.fill(tiny("meta"), tensors, title="Tiny", origin="The file x.pth")
    assert str(caught.value) == f"The file x.pth does not fit Tiny: {sentence}."


def test_the_fingerprint_is_that_of_the_parameters_by_sorted_name() -> None:
    module = nn.Linear(2, 1)
    with torch.no_grad():
        module.weight.copy_(torch.tensor([[1.0, 2.0]]))
        module.bias.copy_(torch.tensor([3.0]))
    by_hand = b"\x00\x00\x40\x40" + b"\x00\x00\x80\x3f" + b"\x00\x00\x00\x40"  # bias, weight
    assert checkpoint.fingerprint(module) == (12, hashlib.sha256(by_hand).hexdigest())
