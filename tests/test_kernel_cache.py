"""Kernels on disk: code of several processes side by side, damaged files, folders that cannot be used."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lnncmp.kernels.common.code_cache import read_code, write_code

TESTS = Path(__file__).resolve().parent
WIDTHS = "8,24,32,64"
MODELS = ["ltc", "ncp", "ncp:cfc", "cfc", "liquid_ncp", "lstm", "gru"]
MODELS += ["rnn", "ct_gru", "lrc", "s4d", "liquid_s4", "linoss", "min_gru", "lrc_ssm"]
"""All kernels, most of them once."""
linux = pytest.mark.skipif(sys.platform != "linux", reason="object files are read as ELF, permissions as on Linux")


def work(models, cache, *options, expect=0, **more):
    """Run tests/kernel_work.py on `models` in a process of its own; return what it printed, model by model."""
    command = [sys.executable, "-W", "always", TESTS / "kernel_work.py", ",".join(models), *options]
    env = {**os.environ, "LNNCMP_KERNEL_CACHE": str(cache), "OMP_NUM_THREADS": "1", "PYTHONPATH": str(TESTS.parent)}
    done = subprocess.run(list(map(str, command)), env=env, capture_output=True, text=True, timeout=600, **more)
    assert done.returncode == expect, (done.stdout[-500:], done.stderr[-1500:])
    rows = [line.split() for line in done.stdout.splitlines() if line.startswith(("ok", "WRONG"))]
    assert [row[1] for row in rows] == list(models) and all(row[0] == "ok" for row in rows), done.stdout
    return {row[1]: tuple(row[2:]) for row in rows}, done


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """A cache that a process for each of two models has filled, and the digests of what each computed then."""
    cache = tmp_path_factory.mktemp("kernels")
    digests = {}
    for name in ("lstm", "gru"):
        found, done = work([name], cache, "32")
        assert "compiled 0" not in done.stdout
        digests |= found
    return cache, digests


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A cache with one small kernel, and the digest of what it computed."""
    cache = tmp_path_factory.mktemp("small")
    digest, done = work(["laying"], cache, "1", "outputs")
    assert "compiled 0" not in done.stdout
    return cache, digest


def files(cache):
    return sorted(cache.rglob("*.kernel"))


class TestSharing:
    @pytest.mark.parametrize("models", [("lstm", "gru"), ("gru", "lstm")])
    def test_kernels_of_two_processes_keep_apart(self, filled, models):
        _, done = work(models, filled[0], WIDTHS)
        assert "compiled 0" in done.stdout

    def test_who_compiles_gets_the_bits_of_who_loads(self, filled, tmp_path):
        cache, digests = filled
        loaded, done = work(("gru", "lstm"), cache, "32")
        assert "compiled 0" in done.stdout and loaded == digests
        together, done = work(("gru", "lstm"), tmp_path, "32")
        assert "compiled 0" not in done.stdout and together == digests

    @linux
    def test_no_object_file_offers_a_function_of_another(self, filled):
        kernels = [global_functions(path) for path in files(filled[0])]
        assert len(kernels) >= 8 and all(kernels)
        seen = {}
        for path, functions in zip(files(filled[0]), kernels, strict=True):
            for name, code in functions.items():
                assert seen.setdefault(name, (code, path))[0] == code, f"{name} in {path.name}, {seen[name][1].name}"
                assert "lnncmp" in name, f"{path.name} shares {name}"

    def test_two_functions_of_one_name_cannot_be_declared(self):
        from lnncmp.kernels.common.compiling import kernel, lean, part

        def scale(x: float) -> float:
            return 2.0 * x

        with pytest.raises(RuntimeError, match=r"scale is made inside another one: give it a __qualname__"):
            lean(scale)
        scale.__qualname__ = "a_function_of_a_test"
        lean(scale)
        for declare in (lean, part, kernel):
            with pytest.raises(RuntimeError, match=r"two compiled functions are named .*a_function_of_a_test"):
                declare(scale)

    @pytest.mark.slow
    @pytest.mark.parametrize("kind", ["float32", "float64"])
    def test_any_of_all_models_may_come_first(self, tmp_path, kind):
        """Of two functions of one name the first that is loaded serves all: each model comes before each other one."""
        alone = {}
        for name in MODELS:
            alone |= work([name], tmp_path, WIDTHS, kind)[0]
        for first in range(len(MODELS)):
            order = MODELS[first:] + MODELS[:first]
            found, done = work(order, tmp_path, WIDTHS, kind)
            assert "compiled 0" in done.stdout and found == {name: alone[name] for name in order}


def global_functions(path):
    """Return {name: code} of the functions that the linker can see in the object file of a kept kernel."""
    from io import BytesIO

    from elftools.elf.elffile import ELFFile
    from numba.core import serialize

    (_, kind, (code, _)), *_ = serialize.loads(read_code(path))
    assert kind == "object"
    elf = ELFFile(BytesIO(code))
    found = {}
    for symbol in elf.get_section_by_name(".symtab").iter_symbols():
        shared = symbol["st_info"]["bind"] != "STB_LOCAL" and symbol["st_info"]["type"] == "STT_FUNC"
        if shared and symbol["st_shndx"] != "SHN_UNDEF":
            start = symbol["st_value"]
            found[symbol.name] = elf.get_section(symbol["st_shndx"]).data()[start : start + symbol["st_size"]]
    return found


def damage_to_nothing(path):
    path.write_bytes(b"")


