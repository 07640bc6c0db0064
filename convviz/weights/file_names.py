"""What files of weights are called. Loads no torch."""

from __future__ import annotations

SUFFIXES = (
    *(".pth", ".pt", ".safetensors", ".ckpt", ".bin", ".pth.tar", ".tar", ".pkl", ".pickle"),
    *(".th", ".pth.zip", ".pt.tar", ".chkpt", ".checkpoint", ".model", ".mdl", ".weights"),
    *(".params", ".state_dict", ".torch"),
)
"""What names of files of weights end in, in any case; the first of them are preferred."""


def stem_of(name: str) -> str | None:
    """Return what stands before a weight file's suffix, in lower case; None for another file."""
    lower = name.lower()
    for suffix in sorted(SUFFIXES, key=len, reverse=True):
        if lower.endswith(suffix):
            return lower.removesuffix(suffix)
    return None
