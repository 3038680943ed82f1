"""Shared fixtures: caches of their own, simulated data made once, one small finished study, real data if there."""

import os
import shutil
import signal
from pathlib import Path

import pytest
from claims_tables import claims_table
from cli_runs import TWO, run
from local_server import running_site
from report_folders import folder as report_folder
from side_by_side import SharedFolders, is_worker, one_thread_each, share_compilations, slowest_first
from small_rollouts import fill, make_manifest, make_rollouts

from lnncmp.report.build.write import write_report

ROOT = Path(__file__).resolve().parent.parent
# Compiled kernels outlive the tests: to compile them takes minutes.
os.environ.setdefault("LNNCMP_KERNEL_CACHE", str(ROOT / ".pytest_cache" / "kernels"))


def pytest_configure(config):
    """Give each worker of pytest-xdist one core."""
    if config.getoption("numprocesses", None):
        one_thread_each()


def pytest_collection_modifyitems(items):
    """Let workers begin with the files that take longest, so that none is left with one of them at the end."""
    if is_worker():
        slowest_first(items)


@pytest.fixture(scope="session")
def shared_folders(tmp_path_factory) -> SharedFolders:
    """Folders that are made once in a run of the tests, however many workers there are."""
    base = tmp_path_factory.getbasetemp()
    return SharedFolders(base.parent if is_worker() else base)


@pytest.fixture(scope="session", autouse=True)
def _kernels_are_compiled_once(shared_folders):
    if is_worker():
        share_compilations(shared_folders.base)


@pytest.fixture(scope="session", autouse=True)
def _ctrl_c_works():
    """Undo an ignored SIGINT: shells and CI start background jobs so, and the commands under test would inherit it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def test_cache(tmp_path_factory) -> Path:
    """The cache folder of the tests; LNNCMP_TEST_CACHE names one that outlives them, for work on slow ones."""
    return Path(os.environ.get("LNNCMP_TEST_CACHE", tmp_path_factory.getbasetemp() / "cache"))


@pytest.fixture(autouse=True)
def _own_cache(test_cache, monkeypatch):
    monkeypatch.setenv("LNNCMP_CACHE", str(test_cache))


@pytest.fixture(scope="session")
def simulated_cache(test_cache, shared_folders) -> Path:
    """The cache with the simulated Walker2d rollouts, which the command itself makes (some 30 s on one core)."""

    def simulate(cache: Path) -> None:
        answer = run("data", "fetch", "walker2d", env={**os.environ, "LNNCMP_CACHE": str(cache)}, timeout=300)
        assert answer.code == 0, answer
        assert "walker2d (simulated): complete and verified in" in answer.out

    if "LNNCMP_TEST_CACHE" in os.environ:
        simulate(test_cache)
    else:
        shutil.copytree(shared_folders.get("simulated", simulate), test_cache, dirs_exist_ok=True)
    return test_cache


@pytest.fixture(scope="session")
def finished(simulated_cache, shared_folders) -> Path:
    """The output folder of a small study that was never disturbed: lstm and gru, two seeds. Not to be changed."""

    def study(folder: Path) -> None:
        env = {**os.environ, "LNNCMP_CACHE": str(simulated_cache)}
        answer = run(*TWO, "--jobs", "1", "--out", folder / "out", env=env)
        assert answer.code == 0, answer
        (folder / "stdout").write_text(answer.out)
        (folder / "stderr").write_text(answer.err)

    return shared_folders.get("study", study) / "out"


@pytest.fixture(scope="session")
def written_report(tmp_path_factory) -> Path:
    """The page of a report on a small study that has everything a page can show. Not to be changed."""
    out = report_folder(tmp_path_factory.mktemp("report") / "out")
    return write_report(out, judge=lambda out: claims_table())


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    """One tab of a headless Chromium; the test is skipped where there is none."""
    from chromium import find_chromium, running

    program = find_chromium()
    if program is None:
        pytest.skip("no chromium on the path (Debian: apt-get install chromium)")
    with running(program, tmp_path_factory.mktemp("browser") / "profile") as tab:
        yield tab


@pytest.fixture
def tab(browser, written_report):
    """The tab with the written report, opened afresh."""
    browser.open(written_report.as_uri())
    return browser


@pytest.fixture
def shared_data() -> Path:
    """The folder of real data sets; the test is skipped where it is absent."""
    folder = Path(os.environ.get("LNNCMP_SHARED_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"real data not found: {folder} (set LNNCMP_SHARED_DATA)")
    return folder


@pytest.fixture
def walker2d_original(shared_data) -> Path:
    """The folder with the 400 original Walker2d rollouts."""
    folder = shared_data / "walker2d-lechner-hasani"
    if not folder.is_dir():
        pytest.skip(f"the original Walker2d rollouts are not in {shared_data}")
    return folder


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def site():
    """A web server on this machine that can be told to misbehave."""
    with running_site() as running:
        yield running


@pytest.fixture
def target(tmp_path) -> Path:
    """Where a downloaded file is to lie; its folder does not exist yet."""
    return tmp_path / "folder" / "data.bin"


@pytest.fixture(scope="module")
def rollouts():
    """A few small rollouts by file name."""
    return make_rollouts()


@pytest.fixture(scope="module")
def manifest(rollouts):
    """The manifest of the small rollouts."""
    return make_manifest(rollouts)


@pytest.fixture
def folder(tmp_path, rollouts) -> Path:
    """A folder that holds the small rollouts."""
    return fill(tmp_path / "data", rollouts)
