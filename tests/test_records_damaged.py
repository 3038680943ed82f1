"""Files of records that are damaged, copied or made to harm: each is named, none is believed or waited for."""

import json
import os
import random
import shutil
from pathlib import Path

import pytest
import torch
from claim_records import many
from cli_runs import run_here
from synthetic_records import baseline, measurement

from lnncmp.common.small_files import RefusedFileError, read_small, sealed, unsealed
from lnncmp.common.toml import read_toml
from lnncmp.errors import DataError, UsageError
from lnncmp.records.find import read_record
from lnncmp.records.read import UnreadableRecordError, read_file, read_records
from lnncmp.records.schema import BaselineRecord, MeasurementRecord, RunRecord
from lnncmp.records.store import Store

FIRST = "lstm-hidden-0"
KINDS = {
    "records": RunRecord,
    "measurements": MeasurementRecord,
    "baselines": BaselineRecord,
}
COMMANDS = (("compare", "{}"), ("claims", "--out", "{}"), ("runs", "list", "--out", "{}"), ("export", "{}"))


@pytest.fixture
def out(tmp_path) -> Path:
    """Three runs, their measurement and a baseline."""
    store = Store(tmp_path / "out")
    for run in many("lstm", 1.0, seeds=3):
        store.write_run(run)
    store.write_measurement(measurement("lstm"))
    store.write_baseline(baseline("persistence", 6.5))
    return store.out


@pytest.fixture
def command(capsys, monkeypatch):
    return lambda *args: run_here(capsys, monkeypatch, *args)


def _flipped(content: bytes, bit: int) -> bytes:
    changed = bytearray(content)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def _bits(content: bytes) -> list[int]:
    drawn = random.Random(1).sample(range(8 * len(content)), 60)
    return [*range(0, 8 * 100, 7), *drawn, 8 * len(content) - 9]


class TestDigests:
    @pytest.mark.parametrize("folder", KINDS)
    def test_a_flipped_bit_of_a_record_is_found(self, out, folder):
        path = next((out / folder).glob("*.json"))
        content = path.read_bytes()
        whole = read_file(path, KINDS[folder])
        for bit in _bits(content):
            path.write_bytes(_flipped(content, bit))
            with pytest.raises(UnreadableRecordError):
                read_file(path, KINDS[folder])
        path.write_bytes(content)
        assert read_file(path, KINDS[folder]) == whole

    def test_a_flipped_bit_of_a_checkpoint_is_found_and_named(self, tmp_path):
        told = []
        store = Store(tmp_path, told.append)
        state = {"weights": torch.arange(5.0), "history": [1, 2]}
        store.save_checkpoint("abc", state)
        path = store.checkpoint_path("abc")
        content = path.read_bytes()
        for bit in _bits(content):
            path.write_bytes(_flipped(content, bit))
            assert store.load_checkpoint("abc") is None, bit
            assert f"{path.name} cannot be used" in told.pop() and not path.exists()
        path.write_bytes(content)
        assert torch.equal(store.load_checkpoint("abc")["weights"], state["weights"]) and told == []

    def test_older_files_have_none_and_are_read(self, out, tmp_path):
        whole = read_records(out)
        for path in out.rglob("*.json"):
            table = json.loads(path.read_text())
            assert len(table.pop("digest")) == 64
            path.write_text(json.dumps(table))
        assert read_records(out) == whole
        torch.save({"history": []}, tmp_path / "old.pt")
        (out / "checkpoints").mkdir()
        shutil.copy(tmp_path / "old.pt", Store(out).checkpoint_path("abc"))
        assert Store(out).load_checkpoint("abc") == {"history": []}

    def test_other_line_ends_are_no_damage(self, out):
        whole = read_records(out)
        for path in out.rglob("*.json"):
            path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n") + b"\r\n")
        assert read_records(out) == whole

    def test_a_digest_that_says_nothing_is_not_believed(self):
        for text in (b'{"digest": 3}', b'{"a": 1, "digest": "' + b"0" * 64 + b'"}', b'{\n "digest": "00",\n "a": 1}'):
            with pytest.raises(RefusedFileError):
                unsealed(text)
        assert unsealed(sealed('{\n "a": 1\n}')) == {"a": 1}

    def test_the_checkpoint_of_another_run_is_refused_and_named(self, tmp_path):
        told = []
        store = Store(tmp_path, told.append)
        store.save_checkpoint("abc", {"history": []})
        shutil.copy(store.checkpoint_path("abc"), store.checkpoint_path("def"))
        assert store.load_checkpoint("def") is None
        assert "def.pt cannot be used (the checkpoint of another run, abc)" in told[0]
        assert store.load_checkpoint("abc") == {"history": []}


