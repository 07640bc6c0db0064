"""Optimise the image, not the weights: what does a layer still know about an image?

`reconstruct` finds the image whose feature maps at a layer match a given image's, starting from
noise (Mahendran & Vedaldi, "Understanding Deep Image Representations by Inverting Them", 2015).
"""

from convviz.reconstruction.config import ReconstructionConfig
from convviz.reconstruction.optimise import reconstruct
from convviz.reconstruction.presets import preset
from convviz.reconstruction.quality import psnr, ssim
from convviz.reconstruction.result import LossParts, ReconstructionResult, ReconstructionStep

__all__ = [
    "LossParts",
    "ReconstructionConfig",
    "ReconstructionResult",
    "ReconstructionStep",
    "preset",
    "psnr",
    "reconstruct",
    "ssim",
]
