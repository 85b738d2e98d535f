# Calls of ufuncs, and signal handlers in the midst of them: included by python/_core.pyx.

from cpython.exc cimport PyErr_CheckSignals
from cpython.ref cimport Py_DECREF, Py_INCREF

cdef extern from "batch/call.h" nogil:
    ctypedef int pc_poll(void **) noexcept nogil
    ctypedef struct pc_call:
        int marked
        void *raised
    pc_call pc_call_begin(int, pc_poll *)
    pc_call pc_call_end(pc_call)


cdef int run_handlers(void **raised) noexcept with gil:
    """Run the handlers of signals that have come; what one of them raises is kept for `end_call`."""
    try:
        PyErr_CheckSignals()
    except BaseException as error:
        Py_INCREF(error)
        raised[0] = <void *>error
        return 1
    return 0


cdef bint end_call(pc_call before) except -1:
    """Whether an element was marked in the call that ends; raises what a signal handler raised in it."""
    cdef pc_call ended = pc_call_end(before)
    if ended.raised != NULL:
        error = <object>ended.raised
        Py_DECREF(error)
        raise error
    return ended.marked


def call(ufunc, int workers, tuple args, dict kwargs):
    """Call a ufunc of this module on up to `workers` threads; returns its result and whether an element was marked.

    It runs signal handlers a few times per second, so that Ctrl-C ends it.
    """
    cdef pc_call before = pc_call_begin(workers, run_handlers)
    try:
        result = ufunc(*args, **kwargs)
    finally:
        marked = end_call(before)
    return result, marked
