"""The whole of Kith on one machine, as ordinary child processes."""
