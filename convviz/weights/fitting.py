"""Find the networks whose weights a file may hold, by the names and shapes of its tensors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import TypeVar

from torch import Tensor

from convviz.errors import NetworkError, WeightsError
from convviz.language import tr
from convviz.networks import registry
from convviz.networks.network import NetworkSpec
from convviz.weights import checkpoint, imagenet, state_dict_file
from convviz.weights.part_shapes import ReplaceableParts, places_in, replaced_parts
from convviz.weights.pickled import Stored
from convviz.weights.sent_file import WeightsFile

T = TypeVar("T")

_NEAR = 0.5  # of a network's names, from which on it is named as the nearest


@dataclass(frozen=True, eq=False)
class _Form:
    """A network's tensors without their numbers.

    Attributes:
        tensors: By name, on the meta device.
        without: Dotted names of parts whose tensors a file may have or not.
        places: Where people replace parts of the network; None for a user's own.
    """

    tensors: Mapping[str, Tensor]
    without: tuple[str, ...]
    places: ReplaceableParts | None


def networks_fitting(file: WeightsFile) -> tuple[str, ...]:
    """Name the networks whose weights a file may hold; nothing in it is run.

    Names are compared first, then shapes; of a network whose `build` takes `num_classes`, as that
    of every built-in one does, the number of classes may be any. Where no network fits, those are
    named of which the file has another head, or a first convolution of one channel.

    Args:
        file: The file.

    Returns:
        At least one name, in the order of `registry.available`.

    Raises:
        WeightsError: It is damaged or holds no weights, or no network fits.
    """
    opened = checkpoint.open_file(file, mapped=False)
    forms = dict(_forms())
    fitting = tuple(
        name
        for name, form in forms.items()
        if opened.fits(
            form.tensors, form.without, any_classes=registry.takes_classes(registry.spec(name))
        )
    )
    if not fitting:
        fitting = tuple(name for name, form in forms.items() if _fits_in_parts(name, form, opened))
    if not fitting:
        opened.check_kinds()
        raise WeightsError(_no_network(file.name, opened, forms))
    return fitting


def _fits_in_parts(name: str, form: _Form, opened: checkpoint.File) -> bool:
    """Tell whether a file is of a network with another head or another first convolution."""
    if form.places is None:
        return False
    return replaced_parts(name, form.places, opened, form.tensors) is not None


def _forms() -> Iterator[tuple[str, _Form]]:
    for name in registry.available():
        try:
            yield name, _form(registry.spec(name))
        except NetworkError:
            continue  # a user's network that cannot be built says so where it is chosen


# By name, with the description that each was made from: a network may be registered anew.
_known: dict[str, tuple[NetworkSpec, _Form]] = {}


def _form(spec: NetworkSpec) -> _Form:
    known = _known.get(spec.name)
    if known is not None and known[0] is spec:
        return known[1]
    file = imagenet.torchvision_file(spec)
    as_torchvision = file is not None and bool(file.classes)
    expected = state_dict_file.expected_of(spec, as_torchvision=as_torchvision)
    form = _Form(
        {name: value.to("meta") for name, value in expected.tensors.items()},
        expected.without,
        places_in(spec, expected.module),
    )
    _known[spec.name] = spec, form
    return form


def _no_network(file: str, opened: checkpoint.File, forms: Mapping[str, _Form]) -> str:
    """Say that no network fits; and which shares most names with the file, if half of its own.

    Of that one it says what differs: the first name that the file lacks, or the first tensor of
    another shape, as of a network whose first convolution was made to take grey images.
    """
    sets = [
        tensors for each in opened.sets for tensors in (each.tensors, _without_prefix(each.tensors))
    ]
    shared = {
        name: max(len(form.tensors.keys() & tensors.keys()) for tensors in sets)
        for name, form in forms.items()
        if form.tensors
    }
    best = max(
        shared,
        key=lambda name: (shared[name] / len(forms[name].tensors), shared[name]),
        default=None,
    )
    if best is None or shared[best] < _NEAR * len(forms[best].tensors):
        return tr(
            "The weights in {file} are those of none of the {networks:,} networks here, by the "
            "names and shapes of their tensors: name a Python file that builds their network in "
            "CONVVIZ_NETWORKS.",
            file=file,
            networks=len(forms),
        )
    wanted = forms[best].tensors
    tensors = max(sets, key=lambda each: len(wanted.keys() & each.keys()))
    return tr(
        "The weights in {file} are those of none of the {networks:,} networks here, by the names "
        "and shapes of their tensors (nearest is {difference}): name a Python file that builds "
        "their network in CONVVIZ_NETWORKS.",
        file=file,
        networks=len(forms),
        difference=_difference(registry.spec(best).title, wanted, tensors),
    )


def _difference(
    nearest: str, wanted: Mapping[str, Tensor], tensors: Mapping[str, Stored | Tensor]
) -> str:
    """Say in what the tensors of a file differ from those of the nearest network.

    Args:
        nearest: That network's title.
        wanted: Its tensors by name.
        tensors: Those in the file.
    """
    lacking = next((name for name in wanted if name not in tensors), None)
    if lacking is not None:
        return tr(
            "{nearest}: {shared:,} of its {count:,} names are in the file, {lacking} is not",
            nearest=nearest,
            shared=len(wanted.keys() & tensors.keys()),
            count=len(wanted),
            lacking=lacking,
        )
    for name, tensor in wanted.items():
        if tuple(tensor.shape) != tuple(tensors[name].shape):
            return tr(
                "{nearest}, where {tensor} is {wanted}; in the file it is {found}",
                nearest=nearest,
                tensor=name,
                wanted=_by(tensor.shape),
                found=_by(tensors[name].shape),
            )
    more = next((name for name in tensors if name not in wanted), "")
    return tr("{nearest}, which has no {more}", nearest=nearest, more=more)


def _without_prefix(tensors: Mapping[str, T]) -> dict[str, T]:
    """Leave out what all names begin with: ``module.`` and the like."""
    parts = zip(*(name.split(".")[:-1] for name in tensors), strict=False)
    shared = takewhile(lambda each: len(set(each)) == 1, parts)
    prefix = "".join(f"{each[0]}." for each in shared)
    return {name.removeprefix(prefix): value for name, value in tensors.items()}


def _by(shape: Sequence[int]) -> str:
    return " × ".join(map(str, shape))
