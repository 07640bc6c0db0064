"""From an upload to a tensor and back; knows nothing of networks."""

from convviz.images.decode import (
    FILE_SUFFIXES,
    FORMAT_NAMES,
    MAX_ASPECT,
    MAX_PIXELS,
    decode,
)
from convviz.images.preprocess import crop, denormalise, normalise, to_picture, to_tensor
from convviz.images.samples import Sample, sample, samples

__all__ = [
    "FILE_SUFFIXES",
    "FORMAT_NAMES",
    "MAX_ASPECT",
    "MAX_PIXELS",
    "Sample",
    "crop",
    "decode",
    "denormalise",
    "normalise",
    "sample",
    "samples",
    "to_picture",
    "to_tensor",
]
