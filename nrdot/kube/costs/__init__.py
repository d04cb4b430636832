"""What the cluster's metrics cost, by namespace, and which profile each namespace needs."""
