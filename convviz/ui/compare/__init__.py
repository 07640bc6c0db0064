"""Two images, layers or networks side by side, and a table over layers and networks."""
