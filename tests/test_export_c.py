"""Networks as C99: the compiled file steps as the network does."""

import ctypes
import io
import subprocess

import numpy as np
import pytest
from model_variants import OUTPUTS, build
from portable_networks import IDS, VARIANTS, portable, timed_network, variant_network

from lnncmp.data.encoding import Quantity
from lnncmp.errors import DataError, UsageError
from lnncmp.export.c import arrays, compiler
from lnncmp.export.c.compiler import FLAGS, find_compiler, run_source
from lnncmp.export.formats.base import Choices
from lnncmp.export.writing import check, export, random_inputs, reference

pytestmark = pytest.mark.skipif(find_compiler() is None, reason="no C compiler (cc, gcc or clang) is installed")
STEPS = 1000
BRIEF = 50
"""Steps of the variants that only need to be right, once a few have shown that errors do not add up."""
_FULL = ["lstm-{}", "gru-{}", "cfc-{}", "ltc-{}", "ncp-{}", "ncp-{'cell': 'cfc'}", "liquid_ncp-{}"]


def difference(network, steps, int8=False):
    """Return the largest difference of the compiled file from the network, in standard deviations of the outputs."""
    x, dt = random_inputs(network, steps)
    text = export(network, "c", Choices(int8=int8)).files["lnn.c"]
    found = run_source(text, "lnn", x, dt, timed=False).outputs["step"]
    return float(np.abs((found - reference(network, x, dt)) / network.target_scaler.std).max())


@pytest.mark.parametrize(("name", "variant"), VARIANTS, ids=IDS)
def test_compiles_without_a_warning_and_agrees(name, variant):
    steps = STEPS if f"{name}-{variant}" in _FULL else BRIEF
    assert difference(variant_network(name, variant), steps) < 1e-5


@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_activations_without_a_library(activation):
    assert difference(variant_network("cfc", {"backbone_activation": activation}), BRIEF) < 1e-5


def test_time_as_an_input_and_time_withheld():
    assert difference(timed_network("lstm"), BRIEF) < 1e-5
    assert difference(timed_network("gru", withholds_time=True), BRIEF) < 1e-5


@pytest.mark.parametrize("name", ["lstm", "cfc", "ltc", "ncp", "liquid_ncp"])
def test_int8_weights_are_smaller_and_close(name):
    network = variant_network(name, {}, hidden=24)
    whole, small = (export(network, "c", Choices(int8=int8)).counts["bytes of constants"] for int8 in (False, True))
    assert small < (0.95 if name in ("ncp", "liquid_ncp") else 0.4) * whole
    assert 1e-7 < difference(network, 200, int8=True) < 0.1


