"""What ledgers and audit trails say: files and SQL in, rows out."""
