"""From a folder of records to its comparisons: order, references, costs, commands, wirings, and what is refused."""

import shlex

import pytest
from figure_records import records, run, write
from synthetic_records import measurement, recipe

from lnncmp.common.provenance import provenance
from lnncmp.comparison.commands import commands
from lnncmp.comparison.costs import costs_of
from lnncmp.comparison.studies import load_studies
from lnncmp.errors import DataError, UsageError
from lnncmp.models.ncp import NCPArguments
from lnncmp.recipe.load import load_recipe
from lnncmp.records.schema import MeasurementRecord, Scores
from lnncmp.report.build.wirings import drawn_wiring
from lnncmp.runs.plan import DataShape, make_plan
from lnncmp.training.matching import matched_arguments

SHAPE = DataShape(
    data_hash="d" * 16, train_windows=90, validation_windows=9, test_windows=9, steps=7, inputs=5, outputs=2
)


TRAINED = "--set train.epochs=3 --set train.learning_rate=0.005 --set train.decay=1.0"
"""In what the runs of figure_records differ from the preset, apart from their size."""


def planned(chosen):
    return make_plan(chosen, SHAPE, matched_arguments(chosen, 5, 2))


def recorded(plan):
    """Return records as runs of a plan leave them, as far as telling their origin goes."""
    targets = Scores(metrics={"test": {"mse": 1.0, "nmse": 1.0}}, per_target={"mse": {"a": 1.0, "b": 1.0}})
    names = ("run_id", "protocol_id", "measurement_id", "case", "source", "conditions", "preset", "recipe")
    return [
        run("gru", spec.seed, scores=targets, **{name: getattr(spec, name) for name in names}).model_copy(
            update={"model": spec.label}
        )
        for spec in plan.runs
    ]


def measured(plan):
    machine = provenance(threads=1, device="cpu", jobs=1)
    names = ("measurement_id", "case", "batch", "steps")
    return [
        MeasurementRecord.model_validate(
            measurement(spec.label).model_dump()
            | {name: getattr(spec, name) for name in names}
            | {"provenance": machine, "arguments": None, "windows": None, "session": None}
        )
        for spec in plan.measurements
    ]


def by_row(runs):
    rows = {}
    for record in runs:
        rows.setdefault(record.model, []).append(record)
    return rows


