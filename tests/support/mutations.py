"""Files as a stranger may have made them: damaged at random, or changed where their format says something of itself.

Every function takes the random generator that decides, so a seed names its files.
"""

import io
import json
import random
import re
import struct
import zipfile

NUMBERS = (
    0,
    1,
    2,
    7,
    2**7,
    2**8 - 1,
    2**15,
    2**16 - 1,
    2**31 - 1,
    2**31,
    2**32 - 1,
    2**62,
    2**63,
    2**64 - 8,
    2**64 - 1,
)


def damaged(data: bytes, rng: random.Random) -> bytes:
    """The file with some bytes flipped, replaced, put in, taken out, or cut off."""
    data = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 8))):
        at, length = rng.randrange(len(data) + 1), rng.choice((1, 2, 4, 8, 64))
        kind = rng.randrange(6)
        if kind == 0 and at < len(data):
            data[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            data[at : at + length] = rng.randbytes(length)
        elif kind == 2:
            data[at:at] = rng.randbytes(length)
        elif kind == 3:
            del data[at : at + length]
        elif kind == 4:
            size = rng.choice((2, 4, 8))
            data[at : at + size] = number(rng, size)
        elif rng.random() < 0.25:
            del data[at:]
    return bytes(data)


def number(rng: random.Random, size: int) -> bytes:
    """The bytes of a number at which programs stumble."""
    return (rng.choice(NUMBERS) % 2 ** (8 * size)).to_bytes(size, "little")


# ---- .npz

HEADERS = (  # signature and the sizes of the numbers after it: a member's own header, the directory's, and the end
    (b"PK\x03\x04", (2,) * 5 + (4,) * 3 + (2,) * 2),
    (b"PK\x01\x02", (2,) * 6 + (4,) * 3 + (2,) * 5 + (4,) * 2),
    (b"PK\x05\x06", (2,) * 4 + (4,) * 2 + (2,)),
)


def npz(members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    """An archive of these members."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(f"{name}.npy", data)
    return file.getvalue()


def hostile_npz(members: dict[str, bytes], rng: random.Random) -> bytes:
    """An archive of these members in which something is wrong: in its bytes, its directory, or a member."""
    kind = rng.randrange(4)
    members, method = dict(members), rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
    if kind == 0:
        name, other = rng.choices(sorted(members), k=2)
        members[name] = rng.choice((damaged, hostile_npy))(members[name], rng)
        if rng.random() < 0.1:
            members[rng.choice((name + "\0", name + ".npy", "/" + name, name[::-1], ""))] = members.pop(other)
    data = npz(members, method)
    if kind == 1:
        return damaged(data, rng)
    if kind >= 2:
        data = _field_changed(data, rng)
    return damaged(data, rng) if kind == 3 else data


def hostile_npy(data: bytes, rng: random.Random) -> bytes:
    """An array whose header says something else; the zip archive around it will know nothing of it."""
    length = struct.unpack_from("<H", data, 8)[0]
    text = data[10 : 10 + length].decode("latin1")
    shape = text[text.index("(") : text.index(")") + 1]
    descr = text[text.index("<") : text.index("<") + 3]
    old, new = rng.choice((
        (shape, rng.choice(("(-1, 3)", "()", "(2,)", "(2, 3, 1)", f"(2, {2**45})", f"({2**64}, 0)", "(True, 3)"))),
        (shape, rng.choice((f"(0x{'f' * 9000},)", "(2.0, 3)", "[2, 3]", "(2L, 3L)", "(" * 4000, "-" * 9000 + "1"))),
        (descr, rng.choice(("|O", "<U9", "<M8[s]", "<c8", ">f8", "<f2", "|b1", "<f3", "8a", "<f8,<f8", "|V0"))),
        ("False", rng.choice(("True", "None", "0", "'\\d'", "open"))),
        ("'shape'", rng.choice(("'form'", "b'shape'", "shape", "0"))),
        ("}", rng.choice(("", "}}", ", 'more': 1}", "\0}", "#", "} (1)(2)"))),
    ))  # fmt: skip
    text = text.replace(old, new, 1)
    version = rng.choice((b"\x01\x00",) * 3 + (b"\x02\x00", b"\x03\x00", b"\x09\x09"))
    size = len(text).to_bytes(2 if version == b"\x01\x00" else 4, "little")
    if rng.random() < 0.1:
        size = number(rng, len(size))
    return b"\x93NUMPY" + version + size + text.encode("latin1") + data[10 + length :]


def _field_changed(data: bytes, rng: random.Random) -> bytes:
    """An archive with another number in one or two fields of its headers."""
    for _ in range(rng.choice((1, 1, 2))):
        signature, sizes = rng.choice(HEADERS)
        places = [found.start() for found in re.finditer(re.escape(signature), data)]
        if not places:
            return data
        field = rng.randrange(len(sizes))
        at, size = rng.choice(places) + 4 + sum(sizes[:field]), sizes[field]
        before = int.from_bytes(data[at : at + size], "little")
        after = rng.choice((rng.choice(NUMBERS), rng.randrange(100), before - 1, before + 1)) % 2 ** (8 * size)
        data = data[:at] + after.to_bytes(size, "little") + data[at + size :]
    return data


# ---- Models


def hostile_gguf(data: bytes, keys: list[bytes], rng: random.Random) -> bytes:
    """A GGUF file with another count, length or value in its metadata, or damaged; `keys` are names in its metadata."""
    kind = rng.randrange(4)
    if kind == 0:  # version, counts
        at, size = rng.choice(((4, 4), (8, 8), (16, 8)))
    elif kind < 3:  # after a name: its type and value, or the type and length of an array
        key = rng.choice(keys)
        at, size = data.index(key) + len(key) + rng.choice((0, 4, 8)), rng.choice((4, 8))
        if rng.random() < 0.2:
            at, size = data.index(key) - 8, 8
    else:
        end = rng.choice((len(data), data.index(keys[-1])))
        return damaged(data[:end], rng) + data[end:]
    return data[:at] + number(rng, size) + data[at + size :]


def hostile_safetensors(data: bytes, rng: random.Random) -> bytes:
    """A file of safetensors with another header, or damaged."""
    length = int.from_bytes(data[:8], "little")
    head, rest = data[8 : 8 + length], data[8 + length :]
    kind = rng.randrange(6)
    if kind == 0:
        return number(rng, 8) + data[8:]
    if kind == 1:
        return damaged(data, rng)
    head = hostile_json(head, rng) if kind < 4 else _other_weights(head, rng)
    return len(head).to_bytes(8, "little") + head + rest


def _other_weights(head: bytes, rng: random.Random) -> bytes:
    """A sound header of other weights in the same bytes."""
    weights = json.loads(head)
    name, other = rng.sample(sorted(weights.keys() - {"__metadata__"}), 2)
    kind = rng.randrange(4)
    if kind == 0:
        weights[name]["dtype"] = rng.choice(("I32", "U32", "C64", "F16", "BF16", "F8_E4M3"))
        rows, *rest = weights[name]["shape"]
        size = {"C64": 0.5, "F16": 2, "BF16": 2, "F8_E4M3": 4}.get(weights[name]["dtype"], 1)
        weights[name]["shape"] = [int(rows * size), *rest]
    elif kind == 1:
        weights[name]["shape"] = weights[name]["shape"][::-1] + [1] * rng.randrange(3)
    elif kind == 2:
        weights[f"{name}.{rng.choice(('', 'lora', '0'))}"] = weights.pop(name)
    else:
        weights[name], weights[other] = weights[other], weights[name]
    return json.dumps(weights).encode()


def hostile_json(data: bytes, rng: random.Random) -> bytes:
    """A document with another value in one or two places, one that says a name twice, or a damaged one."""
    kind = rng.randrange(8)
    if kind == 0:
        return damaged(data, rng)
    document = json.loads(data)
    for _ in range(rng.choice((1, 1, 2))):
        place, key = document, None
        while isinstance(place, dict | list) and place and (key is None or rng.random() < 0.7):
            parent, key = place, rng.choice(list(place) if isinstance(place, dict) else range(len(place)))
            place = parent[key]
        if key is not None:
            parent[key] = _other_value(place, rng)
    text = json.dumps(document)
    if kind == 1:
        text = text.replace("{", '{"model_type": "gpt2", "vocab_size": 3, ', 1)
    return text.replace('"@"', rng.choice(("[" * 3000 + "]" * 3000, "1e999", "-1e-999", "9" * 5000, "NaN"))).encode()


def _other_value(value: object, rng: random.Random) -> object:
    others = (None, True, "", "x", "\0\ud800", -1, 0, 2**31, 2**63, 10**18, 0.5, [], {}, [[]], {"": 1}, "@", "@")
    if isinstance(value, int) and rng.random() < 0.5:
        return rng.choice((value + 1, value - 1, -value, value * 1000, str(value), [value], float(value)))
    return rng.choice(others)
