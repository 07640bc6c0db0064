"""Settings that were measured to work well, by network and depth.

benchmarks/reconstruction.py --presets measures them; its table is in benchmarks/README.md. One
setting matters: how strong the noise is that a run starts from. The weaker, the less of it is left
in the image where the layer does not see it, but a deep layer answers to weak noise with silence,
and then the first steps are small.
"""

from __future__ import annotations

from convviz.networks.registry import spec
from convviz.reconstruction.config import DEFAULT_SECONDS, ReconstructionConfig
from convviz.structure.layers import depth_of, layer, layers

# Network: (layer, standard deviation of the noise), from shallow to deep.
_MEASURED = {
    "alexnet": (("features.7", 0.003), ("features.11", 0.003)),
    "vgg16": (("features.15", 0.01), ("features.22", 0.02), ("features.29", 0.02)),
    "googlenet": (("inception3b", 0.02), ("inception4a", 0.02), ("inception5b", 0.02)),
}
# Depth in the encoder up to which it holds, and noise, for networks that were not measured.
_BY_DEPTH = ((0.6, 0.01), (1.0, 0.02))


def preset(network_name: str, layer_name: str) -> ReconstructionConfig:
    """Return good settings for a layer: those of the layer measured that is about as deep.

    Raises:
        NetworkError: There is no such network or layer.
    """
    described = spec(network_name)
    known = layers(described)
    depth = depth_of(known, layer(described, layer_name))
    if network_name in _MEASURED:
        noise = min(
            (abs(depth_of(known, layer(described, name)) - depth), noise)
            for name, noise in _MEASURED[network_name]
        )[1]
    else:
        noise = next(noise for limit, noise in _BY_DEPTH if depth <= limit)
    return ReconstructionConfig(layer=layer_name, seconds=DEFAULT_SECONDS, noise=noise)
