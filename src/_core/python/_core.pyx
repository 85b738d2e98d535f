# cython: language_level=3, freethreading_compatible=True, boundscheck=False, wraparound=False
"""The C core as NumPy generalized ufuncs. Use the functions of `pycouple`; this module only checks and dispatches."""

import os

cimport numpy as cnp
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

cdef extern from "Python.h" nogil:
    ctypedef struct PyThreadState
    int PyGILState_Check()
    PyThreadState *PyEval_SaveThread()
    void PyEval_RestoreThread(PyThreadState *)

cdef extern from "numpy/ufuncobject.h":
    ctypedef void (*PyUFuncGenericFunction)(char **, const cnp.npy_intp *, const cnp.npy_intp *, void *) noexcept nogil
    object PyUFunc_FromFuncAndDataAndSignature(
        PyUFuncGenericFunction *func, void **data, const char *types, int ntypes, int nin, int nout,
        int identity, const char *name, const char *doc, int unused, const char *signature)
    int PyUFunc_None

cdef extern from "contract/clock.h" nogil:
    ctypedef struct pc_draw:
        uint64_t seed
        uint64_t step
        uint32_t stream
    double c_ln "pc_ln"(double)
    void c_words "pc_words"(const pc_draw *, uint32_t, uint32_t, uint32_t *)
    uint64_t MAX_RACE_ITEM "PC_MAX_RACE_ITEM"
    uint64_t MAX_UNIFORM_ITEM "PC_MAX_UNIFORM_ITEM"
    uint64_t MAX_MINHASH_ITEM "PC_MAX_MINHASH_ITEM"

cdef extern from "dispatch/isa.h" nogil:
    ctypedef struct pc_kernels:
        const char *name
    const pc_kernels *pc_isa_level(int)
    bint pc_isa_supported(const pc_kernels *)
    const pc_kernels *pc_isa_use(const char *)
    const pc_kernels *pc_isa_current()

cdef extern from "dispatch/answers.h" nogil:
    const char *pc_wrong_answer(const pc_kernels *)

cdef extern from "batch/loops.h" nogil:
    ctypedef enum pc_kind:
        PC_F16
        PC_BF16
        PC_F32
        PC_F64
    ctypedef enum pc_rule:
        PC_LOGITS
        PC_KEYS
        PC_TIMES
        PC_MINHASH
    ctypedef struct pc_race_loop_data:
        pc_kind kind
        pc_rule rule
        int outputs
        int kept
    int PC_CLOCKS, PC_GUMBELS, PC_UNIFORMS
    int64_t PC_NO_WINNER
    void pc_race_loop(char **, const cnp.npy_intp *, const cnp.npy_intp *, const pc_race_loop_data *)
    void pc_last_kept_loop(char **, const cnp.npy_intp *, const cnp.npy_intp *, const pc_race_loop_data *)
    void pc_terms_loop(char **, const cnp.npy_intp *, const cnp.npy_intp *, pc_kind)
    void pc_equal_loop(char **, const cnp.npy_intp *, const cnp.npy_intp *, int)
    void pc_random_loop(char **, const cnp.npy_intp *, const cnp.npy_intp *, int)

cdef extern from "scan/row.h" nogil:
    ctypedef enum pc_status:
        PC_OK
    ctypedef struct pc_row:
        const char *data
        Py_ssize_t stride
        int64_t n
        pc_kind kind
    int PC_BAD_VALUE, PC_NO_ITEM, PC_BAD_TEMPERATURE, PC_OVERFLOW, PC_BAD_STREAM, PC_BAD_OFFSET, PC_NO_MEMORY
    int PC_BAD_TOP_K, PC_BAD_TOP_P, PC_BAD_MIN_P

cnp.import_array()
cnp.import_ufunc()

OK = int(PC_OK)
NO_WINNER = int(PC_NO_WINNER)
BAD_VALUE = PC_BAD_VALUE
NO_ITEM = PC_NO_ITEM
BAD_TEMPERATURE = PC_BAD_TEMPERATURE
OVERFLOW = PC_OVERFLOW
BAD_STREAM = PC_BAD_STREAM
BAD_OFFSET = PC_BAD_OFFSET
NO_MEMORY = PC_NO_MEMORY
BAD_TOP_K = PC_BAD_TOP_K
BAD_TOP_P = PC_BAD_TOP_P
BAD_MIN_P = PC_BAD_MIN_P
RACE_ITEMS = int(MAX_RACE_ITEM) + 1
UNIFORM_ITEMS = int(MAX_UNIFORM_ITEM) + 1
MINHASH_ITEMS = int(MAX_MINHASH_ITEM) + 1

include "ufuncs.pxi"


def levels():
    """Names of the compiled ISA levels, the plainest first, each with whether this machine runs it."""
    cdef int i = 0
    found = {}
    while pc_isa_level(i) != NULL:
        found[pc_isa_level(i).name.decode()] = bool(pc_isa_supported(pc_isa_level(i)))
        i += 1
    return found


def wrong_answers():
    """Of the levels that this machine runs and that do not give the known answers: what each gets wrong."""
    cdef int i = 0
    cdef const char *wrong
    found = {}
    while pc_isa_level(i) != NULL:
        if pc_isa_supported(pc_isa_level(i)):
            wrong = pc_wrong_answer(pc_isa_level(i))
            if wrong != NULL:
                found[pc_isa_level(i).name.decode()] = wrong.decode()
        i += 1
    return found


def use_level(str name=None):
    """Run one ISA level from now on, in every thread; the best one by default. Returns its name.

    Capitals in the name and blanks around it mean nothing.
    """
    cdef bytes wanted
    cdef const char *text = NULL
    known = levels()
    if name is not None:
        level = name.strip().lower()
        if level not in known:
            raise ValueError(f"ISA level {name!r} is unknown here: this build has {', '.join(known)}")
        wanted = level.encode()
        text = wanted
    if pc_isa_use(text) == NULL:
        runs = ", ".join(level for level, here in known.items() if here)
        raise ValueError(f"ISA level {name!r} is not supported by this CPU, which runs {runs}")
    return current_level()


def current_level():
    """Name of the ISA level in use."""
    return pc_isa_current().name.decode()


def philox_words(uint64_t seed, uint64_t step, uint32_t stream, uint32_t index, uint32_t domain):
    """The four Philox4x32-10 words of one counter of the contract."""
    cdef pc_draw draw = pc_draw(seed, step, stream)
    cdef uint32_t out[4]
    c_words(&draw, index, domain, out)
    return out[0], out[1], out[2], out[3]


def ln(cnp.ndarray[cnp.float64_t, ndim=1] x):
    """The contract's natural logarithm of positive normal doubles."""
    cdef cnp.ndarray[cnp.float64_t, ndim=1] out = cnp.PyArray_EMPTY(1, x.shape, cnp.NPY_FLOAT64, 0)
    cdef Py_ssize_t i
    for i in range(x.shape[0]):
        out[i] = c_ln(x[i])
    return out


include "call.pxi"
include "sketches.pxi"
include "protocol.pxi"

try:
    use_level(os.environ.get("PYCOUPLE_ISA", "").strip() or None)
except ValueError as error:
    # The package's name tells src/pycouple/_level.py that this is the error.
    raise ImportError(f"PYCOUPLE_ISA: {error}", name="pycouple") from None
