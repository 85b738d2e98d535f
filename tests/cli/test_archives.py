"""`pycouple demo --input`: whatever a file is, one line says what is wrong with it, and nothing large is read first."""

import io
import os
import pickle
import random
import struct
import subprocess
import sys
import tracemalloc
import warnings
import zipfile
from collections import Counter

import numpy as np
import pytest

from pycouple.cli import archives, distributions
from pycouple.cli.main import main
from tests.support.mutations import hostile_npz, npz
from tests.support.parties import small_file


def npy(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


MEMBERS = {name: npy(array) for name, array in small_file().items()}


def header(shape, kind="<i8", version=b"\x01\x00"):
    """The start of an array."""
    text = f"{{'descr': {kind!r}, 'fortran_order': False, 'shape': {shape}}}\n".encode()
    return b"\x93NUMPY" + version + len(text).to_bytes(2 if version == b"\x01\x00" else 4, "little") + text


def with_ids(member, method=zipfile.ZIP_DEFLATED):
    """An archive in which `target_ids` is what its maker did not think of."""
    return npz(MEMBERS | {"target_ids": member}, method)


def patched(data, place, new, name=b"target_ids.npy"):
    """An archive with a field of the directory's entry of an array changed; `place` is its offset in there."""
    at = data.rindex(b"PK\x01\x02", 0, data.rindex(name))
    return data[: at + place] + new + data[at + place + len(new) :]


def fuzz(count, path, seed=0):
    """Read so many hostile archives; how often which answer came, by how it begins."""
    rng, answers = random.Random(seed), Counter()
    members = {name: data for name, data in MEMBERS.items() if name.startswith(("target", "a_"))}
    for _ in range(count):
        path.write_bytes(hostile_npz(members, rng))
        try:
            with warnings.catch_warnings(action="error"):
                distributions.load(path)
            answers["read"] += 1
        except ValueError as error:
            where, text = f"--input {str(path)!r}: ", str(error)
            assert text.startswith(where)
            answers[text.removeprefix(where)[:40]] += 1
    return answers


def test_hostile_archives(tmp_path):
    answers = fuzz(400, tmp_path / "x.npz")
    assert answers["read"] < 200
    assert len(answers) > 12


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"root:x:0:0", "it is no .npz file, an archive as numpy.savez writes it"),
        (b"", "it is no .npz file"),
        (pickle.dumps([1]), "it is no .npz file"),
        (npy(np.ones(3)), "it is no .npz file"),
        (b'{"target_p": [[1.0]]}', "it is no .npz file"),
        (with_ids(b"not an array"), "array target_ids is damaged"),
        (with_ids(b""), "array target_ids is damaged"),
        (with_ids(npy(np.array([[{}]]))), "array target_ids is damaged, or does not hold plain numbers"),
        (
            with_ids(header("(2, 3)")),
            "array target_ids is damaged: int64 [2, 3] takes 116 bytes with",
        ),
        (
            with_ids(header("(2, 3)") + bytes(49)),
            "array target_ids is damaged: int64 [2, 3] takes 116 bytes with",
        ),
        (with_ids(header(f"(2, {2**44})")), f"array target_ids is damaged: int64 [2, {2**44}] takes {2**48 + 81} by"),
        (with_ids(header(f"({10**15},)")), "array target_ids is damaged: int64 [1000000000000000] takes"),
        (with_ids(header("(10**15,)")), "array target_ids is damaged"),
        (with_ids(header("(-1, -6)") + bytes(48)), "array target_ids is damaged"),
        (with_ids(header(f"(0x{'f' * 9000}, 2)")), "array target_ids is damaged"),
        (with_ids(header("(" * 5000)), "array target_ids is damaged"),
        (with_ids(header("-" * 9000 + "1")), "array target_ids is damaged"),
        (with_ids(header("(2L, 3L)") + bytes(48)), "target_ids must not repeat a token"),  # of Python 2, and no warning
        (with_ids(header("(2, 3)", "\\d")), "array target_ids is damaged"),
        (with_ids(header("(2, 3)", version=b"\x03\x00") + bytes(48)), "array target_ids is damaged"),
        (with_ids(header("(2, 3)", version=b"\x02\x00") + bytes(48)), "target_ids must not repeat a token"),
        (with_ids(b"\x93NUMPY\x02\x00" + b"\xff" * 4 + b"{" * 20_000), "array target_ids is damaged"),
        (with_ids(header("()", "<U9")), "array target_ids is damaged: <U9 [] takes"),
        (with_ids(header("(2, 3)", "<i8")[:-1] + b"\0" + bytes(48)), "array target_ids is damaged"),
        (with_ids(MEMBERS["target_ids"], zipfile.ZIP_LZMA), "array target_ids is compressed by method 14"),
        (with_ids(MEMBERS["target_ids"], zipfile.ZIP_BZIP2), "array target_ids is compressed by method 12"),
        (patched(npz(MEMBERS), 10, b"\x63\x00"), "array target_ids is compressed by method 99"),
        (patched(npz(MEMBERS), 8, b"\x01\x00"), "array target_ids is encrypted"),
        (patched(npz(MEMBERS), 8, b"\x40\x00"), "array target_ids is damaged"),
        (patched(npz(MEMBERS), 6, b"\xff\x00"), "the archive is damaged"),
        (patched(npz(MEMBERS), 16, b"\0\0\0\0"), "array target_ids is damaged"),  # the CRC
        (patched(npz(MEMBERS), 24, struct.pack("<L", 2**31)), "array target_ids is damaged: int64 [2, 3] takes 176"),
        (patched(npz(MEMBERS), 42, struct.pack("<L", 2**31)), "array target_ids is damaged"),  # where the member is
        (patched(npz(MEMBERS), 46, b"a", b"target_p.npy"), "array target_p is missing"),
        (npz(MEMBERS)[:-6] + b"\xff\xff\xff\x7f\0\0", "array target_ids is damaged"),  # where the directory is
    ],
)
def test_what_is_refused(data, message, tmp_path, capsys):
    path = tmp_path / "x.npz"
    path.write_bytes(data)
    with warnings.catch_warnings(action="error"):
        assert main(["demo", "--input", str(path), "--output", str(tmp_path / "x.png")]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"pycouple: error: --input {str(path)!r}: {message}")
    assert error.count("\n") == 1
    assert "pickle" not in error  # NumPy's advice


