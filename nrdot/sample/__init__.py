"""Reading processes into the table."""
