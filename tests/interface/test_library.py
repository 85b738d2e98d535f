"""What `cmake --install` installs: header, libraries, symbols, and how a program finds them."""

import ctypes
import os
import re
import shutil
import sys

import numpy as np
import pytest

import pycouple
from tests.support import ROOT
from tests.support.c_library import HEADER, CLibrary, declarations, run

EXAMPLE = ROOT / "examples" / "c"
GUIDE = (ROOT / "docs" / "guides" / "c.md").read_text()
WARNINGS = ("-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror")
RUST = {
    "int": "c_int",
    "int64_t": "i64",
    "uint32_t": "u32",
    "uint64_t": "u64",
    "ptrdiff_t": "isize",
    "double": "f64",
    "void": "c_void",
    "char": "c_char",
}


def needs(*programs):
    missing = [program for program in programs if shutil.which(program) is None]
    return pytest.mark.skipif(bool(missing), reason=f"needs {', '.join(missing)}")


def library_path(prefix):
    """An environment in which the loader finds the shared library."""
    folder = next(prefix.glob("lib*/libpycouple.*")).parent
    return os.environ | {"LD_LIBRARY_PATH": str(folder), "DYLD_LIBRARY_PATH": str(folder)}


def wanted():
    """What examples/c/draw.c prints, by the Python package."""
    p, q, steps = [0.50, 0.30, 0.20, 0.00], [0.40, 0.35, 0.15, 0.10], np.arange(100_000)
    alice, bob = pycouple.sample(p, seed=7, step=steps), pycouple.sample(q, seed=7, step=steps)
    race = pycouple.race_logits(np.float32([1.0, 2.0, 0.5]), seed=7)
    return [
        " ".join(map(str, ["alice", *alice[:20]])),
        " ".join(map(str, ["bob", *bob[:20]])),
        f"agreement {np.mean(alice == bob):.5f}",
        f"item {race.item}, score {race.score:.6f}, margin {race.margin:.6f}",
    ]


def flags(prefix):
    """The compiler's options by pkg-config, as a shell passes them."""
    folder = next(prefix.glob("lib*/pkgconfig"))
    return run(
        "pkg-config", "--cflags", "--libs", "pycouple", env=os.environ | {"PKG_CONFIG_PATH": str(folder)}
    ).split()


@needs("pkg-config")
@pytest.mark.parametrize("kind", ["static", "shared"])
def test_the_example_draws_what_the_readme_draws(prefixes, kind, tmp_path):
    prefix = prefixes[kind]
    run("cc", "-std=c11", *WARNINGS, EXAMPLE / "draw.c", *flags(prefix), "-o", tmp_path / "draw")
    assert run(tmp_path / "draw", env=library_path(prefix)).splitlines() == wanted()


@pytest.mark.parametrize("kind", ["static", "shared"])
def test_cmake_finds_the_package(prefixes, kind, tmp_path):
    run("cmake", "-S", EXAMPLE, "-B", tmp_path, f"-DCMAKE_PREFIX_PATH={prefixes[kind]}")
    run("cmake", "--build", tmp_path)
    assert run(tmp_path / "draw").splitlines() == wanted()


def test_cmake_builds_it_with_another_project(prefixes, tmp_path):
    """By the lines of the guide; what the target says is enough to show that it can be linked."""
    lines = re.search(r"```cmake\n(set.*?)target_link_libraries", GUIDE, flags=re.S)[1]
    includes = "$<TARGET_PROPERTY:pycouple::pycouple,INTERFACE_INCLUDE_DIRECTORIES>"
    said = f'file(GENERATE OUTPUT said CONTENT "{includes}")\n'
    (tmp_path / "pycouple").symlink_to(ROOT)
    (tmp_path / "CMakeLists.txt").write_text(
        f"cmake_minimum_required(VERSION 3.21)\nproject(draw LANGUAGES C)\n{lines}{said}"
    )
    run("cmake", "-S", tmp_path, "-B", tmp_path / "build")
    folder = (tmp_path / "build" / "said").read_text()
    assert os.path.samefile(os.path.join(folder, "pycouple.h"), ROOT / "src/_core/interface/pycouple.h")


def test_installed_where_it_was_moved(prefixes, tmp_path):
    """No file says where the library was installed first."""
    moved = tmp_path / "elsewhere"
    shutil.copytree(prefixes["static"], moved)
    run("cmake", "-S", EXAMPLE, "-B", tmp_path / "build", f"-DCMAKE_PREFIX_PATH={moved}")
    assert str(moved) in (tmp_path / "build" / "CMakeCache.txt").read_text()
    for path in moved.rglob("*"):
        if path.suffix in (".cmake", ".pc", ".h"):
            assert str(prefixes["static"]) not in path.read_text(), path.name


@pytest.mark.parametrize(
    ("compiler", "language", "standard"),
    [("cc", "c", "c11"), ("cc", "c", "c17"), ("c++", "c++", "c++11"), ("c++", "c++", "c++17")],
)
def test_the_header_stands_alone(prefixes, compiler, language, standard, tmp_path):
    if shutil.which(compiler) is None:
        pytest.skip(f"needs {compiler}")
    source = tmp_path / "source"
    source.write_text("#include <pycouple.h>\n#include <pycouple.h>\n")
    options = ("-I", prefixes["shared"] / "include", "-x", language, f"-std={standard}", "-fsyntax-only")
    run(compiler, *options, *WARNINGS, source)


