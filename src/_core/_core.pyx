# cython: language_level=3, freethreading_compatible=True, boundscheck=False, wraparound=False
"""The C core as NumPy generalized ufuncs. Use the functions of `pycouple`; this module only checks and dispatches."""

import os

cimport numpy as cnp
from libc.stdint cimport int64_t, uint32_t, uint64_t

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

cdef extern from "clock.h" nogil:
    ctypedef struct pc_draw:
        uint64_t seed
        uint64_t step
        uint32_t stream
    double c_ln "pc_ln"(double)
    void c_words "pc_words"(const pc_draw *, uint32_t, uint32_t, uint32_t *)
    uint64_t MAX_RACE_ITEM "PC_MAX_RACE_ITEM"
    uint64_t MAX_UNIFORM_ITEM "PC_MAX_UNIFORM_ITEM"
    uint64_t MAX_MINHASH_ITEM "PC_MAX_MINHASH_ITEM"

cdef extern from "isa.h" nogil:
    ctypedef struct pc_kernels:
        const char *name
    const pc_kernels *pc_isa_level(int)
    bint pc_isa_supported(const pc_kernels *)
    const pc_kernels *pc_isa_use(const char *)
    const pc_kernels *pc_isa_current()

cdef extern from "loops.h" nogil:
    ctypedef enum pc_kind:
        PC_F16
        PC_F32
        PC_F64
    ctypedef struct pc_race_loop_data:
        pc_kind kind
        int minhash
        int logits
        int want_margin
    int PC_CLOCKS, PC_GUMBELS, PC_UNIFORMS
    int64_t PC_NO_WINNER
    void pc_race_loop(char **, const cnp.npy_intp *, const cnp.npy_intp *, const pc_race_loop_data *)
    void pc_equal_loop(char **, const cnp.npy_intp *, const cnp.npy_intp *, int)
    void pc_random_loop(char **, const cnp.npy_intp *, const cnp.npy_intp *, int)
    ctypedef struct pc_call:
        pass
    pc_call pc_call_begin(int)
    bint pc_call_end(pc_call)

cdef extern from "race.h" nogil:
    ctypedef enum pc_status:
        PC_OK
    ctypedef struct pc_row:
        const char *data
        Py_ssize_t stride
        int64_t n
        pc_kind kind
    int PC_BAD_VALUE, PC_NO_ITEM, PC_BAD_TEMPERATURE, PC_OVERFLOW, PC_BAD_STREAM, PC_BAD_OFFSET, PC_NO_MEMORY

cdef extern from "sketches.h" nogil:
    ctypedef struct pc_table:
        pass
    ctypedef struct pc_sketch_kind:
        int minhash
        int64_t k
        uint64_t seed
        const pc_table *table
    ctypedef struct pc_items:
        pc_row weights
        const char *ids
        int id_bytes
        int normalize
    ctypedef struct pc_matrix:
        pc_row first
        Py_ssize_t row_stride
        const char *ids
        int id_bytes
        const int64_t *starts
        int64_t rows
        int normalize
    ctypedef struct pc_running:
        int64_t *key
        uint64_t *id
        uint64_t *tag
    int64_t PC_NEVER
    int64_t MAX_REGISTERS "PC_MAX_REGISTERS"
    int64_t pc_sketch_rows(const pc_matrix *, const pc_sketch_kind *, int, int, uint64_t *, pc_status *)
    pc_status pc_sketch_update(const pc_sketch_kind *, const pc_items *, pc_running *)
    pc_status pc_sketch_finish(const pc_sketch_kind *, int, const pc_running *, uint64_t *)
    void pc_sketch_merge(int64_t, pc_running *, const pc_running *)

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
REGISTERS = int(MAX_REGISTERS)
NEVER = int(PC_NEVER)

# NumPy gives up the GIL only above 500 outer iterations, whatever n is. From this many numbers on it is given up here.
cdef enum:
    RELEASE_FROM = 16384


cdef void race_loop(char **args, const cnp.npy_intp *dims, const cnp.npy_intp *strides, void *data) noexcept nogil:
    cdef PyThreadState *state = NULL
    if dims[0] * max(dims[1], 1) >= RELEASE_FROM and PyGILState_Check():
        state = PyEval_SaveThread()
    pc_race_loop(args, dims, strides, <pc_race_loop_data *>data)
    if state != NULL:
        PyEval_RestoreThread(state)


