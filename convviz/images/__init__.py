"""From an upload to a tensor and back; knows nothing of networks."""
