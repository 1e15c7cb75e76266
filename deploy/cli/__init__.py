"""The command `kith`: one small module for each of its commands."""
