"""Fifteen planted bugs, and the program that shows that each is found: `python -m tests.faults.planted`."""
