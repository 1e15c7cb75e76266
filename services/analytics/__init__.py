"""Analytics: facts heard from the others, and what they say about whether a program works."""
