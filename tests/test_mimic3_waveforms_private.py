"""Names of records of bedside numerics hold subjects and dates: nothing that is shown or stored has them."""

import json
import stat
import time

import numpy as np
import pytest
from cli_runs import environment, refused, run_here, start
from numerics_records import write

from lnncmp.errors import DataError, UsageError
from lnncmp.recipe.load import load_recipe
from lnncmp.sources.base import SourceContext
from lnncmp.sources.mimic3.waveforms import SOURCE
from lnncmp.sources.mimic3.waveforms.names import RecordNames, asked_names, keep_names

SUBJECTS = [f"p{880_000 + 37 * n}" for n in range(24)]
NAMES = [f"{subject[:3]}/{subject}/{subject}-2163-07-04-05-06n" for subject in SUBJECTS]
_SMALL = ("cost_repeats=1", "hidden=4", "train.epochs=1", "data.context=12", "data.stride=8", "data.replicates=20")
SMALL = ["mimic3", "--source", "waveforms", "--offline", "--preset", "quick", "--models", "gru", "--seeds", "1", "-v"]
SMALL += [part for change in (*_SMALL, "evaluate.horizon=6") for part in ("--set", change)]
LISTED = ["--set", f"data.records={','.join(NAMES)}"]


def silent(text):
    assert not [word for word in (*SUBJECTS, "2163-07") if word in text]


def fill(cache):
    draw = np.random.default_rng(7)
    for name in NAMES:
        folder, _, record = name.rpartition("/")
        write(cache / "mimic3-waveforms" / folder, {"HR": draw.normal(80, 2, 40).round(1)}, record, fs=1 / 3600)


@pytest.mark.slow
def test_a_study_says_and_stores_a_digest(tmp_path, capsys, monkeypatch):
    cache, out = tmp_path / "cache", tmp_path / "out"
    monkeypatch.setenv("LNNCMP_CACHE", str(cache))
    fill(cache)
    answers = [run_here(capsys, monkeypatch, *SMALL, *LISTED, "--out", out)]
    digest = RecordNames.of(",".join(NAMES))
    assert digest.startswith("24 records, sha256 ") and digest in answers[0].err
    (again,) = [json.loads(path.read_bytes()) for path in (out / "records").glob("*.json")]
    assert again["recipe"]["data"]["records"] == digest
    answers.append(run_here(capsys, monkeypatch, *SMALL, "--set", f"data.records={digest}", "--out", out))
    assert "Nothing had to be run" in answers[1].err
    answers += [run_here(capsys, monkeypatch, "report", "--out", out), run_here(capsys, monkeypatch, "compare", out)]
    assert [answer.code for answer in answers] == [0] * 4
    silent(" ".join(answer.out + answer.err for answer in answers))
    written = [path for path in out.rglob("*") if path.is_file()]
    assert {"report.html", "report.md"} <= {path.name for path in written}
    for path in written:
        silent(str(path) + path.read_bytes().decode("latin-1"))
    (kept,) = (cache / "mimic3-waveforms" / "lists").iterdir()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600 and stat.S_IMODE(kept.parent.stat().st_mode) == 0o700


@pytest.mark.slow
def test_a_command_that_is_killed_leaves_no_word_either(tmp_path):
    cache, out, temporary = tmp_path / "cache", tmp_path / "out", tmp_path / "temporary"
    temporary.mkdir()
    fill(cache)
    begun = set()
    for tenths in range(10, 60, 7):  # of a second: importing, reading records, making data, training
        command = [*SMALL, *LISTED, "--out", out]
        process = start(*command, env=environment(LNNCMP_CACHE=str(cache), TMPDIR=str(temporary)))
        time.sleep(tenths / 10)
        process.kill()
        said = b"".join(process.communicate(timeout=60)).decode()
        silent(said)
        begun |= {line.split()[0] for line in said.splitlines() if line}
        for path in (*out.rglob("*"), *temporary.rglob("*")):
            silent(str(path) + (path.read_bytes().decode("latin-1") if path.is_file() else ""))
        for path in (cache / "mimic3-waveforms").rglob("*"):
            if "lists" in path.parts:
                assert not stat.S_IMODE(path.stat().st_mode) & 0o077
    assert out.is_dir() and begun, "some of them were killed at work"


@pytest.mark.parametrize(
    "given", [f"data.records={NAMES[0]},x{NAMES[1]}", f"data.records=['{NAMES[0]}', 3]", f"data.recordz={NAMES[0]}"]
)
def test_a_wrong_list_is_refused_without_a_word_of_it(given, tmp_path, capsys, monkeypatch):
    answer = run_here(capsys, monkeypatch, *SMALL, "--set", given, "--out", tmp_path / "out")
    refused(answer, 2)
    silent(answer.err)


def test_a_digest_names_what_the_cache_keeps(tmp_path):
    names = RecordNames.of(f"{NAMES[1]}, {NAMES[0]}")
    keep_names(names, tmp_path / "root")
    assert asked_names(str(names), tmp_path / "root") == NAMES[:2] == asked_names(names, tmp_path / "other")
    with pytest.raises(DataError, match="names behind the digest"):
        asked_names(str(names), tmp_path / "other")
    with pytest.raises(UsageError):
        RecordNames.of({"x": 1})


def test_recipes_carry_the_names_to_the_source_and_show_the_digest(tmp_path):
    recipe = load_recipe("mimic3", "quick", [f"data.records={NAMES[0]}", "source=waveforms"])
    silent(repr(recipe.model_dump()) + recipe.model_dump_json() + str(recipe))
    assert recipe.data_settings().records.names == (NAMES[0],)
    with pytest.raises(DataError) as caught:
        SOURCE.load(SourceContext(tmp_path, options={"records": recipe.data_settings().records}, offline=True))
    silent(caught.value.message)
