"""A relative error measured without convviz: the image prepared by numpy, the layers by torch."""

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from convviz.networks.network import IMAGENET_MEAN, IMAGENET_STD


def batch(image: Image.Image) -> Tensor:
    """An image as the network takes it, by numpy."""
    pixels = np.asarray(image.convert("RGB"), dtype=np.float32) / np.float32(255)
    normal = (pixels - np.float32(IMAGENET_MEAN)) / np.float32(IMAGENET_STD)
    return torch.from_numpy(normal.transpose(2, 0, 1)[None].copy())


def relative_error(part: nn.Module, saved: Image.Image, original: Image.Image) -> float:
    with torch.no_grad():
        y, x = part(batch(saved)).clone(), part(batch(original)).clone()
    return float((y - x).norm() / x.norm())