def test_the_header_is_the_one_of_the_package(prefixes):
    with open(os.path.join(pycouple.get_include(), "pycouple.h")) as file:
        text = file.read()
    assert text == HEADER
    for prefix in prefixes.values():
        assert (prefix / "include" / "pycouple.h").read_text() == HEADER


def test_versions_agree(library, prefixes):
    assert library.version().decode() == pycouple.__version__
    assert f'#define PYCOUPLE_VERSION "{pycouple.__version__}"' in HEADER
    for prefix in prefixes.values():
        package = next(prefix.glob("lib*/pkgconfig/pycouple.pc")).read_text()
        assert f"Version: {pycouple.__version__}\n" in package


@needs("nm")
@pytest.mark.skipif(sys.platform != "linux", reason="symbols have versions in ELF")
def test_only_what_the_header_declares_is_exported(library):
    symbols = [line.split() for line in run("nm", "-D", "--defined-only", library.path).splitlines()]
    found = {name for _, kind, name in symbols if kind != "A"}
    assert found == {f"pycouple_{name}@@PYCOUPLE_1" for name, _, _ in declarations()}
    assert os.path.realpath(library.path).endswith(f".so.{pycouple.__version__}")


@needs("rustc")
def test_the_declarations_for_rust_are_those_of_the_header(prefixes, tmp_path):
    """The guide's program in Rust compiles and prints what the guide says; its declarations are the header's."""
    program, printed = re.search(r"```rust\n(.*?)```\n\n```output\n(.*?)```", GUIDE, flags=re.S).groups()
    header = {name: (result, arguments) for name, result, arguments in declarations()}
    found = re.findall(r"fn pycouple_(\w+)\(([^)]*)\)(?: -> ([^;]+))?;", program)
    assert found
    for name, arguments, result in found:
        of_header = [in_rust(kind) for kind, _ in header[name][1]]
        assert [argument.partition(": ")[2] for argument in re.split(r",\s+", arguments.strip(", \n"))] == of_header
        assert result == in_rust(header[name][0])
    source = tmp_path / "draw.rs"
    source.write_text(program)
    prefix = prefixes["shared"]
    folder = library_path(prefix)["LD_LIBRARY_PATH"]
    run("rustc", "--edition", "2021", "-D", "warnings", "-L", folder, source, "-o", tmp_path / "draw", cwd=tmp_path)
    assert run(tmp_path / "draw", env=library_path(prefix)) == printed


def in_rust(kind):
    """A type of the header as Rust writes it."""
    if not kind.endswith("*"):
        return RUST[kind]
    to = kind.removesuffix("*").strip()
    return f"*const {RUST[to.removeprefix('const ')]}" if to.startswith("const ") else f"*mut {RUST[to]}"


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_library_stays_when_it_is_closed(prefixes):
    """Its helper threads may be asleep in it."""
    code = "import _ctypes, sys; _ctypes.dlclose(_ctypes.dlopen(sys.argv[1])); print(open('/proc/self/maps').read())"
    path = CLibrary(prefixes["shared"]).path
    assert "libpycouple" in run(sys.executable, "-c", code, path)


def test_candidates_of_the_guide(prefixes, tmp_path):
    """The guide's function draws what the whole row draws, for candidates in any order."""
    source, shared = tmp_path / "candidates.c", prefixes["shared"]
    programs = re.findall(r"```c\n(.*?)```", GUIDE, flags=re.S)
    source.write_text(next(program for program in programs if "draw_candidate" in program))
    folder = library_path(shared)["LD_LIBRARY_PATH"]
    options = ("-std=c11", "-O2", *WARNINGS, "-fPIC", "-shared", "-I", shared / "include")
    run("cc", *options, source, f"-L{folder}", "-lpycouple", f"-Wl,-rpath,{folder}", "-o", tmp_path / "candidates.so")
    draw = ctypes.CDLL(str(tmp_path / "candidates.so")).draw_candidate
    draw.restype = ctypes.c_int64
    rng, noise = np.random.default_rng(12), np.empty(40)
    for position in range(500):
        row = np.full(1000, -np.inf, np.float32)
        ids = rng.choice(1000, 40, replace=False).astype(np.uint64)
        logits = rng.normal(0, 3, 40).astype(np.float32)
        row[ids] = logits
        arguments = [ctypes.c_void_p(x.ctypes.data) for x in (logits, ids, noise)]
        numbers = ctypes.c_int64(40), ctypes.c_double(0.8), ctypes.c_uint64(7), ctypes.c_uint64(position)
        best = draw(*arguments[:2], *numbers, arguments[2])
        assert ids[best] == pycouple.sample_logits(row, 7, position, temperature=0.8)


def test_guide_prints_what_the_example_prints():
    assert "```output\n" + "\n".join(wanted()) + "\n```" in GUIDE
