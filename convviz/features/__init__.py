"""What a network makes of an image."""
