"""Sums for the rest, exact."""
