"""The documents that can be asked for."""
