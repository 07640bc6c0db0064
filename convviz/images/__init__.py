"""One image: from the bytes of a file to a tensor and back."""
