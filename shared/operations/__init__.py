"""Recovering without a programmer: what operators see and do, the same in every service."""