cdef void random_loop(char **args, const cnp.npy_intp *dims, const cnp.npy_intp *strides, void *data) noexcept nogil:
    pc_random_loop(args, dims, strides, (<int *>data)[0])


cdef void equal_loop(char **args, const cnp.npy_intp *dims, const cnp.npy_intp *strides, void *data) noexcept nogil:
    cdef PyThreadState *state = NULL
    if dims[0] * dims[1] >= RELEASE_FROM and PyGILState_Check():
        state = PyEval_SaveThread()
    pc_equal_loop(args, dims, strides, (<int *>data)[0])
    if state != NULL:
        PyEval_RestoreThread(state)


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
cdef race_tables weights_tables, minhash_tables, logits_tables, margin_tables
cdef random_tables clock_tables, gumbel_tables, uniform_tables


cdef object make_race(
        race_tables *t, bint minhash, bint logits, bint want_margin,
        const char *name, const char *doc, const char *signature):
    cdef int kind, i = 0
    for kind, real in enumerate((cnp.NPY_FLOAT16, cnp.NPY_FLOAT32, cnp.NPY_FLOAT64)):
        t.func[kind] = race_loop
        t.data[kind] = pc_race_loop_data(<pc_kind>kind, minhash, logits, want_margin)
        t.data_at[kind] = &t.data[kind]
        types = [real, cnp.NPY_UINT64, cnp.NPY_UINT64] + [cnp.NPY_FLOAT64] * logits + [cnp.NPY_UINT64, cnp.NPY_UINT64]
        for code in types + [cnp.NPY_INT64] + [cnp.NPY_FLOAT64] * 2 * want_margin:
            t.types[i] = code
            i += 1
    return PyUFunc_FromFuncAndDataAndSignature(
        t.func, t.data_at, t.types, KINDS, 5 + logits, 1 + 2 * want_margin, PyUFunc_None, name, doc, 0, signature)


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
    &weights_tables, False, False, False, b"sample_weights",
    b"Winner of the exponential race: weights, seed, step, stream, first item -> item.", b"(n),(),(),(),()->()")
sample_minhash = make_race(
    &minhash_tables, True, False, False, b"sample_minhash",
    b"Item of the first dart under the weights: weights, seed, step, stream, first item -> item.",
    b"(n),(),(),(),()->()")
sample_logits = make_race(
    &logits_tables, False, True, False, b"sample_logits",
    b"Winner of the Gumbel race: logits, seed, step, temperature, stream, first item -> item.",
    b"(n),(),(),(),(),()->()")
race_logits = make_race(
    &margin_tables, False, True, True, b"race_logits",
    b"The Gumbel race: logits, seed, step, temperature, stream, first item -> item, score, margin.",
    b"(n),(),(),(),(),()->(),(),()")
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


def call(ufunc, int workers, tuple args, dict kwargs):
    """Call a ufunc of this module on up to `workers` threads; returns its result and whether an element was marked."""
    cdef pc_call before = pc_call_begin(workers)
    try:
        result = ufunc(*args, **kwargs)
    finally:
        marked = pc_call_end(before)
    return result, marked


cdef pc_row row_of(cnp.ndarray weights, int64_t n, Py_ssize_t stride):
    cdef pc_row row
    kind = weights.dtype.char
    row.data = <const char *>cnp.PyArray_DATA(weights)
    row.stride = stride
    row.n = n
    row.kind = PC_F16 if kind == "e" else PC_F32 if kind == "f" else PC_F64
    return row


