"""Which intensive care data are used when none are named, and when falling back is refused."""

import threading
from types import SimpleNamespace

import pytest
from challenge_sets import manifest as challenge_manifest
from challenge_sets import packed, put
from local_server import dead_address
from small_demo import FILES, demo_manifest, put_demo

from lnncmp.common.files import share_dir
from lnncmp.errors import DataError
from lnncmp.sources.base import SourceContext
from lnncmp.sources.download import fetch as probing
from lnncmp.sources.download.fetch import UnreachableError, probe
from lnncmp.sources.mimic3 import auto as mimic3_auto
from lnncmp.sources.mimic3 import challenge2012
from lnncmp.sources.mimic3 import demo as mimic3_demo
from lnncmp.sources.mimic3.auto import SOURCE, Open, choose

NO_CLAIM = "so a simulated intensive care unit is used: no claim about patients can rest on these numbers"
SET = packed(stays=2, hours=2)
CHALLENGE, DEMO = challenge2012.CHALLENGE, mimic3_demo.DEMO


def known(challenge=None, demo=None):
    """What can be had, as published at these addresses; at none of them somebody answers unless it is named."""
    first = challenge_manifest(SET, dead_address() if challenge is None else challenge)
    second = demo_manifest(dead_address() if demo is None else demo)
    return Open("challenge2012", CHALLENGE, first), Open("demo", DEMO, second)


@pytest.fixture
def both(site):
    """A small set of the challenge and a small demo that the local server publishes whole."""
    for name, content in SET.items():
        site.put(f"/1.0.0/{name}", content)
    for name, content in FILES.items():
        site.put(f"/1.4/{name}", content)
    return known(site.address + "/1.0.0", site.address + "/1.4")


@pytest.fixture
def told():
    return []


def context(tmp_path, told, **options):
    return SourceContext(cache=tmp_path / "cache", warn=told.append, **options)


# --- without --data


@pytest.mark.parametrize("offline", [False, True])
def test_a_cached_challenge_is_used_without_the_network(tmp_path, told, offline):
    put(tmp_path / "cache" / CHALLENGE.folder, SET)
    assert choose(context(tmp_path, told, offline=offline), known()) == "challenge2012"
    assert told == []


def test_the_challenge_is_fetched_if_physionet_answers(both, site, tmp_path, told):
    put_demo(tmp_path / "cache" / DEMO.folder)
    assert choose(context(tmp_path, told), both) == "challenge2012"
    assert {path.name for path in (tmp_path / "cache" / CHALLENGE.folder).iterdir()} == set(SET) and told == []
    assert {path.split("/")[1] for path, _, _ in site.requests} == {"1.0.0"}


@pytest.mark.parametrize("offline", [False, True])
def test_a_cached_demo_is_the_second_choice_and_said_so(tmp_path, told, offline):
    put_demo(tmp_path / "cache" / DEMO.folder)
    assert choose(context(tmp_path, told, offline=offline), known()) == "demo"
    (warning,) = told
    assert warning.startswith("the PhysioNet Challenge 2012 could not be fetched (")
    assert warning.endswith("so the MIMIC-III demo is used")
    assert ("offline mode forbids it" if offline else "connection refused") in warning


def test_without_a_network_the_simulation_is_used_and_said_so(tmp_path, told):
    assert choose(context(tmp_path, told), known()) == "synthetic"
    (warning,) = told
    assert warning.startswith(
        "the PhysioNet Challenge 2012 and the MIMIC-III demo could not be fetched (cannot download Outcomes-a.txt: "
    )
    assert "connection refused" in warning
    assert warning.endswith(NO_CLAIM) and not (tmp_path / "cache").exists()


def test_a_silent_server_is_given_up_and_not_asked_again(both, site, tmp_path, told):
    site.put("/1.0.0/Outcomes-a.txt", silent=True)
    assert choose(context(tmp_path, told), both, patience=0.6) == "synthetic"
    assert len(told) == 1 and told[0].endswith(NO_CLAIM)
    assert [path for path, _, _ in site.requests] == ["/1.0.0/Outcomes-a.txt"]


def test_offline_and_nothing_cached_means_the_simulation(both, site, tmp_path, told):
    assert choose(context(tmp_path, told, offline=True), both) == "synthetic"
    names = "the PhysioNet Challenge 2012 and the MIMIC-III demo"
    assert told == [f"{names} could not be fetched (offline mode forbids it), {NO_CLAIM}"]
    assert site.requests == []


