"Every engine of the package, as one list: a suite that is parametrised with `each` runs through all of them."
from functools import partial
from typing import Callable, NamedTuple

import numpy as np
import pytest
from lstm_nb.engines.checkpoint import checkpointed_lstm_backward, checkpointed_lstm_forward
from lstm_nb.engines.engine import find_engine
from lstm_nb.engines.calls import fused_lstm_backward, fused_lstm_forward
from lstm_nb.networks.layers import layers_backward, layers_forward


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
        a, c, tape = self.forward(q["x"], q["a0"], q["parameters"], self.of_memory(q, "c0"))
        return ({"a": a} if c is None else {"a": a, "c": c}), tape

    def gradients(self, q):
        "The gradients of sum(a*da) + sum(c*dc) by everything that goes in."
        return self.backward(q["da"], self.run(q)[1], self.of_memory(q, "dc"))

    def of_memory(self, q, name): return q.get(name) if self.net == "lstm" else None


def longer(v, steps, fill=0.):
    "The sequence `v` with more steps at its end, filled with one number."
    return np.concatenate([v, np.full((*v.shape[:2], steps), fill, v.dtype)], 2)


def layered(padding):
    """A network of one layer as an engine; with `padding` it is the second direction of a pair, on a reversed sequence in front of nan.

    A network shows the last memory only, so the cell below keeps all of them, and takes the gradient with respect to them past the layer.
    """
    turn = (lambda v: v[:, :, ::-1]) if padding else np.array

    def forward(x, a0, p, c0=None):
        aside = {}

        def step_by_step(x, a0, p, c0=None):
            a, aside["c"], tape = fused_lstm_forward(x, a0, p, c0)
            return a, aside["c"], tape

        def and_back(da, tape, dc=None):
            assert dc is None
            return fused_lstm_backward(da, tape, aside.get("dc"))
        net, T_x, place = [(None, p)] if padding else [p], x.shape[2], (lambda v: [(None, v)]) if padding else lambda v: [v]
        a, _, _, tape = layers_forward(longer(turn(x), padding, np.nan), net, place(a0), place(c0), lengths=[T_x]*x.shape[1],
                                       engine=(step_by_step, and_back))
        assert not a[:, :, T_x:].any()
        return turn(a[:, :, :T_x]).copy(), aside["c"], (tape, aside, T_x)

    def backward(da, tape, dc=None):
        tape, aside, T_x = tape
        aside["dc"] = None if dc is None else longer(dc, T_x - dc.shape[2])
        found = layers_backward(longer(turn(longer(da, T_x - da.shape[2])), padding, np.nan), tape)
        [p], [a0], [c0], dx = found["dparameters"], found["da0"], found["dc0"], turn(found["dx"][:, :, :T_x])
        if padding: (_, p), (_, a0), (_, c0) = p, a0, c0
        return {"dx": dx[:, :, :da.shape[2]], "da0": a0, **p, "dc0": c0}
    return forward, backward


engines = [Engine("rnn", *find_engine("rnn"), net="rnn"),
           Engine("per-step", *find_engine("steps")),
           Engine("fused", *find_engine("numpy")),
           Engine("fused, compiled", *find_engine("numba"), complex=False),
           Engine("checkpointed", partial(checkpointed_lstm_forward, every=3), checkpointed_lstm_backward),
           Engine("variants", *find_engine("variant_lstm")),
           Engine("variants, rnn", *find_engine("variant_rnn"), net="rnn"),
           Engine("layers", *layered(padding=0)),
           Engine("layers, backward in padding", *layered(padding=2))]
each = pytest.mark.parametrize("engine", engines, ids=lambda e: e.name)
