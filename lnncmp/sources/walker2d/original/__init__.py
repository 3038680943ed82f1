"""The original Walker2d rollouts of Lechner & Hasani (2020, arXiv 2006.04418): downloaded, checked, never shipped.

400 rollouts, 254,963 frames of 17 observations at 125 Hz. Their content is known beforehand, so every file
is compared with a hash manifest each time it is read (about 0.2 s for 35 MB). The data card is
`datasets/walker2d/original.md`.

With `--data DIR` the rollouts are read in place: in DIR, DIR/walker or DIR/data/walker; nothing is copied and
the network is not touched. Otherwise they live in the cache folder `walker2d-original`, whose `complete.json` is
written last.
"""

import json
from pathlib import Path

from lnncmp.common.files import write_bytes
from lnncmp.data.recording import Recording
from lnncmp.errors import DataError
from lnncmp.sources.base import Source, SourceContext
from lnncmp.sources.walker2d.original.download import Addresses, download_rollouts
from lnncmp.sources.walker2d.original.folder import COMMAND, locate, read_rollouts
from lnncmp.sources.walker2d.original.manifest import RolloutManifest, published

FOLDER = "walker2d-original"
MARKER = "complete.json"


def obtain(context: SourceContext, manifest: RolloutManifest, addresses: Addresses) -> tuple[Path, list[Recording]]:
    """Return the folder with the verified rollouts and the recordings, downloading what is missing.

    Raises DataError if `--data` holds something else, if the data are missing or damaged while offline, or if no
    address delivers.
    """
    if context.data_dir is not None:
        folder = locate(context.data_dir, manifest)
        return folder, read_rollouts(folder, manifest, context.warn)
    folder = context.cache / FOLDER
    try:
        present, claimed = folder.is_dir(), (folder / MARKER).is_file()
    except OSError as error:
        raise DataError(
            f"cannot open the cache folder {context.cache}: {error.strerror}", "Set LNNCMP_CACHE."
        ) from error
    problem = "are not in the cache"
    if present:
        try:
            return folder, _complete(folder, manifest, context)
        except DataError as error:
            problem = f"in the cache are {'damaged' if claimed else 'incomplete'}: {error.message}"
    if context.offline:
        raise DataError(
            f"the original Walker2d rollouts {problem} ({folder}), and offline mode forbids downloading them",
            f"Run `{COMMAND}` once with a connection, or name your own copy with --data DIR.",
        )
    if claimed:
        context.warn(f"the original Walker2d rollouts {problem}; downloading them again")
        (folder / MARKER).unlink()
    download_rollouts(folder, manifest, addresses, context)
    return folder, _complete(folder, manifest, context)


def _complete(folder: Path, manifest: RolloutManifest, context: SourceContext) -> list[Recording]:
    """Read and check all rollouts in the cache; mark the folder as complete if it is not yet."""
    recordings = read_rollouts(folder, manifest, context.warn)
    if not (folder / MARKER).is_file():
        note = {"files": len(manifest.files), "frames": manifest.total_frames, "digest": manifest.digest}
        write_bytes(folder / MARKER, json.dumps(note).encode())
    return recordings


def _load(context: SourceContext) -> list[Recording]:
    return obtain(context, published(), Addresses())[1]


def _fetch(context: SourceContext) -> Path:
    return obtain(context, published(), Addresses())[0]


SOURCE = Source(
    name="original",
    summary="The 400 published MuJoCo rollouts of Lechner & Hasani (2020); downloaded once, 35 MB, checked by hash.",
    card="walker2d",
    version=1,
    load=_load,
    fetch=_fetch,
)