def sketch_rows(
        cnp.ndarray weights, ids, starts, bint minhash, int64_t k, uint64_t seed,
        bint normalize, int bits, int workers):
    """Sketches of the rows of a matrix; the first row that failed or -1; and its status.

    A dense matrix is `weights` [rows, n] alone; of a sparse one `weights` and `ids` (int32 or 64 bits wide, contiguous)
    hold the items of all rows, and `starts` (int64) where each row begins, and the last one ends.
    """
    cdef pc_sketch_kind kind = pc_sketch_kind(minhash, k, seed, NULL)
    cdef pc_status status = PC_OK
    cdef pc_matrix m
    cdef cnp.npy_intp shape[2]
    cdef cnp.ndarray out
    cdef cnp.ndarray id_array, start_array
    cdef uint64_t *to
    cdef int64_t failed
    m.normalize = normalize
    m.ids = NULL
    m.starts = NULL
    m.id_bytes = 0
    m.row_stride = 0
    if starts is None:
        m.rows = weights.shape[0]
        m.row_stride = weights.strides[0]
        m.first = row_of(weights, weights.shape[1], weights.strides[1])
    else:
        id_array, start_array = ids, starts
        if id_array.itemsize not in (4, 8):
            raise ValueError(f"ids must be 32 or 64 bits wide, got {id_array.dtype}")
        m.rows = start_array.shape[0] - 1
        m.first = row_of(weights, 0, weights.strides[0])
        m.ids = <const char *>cnp.PyArray_DATA(id_array)
        m.id_bytes = id_array.itemsize
        m.starts = <const int64_t *>cnp.PyArray_DATA(start_array)
    shape[0] = m.rows
    shape[1] = k
    out = cnp.PyArray_EMPTY(2, shape, cnp.NPY_UINT64, 0)
    to = <uint64_t *>cnp.PyArray_DATA(out)
    with nogil:
        failed = pc_sketch_rows(&m, &kind, bits, workers, to, &status)
    return out, failed, int(status)


cdef pc_running running_of(cnp.ndarray key, cnp.ndarray id, cnp.ndarray tag):
    return pc_running(
        <int64_t *>cnp.PyArray_DATA(key), <uint64_t *>cnp.PyArray_DATA(id), <uint64_t *>cnp.PyArray_DATA(tag))


def sketch_update(bint minhash, int64_t k, uint64_t seed, tuple registers, cnp.ndarray weights, cnp.ndarray ids):
    """Put items (weights of float type, ids uint64 and contiguous) into registers (key, id, tag); the status."""
    cdef pc_sketch_kind kind = pc_sketch_kind(minhash, k, seed, NULL)
    cdef pc_running running = running_of(registers[0], registers[1], registers[2])
    cdef pc_items items
    cdef pc_status status
    items.weights = row_of(weights, weights.shape[0], weights.strides[0])
    items.ids = <const char *>cnp.PyArray_DATA(ids)
    items.id_bytes = 8
    items.normalize = 0
    with nogil:
        status = pc_sketch_update(&kind, &items, &running)
    return int(status)


def sketch_finish(bint minhash, int64_t k, uint64_t seed, int bits, tuple registers):
    """What the registers (key, id, tag) hold, and the status."""
    cdef pc_sketch_kind kind = pc_sketch_kind(minhash, k, seed, NULL)
    cdef pc_running running = running_of(registers[0], registers[1], registers[2])
    cdef cnp.npy_intp shape[1]
    shape[0] = k
    out = cnp.PyArray_EMPTY(1, shape, cnp.NPY_UINT64, 0)
    status = pc_sketch_finish(&kind, bits, &running, <uint64_t *>cnp.PyArray_DATA(out))
    return out, int(status)


def sketch_merge(tuple registers, tuple other):
    """Keep in `registers` (key, id, tag) the better of each two arrivals."""
    cdef pc_running into = running_of(registers[0], registers[1], registers[2])
    cdef pc_running given = running_of(other[0], other[1], other[2])
    pc_sketch_merge(registers[0].shape[0], &into, &given)


def levels():
    """Names of the compiled ISA levels, the plainest first, each with whether this machine runs it."""
    cdef int i = 0
    found = {}
    while pc_isa_level(i) != NULL:
        found[pc_isa_level(i).name.decode()] = bool(pc_isa_supported(pc_isa_level(i)))
        i += 1
    return found


def use_level(str name=None):
    """Run one ISA level from now on, in every thread; the best one by default. Returns its name."""
    cdef bytes wanted = b"" if name is None else name.encode()
    cdef const char *text = NULL if name is None else <const char *>wanted
    known = levels()
    if name is not None and name not in known:
        raise ValueError(f"ISA level {name!r} is unknown here: this build has {', '.join(known)}")
    if pc_isa_use(text) == NULL:
        raise ValueError(f"ISA level {name!r} is not supported by this CPU")
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


try:
    use_level(os.environ.get("PYCOUPLE_ISA") or None)
except ValueError as error:
    raise ImportError(f"PYCOUPLE_ISA: {error}") from None
