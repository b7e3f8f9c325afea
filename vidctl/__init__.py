"""vidctl turns uploads into published videos on AWS, with no database of its own."""

__version__ = "0.1.0"
