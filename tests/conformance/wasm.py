"""Run a program of wasm32-wasi with the Python package wasmtime: PROGRAM ROOT. ROOT is all that the program sees."""

import sys

import wasmtime


def main(program: str, root: str) -> int:
    engine = wasmtime.Engine()
    linker = wasmtime.Linker(engine)
    linker.define_wasi()
    store = wasmtime.Store(engine)
    wasi = wasmtime.WasiConfig()
    wasi.argv = [program, "."]
    wasi.inherit_stdout()
    wasi.inherit_stderr()
    wasi.preopen_dir(root, ".")
    store.set_wasi(wasi)
    instance = linker.instantiate(store, wasmtime.Module.from_file(engine, program))
    try:
        instance.exports(store)["_start"](store)
    except wasmtime.ExitTrap as end:
        return end.code
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
