"""The user's cache folder for generated and downloaded data, and keys derived from content."""

import hashlib
import json
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import platformdirs

from lnncmp.errors import UsageError


def cache_root() -> Path:
    """Return the cache folder: $LNNCMP_CACHE if set, else the platform's user cache folder. Creates nothing.

    What lies there is trusted, and code that is compiled there is run: it has to be this user's, and closed to changes
    by others. Raises UsageError if it is not, or if there is neither a home folder nor a user of this number.
    """
    chosen = os.environ.get("LNNCMP_CACHE")
    try:
        folder = Path(chosen) if chosen else Path(platformdirs.user_cache_dir("lnncmp", appauthor=False))
    except (KeyError, RuntimeError):
        raise UsageError("there is no home folder for the cache: HOME is not set", _SET) from None
    require_own(folder)
    return folder


_SET = "Set LNNCMP_CACHE to a folder of your own."


def require_own(folder: Path) -> None:
    """Raise UsageError if `folder` exists and others could change what is in it."""
    if os.name != "posix":
        return
    try:
        facts = folder.stat()
    except (OSError, ValueError):  # what is to be made there says why it cannot be
        return
    if facts.st_uid not in (0, os.geteuid()):
        raise UsageError(f"the cache folder {folder} belongs to another user, who could change what is run", _SET)
    if facts.st_mode & stat.S_IWOTH:
        raise UsageError(
            f"all users may write the cache folder {folder}, and so change what is run",
            f"Close it with `chmod o-w`, or: {_SET}",
        )


def content_key(parts: Mapping[str, Any]) -> str:
    """Return a hash of 16 hexadecimal digits of `parts` (JSON values); the order of keys does not matter.

    >>> content_key({"a": 1, "b": 2}) == content_key({"b": 2, "a": 1})
    True
    """
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
