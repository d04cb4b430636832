"""NRDOT keeps process metrics useful at a tenth of their cost."""

__version__ = "0.1.0"
