"""Fuzzers of what users hand over: values, recipes, folders and tables. See `fuzz_inputs` for what may come of them.

What has to be refused, and else counts as silent acceptance, is said at each fuzzer.
"""

import csv
import gzip
import io
import shutil
import tomllib
from random import Random

import numpy as np
import polars as pl
import pytest
from fuzz_inputs import FAST, JUNK, SLOW, Fuzzer, damaged
from mimic3_tables import event, stay, table_text, tables
from own_tables import read, write

from lnncmp.recipe.files import read_recipe
from lnncmp.recipe.load import load_recipe
from lnncmp.sources.mimic3.extraction.extraction import extract
from lnncmp.sources.walker2d.original.folder import read_rollouts

sizes = pytest.mark.parametrize("inputs", [FAST, pytest.param(SLOW, marks=pytest.mark.slow)])
VALUES = ("1", "2", "0", "-1", "true", "false", '"a"', "five", "1.5", "1e3", "1e400", "nan", "inf", "-inf", "[]", "{}")
VALUES += (
    "[1]",
    "[true]",
    '["x"]',
    "[[1]]",
    "{a=1}",
    "",
    " ",
    "1 # x",
    "1\n2",
    "2020-01-01",
    "0x10",
    "1_000",
    "=",
    "==1",
)
VALUES += tuple(junk.decode("utf-8", "replace") for junk in JUNK)


def flat(table, prefix=""):
    for key, value in table.items():
        if isinstance(value, dict) and value:
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def at(recipe, key):
    """Return what a recipe has at a dotted key: where it is validated, the validated value."""
    head, _, rest = key.partition(".")
    tables = {"data": recipe.data_settings, "evaluate": recipe.evaluate_settings}
    value = tables[head]() if head in tables else recipe
    for part in (rest if head in tables else key).split("."):
        value = value[part] if isinstance(value, dict) else getattr(value, part)
    return value


def same(given, kept):
    if isinstance(given, list) and isinstance(kept, tuple | list):
        return len(given) == len(kept) and all(map(same, given, kept))
    if isinstance(given, bool) or isinstance(kept, bool) or isinstance(given, str) != isinstance(kept, str):
        return given is kept or (isinstance(given, str) and given == kept)
    return given == kept


