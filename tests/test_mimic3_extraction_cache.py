"""The extraction is kept privately, resumes where it was killed, and does not depend on buckets; the demo's facts."""

import errno
import io
import logging
import os
import re
import shutil
import stat

import numpy as np
import pytest
from mimic3_tables import at, event, stay, tables

from lnncmp.errors import DataError
from lnncmp.sources.mimic3.extraction import events, extraction, grid
from lnncmp.sources.mimic3.extraction.extraction import extract
from lnncmp.sources.mimic3.variables import NAMES

SUBJECTS = 12


@pytest.fixture
def folder(tmp_path):
    """Tables of several subjects, some with two stays, values drawn at random."""
    draw = np.random.default_rng(3)
    items = [220045, 220050, 220179, 223761, 223901, 225664, 223835]
    rows = [
        event(
            int(draw.choice(items)), round(float(draw.uniform(0, 60)), 3), round(float(draw.uniform(1, 120)), 1), int(n)
        )
        for n in draw.integers(1, SUBJECTS + 1, 4000)
    ]
    outputs = [event(226559, round(float(draw.uniform(0, 60)), 3), 30, n % SUBJECTS + 1) for n in range(100)]
    stays = [stay(n, n, 20 + n) for n in range(1, SUBJECTS + 1)] + [stay(n, 40, 58) for n in range(1, 6)]
    return tables(tmp_path / "tables", rows, outputs, stays)


def same(one, other):
    assert one.attrition == other.attrition
    assert len(one.recordings) == len(other.recordings)
    for a, b in zip(one.recordings, other.recordings, strict=True):
        assert a.group == b.group
        assert a.values.tobytes() == b.values.tobytes()
        assert a.times.tobytes() == b.times.tobytes()
        assert a.observed.tobytes() == b.observed.tobytes()


def home(cache):
    (found,) = (cache / "mimic3").iterdir()
    return found


class Counted:
    """Count how often the bucket maker was called."""

    def __init__(self, monkeypatch):
        self.calls = 0
        monkeypatch.setattr(extraction, "make_bucket", self)

    def __call__(self, *arguments):
        self.calls += 1
        return grid.make_bucket(*arguments)


class Killed(BaseException):
    """Stands for what cannot be caught."""


def killed_at(description, done):
    def progress(what, so_far, total):
        if (what, so_far) == (description, done):
            raise Killed

    return progress


@pytest.mark.parametrize("on", ["hour", "event"])
@pytest.mark.parametrize("buckets", [8, 40])
def test_buckets_and_parts_do_not_matter(folder, tmp_path, monkeypatch, on, buckets):
    expected = extract(folder, tmp_path / "a", name="test", grid=on, buckets=1)
    assert len(expected.recordings) == SUBJECTS + 5
    monkeypatch.setattr(events, "FLUSH", 100)
    same(extract(folder, tmp_path / "b", name="test", grid=on, buckets=buckets), expected)
    same(extract(folder, tmp_path / "b", name="test", grid=on, buckets=1), expected)


class TestRestart:
    def test_finished_buckets_are_not_made_again(self, folder, tmp_path, monkeypatch):
        expected = extract(folder, tmp_path / "a", name="test")
        cache = tmp_path / "b"
        with pytest.raises(Killed):
            extract(folder, cache, name="test", buckets=8, progress=killed_at("putting stays on their grid", 5))
        assert not (home(cache) / "complete.json").exists()
        made, heard = Counted(monkeypatch), []
        found = extract(folder, cache, name="test", buckets=8, progress=lambda *args: heard.append(args[0]))
        assert made.calls == 3
        assert "reading CHARTEVENTS" not in heard
        same(found, expected)

    def test_killed_while_reading(self, folder, tmp_path):
        expected = extract(folder, tmp_path / "a", name="test")
        cache = tmp_path / "b"
        size = (folder / "OUTPUTEVENTS.csv.gz").stat().st_size
        with pytest.raises(Killed):
            extract(folder, cache, name="test", progress=killed_at("reading OUTPUTEVENTS", size))
        assert list(home(cache).iterdir()) == []
        same(extract(folder, cache, name="test"), expected)

    def test_other_number_of_buckets_begins_anew(self, folder, tmp_path):
        expected = extract(folder, tmp_path / "a", name="test")
        cache = tmp_path / "b"
        with pytest.raises(Killed):
            extract(folder, cache, name="test", buckets=8, progress=killed_at("putting stays on their grid", 5))
        same(extract(folder, cache, name="test", buckets=3), expected)

    def test_damaged_bucket_of_a_killed_extraction(self, folder, tmp_path):
        expected = extract(folder, tmp_path / "a", name="test")
        cache = tmp_path / "b"
        with pytest.raises(Killed):
            extract(folder, cache, name="test", buckets=8, progress=killed_at("putting stays on their grid", 5))
        damaged = home(cache) / "stays-002-of-008.npz"
        damaged.write_bytes(damaged.read_bytes()[:-100])
        same(extract(folder, cache, name="test", buckets=8), expected)


