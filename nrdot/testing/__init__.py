"""Fakes that tests and users of the library share."""
