"""The types that load, a file a topic, and how they are taken apart."""