def command(folder, *words):
    done = subprocess.run([*find_compiler(), *words], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_two_networks_in_one_program(tmp_path):
    """Each in a file of its own, the interfaces in a third; nothing but expf comes from a library."""
    elftools = pytest.importorskip("elftools.elf.elffile")
    for prefix, name in (("fast", "gru"), ("slow", "ltc")):
        made = export(variant_network(name, {}), "c", Choices(name=prefix))
        (tmp_path / f"{prefix}.c").write_bytes(made.files[f"{prefix}.c"])
        command(tmp_path, *FLAGS, "-c", f"{prefix}.c")
        symbols = elftools.ELFFile(io.BytesIO((tmp_path / f"{prefix}.o").read_bytes())).get_section_by_name(".symtab")
        named = {one.name for one in symbols.iter_symbols() if one.entry.st_shndx == "SHN_UNDEF" and one.name}
        assert named <= {"expf", "memcpy", "memset", "_GLOBAL_OFFSET_TABLE_"}, named
        free = {one.name for one in symbols.iter_symbols() if one.entry.st_info.bind == "STB_GLOBAL"} - named
        assert free == {f"{prefix}_reset", f"{prefix}_step"}
    (tmp_path / "main.c").write_text(
        "#define FAST_DECLARE_ONLY\n#define SLOW_DECLARE_ONLY\n"
        '#include "fast.c"\n#include "slow.c"\n#include "fast.c"\n'
        "int main(void)\n{\n    static fast_state f;\n    static slow_state s;\n"
        "    float x[FAST_INPUTS] = {0}, y[SLOW_OUTPUTS];\n    fast_reset(&f);\n    slow_reset(&s);\n"
        "    fast_step(&f, x, 1.0f, y);\n    slow_step(&s, x, 1.0f, y);\n    return 0;\n}\n"
    )
    command(tmp_path, *FLAGS, "main.c", "fast.o", "slow.o", "-o", "both", "-lm")


def test_the_comment_says_what_the_numbers_mean_and_cannot_be_left():
    names = tuple(Quantity(text, "°C*/") for text in ("a */ int x; /*", "b ??/", "c \\"))
    network = portable(build("gru", {}), features=names, notes=("Take care.",), about={"Run": "0123 */"})
    text = export(network, "c", Choices()).files["lnn.c"].decode("ascii")
    comment = text[: text.index("#ifndef")]
    assert comment.count("*/") == 1 and comment.count("/*") == 1 and "??" not in text
    for phrase in (
        "[2] c / [_C* /] (mean 2)",
        "motor 1 [Nm]",
        "Take care.",
        "Run: 0123 * /",
        "unit is second",
        "bytes of constants",
    ):
        assert phrase in comment
    x, dt = random_inputs(network, 3)
    run_source(text.encode(), "lnn", x, dt, timed=False)


def test_a_reset_starts_anew_whatever_the_state_held(tmp_path):
    """The struct begins as garbage: nothing but what reset sets is read before it is written."""
    made = export(variant_network("cfc", {"mixed_memory": True}), "c", Choices())
    assert b"malloc" not in made.files["lnn.c"] and b"static float lnn_" in made.files["lnn.c"]
    (tmp_path / "lnn.c").write_bytes(made.files["lnn.c"])
    command(tmp_path, *FLAGS, "-shared", "-fPIC", "lnn.c", "-o", "lnn.so", "-lm")
    library = ctypes.CDLL(str(tmp_path / "lnn.so"))
    state = np.full(made.counts["bytes of state and scratch"] // 4 + 1, np.nan, np.float32)
    x, dt = np.array([0.3, -2.0, 1.0], np.float32), ctypes.c_float(0.7)

    def step():
        y = np.zeros(OUTPUTS, np.float32)
        library.lnn_step(
            *(ctypes.c_void_p(part.ctypes.data) for part in (state, x)), dt, ctypes.c_void_p(y.ctypes.data)
        )
        return y

    library.lnn_reset(ctypes.c_void_p(state.ctypes.data))
    first, second = step(), step()
    assert np.isfinite(first).all() and not np.array_equal(first, second)
    assert np.isnan(state[-1]) and not np.isnan(state[:-1]).any()  # the counted bytes are those of the struct
    library.lnn_reset(ctypes.c_void_p(state.ctypes.data))
    assert np.array_equal(step(), first)


def test_check_measures_and_names_sizes():
    network = variant_network("gru", {})
    choices = Choices()
    found = check(network, "c", choices, export(network, "c", choices), steps=20)
    assert found.largest["step"] < 1e-5
    assert found.facts["nanoseconds per step"] > 0 and found.facts["bytes of the object file"] > 1000


def test_too_large_networks_are_refused(monkeypatch):
    monkeypatch.setattr(arrays, "MOST_VALUES", 100)
    with pytest.raises(UsageError, match="more than the 100 constants") as refusal:
        export(variant_network("gru", {}), "c", Choices())
    assert "onnx" in refusal.value.hint


@pytest.mark.parametrize("name", ["2fast", "a-b", "", "a b", "x" * 40])
def test_a_prefix_must_be_a_name(name):
    with pytest.raises(UsageError, match="no prefix"):
        export(variant_network("gru", {}), "c", Choices(name=name))


def test_without_a_compiler_one_sentence(monkeypatch):
    monkeypatch.setenv("CC", "no-such-compiler")
    x, dt = random_inputs(variant_network("gru", {}), 2)
    with pytest.raises(DataError, match="no C compiler") as refusal:
        run_source(b"", "lnn", x, dt)
    assert "CC" in refusal.value.hint
    monkeypatch.delenv("CC")
    with pytest.raises(DataError, match="failed"):
        compiler.run_source(b"#error no\n", "lnn", x, dt)
