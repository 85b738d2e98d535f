# Sketches: included by python/_core.pyx.

cdef extern from "batch/sketch_rows.h" nogil:
    ctypedef struct pc_table:
        pass
    ctypedef struct pc_sketch_kind:
        int minhash
        int64_t k
        uint64_t seed
        pc_table *table
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
    int64_t MAX_REGISTERS "PC_MAX_REGISTERS"
    int64_t pc_sketch_rows(const pc_matrix *, const pc_sketch_kind *, int, int, uint64_t *, pc_status *)

cdef extern from "batch/running.h" nogil:
    ctypedef struct pc_running:
        int64_t *key
        uint64_t *id
        uint64_t *tag
    int64_t PC_NEVER
    pc_status pc_sketch_update(const pc_sketch_kind *, const pc_items *, pc_running *)
    pc_status pc_sketch_finish(const pc_sketch_kind *, int, const pc_running *, uint64_t *)
    void pc_sketch_merge(int64_t, pc_running *, const pc_running *)

REGISTERS = int(MAX_REGISTERS)
NEVER = int(PC_NEVER)


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

    A dense matrix is `weights` [rows, n], with or without `ids` [n] of the items, which all rows share. Of a sparse one
    `weights` and `ids` hold the items of all rows, and `starts` (int64) where each row begins, and the last one ends.
    `ids` are int32 or 64 bits wide, and contiguous.
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
    if ids is not None:
        id_array = ids
        if id_array.itemsize not in (4, 8):
            raise ValueError(f"ids must be 32 or 64 bits wide, got {id_array.dtype}")
        m.ids = <const char *>cnp.PyArray_DATA(id_array)
        m.id_bytes = id_array.itemsize
    if starts is None:
        m.rows = weights.shape[0]
        m.row_stride = weights.strides[0]
        m.first = row_of(weights, weights.shape[1], weights.strides[1])
    else:
        start_array = starts
        m.rows = start_array.shape[0] - 1
        m.first = row_of(weights, 0, weights.strides[0])
        m.starts = <const int64_t *>cnp.PyArray_DATA(start_array)
    shape[0] = m.rows
    shape[1] = k
    out = cnp.PyArray_EMPTY(2, shape, cnp.NPY_UINT64, 0)
    to = <uint64_t *>cnp.PyArray_DATA(out)
    cdef pc_call before = pc_call_begin(workers, run_handlers)
    with nogil:
        failed = pc_sketch_rows(&m, &kind, bits, workers, to, &status)
    end_call(before)
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
