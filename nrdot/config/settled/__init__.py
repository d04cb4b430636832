"""What the rest of NRDOT gets, and what follows from it."""
