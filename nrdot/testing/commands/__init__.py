"""Commands as a test types them."""
