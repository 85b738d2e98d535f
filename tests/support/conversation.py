"""A conversation of the protocol, message by message."""

from pycouple.protocol import Alice, Bob


def talk(p, q, seed, step=0, epsilon=None, **terms):
    alice, bob = Alice(p, seed, step, epsilon=epsilon, **terms), Bob(q, seed, step, epsilon=epsilon, **terms)
    messages = [alice.start()]
    for party in (bob, alice) * 30:
        answer = party.receive(messages[-1])
        if answer is None:
            break
        messages.append(answer)
    return alice, bob, messages
