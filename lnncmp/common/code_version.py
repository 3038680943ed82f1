"""Which code runs: the commit of a checkout, or a hash of the files of an installed package."""

import os
import subprocess
from functools import cache
from hashlib import sha256
from pathlib import Path

_SECONDS = 10.0
_DIGITS = 12
CHANGED = "+changed"
"""What follows a commit whose files were changed since."""


@cache
def code_version() -> str | None:
    """Return `version_of` the folder of this package, as it was when first asked."""
    return version_of(Path(__file__).resolve().parents[1])


def version_of(package: Path) -> str | None:
    """Return the commit of the checkout whose root holds `package`, "files <hash>" where it is in none.

    The commit ends with `CHANGED` if files of the package differ from it or are new. None: nothing can be read.
    """
    try:
        return _commit(package) or f"files {_hash(package)}"
    except OSError:
        return None


def short(version: str) -> str:
    """Return the version as a page shows it: of a commit the first 8 digits."""
    commit, changed, _ = version.partition(CHANGED)
    return version if commit.startswith("files ") else commit[:8] + changed


def _commit(package: Path) -> str | None:
    """Return the commit; None if the folder above is no root of a checkout (so not that of another project)."""
    if not (package.parent / ".git").exists():
        return None
    commit = _git(package, "rev-parse", "--verify", "HEAD")
    state = _git(package, "status", "--porcelain", "--untracked-files=all", "--", package.name)
    if not commit or state is None:
        return None
    return commit.strip() + (CHANGED if state.strip() else "")


def _git(package: Path, *words: str) -> str | None:
    """Return what git prints in the folder above the package; None without git, or if it fails."""
    command = ["git", "--no-optional-locks", "-c", "core.fsmonitor=false", *words]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(
            command, cwd=package.parent, env=environment, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError):
        return None
    return None if done.returncode else done.stdout


def _hash(package: Path) -> str:
    files = sorted(package.rglob("*.py"), key=lambda path: path.relative_to(package).as_posix())
    found = sha256()
    for path in files:
        content = path.read_bytes()
        found.update(f"{path.relative_to(package).as_posix()} {len(content)}\n".encode() + content)
    return found.hexdigest()[:_DIGITS]
