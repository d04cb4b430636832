"""What looks on after each tick and never changes what is sent."""
