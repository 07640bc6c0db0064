"""The parts of the page Filters: a layer's kernels, first layers compared, before training."""
