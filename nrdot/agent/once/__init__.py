"""This host looked at by a command, without a daemon."""
