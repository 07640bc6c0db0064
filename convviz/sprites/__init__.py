"""Many channel maps as one image."""
