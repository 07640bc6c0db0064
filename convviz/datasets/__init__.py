"""Sets of images: files, zips, generated shapes, published sets."""
