"""What leaves an agent: records, requests, who writes them and who takes them."""
