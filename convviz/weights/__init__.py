"""Where a network's weights come from, one module per source."""