class TestNames:
    """A record counts under its own name only."""

    @pytest.mark.parametrize("folder", KINDS)
    def test_a_copy_never_replaces_the_original(self, out, folder):
        whole = read_records(out)
        path = sorted((out / folder).glob("*.json"))[0]
        for name in (f"{path.stem} (1).json", "0.json", "~.json"):
            shutil.copy(path, path.with_name(name))
        found = read_records(out)
        assert (found.runs, found.measurements, found.baselines) == (whole.runs, whole.measurements, whole.baselines)
        assert found.notes == [
            f"Not used: 3 records, under another name than its own (0.json, {path.stem} (1).json, ~.json)."
        ]

    def test_every_command_says_so(self, out, command):
        path = out / "records" / f"{FIRST}.json"
        copy = shutil.copy(path, path.with_name(f"{FIRST} (1).json"))
        for words in (("compare", out, "--details"), ("claims", "--out", out), ("runs", "list", "--out", out)):
            answer = command(*words)
            said = " ".join((answer.out + answer.err).split())
            assert answer.code == 0 and "under another name than its own (lstm-hidden-0 (1).json)" in said, words
        with pytest.raises(DataError, match="under another name than its own"):
            read_record(copy)
        assert read_record(path).run_id == FIRST

    def test_a_study_leaves_files_of_others_where_they_are(self, out):
        path = out / "records" / f"{FIRST}.json"
        copy = Path(shutil.copy(path, path.with_name("copy.json")))
        told = []
        assert len(Store(out, told.append).runs()) == 3
        assert copy.exists() and "copy.json cannot be used (under another name than its own)" in told[0]


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def _huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(2**40)  # a hole: takes no disk


def _changed(**values):
    def change(path: Path) -> None:
        table = unsealed(path.with_name(f"{FIRST}.json").read_bytes())
        path.write_text(json.dumps({**table, "run_id": path.stem, **values}))

    return change


HARMFUL = {
    "a named pipe": _pipe,
    "a device without an end": _device,
    "a folder": Path.mkdir,
    "a link to nothing": lambda path: path.symlink_to("nothing"),
    "a link to itself": lambda path: path.symlink_to(path.name),
    "a terabyte": _huge,
    "nested deeply": lambda path: path.write_bytes(b"[" * 100_000 + b"]" * 100_000),
    "nested tables": lambda path: path.write_bytes(b'{"a":' * 100_000 + b"1" + b"}" * 100_000),
    "an integer of 5,000 digits": lambda path: path.write_bytes(b'{"schema_version": ' + b"9" * 5000 + b"}"),
    "an integer beyond 64 bits": _changed(stacked=10**300),
    "UTF-16": lambda path: path.write_text("{}", encoding="utf-16"),
    "bytes": lambda path: path.write_bytes(bytes(range(256))),
    "a control character": lambda path: path.write_bytes(b'{"model": "\x1b[2J"}'),
    "not a number": _changed(stacked=float("nan")),
    "infinity": _changed(schema_version=float("inf")),
}


class TestWhatIsOpened:
    @pytest.mark.parametrize("make", HARMFUL.values(), ids=HARMFUL)
    def test_no_file_stops_a_command(self, out, command, make):
        whole = read_records(out)
        make(out / "records" / "x.json")
        found = read_records(out)
        assert found.runs == whole.runs
        assert len(found.notes) == 1 and "(x.json)" in found.notes[0]
        told = []
        assert Store(out, told.append).run("x") is None
        assert "x.json cannot be used" in told[0] and "moved to x.json.damaged" in told[0]
        assert not os.path.lexists(out / "records" / "x.json")

    def test_control_characters_of_a_label_are_spelled_out(self, out, command):
        _changed(model="\x1b[2J")(out / "records" / "x.json")
        for words in (("compare", out, "--details"), ("runs", "list", "--out", out)):
            answer = command(*words)
            assert answer.code == 0 and "\\u001b" in answer.out and "\x1b" not in answer.out, words

    def test_no_more_is_read_than_allowed(self, tmp_path):
        (tmp_path / "x").write_bytes(b"12345")
        assert read_small(tmp_path / "x", 5) == b"12345"
        with pytest.raises(RefusedFileError, match="larger than 4 bytes"):
            read_small(tmp_path / "x", 4)

    @pytest.mark.parametrize("content", ["a = " + "9" * 5000, "a = " + "[" * 100_000, "\ufeff\x00"])
    def test_toml_that_cannot_be_read_is_one_sentence(self, tmp_path, content):
        (tmp_path / "x.toml").write_text(content)
        with pytest.raises(UsageError, match=r"x\.toml"):
            read_toml(tmp_path / "x.toml", "the recipe")

    def test_toml_that_is_no_file_is_one_sentence(self, tmp_path):
        os.mkfifo(tmp_path / "x.toml")
        with pytest.raises(UsageError, match=r"x\.toml is not a regular file: it cannot be the recipe"):
            read_toml(tmp_path / "x.toml", "the recipe")
