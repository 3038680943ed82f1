"""Prepared data that need no files where they are used."""

from dataclasses import replace
from functools import partial

from lnncmp.cases.base import Prepared
from lnncmp.data.windows import Windows


def self_contained(prepared: Prepared) -> Prepared:
    """Return the data with every shifted test set made, and without baselines, which are scored where a study begins.

    Test sets may be simulated or cut from files when they are needed, which another machine could not do.
    """
    made = [replace(one, make=partial(_same, one.make())) for one in prepared.test_sets]
    return replace(prepared, test_sets=made, baselines=dict)


def _same(windows: Windows) -> Windows:
    return windows
