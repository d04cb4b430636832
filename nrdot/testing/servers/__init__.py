"""Servers on loopback that behave as a script says, and their certificates."""