class TestStudies:
    def test_are_sorted_by_case_with_the_reference_of_the_recipe(self, tmp_path):
        others = [run("gru", seed, run_id=f"s{seed}", case="sine", protocol_id="1" * 16) for seed in range(2)]
        out = write(tmp_path, [*records(), *others])
        found = load_studies(out)
        assert [(study.table.case, study.table.reference) for study in found] == [
            ("sine", "gru"),
            ("walker2d", "ltc"),  # there is no lstm here, so the first row
        ]
        assert list(found[1].runs) == ["ltc", "cfc", "gru"], "the order of the recipe"
        assert [row.name for row in found[1].table.baselines] == ["filter", "persistence"]
        (only,) = load_studies(out, ["walker2d", "walker2d"])
        assert only.table == found[1].table

    def test_settings_of_one_model_are_rows_of_their_own(self, tmp_path):
        small = recipe("gru", model={"arguments": {"hidden": 32}})
        (study,) = load_studies(write(tmp_path, [run("gru", 0), run("gru", 0, run_id="small", recipe=small)], ()))
        assert list(study.runs) == ["gru (hidden=32)", "gru (hidden=64)"]
        assert commands(study.runs) == [
            f"lnncmp walker2d --preset quick --models gru --seeds 1 {TRAINED}",
            f"lnncmp walker2d --preset quick --models gru --seeds 1 {TRAINED} --set hidden=64",
        ]

    def test_an_implementation_that_all_models_ran_as_is_one_option(self, tmp_path):
        made = [
            run(model, 0, recipe=recipe(model, model={"arguments": {"implementation": "loop"}}))
            for model in ("gru", "cfc")
        ]
        (study,) = load_studies(write(tmp_path, made, ()))
        assert commands(study.runs) == [
            f"lnncmp walker2d --preset quick --models cfc,gru --seeds 1 {TRAINED} --implementation loop"
        ]

    def test_runs_of_an_unknown_preset_are_shown_without_a_recipe(self, tmp_path):
        (study,) = load_studies(write(tmp_path, [run("gru", 0, preset="mine")], ()))
        assert study.recipe is None
        (command,) = commands(study.runs)
        assert command == "lnncmp walker2d --recipe mine.toml --models gru --seeds 1"

    def test_refuse_what_cannot_be_read(self, tmp_path):
        with pytest.raises(UsageError, match="unknown case 'walkr2d'"):
            load_studies(tmp_path, ["walkr2d"])
        with pytest.raises(DataError, match="no records of runs in"):
            load_studies(tmp_path)
        out = write(tmp_path / "out", records())
        with pytest.raises(DataError, match=r"no records of sine in .*, only of walker2d"):
            load_studies(out, ["sine"])
        write(tmp_path / "new", [run("gru", 0, schema_version=3)])
        with pytest.raises(
            DataError, match=r"1 record, of schema version 3 \(this version reads 2 and 1\) \(gru-0.json\)"
        ):
            load_studies(tmp_path / "new")

    def test_say_what_they_leave_out(self, tmp_path):
        out = write(tmp_path, [*records(), run("gru", 9, schema_version=3)])
        heard = []
        load_studies(out, warn=heard.append)
        assert heard == ["Not used: 1 record, of schema version 3 (this version reads 2 and 1) (gru-9.json)."]
        write(out, [run("gru", 0, run_id="elsewhere", case="pendulum", protocol_id="2" * 16)])
        assert [study.table.case for study in load_studies(out, warn=heard.append)] == ["walker2d"]
        other = {"case": "table", "recipe": recipe("gru", case="table", data={"widnow": 8}), "protocol_id": "3" * 16}
        write(out, [run("gru", 0, run_id="table", **other)])
        assert [study.table.case for study in load_studies(out, warn=heard.append)] == ["walker2d"]
        assert heard.pop() == (
            "Not used: records of table, because this version of the case table has no such settings of its data: "
            "widnow."
        )
        assert heard[2:3] == ["Not used: records of pendulum, a case that neither lnncmp nor an installed package has."]


class TestCosts:
    def test_are_those_of_the_size_and_case_that_ran(self):
        plans = [planned(load_recipe("sine", "quick", overrides={"hidden": hidden})) for hidden in (8, 16)]
        found = [costs_of(by_row(recorded(plan)), measured(plans[0]) + measured(plans[1])) for plan in plans]
        for plan, costs in zip(plans, found, strict=True):
            assert {row: cost.measurement_id for row, cost in costs.items()} == {
                spec.label: spec.measurement_id for spec in plan.measurements if spec.label in plan.recipe.models
            }

    def test_go_by_model_and_batch_where_runs_do_not_name_them(self):
        plan = planned(load_recipe("sine", "quick"))
        unnamed = by_row([record.model_copy(update={"measurement_id": None}) for record in recorded(plan)])
        known = measured(plan)
        assert len(costs_of(unnamed, known)) == 6
        twice = [*known, known[0].model_copy(update={"steps": 99})]
        assert len(costs_of(unnamed, twice)) == 5, "which of two it is cannot be told"
        assert len(costs_of(by_row(recorded(plan)), known[1:])) == 5

    def test_of_another_implementation_do_not_count(self):
        plan = planned(load_recipe("sine", "quick"))
        others = [record.model_copy(update={"implementation": "fused"}) for record in measured(plan)]
        assert costs_of(by_row(recorded(plan)), others) == {}


