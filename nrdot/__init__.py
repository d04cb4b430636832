"""NRDOT keeps process metrics useful at a tenth of their cost."""
