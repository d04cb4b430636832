"""From a path to a checked configuration, every problem with its place."""
