"""`lnncmp figures`: the files it writes, what it prints, and how it refuses what it cannot do."""

import os
import struct
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from figure_records import COMPARISON, records, run, scores, write
from one_command import OneCommand
from synthetic_records import recipe

from lnncmp.cli.figures import figures
from lnncmp.errors import DataError, LnncmpError, UsageError
from lnncmp.records.schema import HorizonPoint
from lnncmp.report.build import figures as drawing

FOLDER = "walker2d-quick-noise-0.1-abcdef01"
NAMES = ["ranked", "free_running", "robustness", "accuracy_cost", "training", "budget"]
NAMES += ["fit-fast-wave", "fit-slow-wave"]  # the wave with the lower error first
SVG = "{http://www.w3.org/2000/svg}"

command = OneCommand(figures)
refused = command.refused


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    return write(tmp_path_factory.mktemp("figures") / "out", records())


@pytest.fixture(scope="module")
def written(out):
    return drawing.draw_figures(["walker2d"], out)


def slim(seed=0, **changes):
    """A run of which only the free-running error and the training can be drawn, quickly."""
    bare = scores(0.1, examples=[], perturbations=[])
    return run("gru", seed, **{"run_id": f"slim-{changes.get('protocol_id', '')}-{seed}", "scores": bare, **changes})


class TestFiles:
    def test_lie_next_to_the_records_under_speaking_names(self, out, written):
        paths = [path.relative_to(out / "figures") for picture in written for path in picture.paths]
        assert paths == [Path(FOLDER) / f"{name}.{kind}" for name in NAMES for kind in ("png", "svg", "pdf")]
        assert sorted(path.name for path in (out / "figures" / FOLDER).iterdir()) == sorted(p.name for p in paths)

    def test_are_whole(self, written):
        for picture in written:
            png, svg, pdf = (path.read_bytes() for path in picture.paths)
            assert png.startswith(b"\x89PNG\r\n\x1a\n") and b"IEND" in png[-12:]
            width, height = struct.unpack(">II", png[16:24])
            assert width == (720 if picture.name == "ranked" else 1440) and height > 500
            assert pdf.startswith(b"%PDF-1.") and pdf.rstrip().endswith(b"%%EOF")
            assert b"/FontType 42" in pdf or b"CIDFontType2" in pdf, "letters are TrueType outlines"
            assert ET.fromstring(svg).tag == f"{SVG}svg"

    def test_an_svg_describes_itself_to_those_who_do_not_see_it(self, written):
        for picture in written:
            image = ET.fromstring(picture.paths[1].read_bytes())
            assert image.get("role") == "img"
            assert [image.findtext(f"{SVG}{tag}") for tag in ("title", "desc")] == [picture.title, picture.alt]
            assert image.find(f".//{SVG}text") is None, "letters are shapes"
        assert written[7].title == "Walker2d (simulated, noise 0.1): predictions of the test wave 'slow wave'"
        assert "gru 0.0" in written[7].alt and "filter 0.0" in written[7].alt
        assert "gaussian at level 0.4: ltc" in written[2].alt and "after 20 steps" in written[1].alt

    def test_are_the_same_bytes_for_the_same_records(self, written, tmp_path):
        again = drawing.draw_figures(["walker2d"], write(tmp_path / "elsewhere", records()))
        for one, other in zip(written, again, strict=True):
            for left, right in zip(one.paths, other.paths, strict=True):
                assert left.read_bytes() == right.read_bytes(), left.name

    def test_ignore_the_settings_of_this_users_matplotlib(self, tmp_path):
        import matplotlib

        out = write(tmp_path / "out", [slim()], ())
        plain, *_ = drawing.draw_figures(["walker2d"], out, formats=["svg"])
        before = plain.paths[0].read_bytes()
        with matplotlib.rc_context({"font.size": 20, "axes.facecolor": "red", "svg.fonttype": "none"}):
            drawing.draw_figures(["walker2d"], out, formats=["svg"])
            assert matplotlib.rcParams["font.size"] == 20, "the user's settings come back"
        assert plain.paths[0].read_bytes() == before

    def test_each_comparison_has_a_folder(self, tmp_path):
        runs = [slim(protocol_id="1" * 16), slim(protocol_id="2" * 16, preset="standard", conditions="")]
        made = drawing.draw_figures(["walker2d"], write(tmp_path / "out", runs, ()), formats=["svg"])
        assert [(picture.paths[0].parent.name, picture.name) for picture in made] == [
            ("walker2d-standard-22222222", "ranked"),
            ("walker2d-standard-22222222", "free_running"),
            ("walker2d-standard-22222222", "training"),
            ("walker2d-standard-22222222", "budget"),
            ("walker2d-quick-noise-0.1-11111111", "ranked"),
            ("walker2d-quick-noise-0.1-11111111", "free_running"),
            ("walker2d-quick-noise-0.1-11111111", "training"),
            ("walker2d-quick-noise-0.1-11111111", "budget"),
        ]

    def test_names_in_records_lead_to_no_other_folder(self, tmp_path):
        out = write(
            tmp_path / "out", [slim(run_id="odd", preset="../..", conditions="/etc", protocol_id="../../..")], ()
        )
        for picture in drawing.draw_figures(["walker2d"], out, formats=["svg"]):
            assert picture.paths[0].resolve().parent.parent == (out / "figures").resolve()

    def test_settings_of_one_model_are_told_apart(self, tmp_path):
        small = recipe("gru", model={"arguments": {"hidden": 32}})
        out = write(tmp_path / "out", [slim(), slim(run_id="small", recipe=small)], ())
        made = drawing.draw_figures(["walker2d"], out, formats=["svg"])
        assert "gru (hidden=32) 0.2 after 20 steps, gru (hidden=64) 0.2 after 20 steps" in made[1].alt

    def test_only_what_the_records_hold_is_drawn(self, tmp_path):
        one_step = scores(0.1, examples=[], perturbations=[], horizons=[HorizonPoint(step=1, error=1, scaled=1)])
        made = drawing.draw_figures(["walker2d"], write(tmp_path / "out", [slim(scores=one_step)], ()), formats=["svg"])
        assert [picture.name for picture in made] == ["ranked", "training", "budget"]

    def test_the_present_baseline_is_drawn_where_there_are_two(self, tmp_path):
        from lnncmp.baselines import BASELINES_VERSION
        from lnncmp.common.cache import content_key
        from lnncmp.comparison.studies import load_studies
        from lnncmp.records.schema import BaselineRecord
        from lnncmp.records.store import Store

        store = Store(tmp_path)
        key = content_key({"baseline": "filter", "version": BASELINES_VERSION, "data_hash": "d" * 16})
        for name in ("0-old", key, "z-old"):
            store.write_baseline(
                BaselineRecord(baseline_id=name, name="filter", data_hash="d" * 16, scores=scores(0.1))
            )
        store.write_run(slim())
        (study,) = load_studies(tmp_path)
        assert [record.baseline_id for record in study.baselines] == [key]


