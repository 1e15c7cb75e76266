"""Tests: they assert what a user or another service can observe."""
