"""The parts of the page Architectures: comparison, layer by layer, and the papers."""
