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
        double (*softmax_f32)(const char *, int64_t, double, double, double *) noexcept nogil
        double (*softmax_f64)(const char *, int64_t, double, double, double *) noexcept nogil
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
    int PC_CLOCKS, PC_GUMBELS, PC_UNIFORMS
    int64_t PC_NO_WINNER
    void pc_race_loop(char **, const cnp.npy_intp *, const cnp.npy_intp *, const pc_race_loop_data *)
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
RACE_ITEMS = int(MAX_RACE_ITEM) + 1
UNIFORM_ITEMS = int(MAX_UNIFORM_ITEM) + 1
MINHASH_ITEMS = int(MAX_MINHASH_ITEM) + 1

# NumPy gives up the GIL only above 500 outer iterations, whatever n is. From this many numbers on it is given up here.
cdef enum:
    RELEASE_FROM = 16384


cdef PyThreadState *without_gil(cnp.npy_intp numbers) noexcept nogil:
    return PyEval_SaveThread() if numbers >= RELEASE_FROM and PyGILState_Check() else NULL


cdef void with_gil(PyThreadState *state) noexcept nogil:
    if state != NULL:
        PyEval_RestoreThread(state)


cdef void race_loop(char **args, const cnp.npy_intp *dims, const cnp.npy_intp *strides, void *data) noexcept nogil:
    cdef PyThreadState *state = without_gil(dims[0] * max(dims[1], 1))
    pc_race_loop(args, dims, strides, <pc_race_loop_data *>data)
    with_gil(state)


cdef void random_loop(char **args, const cnp.npy_intp *dims, const cnp.npy_intp *strides, void *data) noexcept nogil:
    pc_random_loop(args, dims, strides, (<int *>data)[0])


cdef void equal_loop(char **args, const cnp.npy_intp *dims, const cnp.npy_intp *strides, void *data) noexcept nogil:
    cdef PyThreadState *state = without_gil(dims[0] * dims[1])
    pc_equal_loop(args, dims, strides, (<int *>data)[0])
    with_gil(state)


# The arrays below must outlive the ufuncs: NumPy keeps pointers to them.

cdef enum:
    KINDS = 3

cdef struct race_tables:
    PyUFuncGenericFunction func[KINDS]
    pc_race_loop_data data[KINDS]
    void *data_at[KINDS]
    char types[KINDS * 9]

cdef struct random_tables:
    PyUFuncGenericFunction func[1]
    int data[1]
    void *data_at[1]
    char types[5]

cdef struct equal_tables:
    PyUFuncGenericFunction func[4]
    int data[4]
    void *data_at[4]
    char types[12]

cdef equal_tables registers_tables
cdef race_tables weights_tables, minhash_tables, logits_tables, margin_tables, time_tables
cdef race_tables weights_score_tables, logits_score_tables
cdef race_tables weights_bf16_tables, minhash_bf16_tables, logits_bf16_tables, margin_bf16_tables, time_bf16_tables
cdef random_tables clock_tables, gumbel_tables, uniform_tables


# The kinds of rows and the types that hold them. NumPy has no bfloat16: its bits come in uint16.
cdef tuple REALS = ((PC_F16, cnp.NPY_FLOAT16), (PC_F32, cnp.NPY_FLOAT32), (PC_F64, cnp.NPY_FLOAT64))
cdef tuple BF16 = ((PC_BF16, cnp.NPY_UINT16),)


cdef object make_race(
        race_tables *t, pc_rule rule, int outputs,
        const char *name, const char *doc, const char *signature, tuple kinds=REALS):
    cdef int k, i = 0
    cdef bint logits = rule == PC_LOGITS
    for k, (kind, real) in enumerate(kinds):
        t.func[k] = race_loop
        t.data[k] = pc_race_loop_data(kind, rule, outputs)
        t.data_at[k] = &t.data[k]
        types = [real, cnp.NPY_UINT64, cnp.NPY_UINT64] + [cnp.NPY_FLOAT64] * logits + [cnp.NPY_UINT64, cnp.NPY_UINT64]
        for code in types + [cnp.NPY_INT64] + [cnp.NPY_FLOAT64] * (outputs - 1):
            t.types[i] = code
            i += 1
    return PyUFunc_FromFuncAndDataAndSignature(
        t.func, t.data_at, t.types, <int>len(kinds), 5 + logits, outputs, PyUFunc_None, name, doc, 0, signature)


cdef object make_random(random_tables *t, int what, const char *name, const char *doc):
    cdef int i
    t.func[0] = random_loop
    t.data[0] = what
    t.data_at[0] = &t.data[0]
    for i in range(4):
        t.types[i] = cnp.NPY_UINT64
    t.types[4] = cnp.NPY_FLOAT64
    return PyUFunc_FromFuncAndDataAndSignature(
        t.func, t.data_at, t.types, 1, 4, 1, PyUFunc_None, name, doc, 0, b"(),(),(),()->()")


