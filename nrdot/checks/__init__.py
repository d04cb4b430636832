"""Everything there is to say about a configuration before it holds."""
