"""The corpus: inputs of every kind that people upload, each with the outcome that is right for it."""
