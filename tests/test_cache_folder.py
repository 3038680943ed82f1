"""The cache folder: it has to be the user's own, and there has to be one."""

import os
import stat

import platformdirs
import pytest
from cli_runs import refused, run_here

from lnncmp.common.cache import cache_root
from lnncmp.errors import UsageError
from lnncmp.kernels.common import compiling

posix = pytest.mark.skipif(os.name != "posix", reason="owners and permissions as on POSIX")


@posix
def test_a_folder_that_all_users_may_write_is_not_used(tmp_path, monkeypatch):
    monkeypatch.setenv("LNNCMP_CACHE", str(tmp_path))
    for mode in (0o700, 0o755, 0o775):
        tmp_path.chmod(mode)
        assert cache_root() == tmp_path
    tmp_path.chmod(0o777 | stat.S_ISVTX)
    with pytest.raises(UsageError, match="all users may write the cache folder") as caught:
        cache_root()
    assert "LNNCMP_CACHE" in caught.value.hint


@posix
def test_a_folder_of_another_user_is_not_used(tmp_path, monkeypatch):
    monkeypatch.setenv("LNNCMP_CACHE", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: tmp_path.stat().st_uid + 1)
    if tmp_path.stat().st_uid == 0:
        assert cache_root() == tmp_path  # the administrator's
    else:
        with pytest.raises(UsageError, match="belongs to another user"):
            cache_root()


@pytest.mark.parametrize("error", [KeyError("getpwuid(): uid not found: 4711"), RuntimeError("no home")])
@pytest.mark.parametrize("command", [["sine", "--dry-run"], ["data", "list"]])
def test_without_a_home_folder(error, command, tmp_path, capsys, monkeypatch):
    def fails(*args, **options):
        raise error

    monkeypatch.delenv("LNNCMP_CACHE", raising=False)
    monkeypatch.setattr(platformdirs, "user_cache_dir", fails)
    monkeypatch.chdir(tmp_path)
    answer = run_here(capsys, monkeypatch, *command)
    if answer.code:
        refused(answer, 2, "there is no home folder for the cache", "LNNCMP_CACHE")


@posix
def test_kernels_without_a_safe_folder_are_kept_in_a_private_one(tmp_path, monkeypatch):
    tmp_path.chmod(0o777)
    monkeypatch.setenv("LNNCMP_KERNEL_CACHE", str(tmp_path))
    with pytest.warns(RuntimeWarning, match="all users may write .* kept in a private folder"):
        folder = compiling.cache_folder.__wrapped__()
    assert tmp_path not in folder.parents and stat.S_IMODE(folder.parent.stat().st_mode) == 0o700
