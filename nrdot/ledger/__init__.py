"""What each tick saw, kept and saved."""
