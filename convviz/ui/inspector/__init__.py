"""One channel, up close: its map, its field, its stimuli, its arithmetic, and life without it."""
