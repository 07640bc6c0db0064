"""A layer's activations as a file of NumPy arrays, `.npz`."""

import io
from typing import Any

import numpy as np

from convviz.features.activations import Activations


def archive(activations: Activations, threshold: float = 0.0) -> bytes:
    """Write activations as the bytes of an `.npz` file; `numpy.load` reads it without pickle.

    Args:
        activations: One layer's, for one image.
        threshold: τ, as in `Activations.empty`.

    Returns:
        A file of these arrays: `maps`, the layer's output, and `rectified`, what its ReLU lets
        through, both float32 of shape (C, H, W); `maximum`, `mean` and `active_share` of each
        channel after the ReLU, and `empty`, bool, of shape (C,); `layer`, its dotted name.

    Raises:
        SettingError: The threshold lies outside 0…1.
    """
    arrays: dict[str, Any] = {
        name: getattr(activations, name).numpy()
        for name in ("maps", "rectified", "maximum", "mean", "active_share")
    }
    file = io.BytesIO()
    np.savez_compressed(
        file, **arrays, empty=activations.empty(threshold).numpy(), layer=activations.layer.name
    )
    return file.getvalue()
