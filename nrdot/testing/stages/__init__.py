"""One stage by itself, over tables that a test makes."""