def test_a_connection_lost_in_the_middle_means_the_next_best_for_now(both, site, tmp_path, told):
    content = SET["set-a.tar.gz"]
    site.put("/1.0.0/set-a.tar.gz", content, etag='"1"', cuts=[len(content) // 2, 0])
    assert choose(context(tmp_path, told), both) == "synthetic"
    assert "cannot download set-a.tar.gz: " in told[0] and "connection lost" in told[0]
    assert choose(context(tmp_path, told), both) == "challenge2012" and len(told) == 1


@pytest.mark.parametrize("name", ["Outcomes-a.txt", "set-a.tar.gz"])
@pytest.mark.parametrize(
    ("page", "reason"),
    [
        ({"content": b"changed"}, "expected"),
        ({"status": 403}, "HTTP 403 Forbidden"),
        ({"content": b"<html>", "content_type": "text/html"}, "sends a web page"),
    ],
    ids=["changed", "forbidden", "login page"],
)
def test_a_wrong_answer_is_never_replaced_by_other_data(both, site, tmp_path, told, name, page, reason):
    site.put(f"/1.0.0/{name}", **page)
    with pytest.raises(DataError) as caught:
        choose(context(tmp_path, told), both)
    assert f"cannot download {name}: " in caught.value.message and reason in caught.value.message
    assert "--source synthetic" in caught.value.hint and told == []


@pytest.mark.parametrize("offline", [False, True])
@pytest.mark.parametrize("first", [True, False])
def test_a_damaged_cache_is_never_replaced_by_other_data(tmp_path, told, offline, first):
    put(tmp_path / "cache" / CHALLENGE.folder, {**SET, "Outcomes-a.txt": b"rubbish"} if first else {})
    folder = put_demo(tmp_path / "cache" / DEMO.folder)
    if not first:
        (folder / "PATIENTS.csv").write_bytes(b"rubbish")
    name = r"Outcomes-a\.txt" if first else r"PATIENTS\.csv"
    with pytest.raises(DataError, match=rf"in the cache is damaged \({name}\) and was not fetched again: "):
        choose(context(tmp_path, told, offline=offline), known())
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
        ("set-a.tar.gz", "challenge2012"),
        ("challenge/set-b/7440101.txt", "challenge2012"),
        ("README.txt", "clinical"),
    ],
)
def test_a_named_folder_decides(tmp_path, told, name, kind):
    path = tmp_path / "own" / name
    path.parent.mkdir(parents=True)
    path.write_bytes(b"")
    assert choose(context(tmp_path, told, data_dir=tmp_path / "own"), known()) == kind
    assert told == []


def test_chart_events_beside_waveforms_are_clinical(tmp_path, told):
    for name in ("CHARTEVENTS.csv", "a.hea"):
        (tmp_path / name).write_bytes(b"")
    assert choose(context(tmp_path, told, data_dir=tmp_path), known()) == "clinical"


def test_tables_below_the_named_folder_are_found(tmp_path, told):
    put_demo(tmp_path / "own" / "physionet.org" / "files" / "mimiciii-demo" / "1.4")
    (tmp_path / "own" / "a.hea").write_bytes(b"")
    assert choose(context(tmp_path, told, data_dir=tmp_path / "own"), known()) == "clinical"


def test_a_named_folder_that_is_not_there_is_left_to_the_source_that_explains(tmp_path, told):
    assert choose(context(tmp_path, told, data_dir=tmp_path / "nowhere"), known()) == "clinical"


def test_a_named_archive_decides(tmp_path, told):
    put(tmp_path, {"set-a.zip": b"PK", "table.csv": b"a,b"})
    assert choose(context(tmp_path, told, data_dir=tmp_path / "set-a.zip"), known()) == "challenge2012"
    assert choose(context(tmp_path, told, data_dir=tmp_path / "table.csv"), known()) == "clinical"


# --- standing in for others


@pytest.fixture
def _published(monkeypatch):
    monkeypatch.setattr(challenge2012, "published", lambda: challenge_manifest(SET, dead_address()))
    monkeypatch.setattr(mimic3_demo, "published", lambda: demo_manifest(dead_address()))


@pytest.mark.usefixtures("_published")
def test_resolving_uses_the_published_manifests(tmp_path, told):
    put(tmp_path / "cache" / CHALLENGE.folder, SET)
    assert SOURCE.resolve(context(tmp_path, told)) == "challenge2012"
    assert SOURCE.fetch(context(tmp_path, told)) == tmp_path / "cache" / CHALLENGE.folder


@pytest.mark.usefixtures("_published")
def test_everything_is_handed_to_the_chosen_source(tmp_path, told, monkeypatch):
    asked = []
    stand_in = SimpleNamespace(load=lambda given: ["a stay"], attrition=lambda given: ["a step"], fetch=None)
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
