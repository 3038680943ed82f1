"""Five small files in place of the MIMIC-III demo, and the manifest that belongs to them."""

import hashlib
from pathlib import Path

from lnncmp.sources.mimic3.published import Entry, Manifest

FILES = {
    "LICENSE.txt": b"a license\n" * 20,
    "ICUSTAYS.csv": b"row_id,subject_id,icustay_id\n1,2,3\n",
    "PATIENTS.csv": b"row_id,subject_id,gender\n1,2,F\n",
    "OUTPUTEVENTS.csv": b"row_id,subject_id,itemid,value\n" + b"1,2,40055,39\n" * 100,
    "CHARTEVENTS.csv": b"row_id,subject_id,itemid,valuenum\n" + b"1,2,211,80\n" * 20_000,
}


def demo_manifest(address: str) -> Manifest:
    """Return the manifest of FILES as published under `address`; the size of CHARTEVENTS is unknown, as in truth."""
    entries = tuple(
        Entry(
            name=name,
            bytes=None if name == "CHARTEVENTS.csv" else len(content),
            sha256=hashlib.sha256(content).hexdigest(),
        )
        for name, content in FILES.items()
    )
    return Manifest(description="test", address=address, files=entries)


def put_demo(folder: Path) -> Path:
    """Write FILES into `folder` and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
    return folder
