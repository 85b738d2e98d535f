"""Read and set the x86 floating-point control register (MXCSR) of the calling thread, as a careless library would."""

import ctypes
import mmap

_PAGE = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
_PAGE.write(bytes([0x0F, 0xAE, 0x1F, 0xC3, 0x0F, 0xAE, 0x17, 0xC3]))  # stmxcsr [rdi]; ret; ldmxcsr [rdi]; ret
_ADDRESS = ctypes.addressof(ctypes.c_char.from_buffer(_PAGE))
_CALL = ctypes.CFUNCTYPE(None, ctypes.POINTER(ctypes.c_uint32))
_STORE, _LOAD = _CALL(_ADDRESS), _CALL(_ADDRESS + 4)


def mode(value=None):
    """The register; set to `value` first, if one is given."""
    word = ctypes.c_uint32(0 if value is None else value)
    if value is not None:
        _LOAD(ctypes.byref(word))
    _STORE(ctypes.byref(word))
    return word.value
