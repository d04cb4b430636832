"""A ledger in numbers: what was seen, and what each step saved."""
