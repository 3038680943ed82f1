"""Compiles an exported C file, runs it on a sequence, and times it.

Legend of shapes: N steps, I inputs, O outputs.
"""

import os
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from lnncmp.common.files import write_bytes
from lnncmp.errors import DataError
from lnncmp.export.formats.base import Checked, Floats

FLAGS = ("-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-O2")
_COMPILERS = ("cc", "gcc", "clang")
_SECONDS = 120.0
_EFFORT = 5e7
"""Nanoseconds of each of the timings, of which the fastest counts."""

_MAIN = """#define {U}_DECLARE_ONLY
#include "{P}.c"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static {P}_state state;
static float in[{U}_INPUTS + 1], out[{U}_OUTPUTS];

/* Without arguments: reads x and dt of each step as floats, writes y. --bench STEPS: nanoseconds per step. */
int main(int argc, char **argv)
{{
    {P}_reset(&state);
    if (argc > 2) {{
        const long steps = atol(argv[2]);
        const clock_t start = clock();
        for (long k = 0; k < steps; k++) {{
            in[0] = out[0] > 0.0f ? 0.5f : -0.5f; /* the next step waits for this one */
            {P}_step(&state, in, 1.0f, out);
        }}
        printf("%.3f\\n", (double)(clock() - start) / CLOCKS_PER_SEC * 1e9 / (double)steps);
        return 0;
    }}
    while (fread(in, sizeof in, 1, stdin) == 1) {{
        {P}_step(&state, in, in[{U}_INPUTS], out);
        if (fwrite(out, sizeof out, 1, stdout) != 1)
            return 1;
    }}
    return 0;
}}
"""


def find_compiler() -> list[str] | None:
    """Return the command of the C compiler: the environment's CC, else cc, gcc or clang; None if there is none."""
    wanted = shlex.split(os.environ.get("CC", ""))
    if wanted:
        return wanted if shutil.which(wanted[0]) else None
    found = [name for name in _COMPILERS if shutil.which(name)]
    return found[:1] or None


def run_source(text: bytes, prefix: str, x: Floats, dt: Floats, timed: bool = True) -> Checked:
    """Return the outputs (N, O) of an exported file for x (N, I) and dt (N,), its bytes and, if `timed`, its time.

    Raises DataError without a compiler, or if the file does not compile or run.
    """
    compiler = find_compiler()
    if compiler is None:
        raise DataError("no C compiler was found", "Install gcc or clang, or name one in the variable CC.")
    with tempfile.TemporaryDirectory(prefix="lnncmp-export-") as name:
        folder = Path(name)
        write_bytes(folder / f"{prefix}.c", text)
        write_bytes(folder / "main.c", _MAIN.format(P=prefix, U=prefix.upper()).encode())
        _command([*compiler, *FLAGS, "-c", f"{prefix}.c", "-o", "network.o"], folder)
        _command([*compiler, *FLAGS, "main.c", "network.o", "-o", "check", "-lm"], folder)
        program = str(folder / "check")
        given = np.concatenate([x, dt[:, None]], axis=1, dtype=np.float32)
        found = np.frombuffer(_command([program], folder, given.tobytes()), np.float32)
        facts = {"bytes of the object file": float((folder / "network.o").stat().st_size)}
        if timed:
            steps = int(np.clip(_EFFORT / max(_nanoseconds(program, folder, 100), 1.0), 100, 1_000_000))
            facts["nanoseconds per step"] = min(_nanoseconds(program, folder, steps) for _ in range(3))
    return Checked({"step": found.reshape(len(x), -1).astype(np.float64)}, facts)


def _nanoseconds(program: str, folder: Path, steps: int) -> float:
    return float(_command([program, "--bench", str(steps)], folder))


def _command(words: list[str], folder: Path, given: bytes = b"") -> bytes:
    """Return what a command prints. Raises DataError with its first words if it fails."""
    try:
        done = subprocess.run(words, cwd=folder, input=given, capture_output=True, timeout=_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise DataError(f"{Path(words[0]).name} could not be run: {error}", "Name another compiler in CC.") from error
    if done.returncode:
        said = " ".join(done.stderr.decode(errors="replace").split())[:300]
        raise DataError(f"{Path(words[0]).name} failed: {said}", "Name another compiler in the variable CC.")
    return done.stdout
