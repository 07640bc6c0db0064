"""Optimise the weights: data sets, transfer learning, and trainings as iterators of steps."""
