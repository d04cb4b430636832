"""Agents and their parts without processes, endpoints or time that passes by itself."""
