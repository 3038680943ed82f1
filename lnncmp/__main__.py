"""`python -m lnncmp`."""

from lnncmp.cli import main

if __name__ == "__main__":
    main()
