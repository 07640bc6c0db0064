"""Load a network with weights from the best source available.

This module imports every source, and none of them imports it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from pathlib import Path
from threading import Lock

from convviz.downloads import cache
from convviz.downloads.tickets import Fetch, follow, join
from convviz.errors import FetchCancelled, SettingError, WeightsError, WeightsNotHere
from convviz.language import tr
from convviz.networks import registry
from convviz.networks.network import Network, NetworkSpec
from convviz.networks.replaced_parts import parts_of
from convviz.weights import imagenet, state_dict_file, trained
from convviz.weights.bundled import Bundled
from convviz.weights.encoder import Encoder
from convviz.weights.imagenet import ImageNet
from convviz.weights.own import Own
from convviz.weights.sent_file import SentFile, checksum
from convviz.weights.source import AUTO_ORDER, Source, SourceStatus
from convviz.weights.untrained import Untrained

SOURCES: dict[str, Source] = {
    source.name: source for source in (ImageNet(), Bundled(), Encoder(), Own(), Untrained())
}
"""Every source by name; `random` is used only if it is named."""

DESIGN = "design"
"""The name of a network that is known from its file alone."""

FetchProgress = Callable[[int, int], None]
Announce = Callable[[str], None]


def load(
    name: str,
    weights: str | Path = "auto",
    *,
    fetch: bool = True,
    progress: FetchProgress | None = None,
    announce: Announce | None = None,
    seed: int = 0,
) -> Network:
    """Load a network.

    Args:
        name: A network's name; "design" for a file that says its network itself, by its design.
        weights: "auto", a name in `SOURCES`, a name that `trained.keep` returned, or the path of a
            file: a trained network's, or any with a state dict that fits. Auto takes the first of
            these: full weights that are on this machine, those that come with convviz, a user's
            network as it is built, the encoder alone, torchvision's full download. It never takes
            random ones.
        fetch: Whether to fetch what is not on this machine.
        progress: Called with the bytes received and the bytes in total during a fetch.
        announce: Called before a fetch with a sentence on its size and licence.
        seed: Seed of random weights.

    Returns:
        The network, in eval mode. Weights that hold only an encoder come with a network that ends
        where the encoder ends.

    Raises:
        NetworkError: There is no such network, or a user's network cannot be built.
        SettingError: There is no such source of weights.
        WeightsNotHere: They would have to be fetched, and `fetch` is False or the fetch failed.
        FetchCancelled: The download was cancelled.
        WeightsError: They are damaged or do not fit.
    """
    own = trained.design_in(weights) if isinstance(weights, Path) else None
    parts = parts_of(own) if own else None
    names = (DESIGN, own and own.name, parts and parts.network)
    spec = own if own and name in names else registry.spec(name)
    if isinstance(weights, Path):
        bases = partial(_bases, fetch=fetch, progress=progress, announce=announce)
        return _load_file(spec, weights, bases)
    if weights.startswith(trained.PREFIX):
        return trained.load(spec, weights, _bases)
    *candidates, last = _candidates(spec, weights, fetch=fetch)
    load_from = partial(_load, fetch=fetch, progress=progress, announce=announce, seed=seed)
    for source in candidates:
        try:
            return load_from(source, spec)
        except WeightsNotHere:
            continue
    return load_from(last, spec)


def reference(network: Network) -> tuple[Callable[..., Network], tuple[str, str, str]] | None:
    """Return a call that makes an equal network on another machine that has convviz.

    Returns:
        The function and its arguments; None for a network that only this machine has, or whose
        weights do not come with convviz.
    """
    weights = network.weights
    comes_with_convviz = (Bundled.name, Encoder.name, Untrained.name)
    if registry.is_own(network.name) or weights.source not in comes_with_convviz:
        return None
    return referenced, (network.name, weights.source, weights.sha256)


def referenced(name: str, source: str, sha256: str) -> Network:
    """Load a network that another machine has named; the last two are kept.

    Raises:
        WeightsError: This machine has other weights of that name.
    """
    network = _shared(name, source)
    if network.weights.sha256 != sha256:
        raise WeightsError(
            tr(
                "The weights of {network} differ between the server and the cluster: install the "
                "same version of convviz on all machines.",
                network=network.title,
            )
        )
    return network


_loading = Lock()


def _shared(name: str, source: str) -> Network:
    with _loading:  # so that parts of one job that begin together load it once
        return _load_once(name, source)


@lru_cache(maxsize=2)
def _load_once(name: str, source: str) -> Network:
    return load(name, source, fetch=False)


def open_saved(data: bytes) -> Network:
    """Open the file of a network that was trained with convviz, without fetching anything.

    Args:
        data: The file's bytes.

    Raises:
        WeightsError: It is damaged, was not saved by convviz, or does not fit.
        WeightsNotHere: It has only the part that was trained, and the rest is not on this machine.
    """
    return trained.read(data, _bases)


def open_sent(file: SentFile, network: str, classes: tuple[str, ...] = ()) -> Network:
    """Open a file of weights that a visitor has sent, as one more source while the program runs.

    Nothing in it is run, and nothing is fetched. `fitting.networks_fitting` names the networks
    whose weights it may hold.

    Args:
        file: The file.
        network: Name of the network.
        classes: Names of its classes; () to take the file's own, else numbers.

    Raises:
        NetworkError: There is no such network, or it cannot be built.
        WeightsError: The file is damaged or does not fit, or it has another number of classes.
    """
    spec = registry.spec(network)
    # The same file may be opened as several networks, and with other names.
    digest = hashlib.sha256(file.data)
    digest.update("\0".join((network, *classes)).encode())
    imagenets = imagenet.torchvision_file(spec)
    return state_dict_file.load_file(
        spec,
        file,
        source=trained.source_of(digest.hexdigest()),
        classes=imagenets.classes if imagenets else (),
        names=classes,
        is_torchvisions=imagenets is not None and imagenets.is_sum(checksum(file)),
    )


def source_statuses(name: str) -> tuple[SourceStatus, ...]:
    """List the sources of a network's weights, and which of them are on this machine.

    Args:
        name: A network's name.

    Returns:
        The sources that this network has, in the order of `SOURCES`; the files of trained networks
        in the user's folder come before untrained weights.

    Raises:
        NetworkError: There is no such network.
    """
    spec = registry.spec(name)
    *statuses, untrained = (source.status(spec) for source in SOURCES.values())
    return tuple(
        status for status in (*statuses, *trained.statuses(spec), untrained) if status is not None
    )


def start_fetch(name: str, source: str = "imagenet") -> Fetch:
    """Fetch a network's weights into convviz's cache; returns at once.

    Args:
        name: A network's name.
        source: A name in `SOURCES`; only "imagenet" can be fetched.

    Returns:
        A ticket to watch, wait for or cancel. If the weights are on this machine, it ends at once.

    Raises:
        NetworkError: There is no such network.
        WeightsError: There is nothing to fetch from that source for this network.
    """
    spec = registry.spec(name)
    download = SOURCES[source].download(spec) if source in SOURCES else None
    if download is None:
        raise WeightsError(
            tr(
                "There are no weights to fetch for {network} from the source “{source}”.",
                network=spec.title,
                source=source,
            )
        )
    return join(download)


def _candidates(spec: NetworkSpec, weights: str, *, fetch: bool) -> list[Source]:
    """List the sources to try, in order."""
    if weights != "auto":
        if weights not in SOURCES:
            *names, last = SOURCES
            raise SettingError(
                tr(
                    "There are no weights called “{weights}”: choose auto, {names} or {last}.",
                    weights=weights,
                    names=", ".join(names),
                    last=last,
                )
            )
        return [SOURCES[weights]]
    full = SOURCES["imagenet"]
    # A damaged file in the cache is fetched again: the full weights were wanted before.
    in_cache = any(file.location == "cache" for file in imagenet.local_files(spec))
    full_first = _is_here(full, spec) or (fetch and in_cache)
    order = [SOURCES[name] for name in AUTO_ORDER if SOURCES[name].status(spec)]
    return order if full_first else sorted(order, key=lambda source: source is full)


def _load(
    source: Source,
    spec: NetworkSpec,
    *,
    fetch: bool,
    progress: FetchProgress | None,
    announce: Announce | None,
    seed: int,
) -> Network:
    """Load from one source; fetch the weights first if they are not on this machine."""
    if fetch and not _is_here(source, spec) and (download := source.download(spec)):
        if announce is not None:
            announce(download.about)
        try:
            follow(join(download), progress)
        except FetchCancelled:
            raise
        except WeightsError as error:
            raise imagenet.not_fetched(spec, error) from error
    return source.load(spec, seed=seed)


def _load_file(spec: NetworkSpec, path: Path, bases: trained.Bases) -> Network:
    """Load a network from a file that the user names."""
    if not path.is_file() or trained.is_saved(path):
        return trained.load_file(spec, path, bases)
    file = imagenet.torchvision_file(spec)
    network = state_dict_file.load_file(
        spec,
        path,
        source=trained.source_of(cache.sha256(path)),
        classes=file.classes if file else (),
        is_torchvisions=file is not None and file.is_intact(path),
    )
    trained.keep(network)  # so that what it is used for can load it again by the source's name
    return network


def _is_here(source: Source, spec: NetworkSpec) -> bool:
    status = source.status(spec)
    return status is not None and status.here


def _bases(
    name: str,
    source: str,
    *,
    fetch: bool = False,
    progress: FetchProgress | None = None,
    announce: Announce | None = None,
) -> Iterator[Network]:
    """Load the weights that a network was trained on, then others that may be the same."""
    local = [status.source for status in source_statuses(name) if status.here]
    for candidate in dict.fromkeys([source, *local]):
        if candidate.startswith(trained.PREFIX):
            continue
        try:
            may_fetch = fetch and candidate == source
            yield load(name, candidate, fetch=may_fetch, progress=progress, announce=announce)
        except FetchCancelled:
            raise
        except (WeightsError, SettingError):
            continue