cdef object make_equal(equal_tables *t, const char *name, const char *doc):
    cdef int power
    for power, code in enumerate((cnp.NPY_UINT8, cnp.NPY_UINT16, cnp.NPY_UINT32, cnp.NPY_UINT64)):
        t.func[power] = equal_loop
        t.data[power] = power
        t.data_at[power] = &t.data[power]
        t.types[3 * power] = t.types[3 * power + 1] = code
        t.types[3 * power + 2] = cnp.NPY_INT64
    return PyUFunc_FromFuncAndDataAndSignature(
        t.func, t.data_at, t.types, 4, 2, 1, PyUFunc_None, name, doc, 0, b"(k),(k)->()")


sample_weights = make_race(
    &weights_tables, PC_KEYS, 1, b"sample_weights",
    b"Winner of the exponential race: weights, seed, step, stream, first item -> item.", b"(n),(),(),(),()->()")
sample_minhash = make_race(
    &minhash_tables, PC_MINHASH, 1, b"sample_minhash",
    b"Item of the first dart under the weights: weights, seed, step, stream, first item -> item.",
    b"(n),(),(),(),()->()")
sample_logits = make_race(
    &logits_tables, PC_LOGITS, 1, b"sample_logits",
    b"Winner of the Gumbel race: logits, seed, step, temperature, stream, first item -> item.",
    b"(n),(),(),(),(),()->()")
race_logits = make_race(
    &margin_tables, PC_LOGITS, 3, b"race_logits",
    b"The Gumbel race: logits, seed, step, temperature, stream, first item -> item, score, margin.",
    b"(n),(),(),(),(),()->(),(),()")
race_weights = make_race(
    &time_tables, PC_TIMES, 2, b"race_weights",
    b"The exponential race: weights, seed, step, stream, first item -> item, minus its time of arrival.",
    b"(n),(),(),(),()->(),()")
score_weights = make_race(
    &weights_score_tables, PC_KEYS, 2, b"score_weights",
    b"Winner of the exponential race: weights, seed, step, stream, first item -> item, minus its key.",
    b"(n),(),(),(),()->(),()")
score_logits = make_race(
    &logits_score_tables, PC_LOGITS, 2, b"score_logits",
    b"Winner of the Gumbel race: logits, seed, step, temperature, stream, first item -> item, score.",
    b"(n),(),(),(),(),()->(),()")
sample_weights_bf16 = make_race(
    &weights_bf16_tables, PC_KEYS, 1, b"sample_weights_bf16",
    b"sample_weights of bfloat16 rows, whose bits are in uint16.", b"(n),(),(),(),()->()", BF16)
sample_minhash_bf16 = make_race(
    &minhash_bf16_tables, PC_MINHASH, 1, b"sample_minhash_bf16",
    b"sample_minhash of bfloat16 rows, whose bits are in uint16.", b"(n),(),(),(),()->()", BF16)
sample_logits_bf16 = make_race(
    &logits_bf16_tables, PC_LOGITS, 1, b"sample_logits_bf16",
    b"sample_logits of bfloat16 rows, whose bits are in uint16.", b"(n),(),(),(),(),()->()", BF16)
race_logits_bf16 = make_race(
    &margin_bf16_tables, PC_LOGITS, 3, b"race_logits_bf16",
    b"race_logits of bfloat16 rows, whose bits are in uint16.", b"(n),(),(),(),(),()->(),(),()", BF16)
race_weights_bf16 = make_race(
    &time_bf16_tables, PC_TIMES, 2, b"race_weights_bf16",
    b"race_weights of bfloat16 rows, whose bits are in uint16.", b"(n),(),(),(),()->(),()", BF16)
clock = make_random(
    &clock_tables, PC_CLOCKS, b"clock",
    b"Exp(1) clocks of the race: seed, step, stream, item -> clock.")
gumbel = make_random(
    &gumbel_tables, PC_GUMBELS, b"gumbel",
    b"Gumbel values -ln(clock): seed, step, stream, item -> value.")
uniform = make_random(
    &uniform_tables, PC_UNIFORMS, b"uniform",
    b"Uniforms on (0, 1): seed, step, stream, item -> value.")

count_equal = make_equal(&registers_tables, b"count_equal", b"In how many registers two sketches are equal.")


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
include "softmax.pxi"
include "sketches.pxi"
include "protocol.pxi"

try:
    use_level(os.environ.get("PYCOUPLE_ISA", "").strip() or None)
except ValueError as error:
    # The package's name tells src/pycouple/_level.py that this is the error.
    raise ImportError(f"PYCOUPLE_ISA: {error}", name="pycouple") from None