@sizes
def test_values_and_keys_of_set(inputs):
    """To be refused: keys that the recipe does not know. What is accepted is in the recipe as TOML has it."""
    draw, fuzzer = Random(7), Fuzzer()
    recipe = load_recipe("sine", "quick")
    known = recipe.model_dump(exclude={"models", "cost_only", "assumptions", "case", "preset", "train", "tuned"})
    known |= {"data": recipe.data_settings().model_dump(), "evaluate": recipe.evaluate_settings().model_dump()}
    keys = [key for key, _ in flat(known)]
    for _ in range(inputs):
        key, value, foreign = draw.choice(keys), draw.choice(VALUES), draw.random() < 0.3
        if foreign:
            key = draw.choice(
                [key[:-1], key + "x", key + ".x.y", "x" + key, "." + key, key.upper() + "_", "models.q.w"]
            )
        made = fuzzer.tried(lambda k=key, v=value: load_recipe("sine", "quick", [f"{k}={v}"]), foreign, (key, value))
        if made is not None:
            try:
                given = tomllib.loads(f"value = {value}")["value"]
            except ValueError:
                given = value.strip()
            assert same(given, at(made, key)), (key, value, at(made, key))
    fuzzer.done(inputs // 3)


RECIPE = b"""case = "sine"
extends = "sine.quick"
title = "mine"
hidden = 16
seeds = [0, 1, 2]
match = "hidden"
[data]
samples = 60
waves = 300
[train]
epochs = 3
learning_rate = 0.01
[models.ltc.arguments]
solver = "semi_implicit"
[models.lstm.train]
epochs = 4
[variants.noise.train]
epochs = 5
"""


@sizes
def test_recipe_files(inputs, tmp_path):
    """To be refused: what is no TOML, and unknown tables and keys beside those of a recipe."""
    draw, fuzzer, path = Random(8), Fuzzer(), tmp_path / "mine.toml"
    fields = {"case", "extends", "title", "hidden", "seeds", "match", "data", "train", "models", "variants"}
    for _ in range(inputs):
        content = damaged(draw, RECIPE)
        path.write_bytes(content)
        try:
            table = tomllib.loads(content.decode("utf-8-sig"))
            nonsense = bool(table.keys() - fields)
        except (ValueError, RecursionError):
            nonsense = True
        fuzzer.tried(lambda: load_recipe("sine", read_recipe(path, "sine")), nonsense, content)
    fuzzer.done(inputs // 4)


def ragged(text, rows_read=None):
    """Tell whether rows of a CSV text differ in width, as the csv module reads it."""
    try:
        rows = [row for row in csv.reader(io.StringIO(text.decode("utf-8-sig", "replace"), newline="")) if row]
    except csv.Error:
        return False
    return len({len(row) for row in rows}) > 1


@sizes
def test_folders_of_mimic3(inputs, tmp_path):
    """To be refused: tables with rows of different widths. Of the others all rows are counted as read."""
    draw, fuzzer = Random(9), Fuzzer()
    sound = tables(tmp_path / "sound", [event(220045, n / 9, 60 + n) for n in range(60)], [event(226559, 1, 30)] * 3)
    names = sorted(path.name for path in sound.iterdir())
    for number in range(inputs):
        folder, cache = tmp_path / "t", tmp_path / "cache"
        shutil.copytree(sound, folder)
        name = draw.choice(names)
        text, nonsense = gzip.decompress((folder / name).read_bytes()), False
        if draw.random() < 0.25:
            (folder / name).write_bytes(damaged(draw, (folder / name).read_bytes()))
        else:
            text = damaged(draw, text)
            nonsense = ragged(text) and b'"' not in text.partition(b"\n")[2]
            (folder / name).write_bytes(gzip.compress(text, 1, mtime=0) + b"\n" * (number % 2))
        found = fuzzer.tried(lambda f=folder, c=cache: extract(f, c, name="fuzz"), nonsense, (name, text[:3000]))
        if (
            found is not None
            and name.startswith("CHART")
            and b"\r" not in text
            and b'"' not in text.partition(b"\n")[2]
        ):
            step = next(one for one in found.attrition if one.step == "rows read")
            lines = sum(bool(line) for line in text.split(b"\n")[1:])
            assert step.reason.startswith(f"{lines:,} of CHARTEVENTS"), (step, text)
        shutil.rmtree(folder)
        shutil.rmtree(cache, ignore_errors=True)
    fuzzer.done(inputs // 4)


@sizes
def test_folders_of_rollouts(inputs, rollouts, manifest, folder):
    """To be refused: any file that is not the published one, byte for byte, and one that is missing."""
    draw, fuzzer = Random(10), Fuzzer()
    for _ in range(inputs):
        name = draw.choice(sorted(rollouts))
        content = damaged(draw, rollouts[name]) if draw.random() < 0.95 else rollouts[name]
        if draw.random() < 0.1:
            (folder / name).unlink()
            (folder / f"x{name}").write_bytes(content)
        else:
            (folder / name).write_bytes(content)
        wrong = not (folder / name).is_file() or content != rollouts[name]
        fuzzer.tried(lambda: read_rollouts(folder, manifest), wrong, (name, content[:300]))
        (folder / f"x{name}").unlink(missing_ok=True)
        (folder / name).write_bytes(rollouts[name])
    fuzzer.done(inputs // 2)


@sizes
@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a.parquet", "a.npz"])
def test_table_files(inputs, name, tmp_path):
    """To be refused: text with rows of different widths, quotation marks aside."""
    draw, fuzzer = Random(11), Fuzzer()
    arrays = {"time": np.arange(50), "x": np.round(np.sin(np.arange(50)), 3), "kind": np.array(["a", "b"] * 25)}
    frame, stream = pl.DataFrame(arrays), io.BytesIO()
    frame.write_parquet(stream) if "parquet" in name else np.savez(stream, **arrays)
    text = frame.write_csv().encode()
    for number in range(max(10, inputs // 4)):
        if name.startswith("a.csv"):
            content = damaged(draw, text) if number else text
            nonsense = ragged(content) and not set(content) & set(b'"\r;\t| \0') and content.isascii()
            packed = gzip.compress(content, 1, mtime=0) if name.endswith("gz") else content
        else:
            content = packed = damaged(draw, stream.getvalue()) if number else stream.getvalue()
            nonsense = False
        fuzzer.tried(lambda p=packed: read(write(tmp_path, p, name)), nonsense, content[:3000])
    fuzzer.done()


def test_the_fuzzers_can_fail():
    fuzzer = Fuzzer()
    with pytest.raises(AssertionError, match="accepted"):
        fuzzer.tried(lambda: 1, True, "x")
    with pytest.raises(AssertionError, match="ZeroDivisionError"):
        fuzzer.tried(lambda: 1 / 0, False, "x")
    assert ragged(table_text("ICUSTAYS", [stay()]).encode() + b"1\n")
