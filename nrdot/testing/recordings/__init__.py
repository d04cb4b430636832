"""Files that somebody left: captures, ledgers, trained models."""