def damage_by_cutting(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def damage_by_one_bit(path):
    content = bytearray(path.read_bytes())
    for place in np.random.default_rng(0).integers(60, len(content), 3):
        content[place] ^= 4
    path.write_bytes(content)


def damage_the_head(path):
    path.write_bytes(b"x" + path.read_bytes()[1:])


def damage_by_other_content(path):
    path.unlink()
    write_code(path, b"whole, but no kernel")


def damage_by_a_folder(path):
    path.unlink()
    path.mkdir()


USUAL_DAMAGES = [damage_by_one_bit, damage_by_a_folder]
OTHER_DAMAGES = [damage_to_nothing, damage_by_cutting, damage_the_head, damage_by_other_content]
DAMAGES = [*USUAL_DAMAGES, *(pytest.param(damage, marks=pytest.mark.slow) for damage in OTHER_DAMAGES)]


@pytest.fixture
def copied(kept, tmp_path):
    """A cache of one's own with the kernels of `kept`, and the digest."""
    for path in files(kept[0]):
        target = tmp_path / path.relative_to(kept[0])
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(path.read_bytes())
        target.chmod(0o644)
    return tmp_path, kept[1]


class TestDamage:
    @pytest.mark.parametrize("damage", DAMAGES)
    def test_is_said_once_and_mended(self, copied, damage):
        cache, digest = copied
        (path,) = [path for path in files(cache) if path.name.startswith("common.features._lay_out-")]
        damage(path)
        found, done = work(["laying"], cache, "1", "outputs")
        assert found == digest and done.stderr.count(": the compiled kernel ") == 1, done.stderr
        again, done = work(["laying"], cache, "1", "outputs")
        assert again == found
        if damage is damage_by_a_folder:  # it stands in the way: nothing can be kept there, and that is said
            assert "compiled kernels cannot be kept" in done.stderr
        else:
            assert "compiled 0" in done.stdout and "RuntimeWarning" not in done.stderr

    def test_half_written_files_do_not_matter(self, copied):
        cache, digest = copied
        for path in files(cache):
            (path.parent / f".{path.name}.x7.part").write_bytes(path.read_bytes()[:100])
        found, done = work(["laying"], cache, "1", "outputs")
        assert found == digest and "compiled 0" in done.stdout and "RuntimeWarning" not in done.stderr

    def test_two_processes_compile_at_once(self, tmp_path, kept):
        command = [sys.executable, TESTS / "kernel_work.py", "laying", "1", "outputs"]
        env = {**os.environ, "LNNCMP_KERNEL_CACHE": str(tmp_path), "PYTHONPATH": str(TESTS.parent)}
        both = [subprocess.Popen(list(map(str, command)), env=env, stdout=subprocess.PIPE) for _ in range(2)]
        assert all(f"ok laying {kept[1]['laying'][0]}" in process.communicate()[0].decode() for process in both)
        assert "compiled 0" in work(["laying"], tmp_path, "1", "outputs")[1].stdout

    def test_the_cache_of_another_processor_or_numba_is_left_alone(self, copied):
        cache, digest = copied
        before = {path: hashlib.sha256(path.read_bytes()).digest() for path in files(cache)}
        env = {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""}
        command = [sys.executable, TESTS / "kernel_work.py", "laying", "1", "outputs"]
        own = {**os.environ, **env, "LNNCMP_KERNEL_CACHE": str(cache), "PYTHONPATH": str(TESTS.parent)}
        done = subprocess.run(list(map(str, command)), env=own, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0 and "ok laying" in done.stdout and "compiled 0" not in done.stdout, done.stderr
        assert all(hashlib.sha256(path.read_bytes()).digest() == digest for path, digest in before.items())
        assert work(["laying"], cache, "1", "outputs")[0] == digest


class TestFolders:
    def check_not_kept(self, cache, **more):
        found, done = work(["laying"], cache, "1", "outputs", **more)
        assert done.stderr.count("compiled kernels cannot be kept") >= 1, done.stderr
        assert "for the next: False" in done.stdout
        return found

    def test_a_file_in_place_of_the_folder(self, tmp_path):
        (tmp_path / "file").write_text("")
        self.check_not_kept(tmp_path / "file" / "kernels")

    @linux
    def test_a_full_disk(self, tmp_path, kept):
        import resource

        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))

        assert self.check_not_kept(tmp_path, preexec_fn=limit) == kept[1]
        assert not [path for path in tmp_path.rglob("*") if path.is_file()]

    @linux
    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can work as another user")
    def test_the_folder_of_another_user(self, copied):
        cache, digest = copied
        for path in files(cache):
            os.chown(path, 12345, 12345)
        found, done = work(["laying"], cache, "1", "outputs")  # root writes everywhere, but runs nobody else's code
        assert found == digest and "it belongs to another user" in done.stderr
        os.chown(cache, 12345, 12345)
        found, done = work(["laying"], cache, "1", "outputs")
        assert found == digest and "belongs to another user, who could change what is run" in done.stderr

    @linux
    @pytest.mark.skipif(os.geteuid() == 0, reason="root can write everywhere")
    def test_a_folder_that_cannot_be_written(self, tmp_path):
        tmp_path.chmod(0o555)
        try:
            self.check_not_kept(tmp_path)
        finally:
            tmp_path.chmod(0o755)

    @linux
    def test_a_file_that_others_may_write(self, copied):
        cache, digest = copied
        for path in files(cache):
            path.chmod(0o666)
        found, done = work(["laying"], cache, "1", "outputs")
        assert found == digest and "others may write it" in done.stderr
        assert "compiled 0" in work(["laying"], cache, "1", "outputs")[1].stdout
