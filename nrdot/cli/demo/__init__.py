"""`nrdot demo`: what would be sent of a host, on the terminal and as a page."""
