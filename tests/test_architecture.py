"""House rules that a machine can check: what may import what, sizes, docstrings, forbidden calls."""

import ast
import importlib
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

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


@cache
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


@cache
def called(module):
    """Return (dotted name, line) of every call."""
    return [(ast.unparse(node.func), node.lineno) for node in walk(tree(module)) if isinstance(node, ast.Call)]


def offenders(bad, where=MODULES):
    """Return what `bad` finds in each of the modules, or files, of those in which it finds something."""
    assert len(where) > 5
    return {str(one): found for one in where if (found := bad(one))}


class TestImports:
    def test_every_room_has_a_floor(self):
        assert {room(module) for module in MODULES} == set(FLOOR)

    def test_point_downwards_only(self):
        def upwards(module):
            others = [name for name in own_imports(module) if room(name) != room(module)]
            return [name for name in others if FLOOR[room(name)] >= FLOOR[room(module)]]

        assert offenders(upwards) == {}

    def test_members_are_never_imported_by_name(self):
        everyone = tuple(f"{m}." for m in (*members("cases"), *members("models"), *source_modules()))
        low = [m for m in MODULES if room(m) not in {*MEMBERS, "sources"} and FLOOR[room(m)] < FLOOR["cli"]]
        assert offenders(lambda m: [name for name in own_imports(m) if f"{name}.".startswith(everyone)], low) == {}

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

    def test_nothing_needs_unix_to_be_imported(self):
        unix = {"fcntl", "grp", "pty", "pwd", "resource", "termios", "tty"}
        assert offenders(lambda module: imports(module, functions=False) & unix) == {}

    def test_reports_never_compute(self):
        computing, shown = {"numpy", "scipy", "statistics", "torch"}, in_rooms("report")
        modules = [module for module in shown if not module.startswith(WRITERS)]
        assert offenders(lambda module: {name.split(".")[0] for name in imports(module)} & computing, modules) == {}

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
    def test_only_the_command_line_prints_or_exits(self):
        forbidden = {"print", "input", "sys.exit", "exit", "quit", "os._exit", "os.abort", "SystemExit", "typer.Exit"}
        children = "lnncmp.runs.processes", "lnncmp.common.process"  # they end themselves, never the program

        def bad(module):
            found = [c for c in called(module) if c[0] in forbidden or c[0].startswith("sys.stdout")]
            return [c for c in found if module not in children or c[0] != "os._exit"]

        assert offenders(bad, [m for m in MODULES if room(m) not in {"cli", "__main__"}]) == {}

    def test_calls_that_have_no_place_here(self):
        never = {"breakpoint", "hasattr", "os.system", "eval", "exec", "setattr"}
        # One runs a C compiler on a file of its own, the other asks git for the commit of this checkout.
        starting = "lnncmp.export.c.compiler", "lnncmp.common.code_version"
        allowed = r"(np|numpy)\.random\.(default_rng|RandomState|Generator|PCG64|SeedSequence|BitGenerator)\b"

        def bad(module):
            starts = re.compile("a^" if module in starting else r"(subprocess|pickle)\.")
            drawing = [c for c in called(module) if re.match(r"(np|numpy)\.random\.", c[0])]
            found = [c for c in called(module) if c[0] in never or starts.match(c[0])]
            found += [c for c in drawing if not re.match(allowed, c[0])]
            return found + ["random"] * ("random" in imports(module))

        assert offenders(bad) == {}

    def test_no_bare_except(self):
        handlers = {m: [n for n in ast.walk(tree(m)) if isinstance(n, ast.ExceptHandler)] for m in MODULES}
        assert offenders(lambda module: [node.lineno for node in handlers[module] if node.type is None]) == {}

    def test_untrusted_files_are_read_safely(self):
        safe = {"np.load": "allow_pickle=False", "torch.load": "weights_only=True"}

        def unsafe(module):
            calls = [node for node in walk(tree(module)) if isinstance(node, ast.Call)]
            loads = [(safe.get(ast.unparse(node.func)), node) for node in calls if "load" in ast.dump(node.func)]
            given = [(wanted, map(ast.unparse, node.keywords)) for wanted, node in loads if wanted]
            return [wanted for wanted, own in given if wanted not in own]

        assert offenders(unsafe) == {}

    def test_files_are_written_where_they_belong(self):
        writes = (
            r"(.*\.)?(write_bytes|write_text|savez\w*|tofile|mkdir|unlink|rmtree|write_run|write_measurement)$|"
            r"np\.save$|torch\.save$|open$"
        )

        others = [module for module in MODULES if not module.startswith(WRITERS)]
        found = offenders(lambda module: [c for c in called(module) if re.match(writes, c[0])], others)
        assert {call[0] for own in found.values() for call in own} <= {"_CLEAR.write_text"}, found


def public_definitions(module):
    """Yield the module's public classes and functions, and the public methods of public classes."""
    for node in tree(module).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                functions = [part for part in node.body if isinstance(part, ast.FunctionDef)]
                yield from (part for part in functions if not part.name.startswith("_"))


class TestShape:
    def test_files_and_functions_are_short(self):
        def long(path):
            text = path.read_text(encoding="utf-8")
            nodes = [n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
            found = [node.name for node in nodes if node.end_lineno - node.lineno >= 60]
            return found + ["more than 300 lines"] * (len(text.splitlines()) > 300)

        assert offenders(long, [*FILES.values(), *TEST_FILES]) == {}

    def test_everything_public_says_what_it_is(self):
        nodes = {module: (tree(module), *public_definitions(module)) for module in MODULES}
        silent = {module: [n for n in own if not ast.get_docstring(n)] for module, own in nodes.items()}
        assert {m: [getattr(n, "name", "itself") for n in own] for m, own in silent.items() if own} == {}

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
