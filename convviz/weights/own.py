"""A user's network (CONVVIZ_NETWORKS): as its file builds it, or with a file of weights."""

from __future__ import annotations

from pathlib import Path

from convviz.downloads import cache
from convviz.errors import WeightsError
from convviz.language import later, tr
from convviz.networks import registry
from convviz.networks.network import Network, NetworkSpec
from convviz.structure.layers import check_classes
from convviz.weights import checkpoint, state_dict_file, trained
from convviz.weights.file_names import SUFFIXES, stem_of
from convviz.weights.findings import AS_BUILT, NOT_STATED
from convviz.weights.source import IN_USERS_FOLDER, Source, SourceStatus, network_with


def files_named_after(spec: NetworkSpec) -> tuple[Path, ...]:
    """Find the files of weights in the user's folder that are named after a network.

    They are vgg16.pth, vgg16.pt and so on, in the order of `SUFFIXES`; capital letters
    make no difference. The file of a trained network does not count: it is another source, see
    `trained`.
    """
    folder = cache.user_folder()
    if folder is None or not folder.is_dir():
        return ()
    paths = [path for path in sorted(folder.iterdir()) if stem_of(path.name) == spec.name]
    paths.sort(key=lambda path: SUFFIXES.index(path.name.lower().removeprefix(spec.name)))
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
            return SourceStatus(self.name, tr(AS_BUILT), True, note=tr("from your Python file"))
        size = path.stat().st_size
        title, note = state_dict_file.title_of(path), tr(IN_USERS_FOLDER)
        return SourceStatus(self.name, title, True, size, note=note, path=path)

    def load(self, spec: NetworkSpec, *, seed: int = 0) -> Network:
        """See `Source.load`."""
        if not registry.is_own(spec.name):
            raise WeightsError(
                tr(
                    "{network} is built by convviz, not by a file of yours: choose another "
                    "source of weights.",
                    network=spec.title,
                )
            )
        path = _file(spec)
        if path is not None:
            return state_dict_file.load_file(spec, path, source=self.name)
        module = registry.build(spec)
        check_classes(spec, module)
        size, sha256 = checkpoint.fingerprint(module)
        return network_with(
            spec,
            module,
            source=self.name,
            title=tr(AS_BUILT),
            training_set=tr(NOT_STATED),
            size=size,
            sha256=sha256,
            classes=spec.classes,
            note=tr(_NAMED if spec.classes else _NAMELESS),
        )


_NAMELESS = later(
    "The weights are those that your own file gives the network; convviz does not know "
    "its classes, so there are no class predictions."
)
_NAMED = later(
    "The weights and the names of the classes are those that your own file gives the network."
)


def _file(spec: NetworkSpec) -> Path | None:
    """Find the file of weights to use; `imagenet` uses those of torchvision's networks."""
    return next(iter(files_named_after(spec)), None) if spec.torchvision_weights is None else None
