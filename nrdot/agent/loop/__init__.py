"""The loop that ticks, what paces it, and what the outside asks of it."""
