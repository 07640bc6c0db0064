"""Anything fetched once: checked, shared between processes, cancellable."""
