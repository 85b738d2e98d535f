"""Calls of the theory, of the protocol, and of what is left."""

import contextlib
import io

import numpy as np

import pycouple
from pycouple import protocol, theory
from tests.fuzz import inputs
from tests.fuzz.calls_draws import as_floats
from tests.fuzz.inputs import chance, choice
from tests.fuzz.table import Call, generator
from tests.support import oracle_protocol

PAIRS = ("total_variation", "agreement", "lower_bound", "weighted_jaccard", "list_agreement_bound")
ROUNDING = 1e-9  # theory is promised to about 1e-13; sums depend on the layout


def two_rows(rng, shape, n):
    p, q = (inputs.rows(rng, True, shape, n) for _ in range(2))
    return inputs.laid_out(rng, p), inputs.laid_out(rng, p if chance(rng, 0.1) else q)


def theory_call(rng, name):
    shape = inputs.batch_shape(rng, 16)
    p, q = two_rows(rng, shape, inputs.size_of_row(rng, 500))
    options = {}
    if name == "agreement" and chance(rng, 0.8):
        options["method"] = choice(rng, ("gumbel", "minhash", "optimal", "best"))
    if name == "list_agreement_bound":
        options["k"] = choice(rng, (1, 2, 16, 2**63, np.arange(1, 5), [[1], [2]], *inputs.WRONG))
    return Call(getattr(theory, name), (p, q), options, int(np.prod(shape)), tolerance=ROUNDING)


def _enter_theory(name):
    generator(f"theory.{name}")(lambda rng: theory_call(rng, name))


for _name in PAIRS:
    _enter_theory(_name)


@generator("theory.hard_pair")
def _(rng):
    return Call(theory.hard_pair, (choice(rng, (2, 3, 1000, 1, 0, 2**62, *inputs.WRONG)),))


@generator("protocol.rounds")
def _(rng):
    return Call(protocol.rounds, (choice(rng, (1.0, 0.0, 2.0**-26, 10.0 ** -rng.uniform(0, 9), *inputs.WRONG)),))


@generator("protocol.expected_bits_bound")
def _(rng):
    return Call(protocol.expected_bits_bound, (choice(rng, (1, 2, 2**32, 2**32 + 1, 0, *inputs.WRONG)),))


@generator("protocol.worst_case_bits")
def _(rng):
    return Call(protocol.worst_case_bits, (choice(rng, (1, 5, 2**32, 0, *inputs.WRONG)), 10.0 ** -rng.uniform(0, 8)))


def conversation(rng):
    p, q = two_rows(rng, (), int(rng.integers(1, 120)))
    options = {"seed": inputs.integers(rng, (), 2**64), "step": inputs.integers(rng, (), 2**64)}
    options["epsilon"] = choice(rng, (0.9, 0.1, 0.01, 1e-3, *((None, 0.0, 1.0, "x") if chance(rng, 0.1) else ())))
    if chance(rng, 0.3):
        options["key"] = choice(rng, (bytes(16), b"k" * 64, *((b"short", "text", 1) if chance(rng, 0.1) else ())))
    if chance(rng, 0.3):
        options["max_rounds"] = choice(rng, (0, 1, 5, 17, *((-1, 25, *inputs.WRONG) if chance(rng, 0.1) else ())))
    return p, q, options


@generator("protocol.run")
def _(rng):
    p, q, options = conversation(rng)
    if chance(rng, 0.5):
        options["step"] = rng.integers(2**64, size=inputs.batch_shape(rng, 8), dtype=np.uint64)
    step = np.asarray(options["step"], object)  # a wrong one may be ragged
    rows = 2 * step.size
    slow = not {"key", "max_rounds"} & options.keys() and step.ndim == 0 and np.size(p) < 40 and chance(rng, 0.05)

    def answer(result):
        rounds = oracle_protocol.EXACT if options["epsilon"] is None else protocol.rounds(options["epsilon"])
        left, right = (np.asarray(as_floats(x), np.float64) for x in (p, q))
        a, b, *_ = oracle_protocol.talk.__wrapped__(left, right, int(options["seed"]), int(options["step"]), rounds)
        return (int(result.a), int(result.b)), (a, b)

    return Call(protocol.run, (p, q), options, rows, answer if slow else None)


def party(rng, cls):
    """A party that hears changed messages: each is refused in one line, or is the other party's own."""
    p, q, options = conversation(rng)
    flips = rng.random(8) < 0.3
    how = [choice(rng, ("flip", "cut", "longer", "again", "empty", "text")) for _ in range(8)]
    bit = int(rng.integers(2**16))

    def changed(message, i, before):
        if how[i] == "flip":
            at = bit % (8 * len(message))
            return bytes(byte ^ (1 << at % 8 if at // 8 == j else 0) for j, byte in enumerate(message))
        return {"cut": message[:-1], "longer": message + b"\0", "again": before, "empty": b"", "text": "x"}[how[i]]

    def talk(p, q, **options):
        alice, bob = protocol.Alice(p, **options), protocol.Bob(q, **options)
        message, before, said = alice.start(), b"\0", []
        for i in range(8):
            hears = (bob, alice)[i % 2]
            changes = flips[i] and isinstance(hears, cls)
            said.append(message)
            message, before = hears.receive(changed(message, i, before) if changes else message), message
            if message is None:
                break
        return said, alice.sample, bob.sample

    return Call(talk, (p, q), options, 2, names=("message", "party", "run", "n"))


@generator("protocol.Alice")
def _(rng):
    return party(rng, protocol.Alice)


@generator("protocol.Bob")
def _(rng):
    return party(rng, protocol.Bob)


@generator("get_include")
def _(rng):
    return Call(pycouple.get_include)


@generator("show_config")
def _(rng):
    def shown():
        text = io.StringIO()
        with contextlib.redirect_stdout(text):
            pycouple.show_config()
        return [line for line in text.getvalue().splitlines() if "level" not in line]

    return Call(shown)
