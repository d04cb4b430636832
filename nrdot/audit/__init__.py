"""The audit trail: a chain of entries on disk, its proof, and its copies."""
