"""Where records go: the destinations and the threads that empty their buffers."""
