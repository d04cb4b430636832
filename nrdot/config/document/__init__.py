"""YAML as it stands in files: read without trust, with places kept, written again whole."""
