"""What a user is told of his videos, and what he may ask of them."""
