"""What one traced pass says of a network: layers, data flow, receptive fields, costs."""
