"""Two processes draw tokens together over TCP: the low-communication protocol on real next-token distributions.

Alice holds a drafter's distributions, Bob the target's, at the positions of the shipped file, each over the whole
vocabulary. They share a seed. For each position they run `pycouple.protocol` over the loopback and end with a token
each: the same one with probability 1 - D, where D is the total variation distance, for a few bytes.

    python examples/protocol_over_tcp.py                        # both parties, as two processes
    python examples/protocol_over_tcp.py --epsilon 0.01         # the bounded variant
    python examples/protocol_over_tcp.py --secret FILE --conversation 42   # seed and key from 16 to 64 random bytes
    python examples/protocol_over_tcp.py bob --port 5000        # one party, here Bob ...
    python examples/protocol_over_tcp.py alice --port 5000      # ... and the other, in another terminal
"""

import argparse
import asyncio
import json
import pathlib
import sys

import numpy as np

import pycouple
from pycouple.cli import distributions
from pycouple.protocol import Alice, Bob, ProtocolError

VOCABULARY = 49_152
SEED = pycouple.seed_from("protocol over tcp")  # without a secret: everybody can know it
LONGEST = 2**16 + 16  # bytes of a message: no honest one is longer
PATIENCE = 30  # seconds to wait for the other party


def rows_of(name: str) -> np.ndarray:
    """A party's distributions [positions, vocabulary]; what the file gives as the rest is spread evenly."""
    target, drafters = distributions.load()
    return distributions.over_vocabulary(target if name == "target" else drafters[name], VOCABULARY)


async def send(writer: asyncio.StreamWriter, message: bytes) -> None:
    """TCP carries a stream, not messages: so the length goes first."""
    writer.write(len(message).to_bytes(4) + message)
    await writer.drain()


async def receive(reader: asyncio.StreamReader) -> bytes:
    async with asyncio.timeout(PATIENCE):
        size = int.from_bytes(await reader.readexactly(4))
        if size > LONGEST:
            raise ProtocolError(f"a message of {size} bytes is too long")
        return await reader.readexactly(size)


async def converse(party: Alice | Bob, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One run of the protocol, until this party is done and has said what it has to say."""
    message = party.start() if isinstance(party, Alice) else None
    while True:
        if message is not None:
            await send(writer, message)
        if party.done:
            return
        message = party.receive(await receive(reader))


async def run_party(
    name: str, rows: np.ndarray, port: int, epsilon: float | None, secret: bytes | None, conversation: str | None
) -> dict[str, list[int]]:
    """Run Alice (who connects) or Bob (who listens): tokens, and bits sent, at each position."""
    make = Alice if name == "alice" else Bob
    seed = SEED if secret is None else pycouple.seed_from(secret, conversation)
    parties = [make(row, seed, step, epsilon=epsilon, key=secret) for step, row in enumerate(rows)]

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            for party in parties:
                await converse(party, reader, writer)
        finally:
            writer.close()

    if name == "alice":
        await talk(*await connect(port))
    else:
        came: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
        server = await asyncio.start_server(lambda *streams: came.put_nowait(streams), "127.0.0.1", port)
        print(f"Bob listens on port {server.sockets[0].getsockname()[1]}", file=sys.stderr, flush=True)
        streams = await came.get()  # the first to come is Alice, or an error
        server.close()
        await talk(*streams)
    return {
        "tokens": [party.sample for party in parties],
        "bits": [party.bits_sent for party in parties],
        "header_bits": [party.header_bits_sent for party in parties],
    }


async def connect(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    for _ in range(10 * PATIENCE):
        try:
            return await asyncio.open_connection("127.0.0.1", port)
        except ConnectionRefusedError:  # Bob may not listen yet
            await asyncio.sleep(0.1)
    raise ConnectionRefusedError(f"nobody listens on port {port}")


async def run_both(options: list[str], drafter: str) -> None:
    """Start both parties as processes that share nothing but the command line, and compare what they drew."""

    async def start(name: str, port: int) -> asyncio.subprocess.Process:
        command = (sys.executable, __file__, name, "--port", str(port), "--json", *options)
        pipe = asyncio.subprocess.PIPE
        return await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe if name == "bob" else None)

    bob = await start("bob", 0)
    line = (await bob.stderr.readline()).decode()
    if not line.startswith("Bob listens on port "):
        sys.exit(line + (await bob.stderr.read()).decode())
    alice = await start("alice", int(line.rsplit(maxsplit=1)[1]))
    (alice_out, _), (bob_out, bob_errors) = await asyncio.gather(alice.communicate(), bob.communicate())
    if alice.returncode or bob.returncode:
        sys.exit(bob_errors.decode())
    alice_says, bob_says = json.loads(alice_out), json.loads(bob_out)

    optimum = 1 - pycouple.theory.total_variation(rows_of(drafter), rows_of("target"))
    same = np.equal(alice_says["tokens"], bob_says["tokens"])
    bits = np.add(alice_says["bits"], bob_says["bits"])
    header_bits = np.add(alice_says["header_bits"], bob_says["header_bits"])
    error = np.sqrt((optimum * (1 - optimum)).sum()) / len(same)
    print(f"{len(same)} positions, {VOCABULARY} tokens, drafter {drafter}")
    print(f"same token   {same.mean():.3f}; expected {optimum.mean():.3f} ± {error:.3f}, the mean of 1 - D")
    print(f"bits a token {bits.mean():.1f}; log2 n is {np.log2(VOCABULARY):.1f}; headers: {header_bits.mean():.0f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("party", nargs="?", choices=("alice", "bob"), help="run one party (default: both)")
    parser.add_argument("--port", type=int, default=0, help="TCP port on the loopback")
    parser.add_argument("--drafter", default="draft_q4", help="Alice's distributions (default: %(default)s)")
    parser.add_argument("--epsilon", type=float, help="the bounded variant: at most so much agreement less")
    parser.add_argument("--secret", help="a file of 16 to 64 random bytes that both parties have: seed and key")
    parser.add_argument("--conversation", help="with --secret: words that differ from those of every other run with it")
    parser.add_argument("--json", action="store_true", help="of one party: print tokens and bits as JSON")
    arguments = parser.parse_args()
    drafters = list(distributions.load()[1])
    if arguments.drafter not in drafters:
        parser.error(f"--drafter must be one of {', '.join(drafters)}")
    if arguments.party == "alice" and not arguments.port:
        parser.error("alice needs the --port that bob listens on")
    if (arguments.secret is None) != (arguments.conversation is None):
        parser.error("--secret and --conversation go together: no step is used twice under one seed and key")
    if arguments.party is None:
        options = ["--drafter", arguments.drafter]
        options += [] if arguments.epsilon is None else ["--epsilon", str(arguments.epsilon)]
        options += (
            [] if arguments.secret is None else ["--secret", arguments.secret, "--conversation", arguments.conversation]
        )
        asyncio.run(run_both(options, arguments.drafter))
        return
    rows = rows_of(arguments.drafter if arguments.party == "alice" else "target")
    try:
        secret = None if arguments.secret is None else pathlib.Path(arguments.secret).read_bytes()
        terms = arguments.epsilon, secret, arguments.conversation
        said = asyncio.run(run_party(arguments.party, rows, arguments.port, *terms))
    except (ValueError, OSError, EOFError) as error:
        sys.exit(f"{arguments.party}: {error or type(error).__name__}")
    if arguments.json:
        print(json.dumps(said))
    else:
        print(f"{arguments.party} drew {len(said['tokens'])} tokens: {' '.join(map(str, said['tokens'][:12]))} ...")


if __name__ == "__main__":
    main()
