"""Between the tick and the network."""
