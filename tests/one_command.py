"""One command of lnncmp alone, run in this process: what the tests of its refusals need."""

from collections.abc import Callable

import typer
from typer.testing import CliRunner, Result


class OneCommand:
    """A command as an application of its own; exceptions reach the test in place of lnncmp's exit codes."""

    def __init__(self, function: Callable[..., None]) -> None:
        self.app = typer.Typer()
        self.app.command()(function)

    def __call__(self, *args: object) -> Result:
        """Run it with `args` and return the answer."""
        return CliRunner().invoke(self.app, [str(arg) for arg in args])

    def refused(self, kind: type[Exception], *args: object) -> Exception:
        """Run it with `args` and return its exception of `kind`; nothing was printed."""
        answer = self(*args)
        assert answer.stdout == "" and type(answer.exception) is kind, answer.exception
        return answer.exception
