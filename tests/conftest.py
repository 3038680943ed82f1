"""Shared fixtures: one torch thread, caches of their own, the real data if they are there."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory, monkeypatch):
    if "LNNCMP_TEST_CACHE" in os.environ:  # a cache that outlives the tests, for work on slow ones
        monkeypatch.setenv("LNNCMP_CACHE", os.environ["LNNCMP_TEST_CACHE"])
    else:
        monkeypatch.setenv("LNNCMP_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


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
