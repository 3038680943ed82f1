"""Damaged records and checkpoints, full disks, file size limits: made again, one sentence, nothing half-written."""

import errno
import fcntl
import os
import pickle
import resource
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from cli_runs import TWO, all_numbers, leftovers, numbers, records, refused, run, run_here, with_measurements

from lnncmp.cases.base import load_case
from lnncmp.common import files as atomic
from lnncmp.common.files import file_lock
from lnncmp.errors import DataError
from lnncmp.recipe.load import load_recipe
from lnncmp.records.checkpoints import unpacked
from lnncmp.records.store import Store
from lnncmp.runs.plan import RunBatch, data_shape, make_plan
from lnncmp.runs.worker import execute_runs


@pytest.fixture(scope="module", params=["fused", "loop"])
def sample(request):
    """The tiny offline data of the case and a run on them, trained by either of the two trainers."""
    torch.set_num_threads(1)
    prepared = load_case("walker2d").sample()
    chosen = {"seeds": (0,), "implementation": request.param}
    recipe = load_recipe("walker2d", "quick", ["hidden=4", "train.epochs=4"], chosen, ["cfc"])
    plan = make_plan(recipe, data_shape(prepared), {"cfc": recipe.arguments("cfc")})
    return prepared, plan.runs[0]


def _train(sample, out: Path, stop_after: int = 0, warnings: list[str] | None = None):
    """Carry the run out in this process; `stop_after` an epoch leaves its checkpoint."""
    prepared, spec = sample
    store = Store(out, (warnings if warnings is not None else []).append)

    def report(epoch: int, epochs: int, loss: float) -> None:
        if epoch == stop_after:
            raise ConnectionError  # as if the parent were gone

    records = []
    execute_runs(RunBatch(runs=(spec,)), prepared, store, 1, report, records.append)
    return records[0], store


def _stopped(sample, out: Path) -> Path:
    with pytest.raises(ConnectionError):
        _train(sample, out, stop_after=2)
    path = Store(out).checkpoint_path(sample[1].run_id)
    assert path.is_file()
    return path


@pytest.fixture(scope="module")
def undisturbed(sample, tmp_path_factory):
    return numbers(_train(sample, tmp_path_factory.mktemp("undisturbed"))[0])


def test_a_run_goes_on_from_its_checkpoint_to_the_same_numbers(sample, undisturbed, tmp_path):
    path = _stopped(sample, tmp_path)
    assert len(unpacked(path.read_bytes(), path.stem)["history"]) == 2
    warnings = []
    record, _ = _train(sample, tmp_path, warnings=warnings)
    assert numbers(record) == undisturbed
    assert warnings == []
    assert not path.exists()


class _Harmful:
    def __reduce__(self):
        return os.mkdir, ("harm",)


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _without_weights(path: Path) -> None:
    state = unpacked(path.read_bytes(), path.stem)
    del state["best_weights"]
    torch.save(state, path)


def _other_shape(path: Path) -> None:
    state = unpacked(path.read_bytes(), path.stem)
    of_stack = "weights" in state
    state |= {"weights": torch.zeros(3)} if of_stack else {"model": {name: torch.zeros(3) for name in state["model"]}}
    torch.save(state, path)


def _broken_at_the_end(path: Path) -> None:
    # Everything before the batches' random state is taken over already when this is found out.
    state = unpacked(path.read_bytes(), path.stem)
    state["batch_rng"] = {"bit_generator": "PCG64"}
    torch.save(state, path)


DAMAGES = {
    "cut in half": _cut,
    "empty": lambda path: path.write_bytes(b""),
    "a harmful pickle": lambda path: path.write_bytes(pickle.dumps(_Harmful())),
    "harm inside torch's format": lambda path: torch.save({"model": _Harmful()}, path),
    "not a table": lambda path: torch.save(torch.zeros(3), path),
    "a key is missing": _without_weights,
    "weights of another model": _other_shape,
    "broken at the end": _broken_at_the_end,
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_checkpoint_is_moved_aside_and_the_run_begins_anew(
    sample, undisturbed, tmp_path, monkeypatch, damage
):
    monkeypatch.chdir(tmp_path)
    path = _stopped(sample, tmp_path)
    damage(path)
    content = path.read_bytes()
    warnings = []
    record, _ = _train(sample, tmp_path, warnings=warnings)
    assert numbers(record) == undisturbed
    assert path.with_name(path.name + ".damaged").read_bytes() == content
    assert [path.name in warning and "moved to" in warning for warning in warnings] == [True]
    assert not (tmp_path / "harm").exists()


def test_a_damaged_record_is_moved_aside_and_made_again(capsys, monkeypatch, finished, tmp_path):
    out = with_measurements(tmp_path / "out", finished)
    (out / "records").mkdir()
    paths = sorted((finished / "records").glob("*.json"))
    for path in paths[1:]:
        (out / "records" / path.name).write_bytes(path.read_bytes())
    (out / "records" / paths[0].name).write_bytes(paths[0].read_bytes()[:500])  # cut
    (out / "records" / paths[1].name).write_bytes(paths[2].read_bytes())  # the record of another run
    answer = run(*TWO, "--out", out)
    assert answer.code == 0, answer
    for path in paths[:2]:
        assert f"Warning: {path.name} cannot be used" in answer.err
        assert (out / "records" / f"{path.name}.damaged").is_file()
    assert answer.err.count("seed") == 2  # two runs were carried out, two were there
    assert all_numbers(out) == all_numbers(finished)
    assert "Traceback" not in answer.err


def _no_space(handle: int) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_stops_a_study_before_anything_is_trained(capsys, monkeypatch, simulated_cache, tmp_path):
    out = tmp_path / "out"
    monkeypatch.setattr(atomic.os, "fsync", _no_space)
    answer = run_here(capsys, monkeypatch, *TWO, "--out", out)
    refused(answer, 3, f"Error: no space left while writing {out}", "Free some space and run the same command again.")
    assert [path for path in out.rglob("*") if path.is_file()] == []


def test_a_disk_that_fills_up_during_a_run_leaves_the_last_checkpoint(sample, undisturbed, tmp_path, monkeypatch):
    path = _stopped(sample, tmp_path)
    before = path.read_bytes()
    with monkeypatch.context() as patched:
        patched.setattr(atomic.os, "fsync", _no_space)
        with pytest.raises(DataError, match="no space left while writing"):
            _train(sample, tmp_path)
    assert path.read_bytes() == before
    assert leftovers(tmp_path) == []
    assert numbers(_train(sample, tmp_path)[0]) == undisturbed


def test_a_worker_that_cannot_write_ends_the_study_with_a_sentence(finished, tmp_path):
    out = with_measurements(tmp_path / "out", finished)
    checkpoint_is_larger = 8 * 1024

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (checkpoint_is_larger, checkpoint_is_larger))

    for kind in ("baselines", "measurements"):  # so that the first thing to be written is a checkpoint
        (out / kind).mkdir(exist_ok=True)
        for path in (finished / kind).glob("*.json"):
            (out / kind / path.name).write_bytes(path.read_bytes())
    answer = run(*TWO, "--out", out, preexec_fn=limit)
    refused(answer, 3, f"Error: cannot write {out / 'checkpoints'}", "File too large")
    assert leftovers(out) == []
    assert records(out) == {}
    again = run(*TWO, "--out", out)
    assert again.code == 0, again
    assert all_numbers(out) == all_numbers(finished)


