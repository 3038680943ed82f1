"""Which intensive care data are used when none are named, and when falling back is refused."""

import threading
from types import SimpleNamespace

import pytest
from local_server import dead_address
from small_demo import FILES, demo_manifest, put_demo

from lnncmp.common.files import share_dir
from lnncmp.errors import DataError
from lnncmp.sources.base import SourceContext
from lnncmp.sources.download import fetch as probing
from lnncmp.sources.download.fetch import UnreachableError, probe
from lnncmp.sources.mimic3 import auto as mimic3_auto
from lnncmp.sources.mimic3 import demo as mimic3_demo
from lnncmp.sources.mimic3.auto import SOURCE, choose
from lnncmp.sources.mimic3.demo import FOLDER

NO_CLAIM = "so a simulated intensive care unit is used: no claim about patients can rest on these numbers"


@pytest.fixture
def demo(site):
    """The manifest of a small demo that the local server publishes whole."""
    for name, content in FILES.items():
        site.put(f"/1.4/{name}", content)
    return demo_manifest(site.address + "/1.4")


@pytest.fixture
def told():
    return []


def context(tmp_path, told, **options):
    return SourceContext(cache=tmp_path / "cache", warn=told.append, **options)


# --- without --data


@pytest.mark.parametrize("offline", [False, True])
def test_a_cached_demo_is_used_without_the_network(tmp_path, told, offline):
    put_demo(tmp_path / "cache" / FOLDER)
    assert choose(context(tmp_path, told, offline=offline), demo_manifest(dead_address())) == "demo"
    assert told == []


def test_the_demo_is_fetched_if_physionet_answers(demo, tmp_path, told):
    assert choose(context(tmp_path, told), demo) == "demo"
    assert {path.name for path in (tmp_path / "cache" / FOLDER).iterdir()} == set(FILES) and told == []


def test_without_a_network_the_simulation_is_used_and_said_so(tmp_path, told):
    address = dead_address()
    assert choose(context(tmp_path, told), demo_manifest(address)) == "synthetic"
    (warning,) = told
    assert warning.startswith(
        "the open MIMIC-III demo could not be fetched "
        f"(cannot download LICENSE.txt: {address}/LICENSE.txt (connection refused)), "
    )
    assert warning.endswith(NO_CLAIM) and not (tmp_path / "cache").exists()


def test_a_silent_server_is_given_up(demo, site, tmp_path, told):
    site.put("/1.4/LICENSE.txt", silent=True)
    assert choose(context(tmp_path, told), demo, patience=0.6) == "synthetic"
    assert len(told) == 1 and told[0].endswith(NO_CLAIM)


def test_offline_and_nothing_cached_means_the_simulation(demo, site, tmp_path, told):
    assert choose(context(tmp_path, told, offline=True), demo) == "synthetic"
    assert told == [f"the open MIMIC-III demo could not be fetched (offline mode forbids it), {NO_CLAIM}"]
    assert site.requests == []


def test_a_connection_lost_in_the_middle_means_the_simulation_for_now(demo, site, tmp_path, told):
    site.put("/1.4/CHARTEVENTS.csv", FILES["CHARTEVENTS.csv"], cuts=[100_000, 0])
    assert choose(context(tmp_path, told), demo) == "synthetic"
    assert "cannot download CHARTEVENTS.csv: " in told[0] and "connection lost" in told[0]
    assert choose(context(tmp_path, told), demo) == "demo" and len(told) == 1


@pytest.mark.parametrize("name", ["LICENSE.txt", "CHARTEVENTS.csv"])
@pytest.mark.parametrize(
    ("page", "reason"),
    [
        ({"content": b"changed"}, "expected"),
        ({"status": 403}, "HTTP 403 Forbidden"),
        ({"content": b"<html>", "content_type": "text/html"}, "sends a web page"),
    ],
    ids=["changed", "forbidden", "login page"],
)
def test_a_wrong_answer_is_never_replaced_by_the_simulation(demo, site, tmp_path, told, name, page, reason):
    site.put(f"/1.4/{name}", **page)
    with pytest.raises(DataError) as caught:
        choose(context(tmp_path, told), demo)
    assert f"cannot download {name}: " in caught.value.message and reason in caught.value.message
    assert "--source synthetic" in caught.value.hint and told == []


