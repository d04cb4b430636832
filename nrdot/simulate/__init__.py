"""A capture under candidate profiles."""
