"""The command: it runs the cases and counts the launches."""

import sys
import time
import traceback
import warnings

from triton.runtime import interpreter

from tests.support.interpreted import kept, plain  # noqa: F401 (they enter their cases)
from tests.support.interpreted.registry import CASES


def main():
    warnings.simplefilter("ignore", RuntimeWarning)  # NumPy's, of infinities that a GPU takes silently
    count = 0
    launch = interpreter.GridExecutor.__call__

    def counted(*args, **kwargs):
        nonlocal count
        count += 1
        return launch(*args, **kwargs)

    interpreter.GridExecutor.__call__ = counted
    failed = 0
    for name, function in CASES.items():
        if sys.argv[1:] and not any(part in name for part in sys.argv[1:]):
            continue
        start, before = time.perf_counter(), count
        try:
            function()
            assert count > before, "no kernel was launched"
            verdict = "ok"
        except Exception:
            traceback.print_exc(file=sys.stdout)
            verdict = "FAILED"
            failed += 1
        print(f"{name}: {verdict}, {count - before} launches, {time.perf_counter() - start:.1f} s", flush=True)
    print(f"{failed} failed")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
