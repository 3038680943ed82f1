"""Bring the original rollouts into a folder: the published zip file, else the authors' repository file by file."""

from dataclasses import dataclass
from pathlib import Path

from lnncmp.errors import DataError
from lnncmp.sources.base import SourceContext
from lnncmp.sources.download.archive import check_members, extract_members
from lnncmp.sources.download.fetch import TIMEOUT, download, open_session
from lnncmp.sources.walker2d.original.folder import COMMAND
from lnncmp.sources.walker2d.original.manifest import RolloutManifest

_HINT = f"Run `{COMMAND}` again later, or name a folder with the published files with --data DIR."


@dataclass(frozen=True)
class Addresses:
    """Where the rollouts are published.

    zips: addresses of the zip file, tried in order. Its own hash is not published; its members are checked.
    folder: address of a folder with the single files, used when no zip file is available.
    timeout: seconds to wait for a connection, and for the next bytes.
    """

    zips: tuple[str, ...] = (
        "https://people.csail.mit.edu/mlechner/datasets/walker.zip",
        "https://pub.ist.ac.at/~mlechner/datasets/walker.zip",
    )
    folder: str = "https://raw.githubusercontent.com/raminmh/CfC/59f6e01fd4809331f6dd3ddf0f8bf5890c9e71a7/data/walker"
    timeout: tuple[float, float] = TIMEOUT


def download_rollouts(folder: Path, manifest: RolloutManifest, addresses: Addresses, context: SourceContext) -> None:
    """Write every file of `manifest` into `folder`, each one checked. May be interrupted and called again.

    Raises DataError that names each address with its reason.
    """
    archive = context.cache / "downloads" / "walker2d-original.zip"
    try:
        download(
            addresses.zips,
            archive,
            max_bytes=2 * manifest.total_bytes + (1 << 20),
            accept=lambda path: check_members(path, manifest.files),
            progress=lambda done, total: context.progress("downloading the Walker2d rollouts", done, total),
            hint=_HINT,
            timeout=addresses.timeout,
        )
    except DataError as error:
        context.warn(f"{error.message}; trying the authors' repository file by file")
        _download_singly(folder, manifest, addresses, context, error)
        return
    extract_members(archive, folder, manifest.files)
    archive.unlink()


def _download_singly(
    folder: Path, manifest: RolloutManifest, addresses: Addresses, context: SourceContext, earlier: DataError
) -> None:
    """Bring one file after the other over one connection; finished files are kept and not asked for again."""
    finished = 0

    def report(done: int, total: int) -> None:
        del total
        context.progress("downloading the Walker2d rollouts", finished + done, manifest.total_bytes)

    with open_session() as session:
        for count, entry in enumerate(manifest.files):
            try:
                download(
                    [f"{addresses.folder}/{entry.name}"],
                    folder / entry.name,
                    sha256=entry.sha256,
                    size=entry.bytes,
                    progress=report,
                    hint=_HINT,
                    timeout=addresses.timeout,
                    session=session,
                )
            except DataError as error:
                kept = f"{count} of {len(manifest.files)} files are kept for the next try. " if count else ""
                raise DataError(f"{earlier.message}; {error.message}", kept + error.hint) from error
            finished += entry.bytes
