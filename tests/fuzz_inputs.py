"""Nonsense made from sound inputs by a seeded generator, and what may come of it: an answer, or one sentence in time.

`tried` runs one input. Anything but an answer or an LnncmpError ends the test: a traceback, seconds without an end,
more than MEMORY bytes.
"""

import resource
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random
from typing import Any

from lnncmp.errors import LnncmpError

SECONDS = 20
MEMORY = 400 << 20
"""Bytes by which the peak of this process may grow over all inputs of a fuzzer."""
FAST, SLOW = 40, 400
JUNK: tuple[bytes, ...] = (
    *(
        b"\0",
        b"\r",
        b"\r\n",
        b"\n\n",
        b'"',
        b'""',
        b"'",
        b",",
        b";",
        b"\t",
        b"#",
        b"[",
        b"]",
        b"=",
        b".",
        b"-",
        b"1e999",
    ),
    *(b"nan", b"inf", b"-1", b"0", b"9" * 25, b"9" * 5000, b"true", b"\x1b[31m", b"\x07", b"\xff\xfe", b"\xef\xbb\xbf"),
    *("é½\u202e".encode(), b"x" * 70_000, b"," * 5000, b"[" * 3000, b"{" * 100, b"2150-13-41 99:99:99", b"None"),
)


def damaged(draw: Random, content: bytes) -> bytes:
    """Return `content` with one to three changes: bytes, lines, junk, or its end cut off."""
    for _ in range(draw.randrange(1, 4)):
        place = draw.randrange(len(content) + 1)
        lines = content.split(b"\n")
        line = draw.randrange(len(lines))
        change = draw.randrange(7)
        if change == 0:
            content = content[:place] + draw.randbytes(draw.randrange(1, 9)) + content[place + 1 :]
        elif change == 1:
            content = content[:place] + draw.choice(JUNK) + content[place:]
        elif change == 2:
            content = content[:place] if draw.random() < 0.5 else content[: max(1, place // 8)]
        elif change == 3:
            lines[line] = lines[line][: draw.randrange(len(lines[line]) + 1)]
        elif change == 4:
            lines.insert(draw.randrange(len(lines)), lines[line])
        elif change == 5:
            lines[line] = b",".join(draw.sample(parts := lines[line].split(b","), draw.randrange(len(parts) + 1)))
        else:
            content = content[:place] + content[place + draw.randrange(20) :]
        content = b"\n".join(lines) if change in (3, 4, 5) else content
    return content


class NoEnd(BaseException):
    """An input took too long; nothing that is tried may catch it."""


@contextmanager
def in_time() -> Iterator[None]:
    """Raise NoEnd in a block that takes longer than SECONDS."""

    def late(number: int, frame: object) -> None:
        raise NoEnd(f"no end after {SECONDS} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


class Fuzzer:
    """Inputs that were tried: how many were accepted and refused, and the memory that they took."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    def tried(self, call: Callable[[], Any], nonsense: bool, what: object) -> Any:
        """Return what `call` returns, None if it is refused. nonsense: it has to be. what: shown where it fails."""
        try:
            with in_time():
                answer = call()
        except LnncmpError as error:
            assert "\n" not in error.message and "\x1b" not in error.message, what
            assert 0 < len(error.message) < 1000, (what, error.message[:300])
            self.counts["refused"] += 1
            return None
        except BaseException as error:
            raise AssertionError(f"{type(error).__name__} for {what!r:.400}") from error
        assert not nonsense, f"accepted: {what!r:.2000}"
        self.counts["accepted"] += 1
        return answer

    def done(self, least: int = 1) -> None:
        """Assert that at least so many were refused, and that the memory stayed bounded."""
        assert self.counts["refused"] >= least, self.counts
        assert self.counts["accepted"], "nothing was accepted: the input that was changed is not sound"
        grown = 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - self.before)
        assert grown < MEMORY, f"the peak grew by {grown >> 20} MB"
        print(dict(self.counts), f"peak +{grown >> 20} MB")
