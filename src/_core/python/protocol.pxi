# Darts and epochs of the protocol: included by python/_core.pyx.
# Weights are one row, contiguous and aligned; a bitmap is uint8, contiguous, of (1 << power) / 8 bytes per epoch.

cdef extern from "batch/protocol.h" nogil:
    ctypedef struct pc_dart:
        double time
        uint64_t item
        uint32_t group
        uint16_t tier
        uint16_t number
    int CELL_DARTS_ "PC_CELL_DARTS"
    int DART_TIERS_ "PC_DART_TIERS"
    pc_status pc_first_dart(const pc_row *, const pc_draw *, pc_dart *)
    void pc_place_dart(const pc_draw *, pc_dart *)
    pc_status pc_meet(const pc_row *, const pc_draw *, const pc_dart *, int *, int64_t *)
    pc_draw pc_epoch(const pc_draw *, uint32_t)
    ctypedef struct pc_round:
        uint32_t first
        uint32_t epochs
        int power
    pc_status pc_set_marks(const pc_row *, const pc_draw *, const pc_round *, uint8_t *)
    pc_status pc_first_unmarked(const pc_row *, const pc_draw *, const pc_round *, const uint8_t *, int64_t *)

CELL_DARTS = int(CELL_DARTS_)
DART_TIERS = int(DART_TIERS_)


cdef pc_row one_row(cnp.ndarray weights):
    return row_of(weights, weights.shape[0], weights.strides[0])


def first_dart(cnp.ndarray weights, uint64_t seed, uint64_t step):
    """The first dart under the weights: the status, and its item, tier, group and number."""
    cdef pc_row row = one_row(weights)
    cdef pc_draw draw = pc_draw(seed, step, 0)
    cdef pc_dart first
    cdef pc_status status
    with nogil:
        status = pc_first_dart(&row, &draw, &first)
    return (int(status), first.item, first.tier, first.group, first.number) if status == PC_OK else (int(status),) * 5


def dart_item(uint64_t seed, uint64_t step, uint16_t tier, uint32_t group, uint16_t number):
    """Where a dart falls: its time, and its item."""
    cdef pc_draw draw = pc_draw(seed, step, 0)
    cdef pc_dart dart = pc_dart(0, 0, group, tier, number)
    pc_place_dart(&draw, &dart)
    return dart.time, dart.item


def meet(cnp.ndarray weights, uint64_t seed, uint64_t step, uint16_t tier, uint32_t group, uint16_t number):
    """The status; whether a dart is under the weights; the item of the first dart under them before it, or -1."""
    cdef pc_row row = one_row(weights)
    cdef pc_draw draw = pc_draw(seed, step, 0)
    cdef pc_dart dart = pc_dart(0, 0, group, tier, number)
    cdef pc_status status
    cdef int under = 0
    cdef int64_t before = -1
    with nogil:
        pc_place_dart(&draw, &dart)
        status = pc_meet(&row, &draw, &dart, &under, &before)
    return int(status), bool(under), before


def epoch_seed(uint64_t seed, uint64_t step, uint32_t epoch):
    """The seed of the darts of an epoch."""
    cdef pc_draw draw = pc_draw(seed, step, 0)
    return pc_epoch(&draw, epoch).seed


def set_marks(cnp.ndarray weights, uint64_t seed, uint64_t step, uint32_t first, uint32_t epochs, int power,
              cnp.ndarray bitmap):
    """Set the bits of all darts under the weights in a round of so many epochs from `first` on; the status."""
    cdef pc_row row = one_row(weights)
    cdef pc_draw draw = pc_draw(seed, step, 0)
    cdef pc_round marks = pc_round(first, epochs, power)
    cdef uint8_t *bits = <uint8_t *>cnp.PyArray_DATA(bitmap)
    cdef pc_status status
    cdef pc_call before = pc_call_begin(1, run_handlers)
    with nogil:
        status = pc_set_marks(&row, &draw, &marks, bits)
    end_call(before)
    return int(status)


def first_unmarked(cnp.ndarray weights, uint64_t seed, uint64_t step, uint32_t first, uint32_t epochs, int power,
                   cnp.ndarray bitmap):
    """The status, and the item of the first dart under the weights in a round whose bit is not set, or -1."""
    cdef pc_row row = one_row(weights)
    cdef pc_draw draw = pc_draw(seed, step, 0)
    cdef pc_round marks = pc_round(first, epochs, power)
    cdef const uint8_t *bits = <const uint8_t *>cnp.PyArray_DATA(bitmap)
    cdef pc_status status
    cdef int64_t item = -1
    cdef pc_call before = pc_call_begin(1, run_handlers)
    with nogil:
        status = pc_first_unmarked(&row, &draw, &marks, bits, &item)
    end_call(before)
    return int(status), item
