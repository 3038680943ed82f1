"""Take chosen, hash-checked files out of an untrusted zip archive.

Only names of a manifest are read, into one flat folder; folders inside the archive are dropped. Absolute names,
`..`, links, encrypted members, repeated names and members that are not exactly as long as the manifest says
(zip bombs) are refused before anything is unpacked.
"""

import hashlib
import stat
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from lnncmp.common.files import write_bytes
from lnncmp.errors import DataError
from lnncmp.sources.download.manifest import FileEntry, some_names

_ENCRYPTED = 0x1


def check_members(archive: Path, entries: Sequence[FileEntry]) -> None:
    """Read every one of `entries` out of the zip file `archive` and check it; write nothing. Raises DataError."""
    for _ in _members(archive, entries):
        pass


def extract_members(archive: Path, folder: Path, entries: Sequence[FileEntry]) -> None:
    """Write the `entries` of the zip file `archive` into `folder`, each one checked before it gets its name.

    Raises DataError if the archive is damaged, unsafe or incomplete, or `folder` cannot be written.
    """
    for entry, content in _members(archive, entries):
        write_bytes(folder / entry.name, content)


def _members(archive: Path, entries: Sequence[FileEntry]) -> Iterator[tuple[FileEntry, bytes]]:
    """Yield (entry, checked content) in the order of `entries`."""
    try:
        with zipfile.ZipFile(archive) as opened:
            chosen = _choose(opened.infolist(), entries)
            for entry in entries:
                yield entry, _read(opened, chosen[entry.name], entry)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise DataError(f"{archive.name} is not a readable zip file: {error}", "Download it again.") from error


def _choose(members: Sequence[zipfile.ZipInfo], entries: Sequence[FileEntry]) -> dict[str, zipfile.ZipInfo]:
    """Return the archive member of each entry by name, after all checks that need no unpacking."""
    wanted = {entry.name: entry for entry in entries}
    chosen: dict[str, zipfile.ZipInfo] = {}
    for member in members:
        path = PurePosixPath(member.filename.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or ":" in member.filename:
            raise DataError(f"the zip file has a member with an unsafe name: '{member.filename}'")
        # macOS adds resource forks of the same names under this folder.
        if path.name not in wanted or member.is_dir() or path.parts[0] == "__MACOSX":
            continue
        _refuse_odd(member, wanted[path.name])
        if path.name in chosen:
            raise DataError(f"the zip file holds {path.name} twice")
        chosen[path.name] = member
    missing = [entry.name for entry in entries if entry.name not in chosen]
    if missing:
        raise DataError(f"the zip file lacks {len(missing)} of the {len(entries)} files: {some_names(missing)}")
    return chosen


def _refuse_odd(member: zipfile.ZipInfo, entry: FileEntry) -> None:
    """Raise DataError unless `member` is a plain readable file of the declared length."""
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in (0, stat.S_IFREG):
        raise DataError(f"{entry.name} in the zip file is a link or a special file, not a regular file")
    if member.flag_bits & _ENCRYPTED:
        raise DataError(f"{entry.name} in the zip file is encrypted")
    if member.file_size != entry.bytes:
        raise DataError(f"{entry.name} in the zip file has {member.file_size:,} bytes, expected {entry.bytes:,}")


def _read(opened: zipfile.ZipFile, member: zipfile.ZipInfo, entry: FileEntry) -> bytes:
    """Return the content of `member`, checked against `entry`. Raises DataError."""
    with opened.open(member) as file:
        # One byte more than allowed: a header that lies about the length must not fill the memory.
        content = file.read(entry.bytes + 1)
    actual = hashlib.sha256(content).hexdigest()
    if actual != entry.sha256:
        raise DataError(f"{entry.name} in the zip file has sha256 {actual}, expected {entry.sha256}")
    return content
