"""What scheduling decides: when groups meet, who may lead, and what falls due when. No I/O, no clock, no randomness."""
