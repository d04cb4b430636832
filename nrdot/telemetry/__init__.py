"""The agent's own metrics and logs."""
