"Every engine of the package, as one list: a suite that is parametrised with `each` runs through all of them."
from typing import Callable, NamedTuple

import pytest
from lstm_nb.fused import fused_lstm_backward, fused_lstm_forward
from lstm_nb import lstm_backward, lstm_forward, rnn_backward, rnn_forward


class Engine(NamedTuple):
    "A forward pass `(x, a0, parameters, c0) -> a, c, tape` and its backward pass `(da, tape, dc) -> gradients`."
    name: str
    forward: Callable
    backward: Callable
    net: str = "lstm"
    dtypes: tuple = ("float32", "float64")
    complex: bool = True

    def run(self, q):
        "The outputs of the problem `q` by name, and the tape."
        a, c, tape = self.forward(q["x"], q["a0"], q["parameters"], q.get("c0"))
        return ({"a": a} if c is None else {"a": a, "c": c}), tape

    def gradients(self, q):
        "The gradients of sum(a*da) + sum(c*dc) by everything that goes in."
        return self.backward(q["da"], self.run(q)[1], q.get("dc"))


def rnn(x, a0, parameters, c0=None):
    a, _, caches = rnn_forward(x, a0, parameters)
    return a, None, caches


def lstm(x, a0, parameters, c0=None):
    a, _, c, caches = lstm_forward(x, a0, parameters, c0)
    return a, c, caches


engines = [Engine("rnn", rnn, lambda da, tape, dc=None: rnn_backward(da, tape), net="rnn"),
           Engine("per-step", lstm, lstm_backward),
           Engine("fused", fused_lstm_forward, fused_lstm_backward)]
each = pytest.mark.parametrize("engine", engines, ids=lambda e: e.name)
