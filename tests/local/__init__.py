"""Tests of one machine: the real servers as child processes."""
