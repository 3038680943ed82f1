"""House rules that a machine can check: what may import what, sizes, docstrings, forbidden calls."""

import ast
import importlib
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from lnncmp import models
from lnncmp.cases.base import load_case, own_case_names
from lnncmp.common.registry import own_names
from lnncmp.sources.loading import ADDED

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "lnncmp"
FILES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
}
MODULES = sorted(FILES)
TEST_FILES = sorted((ROOT / "tests").glob("*.py"))

FLOORS = (
    {"errors"},
    {"common", "stats"},
    {"records", "data"},
    {"sources", "baselines"},
    {"cases"},
    {"kernels"},
    {"layers"},
    {"models", "torch"},
    {"recipe"},
    {"training"},
    {"evaluation", "networks", "comparison"},
    {"runs", "claims", "bench", "export", "results"},
    {"tuning"},
    {"study", "multiverse", "report"},
    {"cli"},
    {"__main__"},
)
"""The rooms of the house, from the ground up: a room imports from floors below its own, and from itself."""
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
LIGHT = (
    *("common", "data", "stats", "records", "cases", "models", "recipe", "comparison", "claims", "report", "study"),
    *("multiverse", "results"),
)
"""Rooms that load without torch; so do the sources and the command line."""
WRITERS = tuple(
    f"lnncmp.{folder}"
    for folder in (
        *("common", "records", "sources", "kernels.common", "runs", "report.build", "study", "cli"),
        *("multiverse", "export.c", "results"),
    )
)
"""Folders that write files."""
MEMBERS = {
    "cases": "CASE",
    "models": "MODEL",
    "runs.executors": "EXECUTOR",
    "export.formats": "FORMAT",
    "export.layers": "LAYER",
    "results.formats": "FORMAT",
}
"""Folders whose every module but `base` is a member, and what it defines."""


def room(module):
    """Return the folder or module below lnncmp that a module belongs to; `errors` for the package itself."""
    return (*module.split("."), "errors")[1]


def in_rooms(*rooms):
    return [module for module in MODULES if room(module) in rooms]


def members(folder):
    """Return the modules of a folder's members: cases, models."""
    return [f"lnncmp.{folder}.{name}" for name in own_names(importlib.import_module(f"lnncmp.{folder}"))]


def source_modules():
    own = [name for case in own_case_names() for name in load_case(case).sources.values() if not name.startswith(ADDED)]
    return [f"lnncmp.sources.{name}" for name in own]


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


class TestImports:
    def test_every_room_has_a_floor(self):
        assert {room(module) for module in MODULES} == set(FLOOR)

    @pytest.mark.parametrize("module", MODULES)
    def test_point_downwards_only(self, module):
        own = room(module)
        bad = [name for name in own_imports(module) if room(name) != own and FLOOR[room(name)] >= FLOOR[own]]
        assert not bad, f"{module} may not import {bad}"

    @pytest.mark.parametrize(
        "module", [m for m in MODULES if room(m) not in {*MEMBERS, "sources"} and FLOOR[room(m)] < FLOOR["cli"]]
    )
    def test_members_are_never_imported_by_name(self, module):
        everyone = [*members("cases"), *members("models"), *source_modules()]
        assert not [name for name in own_imports(module) if any(f"{name}.".startswith(f"{m}.") for m in everyone)]

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

    def test_only_downloads_touch_the_network(self):
        network = {"requests", "urllib", "urllib3", "http", "socket", "ssl", "ftplib"}
        users = {module for module in MODULES if {name.split(".")[0] for name in imports(module)} & network}
        users.remove("lnncmp.runs.executors._ray_cluster")  # asks whether the address that the user names answers
        assert users and {module.rpartition(".")[0] for module in users} == {"lnncmp.sources.download"}

    @pytest.mark.parametrize("module", MODULES)
    def test_nothing_needs_unix_to_be_imported(self, module):
        assert not imports(module, functions=False) & {"fcntl", "grp", "pty", "pwd", "resource", "termios", "tty"}

    @pytest.mark.parametrize("module", [m for m in in_rooms("report") if not m.startswith(WRITERS)])
    def test_reports_never_compute(self, module):
        assert not {name.split(".")[0] for name in imports(module)} & {"numpy", "scipy", "statistics", "torch"}

    def test_light_modules_leave_torch_and_random_states_alone(self):
        quiet = [*in_rooms("common", "data", "cases", "models", "baselines"), *source_modules()]
        others = [*in_rooms(*LIGHT), "lnncmp.runs.plan", "lnncmp.records.store", "lnncmp.cli.main"]
        program = (
            "import importlib, random, sys\nimport numpy as np\n"
            "def state(): return random.getstate(), repr(np.random.get_state()), list(sys.argv)\n"
            f"before = state()\nfor name in {quiet!r}: importlib.import_module(name)\n"
            f"assert before == state()\nfor name in {others!r}: importlib.import_module(name)\n"
            "heavy = [n for n in ('torch', 'mujoco', 'gymnasium', 'scipy.stats', 'ncps') if n in sys.modules]\n"
            "assert not heavy, heavy\nprint('fine')"
        )
        done = subprocess.run([sys.executable, "-c", program, "--x"], capture_output=True, text=True, cwd=ROOT)
        assert done.stdout == "fine\n", done.stderr


class TestForbidden:
    @pytest.mark.parametrize("module", [m for m in MODULES if room(m) not in {"cli", "__main__"}])
    def test_only_the_command_line_prints_or_exits(self, module):
        forbidden = {"print", "input", "sys.exit", "exit", "quit", "os._exit", "os.abort"}
        bad = [(name, line) for name, line in called(module) if name in forbidden or name.startswith("sys.stdout")]
        bad += [(name, line) for name, line in called(module) if name in {"SystemExit", "typer.Exit"}]
        if module in (
            "lnncmp.runs.processes",
            "lnncmp.common.process",
        ):  # a child process ends itself, never the program
            bad = [call for call in bad if call[0] != "os._exit"]
        assert not bad

    @pytest.mark.parametrize("module", MODULES)
    def test_calls_that_have_no_place_here(self, module):
        bad = [c for c in called(module) if c[0] in {"breakpoint", "hasattr", "os.system", "eval", "exec", "setattr"}]
        # One runs a C compiler on a file of its own, the other asks git for the commit of this checkout.
        starts = module in ("lnncmp.export.c.compiler", "lnncmp.common.code_version")
        bad += [c for c in called(module) if re.match(r"(subprocess|pickle)\.", c[0]) and not starts]
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

    @pytest.mark.parametrize("module", [m for m in MODULES if not m.startswith(WRITERS)])
    def test_files_are_written_where_they_belong(self, module):
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
        wanted = [(m, attribute) for folder, attribute in MEMBERS.items() for m in members(folder)]
        wanted += [(module, "SOURCE") for module in source_modules()]
        assert len(wanted) >= 6
        for module, attribute in wanted:
            assigned = [node for node in tree(module).body if isinstance(node, ast.Assign | ast.AnnAssign)]
            names = [ast.unparse(getattr(node, "targets", None) or node.target) for node in assigned]
            assert names.count(attribute) == 1, f"{module} should define {attribute} once"

    def test_each_model_and_case_is_tested(self):
        texts = {path.name: path.read_text(encoding="utf-8") for path in TEST_FILES if path != Path(__file__)}
        for case in own_case_names():
            assert f"test_case_{case}.py" in texts
        for name in own_names(models):
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
