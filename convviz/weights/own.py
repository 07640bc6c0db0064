"""A user's network (CONVVIZ_NETWORKS): as its file builds it, or with a file of weights."""

from __future__ import annotations

from pathlib import Path

from convviz.downloads import cache
from convviz.errors import WeightsError
from convviz.networks import registry
from convviz.networks.network import Network, NetworkSpec
from convviz.weights import checkpoint, trained
from convviz.weights.source import IN_USERS_FOLDER, Source, SourceStatus, network_with


def files_named_after(spec: NetworkSpec) -> tuple[Path, ...]:
    """Find the files of weights in the user's folder that are named after a network.

    They are vgg16.pth, vgg16.pt and vgg16.safetensors, in this order. The file of a trained network
    does not count: it is another source, see `trained`.
    """
    folder = cache.user_folder()
    if folder is None:
        return ()
    paths = [folder / f"{spec.name}{suffix}" for suffix in (".pth", ".pt", ".safetensors")]
    return tuple(path for path in paths if path.is_file() and trained.about_file(path) is None)


class Own(Source):
    """The weights of a user's network."""

    name = "own"

    def status(self, spec: NetworkSpec) -> SourceStatus | None:
        """See `Source.status`."""
        if not registry.is_own(spec.name):
            return None
        path = _file(spec)
        if path is None:
            return SourceStatus(self.name, _BUILT, True, note="from your Python file")
        size = path.stat().st_size
        return SourceStatus(
            self.name, _file_title(path), True, size, note=IN_USERS_FOLDER, path=path
        )

    def load(self, spec: NetworkSpec, *, seed: int = 0) -> Network:
        """See `Source.load`."""
        if not registry.is_own(spec.name):
            raise WeightsError(
                f"{spec.title} is built by convviz, not by a file of yours: choose another source "
                "of weights."
            )
        module, path = registry.build(spec), _file(spec)
        if path is None:
            size, sha256 = checkpoint.fingerprint(module)
            title = _BUILT
            note = (
                "The weights are those that your own file gives the network; convviz does not know "
                "its classes, so there are no class predictions."
            )
        else:
            module = checkpoint.fill(
                module,
                # Not mapped: the file may be overwritten.
                checkpoint.read(path, mapped=False),
                title=spec.title,
                origin=f"The file {path.name}",
            )
            size, sha256 = path.stat().st_size, cache.sha256(path)
            title, note = _file_title(path), f"The file {path.name} says nothing of its training."
        return network_with(
            spec,
            module,
            source=self.name,
            title=title,
            training_set="not stated",
            size=size,
            sha256=sha256,
            note=note,
        )


_BUILT = "As your file builds it"


def _file_title(path: Path) -> str:
    return f"Your file {path.name}"


def _file(spec: NetworkSpec) -> Path | None:
    """Find the file of weights to use; `imagenet` uses those of torchvision's networks."""
    return next(iter(files_named_after(spec)), None) if spec.torchvision_weights is None else None
