"""Which precision is fast where."""

import pytest
import torch
from torch import nn

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
