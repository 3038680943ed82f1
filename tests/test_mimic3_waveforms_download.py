"""Numerics records downloaded by name: private, resumable, no way out of the cache, no names in messages."""

import stat

import pytest
from local_server import dead_address
from numerics_records import RECORD, SUBJECT, relabel, write

from lnncmp.errors import DataError, UsageError
from lnncmp.sources.base import SourceContext
from lnncmp.sources.mimic3.waveforms import SOURCE, obtain
from lnncmp.sources.mimic3.waveforms.names import record_names

NAME = f"p99/{SUBJECT}/{RECORD}"
OTHER = f"p99/{SUBJECT}/{SUBJECT}-2150-02-01-00-00n"
SECRET = "999999"


@pytest.fixture
def published(site, tmp_path):
    """Two records on the local server; returns the folder they were made in."""
    made = tmp_path / "made"
    for rate, name in enumerate((NAME, OTHER), start=60):
        write(made, {"HR": [rate] * 120}, name.rpartition("/")[2])
    publish(site, made)
    return made


def publish(site, made):
    for path in made.iterdir():
        site.put(f"/db/p99/{SUBJECT}/{path.name}", path.read_bytes())


def get(site, tmp_path, names=NAME, offline=False):
    """Obtain the named records from the local server into the cache of `tmp_path`."""
    asked = SourceContext(tmp_path / "cache", offline=offline, options={"records": names})
    return obtain(asked, f"{site.address}/db/")


def files_in(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def refused(site, tmp_path, words, kind=DataError, **how):
    """Check that the download is refused in these words, without a name of the record, and return the hint."""
    with pytest.raises(kind, match=words) as caught:
        get(site, tmp_path, **how)
    assert SECRET not in caught.value.message + caught.value.hint
    return caught.value.hint


class TestDownload:
    def test_brings_header_and_signals_for_the_owner_alone(self, site, published, tmp_path):
        folder, collected = get(site, tmp_path)
        assert folder == tmp_path / "cache" / "mimic3-waveforms"
        assert files_in(folder) == [f"{NAME}.dat", f"{NAME}.hea"]
        (recording,) = collected.recordings
        assert recording.group == SUBJECT and recording.values[:, 0].tolist() == [60, 60]
        for path in (folder, *folder.rglob("*")):
            assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600)

    def test_asks_for_nothing_twice_and_then_works_offline(self, site, published, tmp_path):
        get(site, tmp_path, names=f"{OTHER}, {NAME},{NAME}")
        asked = len(site.requests)
        assert asked == 4
        assert len(get(site, tmp_path, names=f"{NAME},{OTHER}", offline=True)[1].recordings) == 2
        assert len(get(site, tmp_path)[1].recordings) == 1
        assert len(site.requests) == asked

    def test_an_open_cache_folder_is_closed(self, site, published, tmp_path):
        folder = tmp_path / "cache" / "mimic3-waveforms"
        folder.mkdir(parents=True, mode=0o755)
        get(site, tmp_path)
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700

    def test_a_cache_that_cannot_be_written_is_said_without_names(self, site, published, tmp_path):
        blocked = tmp_path / "cache" / "mimic3-waveforms" / "p99" / SUBJECT
        blocked.parent.mkdir(parents=True)
        blocked.write_text("x")
        refused(site, tmp_path, "cannot write .*mimic3-waveforms: File exists")

    def test_a_signal_file_shorter_than_its_header_says_is_refused(self, site, published, tmp_path):
        site.put(f"/db/{NAME}.dat", b"x" * 239)
        refused(site, tmp_path, "record 1 of 1: .*239 bytes, expected 240")
        assert files_in(tmp_path / "cache") == [f"mimic3-waveforms/{NAME}.hea"]
        publish(site, published)
        assert len(get(site, tmp_path)[1].recordings) == 1

    def test_a_header_that_is_too_large_is_refused(self, site, published, tmp_path):
        site.put(f"/db/{NAME}.hea", b"x" * 70_000)
        refused(site, tmp_path, "record 1 of 1: .*70,000 bytes, more than the allowed 65,536")
        assert files_in(tmp_path / "cache") == []

    def test_missing_files_and_dead_servers_are_said_without_names(self, site, published, tmp_path):
        del site.pages[f"/db/{OTHER}.dat"]
        hint = refused(site, tmp_path, "record 2 of 2: cannot download the file: .*404", names=f"{OTHER},{NAME}")
        assert "wget -r -N -c -np -A '*n.hea,*n.dat' https://physionet.org/files/mimic3wdb-matched/1.0/p00/" in hint
        site.address = dead_address()
        refused(site, tmp_path / "elsewhere", "record 1 of 1: cannot download the file: .*connection refused")

    def test_offline_without_the_files_names_the_command(self, site, published, tmp_path):
        hint = refused(site, tmp_path, "header of record 1 of 1 is not in the cache, and offline", offline=True)
        assert "wget" in hint and site.requests == []

    def test_without_folder_and_names_says_what_is_needed(self, tmp_path):
        for call in (SOURCE.load, SOURCE.fetch, SOURCE.attrition):
            with pytest.raises(DataError, match="need a folder with records, or the names") as caught:
                call(SourceContext(tmp_path, options={"records": " , "}))
            assert "--data DIR" in caught.value.hint and "wget" in caught.value.hint
        assert list(tmp_path.iterdir()) == []