def test_what_a_killed_writer_left_is_cleared_away(tmp_path):
    store = Store(tmp_path)
    store.prepare()
    left = tmp_path / "checkpoints" / ".abc.pt.x7.part"
    other = tmp_path / "checkpoints" / ".def.pt.x7.part"
    left.touch()
    other.touch()
    with store.lock("abc") as mine:
        assert mine
        with Store(tmp_path).lock("abc") as second:
            assert not second
    assert (left.exists(), other.exists()) == (False, True)


class TestLocks:
    def test_a_killed_holder_loses_its_lock(self, tmp_path):
        program = (
            "import sys, time; from pathlib import Path; from lnncmp.records.store import Store\n"
            "with Store(Path(sys.argv[1])).lock('abc') as mine:\n    print(mine, flush=True)\n    time.sleep(60)"
        )
        holder = subprocess.Popen([sys.executable, "-c", program, tmp_path], stdout=subprocess.PIPE, text=True)
        try:
            assert holder.stdout.readline() == "True\n"
            with Store(tmp_path).lock("abc") as mine, Store(tmp_path).lock("def") as other:
                assert (mine, other) == (False, True)
        finally:
            holder.kill()
            holder.wait()
        with Store(tmp_path).lock("abc") as mine:
            assert mine

    def test_its_file_is_removed_and_who_opened_it_before_takes_the_next(self, tmp_path, monkeypatch):
        path, flock, opened = tmp_path / "x.lock", fcntl.flock, []

        def late(file, operation):
            if operation & fcntl.LOCK_EX and not opened:  # between opening and locking the holder ends
                opened.append(file)
                path.unlink()
            flock(file, operation)

        with file_lock(path, wait=False) as mine:
            assert mine and path.exists()
        assert not path.exists()
        monkeypatch.setattr(fcntl, "flock", late)
        with file_lock(path, wait=True) as mine:
            assert mine and path.exists() and opened
            with file_lock(path, wait=False) as second:
                assert not second
            assert path.exists()
        assert not path.exists()

    def test_what_killed_commands_left_is_cleared_but_nothing_of_a_live_one(self, tmp_path, sample):
        record, store = _train(sample, tmp_path)
        store.save_checkpoint(record.run_id, {"history": []})  # killed between record and checkpoint
        store.save_checkpoint("unfinished", {"history": []})
        for name in ("checkpoints/.abc.pt.x7.part", "baselines/.def.json.x7.part", "locks/abc.lock"):
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).touch()
        with Store(tmp_path).lock("live") as mine:
            assert mine
            (tmp_path / "records" / ".live.json.x7.part").touch()
            store.prepare()
            left = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
        assert left == {
            f"records/{record.run_id}.json",
            "records/.live.json.x7.part",
            "locks/live.lock",
            "checkpoints/unfinished.pt",
        }
        store.prepare()
        assert leftovers(tmp_path) == [] and list((tmp_path / "locks").iterdir()) == []

    @pytest.mark.parametrize("code", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP])
    def test_without_locks_there_is_one_warning_and_no_waiting(self, tmp_path, monkeypatch, code):
        def refuse(file, operation):
            raise OSError(code, os.strerror(code))

        monkeypatch.setattr(fcntl, "flock", refuse)
        warnings = []
        store = Store(tmp_path, warnings.append)
        with store.lock("abc") as first, store.lock("abc") as second:
            assert first and second
        assert warnings == [f"{tmp_path} has no file locks ({os.strerror(code)}): run one command at a time there"]

    def test_a_lock_that_cannot_be_made_is_one_sentence(self, tmp_path):
        (tmp_path / "locks").touch()
        with pytest.raises(DataError, match="cannot write"), Store(tmp_path).lock("abc"):
            pass
