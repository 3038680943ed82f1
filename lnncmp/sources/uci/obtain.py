"""Bring a data set of the UCI repository: the user's own copy, else the cache, else the published archive or a mirror.

Every file is read and its content compared with the manifest each time it is used. The archive's own hash does not
matter: what counts is what is in it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from lnncmp.common.files import write_bytes
from lnncmp.errors import DataError
from lnncmp.sources.base import SourceContext
from lnncmp.sources.download.fetch import TIMEOUT, download, open_session
from lnncmp.sources.download.manifest import some_names
from lnncmp.sources.uci.copies import read_archive, read_copies
from lnncmp.sources.uci.manifest import UciEntry, UciManifest
from lnncmp.sources.uci.text import Parsed, content_sha256

_ROOM_IN_ARCHIVE = 1 << 24
"""Bytes that an archive may have beside the files that are wanted."""


@dataclass(frozen=True)
class DataSet:
    """One data set: the case that it belongs to, its words in messages, and how one file is read.

    parse: (name, content) -> what is in it; raises DataError.
    """

    case: str
    words: str
    parse: Callable[[str, bytes], Parsed]

    @property
    def folder(self) -> str:
        """Name of its folder in the cache."""
        return f"uci-{self.case}"

    @property
    def command(self) -> str:
        """The command that downloads it."""
        return f"lnncmp data fetch {self.case}"

    @property
    def hint(self) -> str:
        """What a user can do to get it."""
        return f"Run `{self.command}` with a connection, or name a folder or zip file with your copy with --data DIR."


@dataclass(frozen=True)
class _Checked:
    """What was found of a data set: the files as read, and the names of those that are missing or not as published."""

    files: Mapping[str, Parsed]
    missing: Sequence[str]
    damaged: Sequence[str]

    def complaint(self) -> str:
        """Return what is wrong, empty if nothing is."""
        if self.damaged:
            return f"damaged ({some_names(self.damaged)})"
        return f"not complete (no {some_names(self.missing)})" if self.missing else ""


def obtain(
    context: SourceContext,
    data_set: DataSet,
    manifest: UciManifest,
    whole: bool = False,
    timeout: tuple[float, float] = TIMEOUT,
) -> tuple[Path, Mapping[str, Parsed]]:
    """Return where the data set lies and its files as read, by name, downloading what is missing.

    whole: files that are not needed are asked for, too, if the cache lacks them.
    Raises DataError if the user's copy lacks a file, if the data are missing or damaged while offline, or if no
    address delivers.
    """
    if context.data_dir is not None:
        return context.data_dir, _own_copy(context.data_dir, data_set, manifest, context.warn)
    folder = context.cache / data_set.folder
    held = read_copies(folder, (entry.name for entry in manifest.files)) if folder.is_dir() else {}
    found = _check(held, data_set, manifest.files)
    needed = {entry.name for entry in manifest.files if entry.needed or whole}
    complaint = found.complaint()
    if not found.damaged and needed.isdisjoint(found.missing):
        return folder, found.files
    problem = f"{data_set.words} in the cache ({folder}) are {complaint}"
    if context.offline:
        raise DataError(f"{problem}, and offline mode forbids downloading them", data_set.hint)
    if found.damaged:
        context.warn(f"{problem}; downloading them again")
    return folder, _download(folder, data_set, manifest, context, timeout)


def _check(contents: Mapping[str, bytes], data_set: DataSet, entries: Sequence[UciEntry]) -> _Checked:
    """Read files and compare them with the manifest; one that cannot be read is a damaged one."""
    files: dict[str, Parsed] = {}
    damaged = []
    for entry in entries:
        if entry.name not in contents:
            continue
        try:
            parsed = data_set.parse(entry.name, contents[entry.name])
        except DataError:
            parsed = {}
        if content_sha256(parsed) == entry.content:
            files[entry.name] = parsed
        else:
            damaged.append(entry.name)
    return _Checked(files, [entry.name for entry in entries if entry.name not in contents], damaged)


def _own_copy(
    place: Path, data_set: DataSet, manifest: UciManifest, warn: Callable[[str], None]
) -> Mapping[str, Parsed]:
    """Read the user's copy; what is readable and not as published is read all the same, with a warning."""
    contents = read_copies(place, (entry.name for entry in manifest.files))
    needed = [entry.name for entry in manifest.files if entry.needed]
    missing = [name for name in needed if name not in contents]
    if missing:
        raise DataError(
            f"{place} lacks {len(missing)} of the {len(needed)} files of {data_set.words}: {some_names(missing)}",
            data_set.hint,
        )
    files = {name: data_set.parse(name, content) for name, content in contents.items()}
    known = {entry.name: entry.content for entry in manifest.files}
    unlike = [name for name, parsed in files.items() if content_sha256(parsed) != known[name]]
    if unlike:
        warn(f"{some_names(unlike)} in {place} hold other values than the published files of {data_set.words}")
    return files


def _download(
    folder: Path, data_set: DataSet, manifest: UciManifest, context: SourceContext, timeout: tuple[float, float]
) -> Mapping[str, Parsed]:
    """Fill `folder` from the archive, else from the mirror, and return the files as read. Raises DataError."""
    archive = context.cache / "downloads" / f"{data_set.folder}.zip"
    names = [entry.name for entry in manifest.files]
    try:
        download(
            manifest.archives,
            archive,
            max_bytes=manifest.total_bytes + _ROOM_IN_ARCHIVE,
            accept=lambda path: _accept(path, data_set, manifest),
            progress=partial(context.progress, f"downloading {data_set.words}"),
            hint=data_set.hint,
            timeout=timeout,
        )
    except DataError as error:
        if not manifest.mirrored:
            raise
        context.warn(f"{error.message}; trying copies of the files elsewhere")
        _from_mirror(folder, data_set, manifest, context, timeout, error)
    else:
        for name, content in read_copies(archive, names).items():
            write_bytes(folder / name, content)
        archive.unlink()
    return _check(read_copies(folder, names), data_set, manifest.files).files


def _accept(archive: Path, data_set: DataSet, manifest: UciManifest) -> None:
    """Raise DataError unless the archive holds all files as published."""
    with archive.open("rb") as file:
        contents = read_archive(file, archive.name, [entry.name for entry in manifest.files])
    complaint = _check(contents, data_set, manifest.files).complaint()
    if complaint:
        raise DataError(f"what it holds is {complaint}")


def _from_mirror(
    folder: Path,
    data_set: DataSet,
    manifest: UciManifest,
    context: SourceContext,
    timeout: tuple[float, float],
    earlier: DataError,
) -> None:
    """Bring the files that have a mirror, each checked by its hash; finished ones are not asked for again."""
    with open_session() as session:
        for entry in manifest.mirrored:
            try:
                download(
                    [entry.mirror or ""],
                    folder / entry.name,
                    sha256=entry.sha256,
                    size=entry.bytes,
                    progress=partial(context.progress, f"downloading {entry.name}"),
                    hint=data_set.hint,
                    timeout=timeout,
                    session=session,
                )
            except DataError as error:
                raise DataError(f"{earlier.message}; {error.message}", error.hint) from error
