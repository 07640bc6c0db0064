"""Fetching weights into convviz's cache.

`start` returns at once with a ticket, a `Fetch`, that tells how far the download is; `follow` waits
for it.
"""

from __future__ import annotations

from collections.abc import Callable

from convviz.downloads.http import download
from convviz.downloads.tickets import Fetch, Job, join
from convviz.errors import WeightsError
from convviz.networks import registry
from convviz.weights import sources

__all__ = ["Fetch", "follow", "start"]


def start(network: str, source: str = "imagenet") -> Fetch:
    """Fetch a network's weights into convviz's cache; returns at once.

    Args:
        network: A network's name.
        source: "imagenet" (torchvision's full weights); the other sources fetch nothing.

    Returns:
        A ticket to watch, wait for or cancel. If the weights are here, it is done in a moment.

    Raises:
        NetworkError: There is no such network.
        WeightsError: There is nothing to fetch from that source for this network.
    """
    return join(_job(network, source), network, source)


def follow(ticket: Fetch, progress: Callable[[int, int], None] | None = None) -> None:
    """Wait for a download, and stop it when the waiting is broken off.

    Args:
        ticket: From `start`; it is given back if this is interrupted.
        progress: Called now and then with the bytes received and the bytes in all.

    Raises:
        FetchCancelled: The ticket, or the download, was cancelled.
        WeightsError: It failed.
    """
    try:
        while not ticket.wait(0.2):
            if progress is not None:
                progress(ticket.received, ticket.total or 0)
        if progress is not None:
            progress(ticket.received, ticket.total or 0)
    except BaseException:
        ticket.cancel()
        ticket.settle(5)
        raise


def _job(network: str, source: str) -> Job:
    spec = registry.spec(network)
    file = sources.torchvision_file(spec)
    if source == "imagenet" and file is not None:
        return Job(
            key=file.name,
            total=file.bytes,
            room=file.bytes + file.bytes // 50,
            here=lambda folder: sources.is_whole(folder / file.name, file),
            fetch=lambda folder, transfer: download(
                file.url, folder / file.name, file.sha256_prefix, transfer
            ),
        )
    raise WeightsError(
        f"There are no weights to fetch for {spec.title} from the source “{source}”."
    )
