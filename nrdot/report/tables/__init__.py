"""A document as rows for other programs."""
