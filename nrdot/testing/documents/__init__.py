"""What people write: configurations, schemas, pages."""