class TestCommand:
    def test_prints_one_path_a_line(self, tmp_path):
        out = write(tmp_path / "out", [slim()], ())
        answer = command("walker2d", "--out", out, "--format", "svg, png,svg")
        assert (answer.exit_code, answer.stderr) == (0, "")
        folder = out / "figures" / FOLDER
        names = [
            f"{name}.{kind}" for name in ("ranked", "free_running", "training", "budget") for kind in ("svg", "png")
        ]
        assert answer.stdout.splitlines() == [str(folder / name) for name in names]
        assert all((folder / name).stat().st_size > 1000 for name in names)

    def test_draws_the_models_asked_for(self, out, tmp_path):
        made = write(tmp_path / "out", records())
        assert command("walker2d", "--out", made, "--models", "gru,cfc", "--format", "svg").exit_code == 0
        texts = [ET.parse(path).getroot().findtext(f"{SVG}desc") for path in made.rglob("*.svg")]
        assert len(texts) == len(NAMES) and all("gru" in text and "cfc" in text for text in texts)
        assert not any("ltc" in text for text in texts)

    def test_without_a_case_draws_all_that_have_records(self, tmp_path):
        one_step = scores(0.1, examples=[], perturbations=[], horizons=[])
        runs = [slim(scores=one_step), slim(case="ozone", protocol_id="3" * 16, scores=one_step)]
        answer = command("--out", write(tmp_path / "out", runs, ()), "--format", "svg")
        folders = [path.split("/")[-2].split("-")[0] for path in answer.stdout.splitlines()]
        assert answer.exit_code == 0 and folders == ["ozone"] * 3 + ["walker2d"] * 3

    @pytest.mark.parametrize(
        ("args", "message", "hint"),
        [
            (["walkr2d"], "unknown case 'walkr2d'", "Did you mean 'walker2d'?"),
            (["walker2d", "--format", "png,svgg"], "unknown format 'svgg'", "Did you mean 'svg'?"),
            (["walker2d", "--format", ","], "--format needs one of png, svg, pdf, got none", ""),
            (["walker2d", "--models", "grru"], "unknown model of these records 'grru'", "Did you mean 'gru'?"),
            (["walker2d", "--models", ""], "--models needs the name of a model, got none", ""),
        ],
    )
    def test_refuses_unknown_names(self, args, message, hint, tmp_path):
        out = write(tmp_path / "out", [slim()], ())
        error = refused(UsageError, *args, "--out", out)
        assert message == error.message and error.hint.startswith(hint) and error.exit_code == 2
        assert not (out / "figures").exists()

    def test_says_how_to_make_records(self, tmp_path):
        error = refused(DataError, "walker2d", "--out", tmp_path / "none")
        assert error.message == f"the folder of records {tmp_path / 'none'} does not exist" and error.exit_code == 3
        assert not (tmp_path / "none").exists()

    def test_says_when_records_hold_nothing_to_draw(self, tmp_path):
        out = write(tmp_path / "out", [run("gru", 0, diverged=True, history=[])], ())
        assert "hold nothing to draw" in refused(DataError, "walker2d", "--out", out).message

    def test_refuses_a_file_as_folder(self, tmp_path):
        (tmp_path / "file").write_text("x")
        assert "cannot be a folder" in refused(DataError, "walker2d", "--out", tmp_path / "file").message

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
    def test_refuses_a_folder_without_permission(self, tmp_path):
        out = write(tmp_path / "out", [slim()], ())
        out.chmod(0o500)
        try:
            assert "no permission" in refused(DataError, "walker2d", "--out", out).message
        finally:
            out.chmod(0o700)

    def test_a_picture_that_cannot_be_written_leaves_nothing(self, tmp_path):
        out = write(tmp_path / "out", [slim()], ())
        (out / "figures").write_text("in the way")
        assert "cannot write" in refused(DataError, "walker2d", "--out", out).message
        assert (out / "figures").read_text() == "in the way"

    def test_warns_of_damaged_records_and_leaves_them(self, tmp_path):
        out = write(tmp_path / "out", [slim()], ())
        (out / "records" / "cut.json").write_text('{"run_id": "cut"')
        answer = command("walker2d", "--out", out, "--format", "svg")
        assert (
            answer.exit_code == 0 and "Warning: Not used: 1 record, damaged or incomplete (cut.json)." in answer.stderr
        )
        assert (out / "records" / "cut.json").exists()
        heard = []
        drawing.draw_figures(["walker2d"], out, formats=["svg"], warn=heard.append)
        assert heard == ["Not used: 1 record, damaged or incomplete (cut.json)."]

    def test_records_that_contradict_each_other_are_refused(self, tmp_path):
        out = write(tmp_path / "out", [slim(), slim(run_id="copy")], ())
        assert "two runs with seed 0" in refused(LnncmpError, "walker2d", "--out", out).message

    def test_never_imports_torch_and_the_command_line_no_matplotlib(self, tmp_path):
        out = write(tmp_path / "out", [slim()], ())
        program = (
            "import sys, lnncmp.cli.figures, lnncmp.report\n"
            "assert 'matplotlib' not in sys.modules\n"
            f"lnncmp.cli.figures.figures('walker2d', out=__import__('pathlib').Path({str(out)!r}), format='svg')\n"
            "heavy = [name for name in ('torch', 'mujoco', 'matplotlib.pyplot') if name in sys.modules]\n"
            "assert not heavy, heavy"
        )
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert "Warning" not in done.stderr and COMPARISON[:8] in done.stdout
