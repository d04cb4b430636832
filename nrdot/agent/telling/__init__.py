"""What the agent says of itself: its status, its metrics, the pages that show them."""
