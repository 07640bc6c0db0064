"""The parts of the page Evidence: the class, its map, the tests of it, two networks."""
