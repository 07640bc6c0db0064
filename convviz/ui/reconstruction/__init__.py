"""The parts of the page Reconstruction: the idea, the settings, one run, several runs."""
