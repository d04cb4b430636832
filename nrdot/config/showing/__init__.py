"""Settings and the schema as people see them."""
