# Softmax terms: included by python/_core.pyx.

cdef extern from "simd/fpmode.h" nogil:
    ctypedef struct pc_fpmode:
        pass
    pc_fpmode pc_fp_enter()
    void pc_fp_leave(pc_fpmode)

cdef extern from "contract/exp.h" nogil:
    double c_exp "pc_exp"(double)


def exp(cnp.ndarray[cnp.float64_t, ndim=1] x):
    """The core's exponential function of doubles that are not positive."""
    cdef cnp.ndarray[cnp.float64_t, ndim=1] out = cnp.PyArray_EMPTY(1, x.shape, cnp.NPY_FLOAT64, 0)
    cdef Py_ssize_t i
    for i in range(x.shape[0]):
        out[i] = c_exp(x[i])
    return out


def softmax_terms(cnp.ndarray x, cnp.ndarray top, double temperature):
    """The terms exp((x - top) / temperature) of rows [rows, n], float32 or float64, and their sums.

    `x` is contiguous, but may stand at any address. `top` is the largest number of each row, float64 and contiguous.
    """
    cdef cnp.npy_intp shape[2]
    cdef int64_t rows = x.shape[0], n = x.shape[1], i
    cdef const pc_kernels *kernels = pc_isa_current()
    cdef bint is_double = x.dtype.char == "d"
    cdef const char *data = <const char *>cnp.PyArray_DATA(x)
    cdef int64_t row_bytes = n * x.itemsize
    cdef const double *tops = <const double *>cnp.PyArray_DATA(top)
    cdef double *to
    cdef double *sums
    cdef pc_fpmode mode
    shape[0] = rows
    shape[1] = n
    terms = cnp.PyArray_EMPTY(2, shape, cnp.NPY_FLOAT64, 0)
    total = cnp.PyArray_EMPTY(1, shape, cnp.NPY_FLOAT64, 0)
    to = <double *>cnp.PyArray_DATA(terms)
    sums = <double *>cnp.PyArray_DATA(total)
    with nogil:
        mode = pc_fp_enter()
        for i in range(rows):
            if is_double:
                sums[i] = kernels.softmax_f64(data + i * row_bytes, n, tops[i], temperature, to + i * n)
            else:
                sums[i] = kernels.softmax_f32(data + i * row_bytes, n, tops[i], temperature, to + i * n)
        pc_fp_leave(mode)
    return terms, total
