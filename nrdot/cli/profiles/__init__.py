"""`nrdot profile`: profiles listed, shown, checked, compared, tested and put back."""
