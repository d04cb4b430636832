"""The agent's side of a cluster."""
