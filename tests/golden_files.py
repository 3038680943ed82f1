"""Stored golden texts, and how a text is compared with one.

Set LNNCMP_UPDATE_GOLDEN=1 to write the golden files anew after a wanted change; the run then fails once, on purpose.
"""

import csv
import io
import json
import os
from pathlib import Path

import pytest

GOLDEN = Path(__file__).parent / "golden"


def parsed(format, text):
    """Numbers apart from text, so that the last bit of a float may differ between machines."""
    if format == "json":
        return json.loads(text)
    return [[_number(cell) for cell in line] for line in csv.reader(io.StringIO(text))]


def _number(cell):
    try:
        return float(cell)
    except ValueError:
        return cell


def assert_same(found, expected, where=""):
    if isinstance(expected, dict):
        assert list(found) == list(expected), where
        for key in expected:
            assert_same(found[key], expected[key], f"{where}.{key}")
    elif isinstance(expected, list):
        assert len(found) == len(expected), where
        for n, pair in enumerate(zip(found, expected, strict=True)):
            assert_same(*pair, f"{where}[{n}]")
    else:
        same = pytest.approx(expected, rel=1e-9) if isinstance(expected, float) else expected
        assert found == same, where


def check_golden(name, text):
    path = GOLDEN / name
    if os.environ.get("LNNCMP_UPDATE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        pytest.fail(f"wrote {path.name}; look at it and run again without LNNCMP_UPDATE_GOLDEN")
    return path.read_text(encoding="utf-8")
