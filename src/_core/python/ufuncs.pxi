# The generalized ufuncs: included by python/_core.pyx.

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


cdef void last_kept_loop(char **args, const cnp.npy_intp *dims, const cnp.npy_intp *strides, void *data) noexcept nogil:
    cdef PyThreadState *state = without_gil(dims[0] * max(dims[1], 1))
    pc_last_kept_loop(args, dims, strides, <pc_race_loop_data *>data)
    with_gil(state)


cdef void terms_loop(char **args, const cnp.npy_intp *dims, const cnp.npy_intp *strides, void *data) noexcept nogil:
    cdef PyThreadState *state = without_gil(dims[0] * dims[1])
    pc_terms_loop(args, dims, strides, (<pc_kind *>data)[0])
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
    char types[KINDS * 13]

cdef struct terms_tables:
    PyUFuncGenericFunction func[KINDS]
    pc_kind data[KINDS]
    void *data_at[KINDS]
    char types[KINDS * 4]

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
cdef race_tables kept_weights_tables, kept_logits_tables, kept_score_tables, kept_margin_tables
cdef race_tables last_weights_tables, last_logits_tables
cdef race_tables kept_weights_bf16_tables, kept_logits_bf16_tables, kept_margin_bf16_tables
cdef race_tables last_weights_bf16_tables, last_logits_bf16_tables
cdef race_tables weights_bf16_tables, minhash_bf16_tables, logits_bf16_tables, margin_bf16_tables, time_bf16_tables
cdef terms_tables logit_terms_tables, logit_terms_bf16_tables
cdef random_tables clock_tables, gumbel_tables, uniform_tables


# The kinds of rows and the types that hold them. NumPy has no bfloat16: its bits come in uint16.
cdef tuple REALS = ((PC_F16, cnp.NPY_FLOAT16), (PC_F32, cnp.NPY_FLOAT32), (PC_F64, cnp.NPY_FLOAT64))
cdef tuple BF16 = ((PC_BF16, cnp.NPY_UINT16),)


# What a ufunc of rows gives: the draw, the draw from what is kept, or the last item that is kept.
cdef enum:
    DRAW, KEPT_DRAW, LAST_KEPT


cdef object make_race(
        race_tables *t, pc_rule rule, int outputs,
        const char *name, const char *doc, const char *signature, tuple kinds=REALS, int what=DRAW):
    cdef int k, i = 0
    cdef bint logits = rule == PC_LOGITS, kept = what != DRAW, last_kept = what == LAST_KEPT
    draws = [] if last_kept else [cnp.NPY_UINT64, cnp.NPY_UINT64]
    truncation = [cnp.NPY_INT64, cnp.NPY_FLOAT64, cnp.NPY_FLOAT64] if kept else []
    types = draws + [cnp.NPY_FLOAT64] * logits + truncation + draws
    for k, (kind, real) in enumerate(kinds):
        t.func[k] = last_kept_loop if last_kept else race_loop
        t.data[k] = pc_race_loop_data(kind, rule, outputs, kept)
        t.data_at[k] = &t.data[k]
        for code in [real] + types + [cnp.NPY_INT64] + [cnp.NPY_FLOAT64] * (outputs - 1):
            t.types[i] = code
            i += 1
    return PyUFunc_FromFuncAndDataAndSignature(
        t.func, t.data_at, t.types, <int>len(kinds), 1 + <int>len(types), outputs, PyUFunc_None, name, doc, 0,
        signature)


