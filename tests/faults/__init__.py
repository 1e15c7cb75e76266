"""The fault matrix: real servers and services, faults from outside, and a checker that trusts nobody. `make faults`."""
