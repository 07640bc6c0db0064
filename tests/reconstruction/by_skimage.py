"""The SSIM of Wang et al. 2004 as scikit-image has it, measured without convviz."""

import numpy as np
from PIL import Image
from skimage.metrics import structural_similarity


def ssim(first: Image.Image, second: Image.Image) -> float:
    """The SSIM of two colour images."""
    pixels = [np.asarray(each, dtype=np.float64) / 255 for each in (first, second)]
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    return float(structural_similarity(*pixels, channel_axis=2, data_range=1.0, **options))