cdef object make_terms(terms_tables *t, const char *name, tuple kinds):
    cdef int k
    for k, (kind, real) in enumerate(kinds):
        t.func[k] = terms_loop
        t.data[k] = kind
        t.data_at[k] = &t.data[k]
        t.types[4 * k] = real
        t.types[4 * k + 1] = t.types[4 * k + 2] = cnp.NPY_FLOAT64
        t.types[4 * k + 3] = cnp.NPY_INT64
    return PyUFunc_FromFuncAndDataAndSignature(
        t.func, t.data_at, t.types, <int>len(kinds), 3, 1, PyUFunc_None, name,
        b"Terms of kept sets: logits, temperature, the row's largest logit -> int64.", 0, b"(n),(),()->(n)")


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
sample_kept_weights = make_race(
    &kept_weights_tables, PC_KEYS, 1, b"sample_kept_weights",
    b"Winner of the race of kept weights: weights, seed, step, top_k, top_p, min_p, stream, first item -> item.",
    b"(n),(),(),(),(),(),(),()->()", REALS, KEPT_DRAW)
sample_kept_logits = make_race(
    &kept_logits_tables, PC_LOGITS, 1, b"sample_kept_logits",
    b"Winner of the race of kept logits: logits, seed, step, temperature, top_k, top_p, min_p, stream, first item "
    b"-> item.", b"(n),(),(),(),(),(),(),(),()->()", REALS, KEPT_DRAW)
score_kept_logits = make_race(
    &kept_score_tables, PC_LOGITS, 2, b"score_kept_logits",
    b"sample_kept_logits with the winner's score.", b"(n),(),(),(),(),(),(),(),()->(),()", REALS, KEPT_DRAW)
race_kept_logits = make_race(
    &kept_margin_tables, PC_LOGITS, 4, b"race_kept_logits",
    b"sample_kept_logits with score, margin among the kept, and edge.",
    b"(n),(),(),(),(),(),(),(),()->(),(),(),()", REALS, KEPT_DRAW)
last_kept_weights = make_race(
    &last_weights_tables, PC_KEYS, 1, b"last_kept_weights",
    b"The last weight that is kept: weights, top_k, top_p, min_p -> item.", b"(n),(),(),()->()", REALS, LAST_KEPT)
last_kept_logits = make_race(
    &last_logits_tables, PC_LOGITS, 1, b"last_kept_logits",
    b"The last logit that is kept: logits, temperature, top_k, top_p, min_p -> item.",
    b"(n),(),(),(),()->()", REALS, LAST_KEPT)
sample_kept_weights_bf16 = make_race(
    &kept_weights_bf16_tables, PC_KEYS, 1, b"sample_kept_weights_bf16",
    b"sample_kept_weights of bfloat16 rows, whose bits are in uint16.",
    b"(n),(),(),(),(),(),(),()->()", BF16, KEPT_DRAW)
sample_kept_logits_bf16 = make_race(
    &kept_logits_bf16_tables, PC_LOGITS, 1, b"sample_kept_logits_bf16",
    b"sample_kept_logits of bfloat16 rows, whose bits are in uint16.",
    b"(n),(),(),(),(),(),(),(),()->()", BF16, KEPT_DRAW)
race_kept_logits_bf16 = make_race(
    &kept_margin_bf16_tables, PC_LOGITS, 4, b"race_kept_logits_bf16",
    b"race_kept_logits of bfloat16 rows, whose bits are in uint16.",
    b"(n),(),(),(),(),(),(),(),()->(),(),(),()", BF16, KEPT_DRAW)
last_kept_weights_bf16 = make_race(
    &last_weights_bf16_tables, PC_KEYS, 1, b"last_kept_weights_bf16",
    b"last_kept_weights of bfloat16 rows, whose bits are in uint16.", b"(n),(),(),()->()", BF16, LAST_KEPT)
last_kept_logits_bf16 = make_race(
    &last_logits_bf16_tables, PC_LOGITS, 1, b"last_kept_logits_bf16",
    b"last_kept_logits of bfloat16 rows, whose bits are in uint16.", b"(n),(),(),(),()->()", BF16, LAST_KEPT)
kept_terms = make_terms(&logit_terms_tables, b"kept_terms", REALS)
kept_terms_bf16 = make_terms(&logit_terms_bf16_tables, b"kept_terms_bf16", BF16)
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
