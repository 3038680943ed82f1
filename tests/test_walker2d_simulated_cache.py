"""The simulated Walker2d source: the cache, the shipped manifest, what is refused."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tiny_walkers import TINY, context, flat, same

from lnncmp.errors import DataError, UsageError
from lnncmp.sources.walker2d import simulated as source
from lnncmp.sources.walker2d.simulated import store
from lnncmp.sources.walker2d.simulated.manifest import difference, shipped_manifest
from lnncmp.sources.walker2d.simulated.policies import shipped_policy
from lnncmp.sources.walker2d.simulated.recipe import POLICIES, VERSION, Physics, Recipe, recipe_key
from lnncmp.sources.walker2d.simulated.rollouts import simulate


@pytest.fixture
def tiny(monkeypatch):
    """Let the source make a small set, and count how often it simulates."""
    calls: list[Recipe] = []

    def counted(recipe, **options):
        calls.append(recipe)
        return simulate(recipe, **options)

    monkeypatch.setattr(source, "RECIPE", TINY)
    monkeypatch.setattr(source, "simulate", counted)
    return calls


def test_recordings_are_made_once_and_then_read(tmp_path, tiny):
    reports = []
    ctx, _ = context(tmp_path, progress=lambda *report: reports.append(report))
    first = source.SOURCE.load(ctx)
    assert [r.group for r in first] == [f"policy{p}-rollout{n:03d}" for p in range(2) for n in range(3)]
    assert same([r.values for r in first], flat(simulate(TINY)))
    assert all(r.observed.all() and np.array_equal(r.times, np.arange(50.0)) for r in first)
    assert reports and all(r[0] == "Simulating Walker2d" for r in reports) and reports[-1][1] == reports[-1][2]
    second = source.SOURCE.load(ctx)
    assert len(tiny) == 1
    assert same([r.values for r in second], [r.values for r in first])
    folder = source.SOURCE.fetch(ctx)
    assert folder.parent == tmp_path and sorted(p.name for p in folder.iterdir()) == ["manifest.json", "rollouts.npy"]


def _flip_a_bit(folder: Path) -> None:
    path = folder / store.VALUES
    content = bytearray(path.read_bytes())
    content[-9] ^= 1
    path.write_bytes(content)


def _cut_values(folder: Path) -> None:
    path = folder / store.VALUES
    path.write_bytes(path.read_bytes()[:-100])


def _pickle_values(folder: Path) -> None:
    np.save(folder / store.VALUES, np.array([{}], dtype=object))


def _drop_a_rollout(folder: Path) -> None:
    path = folder / store.MANIFEST
    told = json.loads(path.read_text())
    told["rollouts"].popitem()
    path.write_text(json.dumps(told))


def _cut_manifest(folder: Path) -> None:
    path = folder / store.MANIFEST
    path.write_text(path.read_text()[:200])


def _other_key(folder: Path) -> None:
    path = folder / store.MANIFEST
    path.write_text(json.dumps(json.loads(path.read_text()) | {"key": "0" * 16}))


DAMAGES = (_flip_a_bit, _cut_values, _pickle_values, _drop_a_rollout, _cut_manifest, _other_key)


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda d: d.__name__.strip("_"))
def test_a_damaged_cache_is_made_again_with_a_warning(tmp_path, tiny, damage):
    ctx, warnings = context(tmp_path)
    expected = [r.values for r in source.SOURCE.load(ctx)]
    damage(source.SOURCE.fetch(ctx))
    warnings.clear()
    assert same([r.values for r in source.SOURCE.load(ctx)], expected)
    assert len(tiny) == 2
    assert "damaged and are made again" in warnings[0]
    warnings.clear()
    source.SOURCE.load(ctx)
    assert len(tiny) == 2 and not any("damaged" in w for w in warnings)


@pytest.mark.parametrize("lost", [store.VALUES, store.MANIFEST])
def test_an_incomplete_cache_is_completed(tmp_path, tiny, lost):
    ctx, warnings = context(tmp_path)
    expected = [r.values for r in source.SOURCE.load(ctx)]
    (source.SOURCE.fetch(ctx) / lost).unlink()
    assert same([r.values for r in source.SOURCE.load(ctx)], expected)
    assert len(tiny) == 2 and not any("damaged" in w for w in warnings)


def test_processes_that_make_the_set_at_once_do_not_disturb_each_other(tmp_path):
    code = (
        "import sys; from pathlib import Path\n"
        "from lnncmp.sources.walker2d import simulated as s\n"
        "from lnncmp.sources.base import SourceContext\n"
        "from lnncmp.sources.walker2d.simulated.recipe import Recipe\n"
        "r = Recipe(policies=('chatter2-it020',), rollouts=2, frames=50)\n"
        "n, m, _ = s.load_set(r, SourceContext(cache=Path(sys.argv[1]), warn=lambda t: sys.exit(t)))\n"
        "sys.stdout.write(m.digest)"
    )
    workers = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    answers = [worker.communicate(timeout=120)[0] for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0, 0]
    assert len(set(answers)) == 1 and len(answers[0]) == 64
    (folder,) = tmp_path.iterdir()
    assert sorted(p.name for p in folder.iterdir()) == ["manifest.json", "rollouts.npy"]


def test_the_key_follows_recipe_policies_model_and_frames():
    digests, model = {"a": "1"}, "m"
    keys = {
        recipe_key(TINY, digests, model),
        recipe_key(dataclasses.replace(TINY, seed=1), digests, model),
        recipe_key(dataclasses.replace(TINY, physics=Physics(mass=1.1)), digests, model),
        recipe_key(TINY, {"a": "2"}, model),
        recipe_key(TINY, digests, "n"),
        recipe_key(TINY, digests, model, 100),
    }
    assert len(keys) == 6


def test_the_shipped_manifest_describes_the_recipe():
    shipped = shipped_manifest()
    digests = {name: shipped_policy(name).digest() for name in POLICIES}
    assert shipped.policies == digests
    assert shipped.version == VERSION == source.SOURCE.version
    assert shipped.key == recipe_key(source.RECIPE, digests, shipped.model)
    assert len(shipped.rollouts) == 400
    assert sum(frames for frames, _ in shipped.rollouts.values()) == 265_638


def test_rollouts_that_differ_from_the_shipped_ones_are_counted():
    shipped = shipped_manifest()
    assert difference(shipped, shipped) == ""
    changed = dict(shipped.rollouts)
    changed["policy0-rollout003"] = (999, "0" * 16)
    del changed["policy3-rollout099"]
    ours = shipped.model_copy(update={"rollouts": changed, "made_with": shipped.made_with | {"mujoco": "9.9"}})
    told = difference(ours, shipped)
    assert told.startswith("2 of 400 simulated Walker2d rollouts differ")
    assert "mujoco 9.9 instead of" in told and "not comparable bit for bit" in told
    assert "other model file" not in told
    assert "other model file" in difference(ours.model_copy(update={"model": "x"}), shipped)


def test_a_difference_warns_and_never_fails(tmp_path, tiny):
    ctx, warnings = context(tmp_path)
    assert len(source.SOURCE.load(ctx)) == 6
    assert len(warnings) == 1 and "of 400 simulated Walker2d rollouts differ" in warnings[0]


def test_a_data_folder_is_refused(tmp_path):
    ctx, _ = context(tmp_path, data_dir=tmp_path / "mine")
    for call in (
        lambda: source.SOURCE.load(ctx),
        lambda: source.SOURCE.fetch(ctx),
        lambda: source.SOURCE.load_variant("mass-x1.2", 10, ctx),
    ):
        with pytest.raises(UsageError, match="made, not read") as caught:
            call()
        assert "--source original" in caught.value.hint
    assert not list(tmp_path.iterdir())


def test_a_manifest_that_is_none_is_named(tmp_path):
    from lnncmp.sources.walker2d.simulated.manifest import parse

    with pytest.raises(DataError, match="is not a manifest"):
        parse(b"{}", tmp_path / "x.json")