@pytest.mark.parametrize("offline", [False, True])
def test_a_damaged_cache_is_never_replaced_by_the_simulation(tmp_path, told, offline):
    folder = put_demo(tmp_path / "cache" / FOLDER)
    (folder / "PATIENTS.csv").write_bytes(b"rubbish")
    with pytest.raises(DataError, match=r"in the cache is damaged \(PATIENTS\.csv\) and was not fetched again: "):
        choose(context(tmp_path, told, offline=offline), demo_manifest(dead_address()))
    assert told == []


# --- the probe


def test_a_search_for_the_host_that_never_ends_is_given_up(monkeypatch):
    released = threading.Event()
    monkeypatch.setattr(probing, "download", lambda *asked, **options: released.wait(30))
    try:
        with pytest.raises(UnreachableError, match=r"no complete answer within 0\.2 s"):
            probe("http://127.0.0.1/LICENSE.txt", sha256="0" * 64, seconds=0.2)
    finally:
        released.set()


# --- with --data


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("CHARTEVENTS.csv", "clinical"),
        ("chartevents.csv.gz", "clinical"),
        ("p00/p000001/p000001-2100-01-01-00-00n.hea", "waveforms"),
        ("README.txt", "clinical"),
    ],
)
def test_a_named_folder_decides(tmp_path, told, name, kind):
    path = tmp_path / "own" / name
    path.parent.mkdir(parents=True)
    path.write_bytes(b"")
    assert choose(context(tmp_path, told, data_dir=tmp_path / "own"), demo_manifest(dead_address())) == kind
    assert told == []


def test_chart_events_beside_waveforms_are_clinical(tmp_path, told):
    for name in ("CHARTEVENTS.csv", "a.hea"):
        (tmp_path / name).write_bytes(b"")
    assert choose(context(tmp_path, told, data_dir=tmp_path), demo_manifest(dead_address())) == "clinical"


def test_tables_below_the_named_folder_are_found(tmp_path, told):
    put_demo(tmp_path / "own" / "physionet.org" / "files" / "mimiciii-demo" / "1.4")
    (tmp_path / "own" / "a.hea").write_bytes(b"")
    assert choose(context(tmp_path, told, data_dir=tmp_path / "own"), demo_manifest(dead_address())) == "clinical"


def test_a_named_folder_that_is_not_there_is_left_to_the_source_that_explains(tmp_path, told):
    manifest = demo_manifest(dead_address())
    assert choose(context(tmp_path, told, data_dir=tmp_path / "nowhere"), manifest) == "clinical"


# --- standing in for others


def test_resolving_uses_the_published_manifest(tmp_path, told, monkeypatch):
    put_demo(tmp_path / "cache" / FOLDER)
    monkeypatch.setattr(mimic3_demo, "published", lambda: demo_manifest(dead_address()))
    assert SOURCE.resolve(context(tmp_path, told)) == "demo"
    assert SOURCE.fetch(context(tmp_path, told)) == tmp_path / "cache" / FOLDER


def test_everything_is_handed_to_the_chosen_source(tmp_path, told, monkeypatch):
    asked = []
    stand_in = SimpleNamespace(load=lambda given: ["a stay"], attrition=lambda given: ["a step"], fetch=None)
    monkeypatch.setattr(mimic3_demo, "published", lambda: demo_manifest(dead_address()))
    monkeypatch.setattr(
        mimic3_auto.importlib, "import_module", lambda name: asked.append(name) or SimpleNamespace(SOURCE=stand_in)
    )
    offline = context(tmp_path, told, offline=True)
    assert SOURCE.load(offline) == ["a stay"] and SOURCE.attrition(offline) == ["a step"]
    assert SOURCE.fetch(offline) == offline.cache
    stand_in.attrition = None
    assert SOURCE.attrition(offline) == ()
    assert set(asked) == {"lnncmp.sources.mimic3.synthetic"}


def test_there_is_a_card():
    assert (share_dir("datasets") / SOURCE.card / f"{SOURCE.name}.md").is_file()
