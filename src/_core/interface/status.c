/* What a status says, and which version this is. The statuses of rows are those of the core. */
#include "interface/pycouple.h"

#include "scan/row.h"

#define SAME(public, core) _Static_assert((int)(public) == (int)(core), #public)
SAME(PYCOUPLE_OK, PC_OK);
SAME(PYCOUPLE_BAD_VALUE, PC_BAD_VALUE);
SAME(PYCOUPLE_NO_ITEM, PC_NO_ITEM);
SAME(PYCOUPLE_BAD_TEMPERATURE, PC_BAD_TEMPERATURE);
SAME(PYCOUPLE_OVERFLOW, PC_OVERFLOW);
SAME(PYCOUPLE_BAD_STREAM, PC_BAD_STREAM);
SAME(PYCOUPLE_BAD_OFFSET, PC_BAD_OFFSET);
SAME(PYCOUPLE_NO_MEMORY, PC_NO_MEMORY);
SAME(PYCOUPLE_BAD_TOP_K, PC_BAD_TOP_K);
SAME(PYCOUPLE_BAD_TOP_P, PC_BAD_TOP_P);
SAME(PYCOUPLE_BAD_MIN_P, PC_BAD_MIN_P);

const char *pycouple_strerror(int status) {
    switch (status) {
    case PYCOUPLE_OK:
        return "no error";
    case PYCOUPLE_BAD_VALUE:
        return "a weight is negative, NaN or infinite, a logit is NaN or +infinity, or the row changed while it was "
               "read";
    case PYCOUPLE_NO_ITEM:
        return "there is nothing to draw: no item, no positive weight or no finite logit";
    case PYCOUPLE_BAD_TEMPERATURE:
        return "temperature must be finite and at least 0";
    case PYCOUPLE_OVERFLOW:
        return "logit / temperature overflows, or the time of arrival of weights is not a normal double";
    case PYCOUPLE_BAD_STREAM:
        return "stream must be in 0..255";
    case PYCOUPLE_BAD_OFFSET:
        return "item_offset must be a multiple of 64 that leaves every item below 2^34, or 2^32 for MinHash";
    case PYCOUPLE_NO_MEMORY:
        return "there is not enough memory";
    case PYCOUPLE_BAD_TOP_K:
        return "top_k must be positive, or 0 or -1 to keep all";
    case PYCOUPLE_BAD_TOP_P:
        return "top_p must be in [0, 1]";
    case PYCOUPLE_BAD_MIN_P:
        return "min_p must be in [0, 1]";
    case PYCOUPLE_NULL_POINTER:
        return "a pointer is NULL that must not be";
    case PYCOUPLE_BAD_DTYPE:
        return "dtype is none of PYCOUPLE_FLOAT16, PYCOUPLE_BFLOAT16, PYCOUPLE_FLOAT32 and PYCOUPLE_FLOAT64";
    case PYCOUPLE_BAD_SIZE:
        return "n, rows and count must be at least 0 and at most PTRDIFF_MAX / 8";
    case PYCOUPLE_MISALIGNED:
        return "data, stride and row_stride must be multiples of the size of a number";
    case PYCOUPLE_BAD_WORKERS:
        return "workers must be at least 1";
    case PYCOUPLE_BAD_ITEM:
        return "an item must be below 2^34, or below 2^32 for uniforms";
    case PYCOUPLE_BAD_K:
        return "k must be in 1..65536";
    case PYCOUPLE_BAD_BITS:
        return "bits must be in 0..32";
    case PYCOUPLE_BAD_IDS:
        return "ids must be in increasing order, each of them once";
    case PYCOUPLE_BAD_LEVEL:
        return "the ISA level is unknown, or this CPU lacks it";
    case PYCOUPLE_BAD_BUILD:
        return "this library was built wrong: it does not draw what it should";
    default:
        return "unknown status";
    }
}

const char *pycouple_version(void) { return PYCOUPLE_VERSION; }
