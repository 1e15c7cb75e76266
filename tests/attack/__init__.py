"""An attack on what is released: whoever holds all releases side by side tries to compute what a few people are."""
