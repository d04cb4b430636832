"""Verdicts: which process is exported by itself."""
