"""How much each process matters."""
