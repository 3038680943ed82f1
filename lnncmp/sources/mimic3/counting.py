"""Turn the counts of both stages into the steps of the attrition table."""

from collections.abc import Mapping, Sequence

import numpy as np

from lnncmp.data.attrition import AttritionStep
from lnncmp.icu.variables import NAMES
from lnncmp.sources.mimic3.grid import COUNTS, Bucket
from lnncmp.sources.mimic3.tables import OUTPUTEVENTS


def attrition_steps(read: Mapping[str, int], buckets: Sequence[Bucket], grid: str) -> tuple[AttritionStep, ...]:
    """Return the steps from the rows read (counts of `split_events`) to the rows of the recordings."""
    total = dict(zip(COUNTS, (int(n) for n in np.sum([bucket.counts for bucket in buckets], axis=0)), strict=True))
    dropped = np.sum([bucket.dropped for bucket in buckets], axis=0)
    ranges = ", ".join(f"{name} {count:,}" for name, count in zip(NAMES, dropped, strict=True) if count)
    chart, output = read.get("rows of CHARTEVENTS", 0), read.get(f"rows of {OUTPUTEVENTS}", 0)
    stays = {"recordings": total["core stays"], "groups": total["core subjects"]}
    net = total["net urine dropped"]
    steps = [
        AttritionStep("rows read", f"{chart:,} of CHARTEVENTS and {output:,} of {OUTPUTEVENTS}", chart + output),
        AttritionStep("rows of the items asked for", "other items", read.get("asked", 0)),
        AttritionStep("rows with a number", "text only, or nothing", read.get("number", 0)),
        AttritionStep("rows not flagged as errors", "flagged as an error by the hospital", read.get("valid", 0)),
        AttritionStep("rows within a plausible range", f"artefacts: {ranges or 'none'}", total["plausible"]),
        AttritionStep(
            "rows inside a stay",
            "outside of INTIME to OUTTIME of every stay of an adult",
            total["inside"],
            total["inside stays"],
            total["inside subjects"],
        ),
        AttritionStep("rows without duplicates", "same item, time and value in the same stay", total["distinct"]),
        AttritionStep("stays with a core variable", "no vital sign was ever observed", **stays),
    ]
    if grid == "hour":
        steps += [
            AttritionStep("hours of these stays", "hours begun from INTIME to OUTTIME", total["hours"], **stays),
            AttritionStep(
                "hours kept",
                "no core variable before the first or after the last of them"
                + (f"; {net:,} hourly sums of urine below zero or above the range left unseen" if net else ""),
                total["rows"],
                **stays,
            ),
        ]
    else:
        reason = "rows are the distinct times at which a core variable was observed"
        steps.append(AttritionStep("times kept", reason, total["rows"], **stays))
    return tuple(steps)