class TestNames:
    @pytest.mark.parametrize(
        "name",
        [
            "../../etc/passwd",
            f"p99/{SUBJECT}/../{RECORD}",
            f"../{NAME}",
            f"/{NAME}",
            f"p98/{SUBJECT}/{RECORD}",
            f"p99/p999998/{RECORD}",
            NAME.removesuffix("n"),
            f"{NAME}.hea",
            f"{NAME}?x",
            f"{NAME}\n{NAME}",
            f"https://example.org/{NAME}",
            NAME.replace("2150", "٢١٥٠"),
        ],
    )
    def test_that_are_not_numerics_of_the_matched_subset_are_refused(self, site, tmp_path, name):
        hint = refused(
            site, tmp_path, "record name 2 of 2 is not a numerics record", kind=UsageError, names=f"{OTHER},{name}"
        )
        assert "pNN/pNNNNNN/" in hint and site.requests == [] and not (tmp_path / "cache").exists()

    def test_are_taken_once_and_in_order(self):
        assert record_names(f" {OTHER} ,,{NAME},{OTHER}") == [NAME, OTHER]

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            (f"{RECORD}.dat", "../../../evil.dat"),
            (f"{RECORD}.dat", "/tmp/evil.dat"),
            (f"{RECORD}.dat", "..dat"),
            (f"{RECORD}.dat", "evil.hea"),
            (f"{RECORD}.dat", "evil"),
            (f"{RECORD}.dat", "~evil.dat"),
            ("HR", "CVP"),
            ("0.016666666666666666", "125"),
        ],
    )
    def test_in_a_header_that_lead_elsewhere_are_refused(self, site, published, tmp_path, old, new):
        relabel(published / f"{RECORD}.hea", old, new)
        publish(site, published)
        refused(site, tmp_path, "record 1 of 1 cannot be used: it came (with|in an unsupported)")
        assert [path for path, _, _ in site.requests] == [f"/db/{NAME}.hea"]
        assert files_in(tmp_path / "cache") == []

    def test_of_too_many_signal_files_are_refused(self, site, published, tmp_path):
        header = published / f"{RECORD}.hea"
        first, line = header.read_text().splitlines()[:2]
        lines = [line.replace(f"{RECORD}.dat", f"x{index}.dat") for index in range(17)]
        header.write_text("\n".join([first.replace(" 1 0.0166", " 17 0.0166"), *lines]) + "\n")
        publish(site, published)
        refused(site, tmp_path, "in an unsupported signal format")
        assert len(site.requests) == 1
