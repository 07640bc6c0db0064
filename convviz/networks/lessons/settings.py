"""Checking the numbers a lesson is asked for, and writing numbers for people."""

MINUS, TIMES = "−", "·"
