"""What is computed once and shared by all visitors, in bounded caches.

An image is told from another by the sha256 of its file, a network by its name and the source of its
weights. What comes out is shared, so nobody may change it. Importing this module loads PyTorch.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from hashlib import sha256
from math import prod
from typing import Any, TypeVar, cast

import streamlit as st
from torch import Tensor

from convviz.errors import NetworkError
from convviz.features import activations as feature_activations
from convviz.features import class_evidence
from convviz.features import overview as feature_overview
from convviz.features import predictions as feature_predictions
from convviz.features.activations import Activations, LayerSummary
from convviz.features.class_evidence import AveragedMaps, ClassEvidence
from convviz.features.overview import Overview
from convviz.features.predictions import HeadPrediction, Prediction
from convviz.images.decode import decode
from convviz.images.encode import jpeg
from convviz.images.samples import names_of_samples, sample
from convviz.language import again, tr
from convviz.learning import embedding, fine_tuning_record
from convviz.learning.embedding import ImageVectors
from convviz.learning.fine_tuning_record import FineTuningRecord
from convviz.networks.catalogue import COURSE, OF_THE_COURSE
from convviz.networks.network import Network, is_within
from convviz.networks.paper_designs import DESIGNS, describe, published_form_of
from convviz.networks.registry import available, is_own
from convviz.networks.registry import spec as network_spec
from convviz.sprites import grid
from convviz.sprites.colormaps import Colormap
from convviz.sprites.grid import Atlas, Contrast
from convviz.structure import costs as structure_costs
from convviz.structure import layers as structure_layers
from convviz.structure.costs import Costs
from convviz.structure.layers import Layer
from convviz.ui.byte_store import ByteStore
from convviz.ui.choice import IMAGE_KEYS, ChosenImage
from convviz.weights.load import load

# What stands for an argument in a cache's key. No two networks share a name, the source of trained
# weights holds their checksum, and whoever passes activations passes image and network as well.
KEYS: dict[str | type[Any], Callable[[Any], Any]] = {
    **IMAGE_KEYS,
    Network: lambda network: (network.name, network.weights.source),
    Layer: lambda layer: layer.name,
    Activations: lambda activations: activations.layer.name,
}


T = TypeVar("T")


def once(make: Callable[[], T], *key: Hashable) -> T:
    """Make something that is the same for everybody, such as a figure, at the first call only.

    Args:
        make: Makes it. What it returns is shared, so nobody may change it.
        key: Names it: everything that it depends on. Networks and layers may be among it, and where
            it holds texts, `language.current()` is.
    """
    return cast(T, _made(key, make))


def known(*key: Hashable) -> Any | None:
    """Return what `once` has made under a key; None where it has made nothing, or let it go."""
    try:
        return _made(key, _nothing_made)
    except _NothingMadeError:
        return None


class _NothingMadeError(Exception):
    """Ends a look for what was not made: what raises is not kept."""


def _nothing_made() -> None:
    raise _NothingMadeError


def channels_origin(network: Network, layer: Layer) -> str:
    """Name what makes a layer's channels, of all networks; see `layers.channels_origin`."""
    origin = once(
        lambda: structure_layers.channels_origin(network, layer), "channels", network, layer
    )
    return f"{network.name}/{origin}"


# The largest are sheets of kernels, half a megabyte each.
@st.cache_resource(max_entries=128, show_spinner=False, hash_funcs=KEYS)
def _made(made_of: tuple[Hashable, ...], _make: Callable[[], Any]) -> Any:
    return _make()


# A network's costs take a few hundred kilobytes, most of it receptive fields.
@st.cache_resource(max_entries=160, show_spinner=False)
def costs(name: str, input_size: int | None = None) -> Costs:
    """Count the costs of a network, or of a published design, by its name.

    Raises:
        NetworkError: There is none of that name.
        SettingError: It cannot take an image of that size.
    """
    design = next((design for design in DESIGNS if design.name == name), None)
    spec = describe(design) if design else network_spec(name)
    return structure_costs.count(spec, input_size)


def names() -> tuple[str, ...]:
    """Name every network, the three of the course first."""
    all_names = available()
    first = tuple(name for name in COURSE if name in all_names)
    return first + tuple(name for name in all_names if name not in first)


def short_list() -> tuple[str, ...]:
    """Name the networks for a row of buttons: the course's, and those of the server's owner."""
    course = {each.name for each in OF_THE_COURSE}
    return tuple(name for name in names() if name in course or is_own(name))


