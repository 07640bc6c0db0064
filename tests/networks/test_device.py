"""Which device is taken, what it is called, and which precision is fast where."""

from collections.abc import Callable

import pytest
import torch
from torch import nn

from convviz import limits
from convviz.errors import SettingError, is_about_memory
from convviz.networks import device

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("amx", "avx", "expected"),
    [(True, False, True), (False, True, True), (False, False, False)],
)
def test_a_processor_with_instructions_for_bfloat16_is_seen(
    monkeypatch: pytest.MonkeyPatch, amx: bool, avx: bool, expected: bool
) -> None:
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx, raising=False)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: avx, raising=False)
    assert device.has_fast_bfloat16(CPU) is expected
    dtype = torch.bfloat16 if expected else torch.float32
    assert device.resolve("auto", CPU) is dtype


def test_where_pytorch_cannot_tell_it_is_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_is_amx_tile_supported", "_is_avx512_bf16_supported"):
        monkeypatch.delattr(torch.cpu, name, raising=False)
    assert device.resolve("auto", CPU) is torch.float32


def test_what_is_asked_for_is_done() -> None:
    assert device.resolve("float32", CPU) is torch.float32
    assert device.resolve("bfloat16", CPU) is torch.bfloat16
    assert device.resolve("auto", torch.device("mps")) is torch.float32


@pytest.mark.parametrize("supported", [True, False])
def test_a_cuda_gpu_says_itself(monkeypatch: pytest.MonkeyPatch, supported: bool) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: supported)
    assert device.has_fast_bfloat16(torch.device("cuda")) is supported


@pytest.mark.parametrize(
    ("cuda", "mps", "expected"),
    [(True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")],
)
def test_a_gpu_is_used_where_there_is_one(
    monkeypatch: pytest.MonkeyPatch, cuda: bool, mps: bool, expected: str
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert device.best_device().type == expected


def test_only_the_heavy_layers_that_run_are_converted() -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.Conv2d(4, 4, 1))
    device.convert(module, {"0", "1"}, torch.bfloat16)
    dtypes = [module[i].weight.dtype for i in range(3)]
    assert dtypes == [torch.bfloat16, torch.float32, torch.float32]


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, bool], None]:
    """A machine with so many NVIDIA GPUs, with or without Apple's."""

    def has(gpus: int, apple: bool) -> None:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: gpus > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
        monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "Tester 9")
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: apple)

    return has


@pytest.mark.parametrize(
    ("gpus", "apple", "setting", "chosen", "title"),
    [
        (0, False, "", "cpu", "this machine’s processor"),
        (0, True, "auto", "mps", "Apple’s GPU (MPS)"),
        (1, True, "", "cuda", "Tester 9 (CUDA)"),
        (2, False, "cuda:1", "cuda:1", "Tester 9 (CUDA)"),
        (1, False, "CUDA", "cuda", "Tester 9 (CUDA)"),
        (1, True, "cpu", "cpu", "this machine’s processor"),
        (1, True, "mps", "mps", "Apple’s GPU (MPS)"),
    ],
)
def test_the_device_is_chosen_by_itself_or_by_its_variable(
    machine: Callable[[int, bool], None],
    monkeypatch: pytest.MonkeyPatch,
    gpus: int,
    apple: bool,
    setting: str,
    chosen: str,
    title: str,
) -> None:
    machine(gpus, apple)
    monkeypatch.setenv("CONVVIZ_DEVICE", setting)
    assert str(device.best_device()) == chosen
    assert device.title(device.best_device()) == title


@pytest.mark.parametrize(
    ("gpus", "setting"), [(0, "cuda"), (1, "cuda:1"), (2, "cuda:2"), (1, "mps")]
)
def test_a_device_that_is_not_there_is_a_sentence(
    machine: Callable[[int, bool], None],
    monkeypatch: pytest.MonkeyPatch,
    gpus: int,
    setting: str,
) -> None:
    machine(gpus, False)
    monkeypatch.setenv("CONVVIZ_DEVICE", setting)
    with pytest.raises(SettingError, match=f"CONVVIZ_DEVICE is set to {setting}, which PyTorch"):
        device.best_device()


@pytest.mark.parametrize("setting", ["gpu", "cuda:", "cuda:999", "cpu:0", "x" * 200])
def test_what_is_no_device_is_refused_at_the_start(
    monkeypatch: pytest.MonkeyPatch, setting: str
) -> None:
    monkeypatch.setenv("CONVVIZ_DEVICE", setting)
    with pytest.raises(SettingError, match="which is no device: set it to auto, cpu, cuda"):
        limits.check()


@pytest.mark.claims("convviz.networks.device.memory_short")
@pytest.mark.parametrize(
    ("kind", "side", "words"),
    [
        ("cpu", 1024, ["This machine has", "1024 × 1024", "512 pixels takes about 4 times less"]),
        ("cuda", 100, ["The GPU has", "an image of 64 pixels takes about 2 times less"]),
        ("mps", 64, ["The GPU has", "64 × 64", "layer: an earlier layer takes less too."]),
    ],
)
def test_short_memory_suggests_half_the_side(kind: str, side: int, words: list[str]) -> None:
    text = device.memory_short(torch.device(kind), side, 64)
    for each in words:
        assert each in text


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB"), True),
        (RuntimeError("MPS backend out of memory (MPS allocated: 18.00 GB)"), True),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you"), True),
        (MemoryError(), True),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_errors_about_memory_are_told_from_others(error: BaseException, expected: bool) -> None:
    assert is_about_memory(error) is expected
