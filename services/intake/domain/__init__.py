"""What intake decides: pure functions of values and the day, without I/O, clock or randomness."""
