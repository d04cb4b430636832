"""Meters and prices applied to figures."""
