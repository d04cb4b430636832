"""A document as a page for a browser."""