class TestCache:
    def test_private_and_nothing_left_over(self, folder, tmp_path):
        old = os.umask(0)
        try:
            extract(folder, tmp_path / "cache", name="test", buckets=2)
        finally:
            os.umask(old)
        top = tmp_path / "cache" / "mimic3"
        modes = {path: stat.S_IMODE(path.stat().st_mode) for path in [top, *top.rglob("*")]}
        assert {mode for path, mode in modes.items() if path.is_dir()} == {0o700}
        assert {mode for path, mode in modes.items() if path.is_file()} == {0o600}
        names = {path.name for path in home(tmp_path / "cache").iterdir()}
        assert names == {"complete.json", "stays-000-of-002.npz", "stays-001-of-002.npz"}

    def test_private_while_it_runs(self, folder, tmp_path):
        cache = tmp_path / "cache"
        with pytest.raises(Killed):
            extract(folder, cache, name="test", buckets=2, progress=killed_at("putting stays on their grid", 1))
        parts = [path for path in home(cache).rglob("*") if path.suffix in {".parquet", ".npz", ".json"}]
        assert len(parts) == 4
        assert {stat.S_IMODE(path.stat().st_mode) for path in parts} == {0o600}
        assert stat.S_IMODE((home(cache) / "events").stat().st_mode) == 0o700

    def test_second_call_reads_no_table(self, folder, tmp_path):
        first = extract(folder, tmp_path / "cache", name="test")
        heard = []
        same(extract(folder, tmp_path / "cache", name="test", progress=lambda *args: heard.append(args)), first)
        assert heard == []

    def test_another_time_of_a_table_invalidates(self, folder, tmp_path):
        first = extract(folder, tmp_path / "cache", name="test")
        os.utime(folder / "PATIENTS.csv.gz", ns=(1, 1))
        heard = []
        same(extract(folder, tmp_path / "cache", name="test", progress=lambda *args: heard.append(args)), first)
        assert heard
        assert len(list((tmp_path / "cache" / "mimic3").iterdir())) == 2

    @pytest.mark.parametrize("victim", ["complete.json", "stays-001-of-002.npz"])
    @pytest.mark.parametrize("damage", ["cut", "flip", "gone"])
    def test_damage_is_noticed_and_made_good(self, folder, tmp_path, victim, damage):
        cache = tmp_path / "cache"
        first = extract(folder, cache, name="test", buckets=2)
        path = home(cache) / victim
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 0x80
        if damage == "gone":
            path.unlink()
        else:
            path.write_bytes(content if damage == "flip" else content[: len(content) // 2])
        heard = []
        same(extract(folder, cache, name="test", buckets=2, warn=heard.append), first)
        marked = not (victim == "complete.json" and damage == "gone")
        assert heard == [f"the stored extraction {home(cache)} is damaged; making it again"] * marked
        same(extract(folder, cache, name="test", buckets=2), first)

    @pytest.mark.parametrize("written", [0, 1, 2, 3, 4, 5])
    def test_a_full_disk_is_one_sentence_whoever_writes(self, folder, tmp_path, monkeypatch, written):
        left = [written]

        class Full(io.FileIO):
            def write(self, content):
                if not left[0]:
                    raise OSError(errno.ENOSPC, "No space left on device")
                return super().write(content)

            def close(self):
                left[0] -= bool(left[0]) and not self.closed
                super().close()

        monkeypatch.setattr("lnncmp.common.files.os.fdopen", lambda handle, mode: Full(handle, mode))
        with pytest.raises(DataError, match="no space left while writing") as caught:
            extract(folder, tmp_path / "cache", name="test", buckets=2)
        assert "Free some space" in caught.value.hint
        assert [path for path in (tmp_path / "cache").rglob("*") if path.suffix == ".part"] == []

    def test_progress_counts_bytes_up_to_the_size(self, folder, tmp_path):
        heard = []
        extract(folder, tmp_path / "cache", name="test", progress=lambda *args: heard.append(args))
        size = (folder / "CHARTEVENTS.csv.gz").stat().st_size
        assert ("reading CHARTEVENTS", size, size) in heard
        assert heard[-1] == ("putting stays on their grid", 1, 1)
        assert all(0 <= done <= total for _, done, total in heard)


@pytest.mark.data
class TestDemo:
    @pytest.fixture
    def demo(self, shared_data):
        folder = shared_data / "mimic-iii-demo"
        if not folder.is_dir():
            pytest.skip(f"the MIMIC-III demo is not in {shared_data}")
        return folder

    def test_facts(self, demo, tmp_path, monkeypatch):
        # All ages, so that the shares can be held against those of all stay-hours: one stay is of a minor.
        monkeypatch.setattr("lnncmp.sources.mimic3.extraction.stays.ADULT_AGE", 0)
        found = extract(demo, tmp_path, name="demo")
        assert found.attrition[0].recordings == 136
        assert "14,599 hours begun" in found.attrition[1].reason
        shares = 100 * np.sum([r.observed.sum(axis=0) for r in found.recordings], axis=0) / 14_599
        core = [91.3, 88.5, 88.5, 88.6, 89.7, 88.6, 29.9]
        # Glucose and inspired oxygen without laboratory values, urine without hours before the first vital sign.
        context = {"glucose": 21.6, "gcs_eye": 27.0, "gcs_motor": 26.8, "fio2": 16.1, "urine": 61.3}
        assert shares.round(1).tolist() == [*core, *context.values()]
        assert list(context) == list(NAMES[7:])

    def test_adults(self, demo, tmp_path):
        found = extract(demo, tmp_path, name="demo")
        steps = {step.step: step for step in found.attrition}
        assert steps["rows read"].reason == "758,355 of CHARTEVENTS and 11,320 of OUTPUTEVENTS"
        assert (steps["stays of adults"].recordings, steps["stays of adults"].groups) == (135, 99)
        assert (len(found.recordings), steps["hours of these stays"].rows) == (131, 13_907)
        assert sum(len(r.times) for r in found.recordings) == steps["hours kept"].rows == 13_521
        values = np.concatenate([r.values for r in found.recordings])
        medians = np.nanmedian(values[:, :7], axis=0)
        np.testing.assert_allclose(medians, [87, 115, 57, 75, 20, 98, 36.9], atol=2.0)

    @pytest.mark.parametrize("on", ["hour", "event"])
    def test_both_layouts_give_the_same(self, demo, tmp_path, on):
        full = extract(demo, tmp_path / "a", name="demo", grid=on)
        same(extract(demo / "demo-header", tmp_path / "b", name="demo", grid=on, buckets=5), full)

    def test_no_identity_in_messages(self, demo, tmp_path, caplog, capfd):
        caplog.set_level(logging.DEBUG)
        copy = tmp_path / "copy"
        copy.mkdir()
        for name in ("CHARTEVENTS", "ICUSTAYS", "PATIENTS"):
            shutil.copyfile(demo / f"{name}.csv.gz", copy / f"{name}.csv.gz")
        said = []
        found = extract(copy, tmp_path / "c", name="demo", warn=said.append, progress=lambda *a: said.append(a[0]))
        for path in (tmp_path / "c").rglob("stays-*.npz"):
            path.write_bytes(b"damaged")
        extract(copy, tmp_path / "c", name="demo", warn=said.append)
        said += [step.step + step.reason for step in found.attrition]
        said += [repr(found.recordings[0]), caplog.text, *capfd.readouterr()]
        identities = {recording.group.removeprefix("subject-") for recording in found.recordings}
        assert len(identities) == 97
        assert len(said) > 30
        text = " ".join(said).replace(str(tmp_path), "").replace(str(demo), "")
        # As a whole number: the messages of the lock hold addresses, in whose digits an identity may occur by chance.
        assert not identities & set(re.findall(r"\d+", text))
        assert at(0)[:5] not in text
