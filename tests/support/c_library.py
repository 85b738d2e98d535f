"""The C interface through ctypes, as its header declares it."""

import ctypes
import re
import subprocess

import numpy as np

from tests.support import ROOT

HEADER = (ROOT / "src" / "_core" / "interface" / "pycouple.h").read_text()
DECLARATION = re.compile(r"^PYCOUPLE_API ([\w ]+?) ?(\*?)pycouple_(\w+)\(([^;]*)\);", flags=re.M)
STATUSES = {
    name: int(number)
    for name, number in re.findall(
        r"^    PYCOUPLE_(\w+) = (\d+)", HEADER.partition("enum pycouple_status")[2], flags=re.M
    )
}
DTYPES = {np.dtype(np.float16): 0, np.dtype(np.float32): 2, np.dtype(np.float64): 3}
BFLOAT16 = 1
TYPES = {
    "int": ctypes.c_int,
    "int64_t": ctypes.c_int64,
    "uint32_t": ctypes.c_uint32,
    "uint64_t": ctypes.c_uint64,
    "ptrdiff_t": ctypes.c_ssize_t,
    "double": ctypes.c_double,
    "char *": ctypes.c_char_p,
}


def run(*command, **options):
    """Run a command that must succeed; what it printed."""
    process = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False, **options)
    assert process.returncode == 0, f"{command}\n{process.stdout}{process.stderr}"
    return process.stdout


def c_type(text):
    """A type of the header as ctypes has it."""
    text = text.replace("const ", "").strip()
    return TYPES.get(text, ctypes.c_void_p) if text.endswith("*") else TYPES[text]


def declarations():
    """The functions of the header: name, type of the result, and pairs of type and name of the arguments."""
    for result, pointer, name, arguments in DECLARATION.findall(HEADER):
        one_by_one = [] if arguments == "void" else re.split(r",\s+", arguments)
        pairs = [re.fullmatch(r"(.*?)(\w+)", argument).groups() for argument in one_by_one]
        yield name, f"{result} {pointer}".strip(), [(kind.strip(), label) for kind, label in pairs]


def address(x):
    """What C is passed for an argument: arrays by their address."""
    return x.ctypes.data if isinstance(x, np.ndarray) else x


class CLibrary:
    """The functions of the shared library under `prefix`, without their prefix; arrays may be passed."""

    def __init__(self, prefix):
        self.path = next(prefix.glob("lib*/libpycouple.*"))
        loaded = ctypes.CDLL(str(self.path), use_errno=True)
        for name, result, arguments in declarations():
            function = getattr(loaded, f"pycouple_{name}")
            function.restype = c_type(result)
            function.argtypes = [c_type(kind) for kind, _ in arguments]
            setattr(self, name, self.taking_arrays(function))

    @staticmethod
    def taking_arrays(function):
        return lambda *arguments: function(*map(address, arguments))

    def draw_rows(self, what, x, seeds, steps, temperatures=None, *, stream=0, item_offset=0, workers=1, outputs=1):
        """Draw the rows of x [rows, n] by sample_<what>_rows: the status, and the results that are asked for."""
        rows, n = x.shape
        out = [np.full(rows, -77, np.int64)] + [np.full(rows, -77.0) for _ in range(outputs - 1)]
        optional = {"logits": 3, "weights": 2, "minhash": 1}[what] - outputs
        status = getattr(self, f"sample_{what}_rows")(
            *(x, dtype_of(x), rows, n, *x.strides, seeds, steps, *([temperatures] if what == "logits" else [])),
            *(stream, item_offset, workers, *out, *[None] * optional),
        )
        return status, out

    def draw_one(self, what, x, seed, step, temperature=None, *, stream=0, item_offset=0, outputs=1):
        """Draw the row x [n] by sample_<what>: the status, and the results that are asked for, as numbers."""
        out = [np.full(1, -77, np.int64)] + [np.full(1, -77.0) for _ in range(outputs - 1)]
        optional = {"logits": 3, "weights": 2, "minhash": 1}[what] - outputs
        status = getattr(self, f"sample_{what}")(
            *(x, dtype_of(x), len(x), *x.strides, seed, step, *([temperature] if what == "logits" else [])),
            *(stream, item_offset, *out, *[None] * optional),
        )
        return status, [one[0] for one in out]


def dtype_of(x):
    """The number of a dtype; bfloat16 is that of ml_dtypes."""
    return BFLOAT16 if x.dtype.name == "bfloat16" else DTYPES[x.dtype]
