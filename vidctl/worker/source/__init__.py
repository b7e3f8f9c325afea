"""What an input says of itself, before anything is made of it."""
