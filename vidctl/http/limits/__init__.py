"""How much one user, or one stranger, may ask for."""
