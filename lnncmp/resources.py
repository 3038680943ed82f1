"""Where the recipes and data cards that ship with lnncmp lie, installed or in a checkout."""

from pathlib import Path

from lnncmp.errors import LnncmpError

_PACKAGE = Path(__file__).resolve().parent


def share_dir(kind: str) -> Path:
    """Return the folder `recipes` or `datasets`: beside the package in a checkout, inside it when installed.

    Raises LnncmpError if neither exists (a broken installation).
    """
    for folder in (_PACKAGE / "share" / kind, _PACKAGE.parent / kind):
        if folder.is_dir():
            return folder
    raise LnncmpError(f"the folder '{kind}' that belongs to lnncmp is missing", "Install lnncmp again.")
