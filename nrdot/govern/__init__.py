"""Which configuration holds, by whose will, and what is written down of that."""
