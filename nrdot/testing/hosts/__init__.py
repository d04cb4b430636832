"""Hosts of invented processes: as tables, as a /proc of files, as a library that plays other systems."""
