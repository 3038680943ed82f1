"""The unfinished file of a download, and the note next to it that says where its bytes came from.

`data.zip` grows as `data.zip.part`; `data.zip.part.json` holds the address and the server's validator (ETag or
Last-Modified). Without a validator or a known hash, bytes of two downloads are never put together.
"""

import json
from pathlib import Path

from lnncmp.common.files import write_bytes


class PartFile:
    """The part file of `target`. Methods raise OSError where the disk refuses."""

    def __init__(self, target: Path) -> None:
        self.target = target
        self.path = target.with_name(target.name + ".part")
        self._note = target.with_name(target.name + ".part.json")

    @property
    def size(self) -> int:
        """Bytes received so far."""
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0

    def _read_note(self) -> dict[str, str]:
        try:
            note = json.loads(self._note.read_text())
            return {str(key): str(value) for key, value in note.items()}
        except (OSError, ValueError, AttributeError):
            return {}

    @property
    def url(self) -> str:
        """The address the bytes came from, empty if unknown."""
        return self._read_note().get("url", "")

    @property
    def etag(self) -> str:
        """The ETag of the remote file the bytes belong to, empty if the server gave none."""
        return self._read_note().get("etag", "")

    def resume_point(self, url: str, hash_known: bool) -> tuple[int, str]:
        """Return (offset to go on from, validator for If-Range); (0, "") means: start over.

        Bytes from `url` itself are continued under its validator. Bytes from elsewhere, or without a validator,
        are continued only if the hash of the whole is known, because only that detects a mixture.
        """
        note = self._read_note()
        etag = note.get("etag", "")
        # A weak ETag (W/"...") promises equal meaning, not equal bytes, and is not allowed in If-Range.
        validator = etag if etag and not etag.startswith("W/") else note.get("last_modified", "")
        if note.get("url") == url and validator:
            return self.size, validator
        return (self.size if hash_known else 0), ""

    def begin(self, url: str, etag: str, last_modified: str) -> None:
        """Forget what was received and note where the coming bytes are from."""
        self.discard()
        note = {"url": url, "etag": etag, "last_modified": last_modified}
        write_bytes(self._note, json.dumps(note).encode())

    def discard(self) -> None:
        """Remove the part and its note."""
        self.path.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)

    def finish(self) -> None:
        """Give the complete file its final name."""
        self.path.replace(self.target)
        self._note.unlink(missing_ok=True)
