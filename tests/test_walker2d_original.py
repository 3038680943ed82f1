"""The original Walker2d source: download with fallback, the cache, offline mode, the real data."""

import io
import json
import os
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from local_server import dead_address
from small_rollouts import fill, npy

from lnncmp.errors import DataError
from lnncmp.sources.base import SourceContext
from lnncmp.sources.walker2d.original import FOLDER, MARKER, SOURCE, obtain
from lnncmp.sources.walker2d.original.download import Addresses
from lnncmp.sources.walker2d.original.folder import COMMAND
from lnncmp.sources.walker2d.original.manifest import RolloutManifest, published

NOWHERE = Addresses(zips=(dead_address() + "/walker.zip",), folder=dead_address() + "/walker")


def zipped(rollouts, prefix="walker/"):
    """The bytes of a zip file with the rollouts."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in rollouts.items():
            archive.writestr(prefix + name, content)
    return stream.getvalue()


class Told:
    """A context that remembers warnings and progress."""

    def __init__(self, cache, **options):
        self.warnings = []
        self.progress = []
        self.context = SourceContext(
            cache=cache, warn=self.warnings.append, progress=lambda *seen: self.progress.append(seen), **options
        )


# --- fetching


def test_the_zip_file_fills_the_cache_and_is_removed(site, tmp_path, rollouts, manifest):
    told = Told(tmp_path)
    addresses = Addresses((dead_address() + "/w.zip", site.put("/w.zip", zipped(rollouts))), site.address + "/walker")
    folder, recordings = obtain(told.context, manifest, addresses)
    assert folder == tmp_path / FOLDER and len(recordings) == 4
    assert sorted(path.name for path in folder.iterdir()) == [MARKER, *rollouts]
    assert json.loads((folder / MARKER).read_text()) == {"files": 4, "frames": 116, "digest": manifest.digest}
    assert list((tmp_path / "downloads").iterdir()) == []
    assert told.warnings == [] and told.progress[-1][1] == told.progress[-1][2] > 0
    assert [path for path, _, _ in site.requests] == ["/w.zip"]


def test_a_full_cache_needs_no_network(tmp_path, rollouts, manifest):
    fill(tmp_path / FOLDER, rollouts)
    _, recordings = obtain(SourceContext(cache=tmp_path, offline=True), manifest, NOWHERE)
    assert len(recordings) == 4 and (tmp_path / FOLDER / MARKER).is_file()


def test_data_needs_no_network_and_writes_nothing(folder, tmp_path, manifest):
    found, _ = obtain(SourceContext(cache=tmp_path / "cache", data_dir=folder), manifest, NOWHERE)
    assert found == folder and not (tmp_path / "cache").exists() and not (folder / MARKER).exists()


@pytest.mark.parametrize("content", [b"<html>", None], ids=["not a zip file", "other content"])
def test_without_a_good_zip_file_the_single_files_are_taken(site, tmp_path, rollouts, manifest, content):
    changed = zipped(rollouts | {"rollout_002.npy": npy(np.ones((25, 17)))})
    for name, raw in rollouts.items():
        site.put(f"/walker/{name}", raw)
    told = Told(tmp_path)
    addresses = Addresses((site.put("/w.zip", content or changed),), site.address + "/walker")
    assert len(obtain(told.context, manifest, addresses)[1]) == 4
    assert len(told.warnings) == 1 and "trying the authors' repository file by file" in told.warnings[0]
    assert ("not a readable zip file" if content else "rollout_002.npy in the zip file has sha256") in told.warnings[0]
    assert told.progress[-1][1:] == (manifest.total_bytes, manifest.total_bytes)


def test_finished_single_files_are_kept_and_not_asked_for_again(site, tmp_path, rollouts, manifest):
    for name, raw in rollouts.items():
        site.put(f"/walker/{name}", raw)
    site.put("/walker/rollout_002.npy", status=500)
    addresses = Addresses((site.address + "/w.zip",), site.address + "/walker")
    with pytest.raises(DataError) as caught:
        obtain(SourceContext(cache=tmp_path), manifest, addresses)
    assert caught.value.message == (
        f"cannot download walker2d-original.zip: {site.address}/w.zip (HTTP 404 Not Found); "
        f"cannot download rollout_002.npy: {site.address}/walker/rollout_002.npy (HTTP 500 Internal Server Error)"
    )
    assert caught.value.hint.startswith("2 of 4 files are kept for the next try.") and COMMAND in caught.value.hint
    assert not (tmp_path / FOLDER / MARKER).exists()
    site.put("/walker/rollout_002.npy", rollouts["rollout_002.npy"])
    site.requests.clear()
    assert len(obtain(SourceContext(cache=tmp_path), manifest, addresses)[1]) == 4
    assert [path for path, _, _ in site.requests] == ["/w.zip", "/walker/rollout_002.npy", "/walker/rollout_003.npy"]


def test_a_broken_zip_download_goes_on_at_the_next_call(site, tmp_path, rollouts, manifest):
    content = zipped(rollouts)
    pages = Addresses((site.put("/w.zip", content, etag='"1"'),), site.address + "/walker")
    part = tmp_path / "downloads" / "walker2d-original.zip.part"
    part.parent.mkdir()
    part.write_bytes(content[:1000])
    note = {"url": pages.zips[0], "etag": '"1"', "last_modified": ""}
    part.with_name(part.name + ".json").write_text(json.dumps(note))
    assert len(obtain(SourceContext(cache=tmp_path), manifest, pages)[1]) == 4
    assert site.ranges("/w.zip") == ["bytes=1000-"]


def test_a_damaged_cache_is_downloaded_again_with_a_warning(site, tmp_path, rollouts, manifest):
    told = Told(tmp_path)
    addresses = Addresses((site.put("/w.zip", zipped(rollouts)),), site.address)
    obtain(told.context, manifest, addresses)
    (tmp_path / FOLDER / "rollout_001.npy").write_bytes(b"")
    assert len(obtain(told.context, manifest, addresses)[1]) == 4
    assert len(told.warnings) == 1 and "rollout_001.npy is empty (0 bytes); downloading" in told.warnings[0]
    assert (tmp_path / FOLDER / MARKER).is_file()


def test_a_damaged_cache_that_cannot_be_replaced_loses_its_marker(tmp_path, rollouts, manifest):
    fill(tmp_path / FOLDER, rollouts)
    obtain(SourceContext(cache=tmp_path), manifest, NOWHERE)
    (tmp_path / FOLDER / "rollout_001.npy").write_bytes(b"")
    with pytest.raises(DataError, match="connection refused"):
        obtain(SourceContext(cache=tmp_path), manifest, NOWHERE)
    assert not (tmp_path / FOLDER / MARKER).exists()


def test_a_changed_single_file_never_gets_its_name(site, tmp_path, rollouts, manifest):
    for name, raw in rollouts.items():
        site.put(f"/walker/{name}", raw)
    site.put("/walker/rollout_001.npy", bytes(len(rollouts["rollout_001.npy"])))
    addresses = Addresses((site.address + "/w.zip",), site.address + "/walker")
    with pytest.raises(DataError, match=r"rollout_001\.npy \(sha256 "):
        obtain(SourceContext(cache=tmp_path), manifest, addresses)
    assert [path.name for path in (tmp_path / FOLDER).iterdir()] == ["rollout_000.npy"]


def offline_error(cache, manifest):
    with pytest.raises(DataError) as caught:
        obtain(SourceContext(cache=cache, offline=True), manifest, NOWHERE)
    assert f"`{COMMAND}`" in caught.value.hint and "--data DIR" in caught.value.hint
    return caught.value.message


def test_offline_and_nothing_cached_names_the_command(tmp_path, manifest):
    message = offline_error(tmp_path, manifest)
    assert message.startswith("the original Walker2d rollouts are not in the cache") and "offline mode" in message
    assert list(tmp_path.iterdir()) == []


def test_offline_distinguishes_an_incomplete_cache_from_a_damaged_one(tmp_path, rollouts, manifest):
    fill(tmp_path / FOLDER, rollouts)
    (tmp_path / FOLDER / "rollout_003.npy").unlink()
    assert "in the cache are incomplete: " in offline_error(tmp_path, manifest)
    (tmp_path / FOLDER / MARKER).write_text("{}")
    assert "in the cache are damaged: " in offline_error(tmp_path, manifest)


# --- the published data set


def test_the_published_manifest_and_addresses():
    manifest = published()
    assert [entry.name for entry in manifest.files] == [f"rollout_{i:03d}.npy" for i in range(400)]
    assert manifest.total_frames == 254_963
    # Every file is a 128-byte header and float64 (frames, 17).
    assert all(entry.bytes == 128 + entry.frames * 17 * 8 for entry in manifest.files)
    assert all(url.startswith("https://") for url in (*Addresses().zips, Addresses().folder))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"total_frames": 1}, "total_frames"),
        ({"digest": "0" * 64}, "digest"),
        ({"files": ()}, "total_frames"),
    ],
)
def test_a_manifest_that_contradicts_itself_is_refused(manifest, change, sentence):
    with pytest.raises(ValueError, match=sentence):
        RolloutManifest.model_validate(manifest.model_dump() | change)


def test_the_order_of_the_manifest_is_checked(manifest):
    with pytest.raises(ValueError, match="sorted"):
        RolloutManifest.model_validate(manifest.model_dump() | {"files": manifest.files[::-1]})


@pytest.fixture
def real():
    root = os.environ.get("LNNCMP_SHARED_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(root) / "walker2d-lechner-hasani"
    if not folder.is_dir():
        pytest.skip(f"the original rollouts are not at {folder}; set LNNCMP_SHARED_DATA")
    return folder


@pytest.mark.data
def test_the_real_rollouts_load(real, tmp_path):
    told = Told(tmp_path, data_dir=real, offline=True)
    recordings = SOURCE.load(told.context)
    assert len(recordings) == 400 and sum(len(r.values) for r in recordings) == 254_963
    assert [r.group for r in recordings] == [f"rollout_{i:03d}" for i in range(400)]
    assert all(r.values.shape[1] == 17 for r in recordings)
    assert max(np.abs(r.values[:, 8:]).max() for r in recordings) == 10.0
    assert SOURCE.fetch(told.context) == real and told.warnings == []


@pytest.mark.data
def test_one_damaged_real_rollout_is_found(real, tmp_path):
    for path in real.glob("*.npy"):
        (tmp_path / path.name).symlink_to(path)
    victim = tmp_path / "rollout_123.npy"
    victim.unlink()
    shutil.copyfile(real / victim.name, victim)
    with victim.open("r+b") as file:
        file.seek(1000)
        file.write(b"\x01")
    with pytest.raises(DataError, match=r"rollout_123\.npy was changed: sha256 is"):
        SOURCE.load(SourceContext(cache=tmp_path / "cache", data_dir=tmp_path))
