"""House rules that a machine can check: what may import what, sizes, docstrings, forbidden calls."""

import ast
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from lnncmp.cases.base import case_names, load_case

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "lnncmp"
FILES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
}
MODULES = sorted(FILES)
TEST_FILES = sorted((ROOT / "tests").glob("*.py"))

GROUND = {
    "errors",
    "registry",
    "resources",
    "atomic",
    "published",
    "settings",
    "measures",
    "seeding",
    "provenance",
    "runs.record",
}
WORK = {
    "kernel_check",
    "metrics",
    "predict",
    "train",
    "train_stack",
    "stacking",
    "measure",
    "building",
    "evaluate",
    "matching",
}
TABLES = {"report.console", "report.grid", "report.markdown", "report.numbers"}
TOP = {"study", "stored", "stored_tables", "figures", "reporting", "cli", "__main__"}
COMPARING = {"compare", "claims", "contrasts", "records", "stats", "report"}

# What each area may import besides itself; those on TOP may import anything.
ALLOWED = {
    "ground": set(),
    "data": {"ground"},
    "baselines": {"ground", "data"},
    "waves": {"ground", "data", "baselines"},
    "icu": {"ground", "data", "baselines"},
    "sources": {"ground", "data", "waves", "icu"},
    "cases": {"ground", "data", "sources", "baselines", "waves", "icu"},
    "kernels": {"ground", "data"},
    "cells": {"ground", "kernels"},
    "models": {"ground", "cells"},
    "work": {"ground", "data", "baselines", "cases", "cells", "models"},
    "recipe": {"ground", "cases", "models"},
    "runs": {"ground", "data", "sources", "cases", "kernels", "cells", "models", "work", "recipe"},
    "bench": {"ground", "data", "baselines", "cases", "kernels", "cells", "models", "work", *TABLES},
    "comparing": {"errors", "published", "measures", "resources", "runs.record", "cases.base", "models.registry"},
}


def inner(module):
    return module.removeprefix("lnncmp").removeprefix(".")


def area(module):
    name = inner(module)
    top = name.split(".")[0]
    if name in GROUND or name == "":
        return "ground"
    if top in COMPARING or re.match(r"table(_\w+)?$", top):
        return "comparing"
    return "work" if top in WORK else "top" if top in TOP else top


@cache
def tree(module):
    return ast.parse(FILES[module].read_text(encoding="utf-8"))


def for_types_only(node):
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def walk(node, functions=True):
    """Yield the nodes under `node` that run: not those for type checkers, and functions' bodies only if asked for."""
    for child in ast.iter_child_nodes(node):
        if for_types_only(child) or (not functions and isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)):
            continue
        yield child
        yield from walk(child, functions)


def imports(module, functions=True):
    """Return the full names of what `module` imports: modules where they are, else the module they come from."""
    found = set()
    for node in walk(tree(module), functions):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} has a relative import"
            full = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in FILES else node.module for name in full}
    return found


def own_imports(module, functions=True):
    return {name for name in imports(module, functions) if name.split(".")[0] == "lnncmp"}


def called(module):
    """Yield (dotted name, line) of every call."""
    for node in walk(tree(module)):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node.lineno


def outside_cli(module):
    return not inner(module).startswith("cli") and inner(module) != "__main__"


