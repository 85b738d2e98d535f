"""What the report says: pairs of timings, by the names of the benchmarks, and the ratios that are wanted."""


def one(name, n=131_072):
    return f"bench_one_draw.py::TestOneDraw::test_{name}[{n}]"


def batch(name):
    return f"bench_batches.py::Test{name}"


def level(name):
    return f"bench_one_draw.py::test_level[{name}]"


def sketch(method, n, k):
    return f"{SKETCH}row[{n}-{k}-{method}]"


REAL = "bench_one_draw.py::TestRealRow::test_"
HARD = "bench_one_draw.py::TestHardRows::test_"
KEPT = "bench_kept.py::TestFlatRow::test_"
KEPT_REAL = "bench_kept.py::TestRealRow::test_"
SMALL = "bench_one_draw.py::TestSmallCall::test_"
DRAW = "bench_minhash.py::TestDraw::test_"
SKETCH = "bench_minhash.py::TestSketch::test_"
DART = "bench_protocol.py::TestFirstDart::test_"
RUN = "bench_protocol.py::TestRun::test_"
LIST = "bench_protocol.py::TestListTarget::test_"
VERIFY = "bench_speculative.py::TestVerify::test_"
DRAFTED = "bench_speculative.py::TestDraft::test_"
ENGINE = "bench_speculative.py::TestTransformers::test_"
MATRIX = "bench_minhash.py::TestSimilarityMatrix::test_"
LARGE = 131_072


