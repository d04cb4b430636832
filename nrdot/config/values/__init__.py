"""How a single value is written: with a unit, as a zone, in a scenario's phrase."""
