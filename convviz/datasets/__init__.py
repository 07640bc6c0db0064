"""Sets of images, with and without classes."""
