"""The Kubernetes API server, as the operator and the agents of nodes talk to it."""
