"""The parts of the page Course: its steps, and the lessons that belong to them."""
