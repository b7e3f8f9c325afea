"""What is to be made of an input, by which profile: decisions alone, no file is touched."""
