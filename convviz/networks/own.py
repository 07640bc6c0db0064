"""A user's own networks: the Python files named in CONVVIZ_NETWORKS."""

from __future__ import annotations

from typing import Any


def join(specs: dict[str, Any]) -> None:
    """Run the files in CONVVIZ_NETWORKS that have not been run yet."""


def problems() -> tuple[str, ...]:
    """Say what went wrong with the user's files, one sentence each."""
    return ()