@dataclass(frozen=True)
class NetworkForm:
    """One form of a network: torchvision's, or the one its paper describes.

    Attributes:
        key: "torchvision" or "paper".
        name: What `costs` counts it by.
        title: For people, in the reader's language.
        input_size: Side of its usual image, in pixels.
    """

    key: str
    name: str
    title: str
    input_size: int


def forms(name: str) -> tuple[NetworkForm, ...]:
    """Return the forms in which a network can be looked at, the built one first."""
    spec = network_spec(name)
    built = NetworkForm("torchvision", name, tr("As built by torchvision"), spec.input_size)
    if not spec.torchvision_weights:
        return (NetworkForm("torchvision", name, tr("As built"), spec.input_size),)
    design = published_form_of(name)
    # VGG is built as published, so it has no second form to show.
    if design is None or not design.differences:
        return (built,)
    return built, NetworkForm("paper", design.name, tr("As published"), design.input_size)


# Three networks at most: VGG16 with its decoder takes 553 MB.
@st.cache_resource(max_entries=3, show_spinner=False)
def network(name: str, source: str) -> Network:
    """Load a network from weights that are on this machine already.

    Raises:
        WeightsError: They are not.
    """
    return load(name, source, fetch=False)


def fine_tuning(name: str) -> FineTuningRecord | None:
    """Return the recorded figures of fine-tuning a network, by its name; None without any."""
    return once(fine_tuning_record.read, "fine-tuning").get(name)


# Two names.
@st.cache_resource(max_entries=256, show_spinner=False, hash_funcs=KEYS)
def most_alike(image: ChosenImage, network: Network, layer: Layer) -> tuple[str, str]:
    """Name the sample photographs most like an image, by a layer's maps and by the pixels."""
    samples = _sample_vectors(network, layer)
    others = [name for name, (digest, _) in samples.items() if digest != image.sha256]
    vectors = embedding.image_vectors(network, layer.name, image.pixels)
    nearest = embedding.most_alike(vectors, [samples[name][1] for name in others])
    return others[nearest[0]], others[nearest[1]]


# At most about 8 MB each, most of it pixels.
@st.cache_resource(max_entries=6, show_spinner=False, hash_funcs=KEYS)
def _sample_vectors(network: Network, layer: Layer) -> dict[str, tuple[str, ImageVectors]]:
    """Measure every sample photograph, by its name, with the sha256 of its file."""
    data = {name: sample(name).read() for name in names_of_samples()}
    return {
        name: (
            sha256(file).hexdigest(),
            embedding.image_vectors(network, layer.name, decode(file)),
        )
        for name, file in data.items()
    }


@st.cache_resource(max_entries=24, show_spinner=False, hash_funcs=KEYS)
def layers(network: Network) -> tuple[Layer, ...]:
    """Return the layers of a network, in the order in which they run."""
    return structure_layers.layers(network)


@st.cache_resource(max_entries=24, show_spinner=False, hash_funcs=KEYS)
def further_layers(network: Network) -> tuple[Layer, ...]:
    """Return what else of a network can be looked at: blocks, earlier uses, tokens, heads."""
    return structure_layers.further_layers(network)


@st.cache_resource(max_entries=256, show_spinner=False, hash_funcs=KEYS)
def predictions(image: ChosenImage, network: Network) -> tuple[Prediction, ...]:
    """Return the network's five best guesses; none where it has no decoder."""
    return feature_predictions.predict(network, image.pixels)


# At most half a megabyte each.
@st.cache_resource(max_entries=64, show_spinner=False, hash_funcs=KEYS)
def overview(image: ChosenImage, network: Network) -> Overview:
    """Return what a whole network makes of the image; one pass gives all its stages."""
    return feature_overview.overview(network, image.pixels)


def _bytes(activations: Activations) -> int:
    tensors = (activations.maps, activations.rectified)
    memories = {each.untyped_storage().data_ptr(): each.untyped_storage() for each in tensors}
    return sum(memory.nbytes() for memory in memories.values())


ACTIVATIONS = ByteStore[Activations](400 * 2**20, _bytes)
_NEIGHBOUR_BYTES = 16 * 2**20  # the largest that is computed before it is asked for
_NEIGHBOUR_SHARE = 0.3  # of a pass that the next layer may add


