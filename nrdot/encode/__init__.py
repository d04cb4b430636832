"""From the table to OTLP bytes."""
