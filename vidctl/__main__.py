"""Run the command line as ``python -m vidctl``."""

from vidctl.cli import main

if __name__ == "__main__":
    main()
