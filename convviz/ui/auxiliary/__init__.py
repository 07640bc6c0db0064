"""The parts of the page Auxiliary classifiers."""
