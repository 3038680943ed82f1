"""Whatever a parser of an untrusted file raises becomes one sentence for the user."""

from collections.abc import Iterator
from contextlib import contextmanager
from errno import EINVAL

from lnncmp.errors import LnncmpError

_PANIC = "PanicException"
"""What libraries in Rust raise: no Exception, and no class that can be imported from all of them."""


@contextmanager
def parsing(refusal: LnncmpError) -> Iterator[None]:
    """Raise `refusal` for any error in the block, which parses a file, but for errors of lnncmp and of the system.

    What parsers raise on damaged bytes is not documented: ValueError, KeyError, MemoryError, struct.error and more.
    Their messages quote cells and names, so nothing of them is kept.
    """
    try:
        yield
    except LnncmpError:
        raise
    except OSError as error:
        if error.errno not in (None, EINVAL):  # without a number libraries raise it; with this one for a false offset
            raise
        raise refusal from None
    except Exception:
        raise refusal from None
    except BaseException as error:
        if type(error).__name__ == _PANIC:
            raise refusal from None
        raise
