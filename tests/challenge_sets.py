"""Made-up sets in the form of the PhysioNet Challenge 2012, from random numbers; archives and folders of them."""

import gzip
import hashlib
import io
import lzma
import tarfile
import zipfile
from pathlib import Path

import numpy as np

from lnncmp.sources.base import SourceContext
from lnncmp.sources.mimic3 import challenge2012
from lnncmp.sources.mimic3.challenge2012.archives import StayText
from lnncmp.sources.mimic3.challenge2012.copies import text_hash
from lnncmp.sources.mimic3.published import Entry, Manifest
from lnncmp.sources.mimic3.variables import NAMES

FIRST = {"a": 7_340_101, "b": 7_440_101, "c": 7_540_101}
"""Number of the first record of each made-up set; they can be searched for in output."""
MIDDLE = {"HR": 80, "NISysABP": 120, "NIDiasABP": 60, "NIMAP": 80, "RespRate": 18, "SaO2": 97, "Temp": 37}
DESCRIPTORS = ("00:00,Age,61", "00:00,Gender,1", "00:00,Height,-1", "00:00,ICUType,3", "00:00,Weight,-1")


def text(record, rows, header="Time,Parameter,Value", descriptors=DESCRIPTORS):
    """The file of one stay: `rows` are (time "HH:MM", parameter, value)."""
    lines = [header, f"00:00,RecordID,{record}", *descriptors, *(",".join(map(str, row)) for row in rows)]
    return ("\n".join(lines) + "\n").encode()


def random_stay(record, hours=48):
    """The file of a stay with every vital sign once an hour, around its middle."""
    rng = np.random.default_rng(record)
    rows = [
        (f"{hour:02d}:{minute:02d}", name, round(middle * (1 + 0.02 * rng.standard_normal()), 2))
        for hour in range(hours)
        for minute, (name, middle) in enumerate(MIDDLE.items(), start=int(rng.integers(0, 50)))
    ]
    return text(record, rows)


def made_up(letter="a", stays=3, hours=48):
    """The files of a set by name."""
    return {f"{FIRST[letter] + n}.txt": random_stay(FIRST[letter] + n, hours) for n in range(stays)}


def outcomes(files, letter="a"):
    """The file of outcomes of a set: every second patient died."""
    rows = [f"{name[:-4]},6,1,5,-1,{number % 2}" for number, name in enumerate(sorted(files))]
    return "\n".join(["RecordID,SAPS-I,SOFA,Length_of_stay,Survival,In-hospital_death", *rows, ""]).encode()


def tar(files, folder="set-a", links=()):
    """An uncompressed tar archive of `files` below `folder`; links: names of symbolic links to /etc/hostname."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as made:
        for name, content in files.items():
            member = tarfile.TarInfo(f"{folder}/{name}" if folder else name)
            member.size = len(content)
            made.addfile(member, io.BytesIO(content))
        for name in links:
            member = tarfile.TarInfo(name)
            member.type, member.linkname = tarfile.SYMTYPE, "/etc/hostname"
            made.addfile(member)
    return out.getvalue()


def tar_gz(files, folder="set-a"):
    return gzip.compress(tar(files, folder), mtime=0)


def tar_xz(files, folder="set-a"):
    return lzma.compress(tar(files, folder), preset=0)


def zipped(files, folder="set-a"):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in files.items():
            made.writestr(f"{folder}/{name}", content)
    return out.getvalue()


def put(folder: Path, files) -> Path:
    """Write `files` (name -> bytes) to `folder` and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def packed(letter="a", stays=3, hours=48):
    """A set and its outcomes as PhysioNet publishes them, by name of the file."""
    files = made_up(letter, stays, hours)
    named = {f"Outcomes-{letter}.txt": outcomes(files, letter), f"set-{letter}.tar.gz": tar_gz(files, f"set-{letter}")}
    return named


def manifest(files, address="http://127.0.0.1:9", contents=()):
    """The manifest of published `files`; contents: (name, files of the set) whose content is known."""
    known = {name: text_hash([StayText("", int(n[:-4]), t) for n, t in stays.items()]) for name, stays in contents}
    entries = tuple(
        Entry(name=name, bytes=len(f), sha256=hashlib.sha256(f).hexdigest(), content=known.get(name))
        for name, f in files.items()
    )
    return Manifest(description="test", address=address, files=entries)


def extracted(tmp_path, data, told=None, known=None, **options):
    """The extraction of the copy `data`; warnings go to `told`."""
    context = SourceContext(
        cache=tmp_path / "cache", data_dir=data, options=options, warn=[].append if told is None else told.append
    )
    return challenge2012.extracted(context, known or manifest(packed()))


def of_rows(tmp_path, rows, **options):
    """The extraction of one stay with these rows."""
    folder = put(tmp_path / "own" / "set-a", {f"{FIRST['a']}.txt": text(FIRST["a"], rows)})
    return extracted(tmp_path, folder, **options)


def series(recording, variable, names=NAMES):
    """{time: value} of what was seen of a variable."""
    column = list(names).index(variable)
    return {
        round(float(time), 6): float(row[column])
        for time, row, seen in zip(recording.times, recording.values, recording.observed, strict=True)
        if seen[column]
    }


def step(extraction, name):
    """The one step of the attrition called `name`."""
    (found,) = [step for step in extraction.attrition if step.step == name]
    return found
