"""The sidebar: image, network and weights, layer."""
