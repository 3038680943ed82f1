"""The only exceptions that a user sees: one clear sentence, a hint what to do next, an exit code.

Any module may raise them; only `lnncmp.cli` prints them.
"""

import difflib
from collections.abc import Iterable

_LONGEST = 200
"""Characters of a name for which a near one is looked for."""


class LnncmpError(Exception):
    """An error whose message is meant for the user, without a traceback.

    `message` says what was expected and what was found, `hint` what to do next (may be empty).
    """

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __reduce__(self) -> tuple[type["LnncmpError"], tuple[str, str]]:
        """Pickle with both fields, so that the error can be sent from a worker process."""
        return type(self), (self.message, self.hint)


class UsageError(LnncmpError):
    """An invalid option, name or recipe value (exit code 2)."""

    exit_code = 2


class DataError(LnncmpError):
    """Missing, damaged or rejected data, or a file that cannot be written (exit code 3)."""

    exit_code = 3


def shown(value: object, most: int = 80) -> str:
    """Return what a user gave as messages quote it: printable, on one line, `most` characters of it at most."""
    text = value if isinstance(value, str) else repr(value)
    text = " ".join("".join(sign if sign.isprintable() or sign.isspace() else "?" for sign in text[: most + 1]).split())
    return text if len(text) <= most else f"{text[: most - 3]}..."


def unknown_name(kind: str, name: str, known: Iterable[str], most: int | None = None) -> UsageError:
    """Return the error for a name that is not in `known`, with the nearest match and the list, at most `most` of it."""
    options = sorted(known)
    near = difflib.get_close_matches(name[:_LONGEST], options, n=1, cutoff=0.5)
    guess = f"Did you mean '{near[0]}'? " if near else ""
    more = f" and {len(options) - most:,} more" if most is not None and len(options) > most else ""
    return UsageError(
        f"unknown {kind} '{shown(name)}'", f"{guess}Available: {', '.join(options[:most]) or 'none'}{more}"
    )