class TestImports:
    @pytest.mark.parametrize("module", MODULES)
    def test_point_downwards_only(self, module):
        own = area(module)
        if own == "top":
            return
        bad = []
        for name in own_imports(module):
            there = area(name)
            if there != own and there not in ALLOWED[own] and inner(name) not in ALLOWED[own]:
                bad.append(name)
        assert not bad, f"{module} ({own}) may not import {bad}"

    @pytest.mark.parametrize("module", [m for m in MODULES if area(m) in {"work", "recipe", "runs", "comparing"}])
    def test_members_are_never_imported_by_name(self, module):
        members = [
            name
            for name in own_imports(module)
            if re.match(r"lnncmp\.(cases|models|sources)\.", name) and name.split(".")[2] not in {"base", "registry"}
        ]
        assert not members

    def test_there_is_no_cycle(self):
        graph = {module: own_imports(module, functions=False) & set(FILES) for module in MODULES}
        done, path = set(), []

        def visit(module):
            assert module not in path, f"import cycle: {' -> '.join([*path[path.index(module) :], module])}"
            if module in done:
                return
            path.append(module)
            for following in sorted(graph[module]):
                visit(following)
            done.add(path.pop())

        for module in MODULES:
            visit(module)

    def test_only_fetch_touches_the_network(self):
        network = {"requests", "urllib", "urllib3", "http", "socket", "ssl", "ftplib"}
        users = {module for module in MODULES if {name.split(".")[0] for name in imports(module)} & network}
        assert users <= {"lnncmp.data.fetch", "lnncmp.data.http_answers", "lnncmp.data.partial"}
        assert "lnncmp.data.fetch" in users

    @pytest.mark.parametrize("module", [m for m in MODULES if inner(m).startswith("report")])
    def test_reports_never_compute(self, module):
        assert not {name.split(".")[0] for name in imports(module)} & {"numpy", "scipy", "statistics", "torch"}

    def test_light_modules_leave_torch_and_random_states_alone(self):
        members = [m for m in MODULES if area(m) in {"ground", "cases", "models", "data", "baselines", "waves", "icu"}]
        members += [f"lnncmp.sources.{name}" for case in case_names() for name in load_case(case).sources.values()]
        others = [m for m in MODULES if area(m) in {"comparing", "recipe"}]
        others += ["lnncmp.study", "lnncmp.runs.plan", "lnncmp.runs.store", "lnncmp.cli.main"]
        program = (
            "import importlib, random, sys\nimport numpy as np\n"
            "def state(): return random.getstate(), repr(np.random.get_state()), list(sys.argv)\n"
            f"before = state()\nfor name in {members!r}: importlib.import_module(name)\n"
            f"assert before == state()\nfor name in {others!r}: importlib.import_module(name)\n"
            "heavy = [n for n in ('torch', 'mujoco', 'gymnasium', 'scipy.stats', 'ncps') if n in sys.modules]\n"
            "assert not heavy, heavy\nprint('fine')"
        )
        done = subprocess.run([sys.executable, "-c", program, "--x"], capture_output=True, text=True, cwd=ROOT)
        assert done.stdout == "fine\n", done.stderr


class TestForbidden:
    @pytest.mark.parametrize("module", [m for m in MODULES if outside_cli(m)])
    def test_only_the_command_line_prints_or_exits(self, module):
        forbidden = {"print", "input", "sys.exit", "exit", "quit", "os._exit", "os.abort"}
        bad = [(name, line) for name, line in called(module) if name in forbidden or name.startswith("sys.stdout")]
        bad += [(name, line) for name, line in called(module) if name in {"SystemExit", "typer.Exit"}]
        if inner(module) == "runs.processes":  # a worker process ends itself, never the program
            bad = [call for call in bad if call[0] != "os._exit"]
        assert not bad

    @pytest.mark.parametrize("module", MODULES)
    def test_calls_that_have_no_place_here(self, module):
        bad = [c for c in called(module) if c[0] in {"breakpoint", "hasattr", "os.system", "eval", "exec", "setattr"}]
        bad += [c for c in called(module) if re.match(r"(subprocess|pickle)\.", c[0])]
        allowed = r"(np|numpy)\.random\.(default_rng|RandomState|Generator|PCG64|SeedSequence|BitGenerator)\b"
        bad += [c for c in called(module) if re.match(r"(np|numpy)\.random\.", c[0]) and not re.match(allowed, c[0])]
        assert not bad and "random" not in imports(module)

    @pytest.mark.parametrize("module", MODULES)
    def test_no_bare_except(self, module):
        handlers = [node for node in ast.walk(tree(module)) if isinstance(node, ast.ExceptHandler)]
        assert all(node.type is not None for node in handlers)

    @pytest.mark.parametrize("module", MODULES)
    def test_untrusted_files_are_read_safely(self, module):
        for node in walk(tree(module)):
            if isinstance(node, ast.Call):
                name, given = ast.unparse(node.func), {k.arg: ast.unparse(k.value) for k in node.keywords}
                if name == "np.load":
                    assert given.get("allow_pickle") == "False", node.lineno
                if name == "torch.load":
                    assert given.get("weights_only") == "True", node.lineno

    @pytest.mark.parametrize(
        "module", [m for m in MODULES if area(m) not in {"data", "sources", "runs", "kernels", "top"}]
    )
    def test_only_runs_kernels_data_and_sources_write_files(self, module):
        if inner(module) == "atomic":
            return
        writes = (
            r"(.*\.)?(write_bytes|write_text|savez\w*|tofile|mkdir|unlink|rmtree|write_run|write_measurement)$|"
            r"np\.save$|torch\.save$|open$"
        )
        bad = [c for c in called(module) if re.match(writes, c[0]) and c[0] != "_CLEAR.write_text"]
        assert not bad


