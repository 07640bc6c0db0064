"""Many channel maps as one picture."""

from convviz.sprites.atlas import Atlas, atlas
from convviz.sprites.colormaps import COLORMAPS, Colormap, hex_colours
from convviz.sprites.kernels import KernelSheet, diverging_ends, kernel_picture, kernel_sheet
from convviz.sprites.overlay import heatmap, overlay, signed_overlay
from convviz.sprites.picture import Section, branch_sections, colour_bar, grid_picture
from convviz.sprites.tiles import CONTRASTS, Contrast

__all__ = [
    "COLORMAPS",
    "CONTRASTS",
    "Atlas",
    "Colormap",
    "Contrast",
    "KernelSheet",
    "Section",
    "atlas",
    "branch_sections",
    "colour_bar",
    "diverging_ends",
    "grid_picture",
    "heatmap",
    "hex_colours",
    "kernel_picture",
    "kernel_sheet",
    "overlay",
    "signed_overlay",
]
