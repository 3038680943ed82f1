"""Bring numerics records of the MIMIC-III Waveform Database Matched Subset into the cache, by name.

A record is its header and the signal files that the header names. Names are checked against strict patterns before they
become part of an address or a path, those in headers too. Record names contain subject ids: messages count records
and never name one. Folders are private (0700), files too (0600).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lnncmp.common.files import explained
from lnncmp.errors import DataError
from lnncmp.sources.base import SourceContext
from lnncmp.sources.download.fetch import download, open_session
from lnncmp.sources.mimic3.waveforms.header import MAX_DAT_BYTES, MAX_HEADER_BYTES, Header, read_header, regular_size
from lnncmp.sources.mimic3.waveforms.names import FORM, make_private
from lnncmp.sources.mimic3.waveforms.skipped import Reason, SkippedError

if TYPE_CHECKING:
    import requests

ADDRESS = "https://physionet.org/files/mimic3wdb-matched/1.0/"
FOLDER = "mimic3-waveforms"

WGET = f"wget -r -N -c -np -A '*n.hea,*n.dat' {ADDRESS}p00/"
"""Gets the numerics of a tenth of the matched subset; without -A the waveforms would come too."""

OWN_COPY = (
    f"Or get numerics of the matched subset with `{WGET}` (and p01 to p09) and name their folder with --data DIR."
)

MAX_FILES = 16
"""Most signal files that one header may name."""


def download_records(names: Sequence[str], context: SourceContext, address: str = ADDRESS) -> list[Path]:
    """Return the header files of the records `names` in the cache, after downloading what is missing.

    Raises DataError if a file is missing while offline, cannot be downloaded, or is not what it should be.
    """
    root = context.cache / FOLDER
    headers: list[Path] = []
    with open_session() as session:
        for place, name in enumerate(names):
            context.progress("downloading waveform records", place, len(names))
            path = root / f"{name}.hea"
            make_private(root, path.parent)
            errand = _Errand(f"{address}{name.rpartition('/')[0]}/", f"record {place + 1} of {len(names)}", context)
            errand.bring(path, MAX_HEADER_BYTES, session)
            header = _judge(path, errand.words)
            for file in header.files:
                wanted = -(-(header.samples or 1) * file.bits // 8)
                errand.bring(path.with_name(file.name), MAX_DAT_BYTES, session, at_least=wanted)
            headers.append(path)
    context.progress("downloading waveform records", len(names), len(names))
    return headers


@dataclass(frozen=True)
class _Errand:
    """The files of one record: the address of their folder, how messages call the record, the source's context."""

    address: str
    words: str
    context: SourceContext

    def bring(self, target: Path, max_bytes: int, session: "requests.Session", at_least: int = 1) -> None:
        """Bring one file to `target`, readable by its owner alone. Raises DataError that names no record."""
        url = self.address + target.name

        def accept(path: Path) -> None:
            size = path.stat().st_size
            if not at_least <= size <= max_bytes:
                raise DataError(f"{size:,} bytes, expected {at_least:,} to {max_bytes:,}")

        kind = "header" if target.suffix == ".hea" else "signal file"
        if self.context.offline and regular_size(target) is None:
            raise DataError(
                f"the {kind} of {self.words} is not in the cache, and offline mode forbids downloading it",
                f"Run the same command once with a connection. {OWN_COPY}",
            )
        try:
            download(
                [url],
                target,
                max_bytes=max_bytes,
                accept=accept,
                offline=self.context.offline,
                hint=OWN_COPY,
                session=session,
            )
            with explained(target):
                target.chmod(0o600)
        except DataError as error:
            message = _nameless(error.message, url, str(target), target.name)
            raise DataError(f"{self.words}: {message}", _nameless(error.hint, url)) from None


def _judge(path: Path, words: str) -> Header:
    """Return the header at `path` if its record can be used and its signal files have safe names.

    Removes the file and raises DataError otherwise.
    """
    try:
        header = read_header(path)
        if not header.plain_layout or len(header.files) > MAX_FILES:
            raise SkippedError(Reason.BAD_LAYOUT)
    except SkippedError as skipped:
        path.unlink(missing_ok=True)
        raise DataError(
            f"{words} cannot be used: it came {skipped.reason.words}", f"Name numerics records: {FORM}."
        ) from None
    return header


def _nameless(message: str, *secrets: str) -> str:
    """Return `message` without the words `secrets` and without anything that looks like a record or subject."""
    for secret in secrets:
        message = message.replace(secret, "the file")
    return re.sub(r"\b[ps][0-9]{5,6}[-\w.]*", "...", message)