def activations(image: ChosenImage, network: Network, layer: Layer) -> Activations:
    """Return what the layer's channels answer to the image.

    People step from layer to layer. The layer before has been computed by then, and the one after
    often costs little more, so the pass gives those as well.
    """
    context = (image.sha256, network.name, network.weights.source)
    found = ACTIVATIONS.get((*context, layer.name))
    if found is not None:
        return found
    names = (*_neighbours(network, layer), layer.name)
    gaps: dict[str, str] = {}
    made = feature_activations.activations_of(network, image.pixels, names, gaps)
    if layer.name in gaps:
        raise NetworkError(gaps[layer.name])
    for name in made:  # the layer that was asked for last: it stays for longest
        ACTIVATIONS.put((*context, name), made[name])
    return made[layer.name]


@st.cache_resource(max_entries=512, show_spinner=False, hash_funcs=KEYS)
def _neighbours(network: Network, layer: Layer) -> tuple[str, ...]:
    """Name the layers beside a layer in the list that come from almost the same pass."""
    listed = [each for each in layers(network) if not each.detail and each.kind != "dropout"]
    names = [each.name for each in listed]
    if layer.name not in names:
        return ()
    position = names.index(layer.name)
    beside = listed[max(position - 1, 0) : position]
    if position + 1 < len(listed):
        after = listed[position + 1]
        spent = [_macs_up_to(network.name, each.name) for each in (layer, after)]
        if spent[1] - spent[0] <= _NEIGHBOUR_SHARE * spent[0]:
            beside.append(after)
    return tuple(each.name for each in beside if 4 * prod(each.shape) <= _NEIGHBOUR_BYTES)


def _macs_up_to(network_name: str, layer_name: str) -> int:
    """Count the MACs of a pass that ends with a layer."""
    rows = [row for row in costs(network_name).layers if row.executed]
    inside = [n for n, row in enumerate(rows) if is_within(row.module, layer_name)]
    return sum(row.macs for row in rows[: max(inside, default=-1) + 1])


def empty_by_depth(
    image: ChosenImage, network: Network, threshold: float
) -> tuple[LayerSummary, ...]:
    """Return how many channels of each layer are empty; one pass serves every threshold."""
    return feature_activations.summarise(_strengths(image, network)[0], threshold)


def not_shown(image: ChosenImage, network: Network) -> tuple[str, ...]:
    """Return a sentence on each layer that `empty_by_depth` leaves out as it cannot be shown."""
    return tuple(again(sentence) for sentence in _strengths(image, network)[1].values())


# A number for each channel: at most 100 kB.
@st.cache_resource(max_entries=128, show_spinner=False, hash_funcs=KEYS)
def _strengths(
    image: ChosenImage, network: Network
) -> tuple[tuple[tuple[Layer, Tensor], ...], dict[str, str]]:
    gaps: dict[str, str] = {}
    return feature_activations.strength_by_depth(network, image.pixels, gaps), gaps


PHOTOGRAPH_PIXELS = 448  # sharp on a projector, and a multiple of common maps' sides


# About 50 kB each.
@st.cache_resource(max_entries=256, show_spinner=False, hash_funcs=KEYS)
def photograph(image: ChosenImage, network: Network) -> bytes:
    """Return what goes into the network as a JPEG, enlarged for the screen."""
    return jpeg(image.crop(network, enlarged=PHOTOGRAPH_PIXELS))


# About 1 MB each.
@st.cache_resource(max_entries=48, show_spinner=False, hash_funcs=KEYS)
def atlas(
    image: ChosenImage,
    network: Network,
    activations: Activations,
    contrast: Contrast,
    threshold: float,
    colours: Colormap,
    ends: tuple[float, float] | None = None,
) -> Atlas:
    """Return all channels of a layer as one image; `image` and `network` are only for the key.

    The maps come in their own size and without marks: the browser enlarges and marks them.
    """
    return grid.atlas(
        activations,
        contrast=contrast,
        threshold=threshold,
        tile=grid.own_size(*activations.maps.shape),
        colormap=colours,
        ends=ends,
        marks=False,
    )


@st.cache_resource(max_entries=32, show_spinner=False, hash_funcs=KEYS)
def head_predictions(image: ChosenImage, network: Network) -> tuple[HeadPrediction, ...]:
    """Return what every head of a network predicts for the image."""
    return feature_predictions.head_predictions(network, image.pixels)


# The last maps of a GoogLeNet take 200 kB.
@st.cache_resource(max_entries=32, show_spinner=False, hash_funcs=KEYS)
def averaged(
    image: ChosenImage, network: Network
) -> tuple[AveragedMaps, tuple[ClassEvidence, ...]]:
    """Return the last maps' means for the image, and the scores they make up."""
    maps = class_evidence.average_maps(network, image.pixels)
    return maps, class_evidence.class_evidence(network, maps, image.pixels)