def test_an_array_that_is_there_twice(tmp_path):
    path, data = tmp_path / "x.npz", npz(MEMBERS | {"A_p": MEMBERS["a_p"]})
    path.write_bytes(data.replace(b"A_p", b"a_p"))
    with pytest.raises(ValueError, match=r": the archive holds array a_p more than once$"):
        distributions.load(path)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: path.mkdir(), "it is a folder"),
        (os.mkfifo, "it is no regular file"),
        (lambda path: path.symlink_to("/dev/zero"), "it is no regular file"),
        (lambda path: path.symlink_to("/dev/tty"), "it is no regular file"),
        (lambda path: path.symlink_to(path), "Too many levels of symbolic links"),
        (lambda path: None, "No such file or directory"),
    ],
)
def test_what_is_no_file(make, message, tmp_path, capsys):
    path = tmp_path / "two\nlines.npz"
    make(path)
    assert main(["demo", "--input", str(path), "--output", str(tmp_path / "x.png")]) == 2
    assert capsys.readouterr().err == f"pycouple: error: --input {str(path)!r}: {message}\n"


def test_a_pipe_on_stdin(tmp_path):
    code = "import sys; from pycouple.cli.main import main; sys.exit(main())"
    options = ["demo", "--input", "/dev/stdin", "--output", str(tmp_path / "x.png")]
    run = subprocess.run([sys.executable, "-c", code, *options], input=npz(MEMBERS), capture_output=True, timeout=120)
    assert (run.returncode, run.stdout) == (2, b"")
    assert run.stderr == b"pycouple: error: --input '/dev/stdin': it is no regular file\n"


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_file_cut_short(method, tmp_path):
    path, data = tmp_path / "x.npz", npz(MEMBERS, method)
    for length in (0, 3, 40, len(data) // 2, len(data) - 1):
        path.write_bytes(data[:length])
        with pytest.raises(ValueError, match=r": it is no \.npz file, .* or only a part of one"):
            distributions.load(path)
    middle = data.index(b"target_ids.npy") + 60
    path.write_bytes(data[:middle] + b"?" + data[middle + 1 :])
    with pytest.raises(ValueError, match=": array target_ids is damaged"):
        distributions.load(path)


def peak(path):
    """The most memory that reading took, in bytes, and the error."""
    tracemalloc.start()
    try:
        distributions.load(path)
        return tracemalloc.get_traced_memory()[1], None
    except ValueError as error:
        return tracemalloc.get_traced_memory()[1], error
    finally:
        tracemalloc.stop()


def zeros(path, name, start):
    """A small archive with 100 MB of zeros in one array, which starts in this way."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for other, data in MEMBERS.items():
            if other != name:
                file.writestr(f"{other}.npy", data)
        with file.open(f"{name}.npy", "w") as member:
            member.write(start)
            for _ in range(100):
                member.write(bytes(10**6))


@pytest.mark.parametrize("name", ["prompts", "c_ids", "target_logits"])
def test_an_array_that_nobody_needs_is_not_read(name, tmp_path):
    path = tmp_path / "x.npz"
    zeros(path, name, header(f"({10**8},)", "<i1"))
    memory, error = peak(path)
    assert error is None
    assert memory < 2 * 10**6


def test_a_small_file_that_would_fill_the_memory(tmp_path, monkeypatch):
    path = tmp_path / "x.npz"
    zeros(path, "target_ids", header(f"(2, {5 * 10**7})", "<i1"))
    memory, error = peak(path)
    assert "target_p must be floats [2, 50000000] as target_ids, got float64 [2, 3]" in str(error)
    assert memory < 2 * 10**6
    monkeypatch.setattr(archives, "MAX_BYTES", 10**6)
    with pytest.raises(ValueError, match=r": its arrays have more than 1000000 bytes, at 8 bytes per number$"):
        distributions.load(path)


def test_a_large_directory_is_not_read(tmp_path):
    """Twelve million bytes of names, and a zip64 directory that claims 2^60."""
    path = tmp_path / "x.npz"
    with zipfile.ZipFile(path, "w") as file:
        for i in range(200):
            file.writestr(f"{i}" * 20_000, b"")
    memory, error = peak(path)
    assert "the directory of the archive has more than 1048576 bytes" in str(error)
    assert memory < 2 * 10**6
    end = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, 1, 1, 2**60, 0)
    path.write_bytes(end + struct.pack("<4sLQL", b"PK\x06\x07", 0, 0, 1) + b"PK\x05\x06" + b"\xff" * 16 + b"\0\0")
    memory, error = peak(path)
    assert error is not None
    assert memory < 2 * 10**6


@pytest.mark.parametrize("kind", ["<f2", "<f8", np.longdouble])
def test_the_bytes_that_count(kind, monkeypatch):
    """Those of the array as it is worked with, or of a larger one as it is read."""
    archive = archives.Archive(io.BytesIO(npz({"x": npy(np.zeros(10, kind))})))
    need = 10 * max(8, np.dtype(kind).itemsize)
    monkeypatch.setattr(archives, "MAX_BYTES", need)
    assert list(archive.headers(["x"])) == ["x"]
    monkeypatch.setattr(archives, "MAX_BYTES", need - 1)
    with pytest.raises(ValueError, match=f"more than {need - 1} bytes, at 8 bytes per number"):
        archive.headers(["x"])


@pytest.mark.parametrize(("ids", "p"), [("<i8", "<f8"), (">i8", ">f8"), ("<i4", "<f2")])
def test_a_file_takes_little_more_than_twice_its_numbers(ids, p, tmp_path):
    """At 8 bytes per number, as SECURITY.md says of a file at the limit: what is read, and its ids in order."""
    path, k = tmp_path / "x.npz", 300_000
    target = {"ids": np.arange(2 * k).reshape(2, k).astype(ids), "p": np.full((2, k), 0.5 / k, p), "rest": [0.5, 0.5]}
    large = {f"target_{name}": npy(np.asarray(array)) for name, array in target.items()}
    large |= {name: data for name, data in MEMBERS.items() if name.startswith("a_")}
    path.write_bytes(npz(large))
    memory, error = peak(path)
    assert error is None
    assert memory < 2.3 * 8 * 4 * k


def test_little_memory_is_said(tmp_path):
    """A sound file of 160 MB when it is unpacked, and an address space that does not hold it."""
    pytest.importorskip("resource")
    path, k = tmp_path / "x.npz", 10**7
    large = {"a_ids": header(f"(2, {k})") + bytes(16 * k), "a_p": header(f"(2, {k})", "<f2") + bytes(4 * k)}
    path.write_bytes(npz(MEMBERS | large, zipfile.ZIP_DEFLATED))
    code = """
import resource, sys
from pycouple.cli import demo, main
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 10**8, used + 10**8))
sys.exit(main.main())
"""
    options = ["demo", "--input", str(path), "--output", str(tmp_path / "x.png")]
    run = subprocess.run([sys.executable, "-c", code, *options], capture_output=True, text=True, timeout=300)
    assert run.stderr == "pycouple: error: there is not enough memory\n"
    assert run.returncode == 2
