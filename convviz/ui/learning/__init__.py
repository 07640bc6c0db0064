"""The parts of the pages Transfer learning and Training."""
