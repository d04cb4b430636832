"""`nrdot doctor`: what works on this host and what does not, each with the mend."""
