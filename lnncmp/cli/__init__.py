"""The command line: parse, call one function, print. No logic; torch is imported by the commands that need it."""

import sys

from lnncmp.cli.app import app
from lnncmp.cli.terminal import print_error
from lnncmp.errors import LnncmpError


def main() -> None:
    """Run the command line. Errors meant for the user are printed here, and only here, without a traceback."""
    try:
        app()
    except LnncmpError as error:
        print_error(error)
        sys.exit(error.exit_code)
