"""Find out within seconds whether a server delivers, before a long download is begun."""

import tempfile
import threading
from concurrent.futures import Future
from pathlib import Path

from lnncmp.atomic import explained
from lnncmp.data.fetch import UnreachableError, download


def probe(url: str, *, sha256: str, seconds: float, hint: str = "") -> None:
    """Fetch the small file `url`, check it and throw it away; return if all went well within `seconds`.

    hint: what the user can do, for error messages.
    Raises UnreachableError if nobody answers in time, DataError as `download` does: a wrong answer is no silence.
    """
    outcome: Future[None] = Future()

    def work() -> None:
        try:
            with explained(Path(tempfile.gettempdir())), tempfile.TemporaryDirectory(prefix="lnncmp-") as folder:
                target = Path(folder) / url.rpartition("/")[2]
                download([url], target, sha256=sha256, hint=hint, timeout=(seconds / 2, seconds / 2))
            outcome.set_result(None)
        except Exception as error:
            outcome.set_exception(error)

    # A thread, because no timeout of a request covers the search for the host's address, which can take minutes.
    threading.Thread(target=work, daemon=True).start()
    try:
        outcome.result(seconds)
    except TimeoutError:
        raise UnreachableError(f"cannot reach {url}: no complete answer within {seconds:g} s", hint) from None