# What, the first timing, the second, draws in the first, and the largest ratio wanted.
TABLE = [
    ("`sample_logits`, n = 4,096", one("sample_logits", 4096), one("argmax", 4096), 1, None),
    ("`sample_logits`, n = 49,152", one("sample_logits", 49152), one("argmax", 49152), 1, None),
    ("`sample_logits`, real row of 49,152", f"{REAL}sample_logits", f"{REAL}argmax", 1, 2.5),
    ("`sample_logits`, n = 131,072", one("sample_logits"), one("argmax"), 1, 2.0),
    ("`sample_logits`, n = 262,144", one("sample_logits", 262144), one("argmax", 262144), 1, None),
    ("`race_logits`, n = 131,072", one("race_logits"), one("argmax"), 1, None),
    ("`sample_logits` at temperature 0", one("greedy"), one("argmax"), 1, None),
    (
        "`race_logits`, 1 live item, others -1e9 / normal row",
        f"{HARD}race_logits[1 live, -1e9]",
        one("race_logits"),
        1,
        2.0,
    ),
    (
        "`race_logits`, all the lowest float32 / normal row",
        f"{HARD}race_logits[all lowest]",
        one("race_logits"),
        1,
        2.0,
    ),
    ("`race_logits`, float64 near 1e17 / normal row", f"{HARD}race_logits[near 1e17]", one("race_logits"), 1, 4.0),
    ("`sample`, subnormal weights / normal row", f"{HARD}subnormal_weights", one("sample"), 1, 2.0),
    ("`sample_logits`, float64, T = 0.7 / T = 1", f"{HARD}float64[0.7]", f"{HARD}float64[1.0]", 1, 1.1),
    ("64 rows of 131,072", batch("Rows64::test_sample_logits"), batch("Rows64::test_argmax"), 1, 1.8),
    ("16 rows of 131,072", batch("Rows16::test_workers[1]"), batch("Rows16::test_argmax"), 1, None),
    ("16 rows, 2 workers / 1", batch("Rows16::test_workers[2]"), batch("Rows16::test_workers[1]"), 1, 0.625),
    (
        "1,024 steps of one row of 131,072, a draw",
        batch("Steps1024::test_sample_logits"),
        batch("Steps1024::test_argmax"),
        1024,
        1.0,
    ),
    ("100,000 rows of 8", batch("SmallRows::test_sample_logits"), batch("SmallRows::test_argmax"), 1, None),
    (
        "100,000 rows of 8 / argmax(logits + gumbel)",
        batch("SmallRows::test_sample_logits"),
        batch("SmallRows::test_numpy_gumbel"),
        1,
        None,
    ),
    ("`sample` / `sample_logits`, n = 49,152", one("sample", 49152), one("sample_logits", 49152), 1, 1.2),
    ("`sample` / `sample_logits`, real row", f"{REAL}sample", f"{REAL}sample_logits", 1, 1.2),
    ("`sample` / `sample_logits`, n = 131,072", one("sample"), one("sample_logits"), 1, 1.2),
    ("`sample` / `sample_logits`, 64 rows", batch("Rows64::test_sample"), batch("Rows64::test_sample_logits"), 1, 1.2),
    (
        "`sample` / `sample_logits`, 1,024 steps",
        batch("Steps1024::test_sample"),
        batch("Steps1024::test_sample_logits"),
        1,
        1.2,
    ),
    ("AVX2 / AVX-512, n = 131,072", level("avx2"), level("avx512"), 1, 1.6),
    ("baseline / AVX-512, n = 131,072", level("baseline"), level("avx512"), 1, 6.0),
    ("131,072 `clocks` / exponentials", batch("Clocks::test_clocks"), batch("Clocks::test_numpy_exponential"), 1, None),
    ('`sample(method="minhash")`, n = 131,072', f"{DRAW}sample", f"{DRAW}argmax", 1, 8),
    ('`sample(method="minhash")`, 1,024 steps, a draw', f"{DRAW}steps_1024", f"{DRAW}argmax", 1024, None),
    ('`sample(method="minhash")`, 16 rows, 2 workers / 1', f"{DRAW}rows_16[2]", f"{DRAW}rows_16[1]", 1, 0.625),
    ('`sample(method="minhash")`, AVX2 / AVX-512', f"{DRAW}level[avx2]", f"{DRAW}level[avx512]", 1, None),
    ('`sample(method="minhash")`, baseline / AVX-512', f"{DRAW}level[baseline]", f"{DRAW}level[avx512]", 1, None),
    ("gumbel sketch, n = 131,072, k = 1,024", sketch("gumbel", LARGE, 1024), f"{SKETCH}argmax", 1, 60),
    ("minhash sketch, n = 131,072, k = 1,024", sketch("minhash", LARGE, 1024), f"{SKETCH}argmax", 1, 400),
    ("64 gumbel sketches, 2 workers / 1", f"{SKETCH}rows_64[2-gumbel]", f"{SKETCH}rows_64[1-gumbel]", 1, 0.625),
    ("64 minhash sketches, 2 workers / 1", f"{SKETCH}rows_64[2-minhash]", f"{SKETCH}rows_64[1-minhash]", 1, 0.625),
    ("gumbel sketch, AVX2 / AVX-512", f"{SKETCH}level[avx2-gumbel]", f"{SKETCH}level[avx512-gumbel]", 1, None),
    ("gumbel sketch, baseline / AVX-512", f"{SKETCH}level[baseline-gumbel]", f"{SKETCH}level[avx512-gumbel]", 1, None),
    ("minhash sketch, AVX2 / AVX-512", f"{SKETCH}level[avx2-minhash]", f"{SKETCH}level[avx512-minhash]", 1, None),
    (
        "minhash sketch, baseline / AVX-512",
        f"{SKETCH}level[baseline-minhash]",
        f"{SKETCH}level[avx512-minhash]",
        1,
        None,
    ),
    ("`similarity_matrix`, 200 x 200 / NumPy", f"{MATRIX}pycouple", f"{MATRIX}numpy", 1, None),
    ("first dart and message of Alice, n = 131,072", f"{DART}alice", f"{DART}argmax", 1, None),
    ("the same, AVX2 / AVX-512", f"{DART}level[avx2]", f"{DART}level[avx512]", 1, None),
    ("the same, baseline / AVX-512", f"{DART}level[baseline]", f"{DART}level[avx512]", 1, None),
    ("a whole run of the protocol, n = 131,072", f"{RUN}large", f"{DART}argmax", 1, None),
    ("`list_target_logits`, 4 streams / `sample_logits`", f"{LIST}logits[4]", f"{LIST}sample_logits", 1, None),
    ("`list_target_logits`, 8 streams / `sample_logits`", f"{LIST}logits[8]", f"{LIST}sample_logits", 1, None),
    ("`verify`, 64 rows of 131,072", f"{VERIFY}verify", f"{VERIFY}argmax", 1, 2.2),
    ("transformers processor / SmolLM2 forward pass", f"{ENGINE}processor[plain]", f"{ENGINE}forward", 1, 0.03),
]
# The same of what top-k, top-p and min-p keep.
KEPT_TABLE = [
    ("top-p 0.95, n = 131,072", f"{KEPT}sample_logits[top_p 0.95]", f"{KEPT}argmax", 1, 5),
    ("top-p 0.5, n = 131,072", f"{KEPT}sample_logits[top_p 0.5]", f"{KEPT}argmax", 1, None),
    ("top-k 1,000, n = 131,072", f"{KEPT}sample_logits[top_k 1000]", f"{KEPT}argmax", 1, None),
    ("`race_logits`, top-p 0.95, n = 131,072", f"{KEPT}race_logits", f"{KEPT}argmax", 1, None),
    ("top-p 0.95, AVX2 / AVX-512", f"{KEPT}level[avx2]", f"{KEPT}level[avx512]", 1, None),
    ("top-p 0.95, baseline / AVX-512", f"{KEPT}level[baseline]", f"{KEPT}level[avx512]", 1, None),
    ("T = 0.8, top-p 0.95, real row", f"{KEPT_REAL}sample_logits[top_p 0.95]", f"{KEPT_REAL}argmax", 1, 5),
    ("T = 0.8, top-k 50, real row", f"{KEPT_REAL}sample_logits[top_k 50]", f"{KEPT_REAL}argmax", 1, 3.5),
    ("T = 0.8, min-p 0.05, real row", f"{KEPT_REAL}sample_logits[min_p 0.05]", f"{KEPT_REAL}argmax", 1, 2.5),
    (
        "T = 0.8, top-k 50, top-p 0.95, real row",
        f"{KEPT_REAL}sample_logits[top_k 50, top_p 0.95]",
        f"{KEPT_REAL}argmax",
        1,
        None,
    ),
    ("`verify`, 64 rows, T = 0.8, top-p 0.95, one per row", f"{VERIFY}nucleus[1]", f"{VERIFY}argmax", 1, 4),
    ("the same `verify`, 2 workers / 1", f"{VERIFY}nucleus[2]", f"{VERIFY}nucleus[1]", 1, 0.625),
    ("`draft`, real row, T = 0.8, top-p 0.95", f"{DRAFTED}nucleus", f"{DRAFTED}argmax", 1, None),
    (
        "transformers processor, T = 0.8, top-p 0.95 / SmolLM2 forward pass",
        f"{ENGINE}processor[nucleus]",
        f"{ENGINE}forward",
        1,
        0.005,
    ),
]
# The same with peers first, and the smallest ratio wanted.
PEERS = [
    ("NumPy argmax(logits + gumbel) / ours", one("numpy_gumbel"), one("sample_logits"), 1, None),
    ("NumPy argmin(exponential / p) / ours", one("numpy_exponential"), one("sample"), 1, None),
    ("numba hash, log, divide, argmin / ours", one("numba_two_stage"), one("sample"), 1, None),
    ("torch, one thread / ours", one("torch"), one("sample_logits"), 1, None),
    ("jax.random.categorical, jitted / ours", one("jax"), one("sample_logits"), 1, None),
    ("datasketch / gumbel sketch, k = 256", f"{SKETCH}datasketch", sketch("gumbel", LARGE, 256), 1, 20),
    ("datasketch / minhash sketch, k = 256", f"{SKETCH}datasketch", sketch("minhash", LARGE, 256), 1, 20),
    ("NumPy's search for the first dart / Alice", f"{DART}numpy", f"{DART}alice", 1, None),
]
# What, the timing, the largest time wanted.
CALLS = [
    ("`np.argmax`, n = 8", f"{SMALL}argmax", None),
    ("gufunc `sample_weights`, n = 8", f"{SMALL}gufunc", 2e-6),
    ("`sample`, n = 8", f"{SMALL}sample", 5e-6),
    ("gumbel sketch, n = 1,000, k = 1,024", sketch("gumbel", 1000, 1024), 80e-6),
    ("gumbel sketch, n = 10,000, k = 256", sketch("gumbel", 10_000, 256), 60e-6),
    ("minhash sketch, n = 1,000, k = 1,024", sketch("minhash", 1000, 1024), None),
    ("minhash sketch, n = 10,000, k = 256", sketch("minhash", 10_000, 256), 0.7e-3),
    ("first dart and message of Alice, n = 131,072", f"{DART}alice", 1e-3),
    ("a whole run of the protocol, n = 131,072", f"{RUN}large", None),
    ("the same with epsilon = 0.01", f"{RUN}bounded", None),
    ("a whole run of the protocol, n = 8", f"{RUN}small", None),
]
