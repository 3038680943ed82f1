"""Packages that add to lnncmp, as pip would leave them: modules, and a folder of metadata with entry points."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from lnncmp.common import plugins

MODEL = """
from dataclasses import replace
from lnncmp.models.lstm import MODEL as LSTM

MODEL = replace(LSTM, summary="An LSTM by another name.")
"""
CASE = """
from dataclasses import replace
from lnncmp.cases.sine import CASE as SINE

CASE = replace(SINE, title="Toy waves", summary="Predict toy waves.", sources={"made": "toy_package.source:SOURCE"})
"""
SOURCE = """
from dataclasses import replace
from lnncmp.sources.sine.generated import SOURCE as WAVES

SOURCE = replace(WAVES, name="made", summary="Toy waves.")
"""
TOY = {"toy_package/__init__.py": "", "toy_package/model.py": MODEL, "toy_package/case.py": CASE}
TOY |= {"toy_package/source.py": SOURCE}
"""A package with a model, a case and a source."""
ALL = {
    "models": {"toy_lstm": "toy_package.model"},
    "cases": {"toy": "toy_package.case:CASE"},
    "sources": {"sine.toy": "toy_package.source"},
}
"""Its entry points."""

Entries = Mapping[str, Mapping[str, str]]


def install(folder: Path, entries: Entries, files: Mapping[str, str] | None = None, name: str = "toy-package") -> Path:
    """Write a package and its entry points (group without "lnncmp." -> name -> value); return the folder."""
    for path, text in (TOY if files is None else files).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    metadata = folder / f"{name.replace('-', '_')}-1.2.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n", encoding="utf-8")
    groups = [
        f"[lnncmp.{group}]\n" + "".join(f"{key} = {value}\n" for key, value in own.items())
        for group, own in entries.items()
    ]
    (metadata / "entry_points.txt").write_text("\n".join(groups), encoding="utf-8")
    return folder


@contextmanager
def seen(*folders: Path) -> Iterator[None]:
    """Let this process find the packages of these folders, and forget them afterwards."""
    before, modules = list(sys.path), set(sys.modules)
    sys.path[:0] = [str(folder) for folder in folders]
    plugins.forget()
    try:
        yield
    finally:
        sys.path[:] = before
        plugins.forget()
        for name in set(sys.modules) - modules:
            if any(str(folder) in str(getattr(sys.modules[name], "__file__", "")) for folder in folders):
                del sys.modules[name]
