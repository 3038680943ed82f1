"""Folders of records for the tests of the report: a small study with everything that a page can show."""

from figure_records import example, records, run, scores, write
from synthetic_records import measurement, recipe

from lnncmp.models.ncp import NCPArguments, _wire
from lnncmp.records.schema import PerturbationPoint, Provenance
from lnncmp.records.store import Store

HARMFUL = '<script>alert(1)</script> & "quotes"'


def wired(seed):
    """A run of an NCP of ten neurons."""
    chosen = NCPArguments(hidden=10)
    structure = _wire(chosen, 3, 2, 2).structure()
    own_recipe = recipe("ncp", seed=seed, model={"arguments": chosen.model_dump()})
    own = scores(0.04 + 0.001 * seed)
    return run(
        "gru", seed, run_id=f"ncp-{seed}", recipe=own_recipe, structure=structure, scores=own, inputs=3, wiring_seed=2
    ).model_copy(update={"model": "ncp"})


def folder(out):
    """Four models, four seeds, one run diverged, one failed, one missing; two waves, costs, ratios, odd reasons."""
    ratio = PerturbationPoint(group="physics", name="gravity_x2", level=None, windows=9, error=1, scaled=1, ratio=0.8)
    made = [one for one in records() if (one.model, one.seeds.root) not in {("cfc", 3), ("gru", 2)}]
    made = [
        one.model_copy(
            update={
                "scores": one.scores.model_copy(update={"perturbations": [*one.scores.perturbations, ratio]}),
                "provenance": Provenance(cpu="A processor", cores=2, packages={"torch": "2.5"}, lnncmp="0.1.0"),
            }
        )
        if one.scores
        else one
        for one in made
    ]
    failed = run("gru", 2, diverged=True, status="failed", reason=HARMFUL, history=[])
    made += [failed, *(wired(seed) for seed in range(4))]
    write(out, made)
    for size, model in enumerate(("ltc", "cfc", "gru", "ncp"), 1):
        Store(out).write_measurement(measurement(model, peak_memory_bytes=10**6 * size))
    return out


def small_folder(out, **changes):
    """One model, one seed, nothing to draw but its training: quick to report on."""
    return write(out, [run("gru", 0, scores=scores(0.1, examples=[], perturbations=[], horizons=[]), **changes)], ())


def two_comparisons(out):
    """The same NCP under two conditions, once each, nothing else."""
    second = {"protocol_id": "abcdef0223456789", "conditions": "noise 0.2"}
    for one in (wired(0), wired(0).model_copy(update={"run_id": "again", **second})):
        bare = one.scores.model_copy(update={"examples": [], "perturbations": [], "horizons": []})
        Store(out).write_run(one.model_copy(update={"scores": bare}))
    return out


__all__ = ["HARMFUL", "example", "folder", "small_folder", "two_comparisons"]
