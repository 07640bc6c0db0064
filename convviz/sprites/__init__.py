"""Many channel maps as one picture."""