CASES = [
    ("walker2d", "quick", None, {}, (), None, "lnncmp walker2d --preset quick"),
    ("sine", "standard", "noise", {}, (), None, "lnncmp sine --noise --preset standard"),
    ("sine", "quick", None, {"match": "params"}, (), None, "lnncmp sine --preset quick --match params"),
    ("sine", "quick", None, {"match": "smallest"}, (), None, "lnncmp sine --preset quick --match smallest"),
    ("mimic3", "quick", None, {"source": "demo"}, (), None, "lnncmp mimic3 --preset quick --source demo"),
    (
        "walker2d",
        "standard",
        None,
        {"seeds": (0, 3), "hidden": 8},
        ("train.epochs=2", "data.timespans=ones"),
        ["gru", "lstm"],
        "lnncmp walker2d --preset standard --models gru,lstm --seeds 0,3 --set data.timespans=ones "
        "--set train.epochs=2 --set hidden=8",
    ),
    (
        "sine",
        "quick",
        "noise",
        {"dt_as_input": False, "seeds": (4,)},
        ("data.noise_std=0.3", "models.liquid_ncp.train.learning_rate=0.03", "models.ltc.arguments.unfolds=3"),
        None,
        "lnncmp sine --preset quick --seeds 4, --set dt_as_input=false --set data.noise_std=0.3 "
        "--set models.liquid_ncp.train.learning_rate=0.03 --set models.ltc.arguments.unfolds=3",
    ),
]


class TestCommands:
    @pytest.mark.parametrize(("case", "preset", "variant", "overrides", "changes", "only", "expected"), CASES)
    def test_ask_for_the_same_runs_again(self, case, preset, variant, overrides, changes, only, expected):
        plan = planned(load_recipe(case, preset, changes, overrides, only, variant))
        (command,) = commands(by_row(recorded(plan)))
        assert command == expected
        assert {spec.run_id for spec in planned(parsed(command)).runs} == {spec.run_id for spec in plan.runs}


def parsed(command):
    """Return the recipe that a command line asks for."""
    from lnncmp.cli.options import parse_seeds

    _, case, *words = shlex.split(command)
    variant = words.pop(0)[2:] if words[0] == "--noise" else None
    options = list(zip(words[::2], words[1::2], strict=True))
    given = {name.removeprefix("--"): value for name, value in options if name != "--set"}
    changes = [value for name, value in options if name == "--set"]
    models = given.pop("models").split(",") if "models" in given else None
    if "seeds" in given:
        given["seeds"] = parse_seeds(given["seeds"])
    return load_recipe(case, given.pop("preset"), changes, given, models, variant)


class TestWirings:
    def of(self, seed=3, inputs=5, **arguments):
        from lnncmp.models.ncp import _wire

        chosen = NCPArguments(**{"hidden": 16, **arguments})
        wired = _wire(chosen, inputs, 2, seed)
        own, structure = recipe("ncp", model={"arguments": chosen.model_dump()}), {**wired.structure(), "unfolds": 6}
        return wired, run("gru", 0, recipe=own, structure=structure, inputs=inputs, wiring_seed=seed)

    @pytest.mark.parametrize("kind", ["auto_ncp", "ncp", "random"])
    def test_are_drawn_again_as_they_were(self, kind):
        wired, record = self.of(wiring=kind)
        drawn = drawn_wiring(record)
        assert drawn.layers[0] == ("inputs", 5) and sum(count for _, count in drawn.layers[1:]) == 16
        signs = [sign for *_, sign in drawn.synapses]
        both = (wired.polarity, wired.sensory_polarity)
        assert [signs.count(sign) for sign in (1, -1)] == [
            sum(int((matrix == sign).sum()) for matrix in both) for sign in (1, -1)
        ]
        if kind != "random":
            assert [name for name, _ in drawn.layers] == ["inputs", "inter", "command", "motor"]

    def test_of_a_fixed_seed_follow_it(self):
        _, record = self.of(seed=7, wiring_seed=7)
        other = record.model_copy(update={"seeds": record.seeds.model_copy(update={"wiring": 1})})
        assert drawn_wiring(other) == drawn_wiring(record) is not None

    def test_that_do_not_come_out_as_recorded_are_not_shown(self):
        _, record = self.of()
        changed = record.model_copy(update={"structure": {**record.structure, "synapses": 1}})
        assert drawn_wiring(changed) is None

    def test_dense_models_have_none(self):
        assert drawn_wiring(self.of(wiring="fully_connected")[1]) is None
        assert drawn_wiring(run("gru", 0)) is None
