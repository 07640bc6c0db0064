"""Load a network: build it, and give it weights from the best source there is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from convviz.downloads import cache
from convviz.errors import FetchCancelled, SettingError, WeightsError, WeightsNotHere
from convviz.networks import registry
from convviz.networks.network import Network, NetworkSpec
from convviz.weights import assembly, bundled, encoder, missing, sources, trained, trained_info
from convviz.weights.fetch import follow, start
from convviz.weights.source import SOURCES
from convviz.weights.sources import Found

Progress = Callable[[int, int], None]


def load(
    name: str,
    weights: str | Path = "auto",
    *,
    fetch: bool = True,
    progress: Progress | None = None,
    seed: int = 0,
) -> Network:
    """Load a network.

    Args:
        name: A network's name.
        weights: "auto", one of `weights.SOURCES`, what `trained.keep` gave back, or a file that a
            training has saved. Auto takes the first it finds: full weights that are on this
            machine, those that come with convviz, a user's own network as it is built, the encoder
            alone, torchvision's full download. It never takes random ones.
        fetch: Whether it may fetch what is not here over the network.
        progress: Called with the bytes received and the bytes in all, while something is fetched.
        seed: For random weights.

    Returns:
        The network, in eval mode. Weights that hold only an encoder come with a network that ends
        where the encoder ends.

    Raises:
        NetworkError: There is no such network, or a user's own cannot be built.
        SettingError: There is no such source of weights.
        WeightsNotHere: They would have to be fetched, and `fetch` is False.
        FetchCancelled: Somebody stopped the download.
        WeightsError: They are damaged, do not fit, or cannot be fetched.
    """
    spec = registry.spec(name)
    ways: dict[str, Callable[[], Network]] = {
        "imagenet": partial(_imagenet, spec, fetch=fetch, progress=progress),
        "bundled": partial(assembly.with_bundled, spec),
        "encoder": partial(assembly.encoder, spec),
        "own": partial(assembly.own, spec),
        "random": partial(assembly.with_random, spec, seed),
    }
    if isinstance(weights, Path):
        return _saved(spec, weights, partial(_bases, fetch=fetch, progress=progress))
    if weights.startswith(trained_info.PREFIX):
        return _trained(spec, weights)
    if weights == "auto":
        return _first(spec, [ways[source] for source in _auto(spec, fetch=fetch)])
    if weights not in ways:
        raise SettingError(
            f"There are no weights called “{weights}”: choose auto, {', '.join(SOURCES[:-1])} or "
            f"{SOURCES[-1]}."
        )
    return _first(spec, [ways[weights]])


def _auto(spec: NetworkSpec, *, fetch: bool) -> list[str]:
    """Name the sources to try, in order."""
    file, order = sources.torchvision_file(spec), []
    if file is not None:
        # A damaged file in the cache is fetched again: somebody wanted the full weights before.
        wanted = any(found.place == "cache" for found in sources.full_weights(spec))
        if sources.usable_weights(spec) or (wanted and fetch):
            order.append("imagenet")
    if spec.name == bundled.NETWORK:
        order.append("bundled")
    if registry.is_own(spec.name):
        order.append("own")
    if spec.name in encoder.ENCODERS:
        order.append("encoder")
    return order if "imagenet" in order or file is None else [*order, "imagenet"]


class _Unfetched(WeightsError):
    """A fetch failed; what it says becomes part of a longer sentence."""


def _first(spec: NetworkSpec, ways: list[Callable[[], Network]]) -> Network:
    """Load from the first source that has the weights."""
    problems: list[_Unfetched] = []
    for way in ways:
        try:
            return way()
        except _Unfetched as error:
            problems.append(error)
        except WeightsNotHere:
            continue
    raise missing.unfetched(spec, problems) if problems else missing.not_here(spec)


def open_saved(data: bytes) -> Network:
    """Open the file of a network that was trained with convviz; nothing is fetched for it.

    Args:
        data: The file's bytes.

    Raises:
        WeightsError: It is damaged, foreign, or does not fit.
        WeightsNotHere: It has only the part that was trained, and the rest is not here.
    """
    return trained.read(data, _bases)


def _bases(
    name: str, source: str, *, fetch: bool = False, progress: Progress | None = None
) -> Iterator[Network]:
    """Load the weights that somebody trained on, then others that are here and may be the same."""
    here = [status.source for status in sources.status(name) if status.here]
    for number, each in enumerate(dict.fromkeys([source, *here])):
        if each.startswith(trained_info.PREFIX):
            continue
        try:
            yield load(name, each, fetch=fetch and not number, progress=progress)
        except FetchCancelled:
            raise
        except (WeightsError, SettingError):
            continue


def _saved(spec: NetworkSpec, path: Path, bases: trained.Bases) -> Network:
    found = trained.read_file(path, bases)
    if found.name != spec.name:
        raise WeightsError(
            f"{path.name} is a trained {found.title}, not {spec.title}: choose the network "
            f"{found.name}."
        )
    return found


def _trained(spec: NetworkSpec, source: str) -> Network:
    found = trained_info.find(source)
    if found is None:
        for path, name, _ in trained.in_folder(spec.name):
            if name == source:
                return trained.read_file(path, _bases)
    if found is None or found.name != spec.name:
        raise WeightsError(
            f"The {spec.title} that was trained here is no longer in memory: open the file you "
            "saved it to, or train it again."
        )
    return found


def _imagenet(spec: NetworkSpec, *, fetch: bool, progress: Progress | None) -> Network:
    file = sources.torchvision_file(spec)
    if file is None:
        raise WeightsError(
            f"There are no ImageNet weights for {spec.title}: choose own or untrained weights."
        )
    found = sources.usable_weights(spec)
    if found is None:
        _fetch(spec, "imagenet", fetch=fetch, progress=progress)
        found = Found(cache.folder() / file.name, "cache")
    return assembly.full(spec, found)


def _fetch(spec: NetworkSpec, source: str, *, fetch: bool, progress: Progress | None) -> None:
    """Fetch weights, if that is allowed, and wait until they are here."""
    if not fetch:
        raise missing.not_here(spec)
    try:
        follow(start(spec.name, source), progress)
    except FetchCancelled:
        raise
    except WeightsError as error:
        raise _Unfetched(str(error)) from error
