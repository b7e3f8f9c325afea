"""Who is calling, by whose word, and what may stand in a URL instead of a token."""
