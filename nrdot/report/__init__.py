"""What was seen, kept and saved, in money, and whether to believe it."""
