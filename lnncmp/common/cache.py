"""The user's cache folder for generated and downloaded data, and keys derived from content."""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import platformdirs


def cache_root() -> Path:
    """Return the cache folder: $LNNCMP_CACHE if set, else the platform's user cache folder. Creates nothing."""
    chosen = os.environ.get("LNNCMP_CACHE")
    return Path(chosen) if chosen else Path(platformdirs.user_cache_dir("lnncmp", appauthor=False))


def content_key(parts: Mapping[str, Any]) -> str:
    """Return a hash of 16 hexadecimal digits of `parts` (JSON values); the order of keys does not matter.

    >>> content_key({"a": 1, "b": 2}) == content_key({"b": 2, "a": 1})
    True
    """
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
