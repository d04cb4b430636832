"""Schedules, events and the sun: which profile holds when."""
