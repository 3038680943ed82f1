"""The only exceptions a user sees: one clear sentence, a hint about what to do next, an exit code.

Logic raises them; exactly one place (`lnncmp.cli`) prints them.
"""

import difflib
from collections.abc import Iterable


class LnncmpError(Exception):
    """An error whose message is meant for the user, without a traceback.

    `message` says what was expected and what came, `hint` what to do next (may be empty).
    """

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __reduce__(self) -> tuple[type["LnncmpError"], tuple[str, str]]:
        """Pickle with both fields, so that the error survives the way back from a worker process."""
        return type(self), (self.message, self.hint)


class UsageError(LnncmpError):
    """An option, name or recipe value that cannot be accepted (exit code 2)."""

    exit_code = 2


class DataError(LnncmpError):
    """Data that is missing, damaged or refused (exit code 3)."""

    exit_code = 3


def unknown_name(kind: str, name: str, known: Iterable[str]) -> UsageError:
    """Return the error for a name that is not in `known`, naming the nearest match and the full list."""
    options = sorted(known)
    near = difflib.get_close_matches(name, options, n=1, cutoff=0.5)
    guess = f"Did you mean '{near[0]}'? " if near else ""
    return UsageError(f"unknown {kind} '{name}'", f"{guess}Available: {', '.join(options) or 'none'}")