def public_definitions(module):
    """Yield the module's public classes and functions, and the public methods of public classes."""
    for node in tree(module).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                functions = [part for part in node.body if isinstance(part, ast.FunctionDef)]
                yield from (part for part in functions if not part.name.startswith("_"))


class TestShape:
    @pytest.mark.parametrize("path", [*FILES.values(), *TEST_FILES], ids=lambda path: str(path.relative_to(ROOT)))
    def test_files_and_functions_are_short(self, path):
        text = path.read_text(encoding="utf-8")
        assert len(text.splitlines()) <= 300
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert node.end_lineno - node.lineno < 60, f"{node.name} has more than 60 lines"

    @pytest.mark.parametrize("module", MODULES)
    def test_everything_public_says_what_it_is(self, module):
        assert ast.get_docstring(tree(module))
        assert [node.name for node in public_definitions(module) if not ast.get_docstring(node)] == []

    def test_members_define_what_they_are_for(self):
        wanted = [(m, "MODEL") for m in MODULES if re.match(r"lnncmp\.models\.(?!base|registry)\w+$", m)]
        wanted += [(m, "CASE") for m in MODULES if re.match(r"lnncmp\.cases\.(?!base)\w+$", m)]
        for case in case_names():
            wanted += [(f"lnncmp.sources.{name}", "SOURCE") for name in load_case(case).sources.values()]
        assert len(wanted) >= 6
        for module, attribute in wanted:
            assigned = [node for node in tree(module).body if isinstance(node, ast.Assign | ast.AnnAssign)]
            names = [ast.unparse(getattr(node, "targets", None) or node.target) for node in assigned]
            assert names.count(attribute) == 1, f"{module} should define {attribute} once"

    def test_each_model_and_case_is_tested(self):
        texts = {path.name: path.read_text(encoding="utf-8") for path in TEST_FILES if path != Path(__file__)}
        for case in case_names():
            assert f"test_case_{case}.py" in texts
        for module in MODULES:
            if re.match(r"lnncmp\.models\.(?!base|registry)\w+$", module):
                name = module.rpartition(".")[2]
                assert any(re.search(rf"\b{name}\b", text) for text in texts.values()), f"no test mentions {name}"

    def test_no_file_mentions_a_path_of_one_machine(self):
        shipped = [*FILES.values(), *ROOT.glob("*.*"), ROOT / "Makefile"]
        shipped += [path for folder in ("recipes", "datasets") for path in (ROOT / folder).rglob("*.*")]
        for path in shipped:
            if path.is_file() and path.suffix != ".npz" and path.name != ".git":  # a file in a linked working tree
                text = path.read_text(encoding="utf-8")
                assert not re.search(r"(?<![\w.])/(work|root|home|tmp)\b", text), path
        for path in TEST_FILES:
            if path != Path(__file__):
                assert not re.search(r"(?<![\w.])/(work|root|home)\b", path.read_text(encoding="utf-8")), path
