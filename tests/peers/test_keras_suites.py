"""Keras' own tests of its recurrent layers, unmodified, with our functions in place of its loops.

`LSTM`, `GRU` and `SimpleRNN` keep their arguments, their weights and their bookkeeping; what runs over the sequence is
ours, forward and backward: weights through `from_keras`, the loop through `layers_forward` and `layers_backward`."""
import os
import unittest
from functools import partial

from conftest import needs_python

needs_python("3.11", "Keras")
os.environ.setdefault("KERAS_BACKEND", "torch")
import keras
import numpy as np
import pytest
import torch
from keras.src.layers.rnn import bidirectional_test, gru_test, lstm_test, simple_rnn_test
from keras.src.layers.rnn.gru import GRU, GRUCell
from keras.src.layers.rnn.lstm import LSTM, LSTMCell
from keras.src.layers.rnn.rnn import RNN
from keras.src.layers.rnn.simple_rnn import SimpleRNNCell
from everything import book
from lstm_nb.networks.layers import layers_backward, layers_forward
from lstm_nb.exchange.keras import from_keras, to_keras
from lstm_nb.exchange.packings import GATE_ORDERS
from problems import note, tables

assert keras.backend.backend() == "torch"
names = {"tanh": "Tanh", "sigmoid": "Sigmoid", "linear": "Affine", "relu": "Relu", "hard_sigmoid": ("HardSigmoid", 1/6, .5)}
calls = {"forward": 0, "backward": 0}
RNN_loop = RNN.inner_loop


def engine(cell):
    "Our forward and backward pass for a Keras cell."
    f, g = ([names[a.__name__] for a in (getattr(cell, "recurrent_activation", cell.activation), cell.activation)])
    if isinstance(cell, LSTMCell): return partial(book.variant_lstm_forward, activations=(f, g, g)), book.variant_lstm_backward
    if isinstance(cell, GRUCell): return partial(book.gru_forward, activations=(f, g), reset_after=cell.reset_after), book.gru_backward
    return partial(book.variant_rnn_forward, activations=(g,)), book.variant_rnn_backward


def as_keras(gradients, bias):
    "Gradients with respect to our parameters as those with respect to Keras' weights."
    g = {k[1:]: v for k, v in gradients.items()}
    kernel, recurrent, b = to_keras([g])
    if "bca" in g: b[1] = np.concatenate([g["bz"], g["br"], g["bca"]]).ravel()     # of two biases that add up, both have the same
    return [kernel, recurrent, b][:2 + bias]


class Loop(torch.autograd.Function):
    "x (m, T_x, n_x) and so on as tensors in, the hidden states and the last states out."
    @staticmethod
    def forward(ctx, run, lengths, mask, x, h, c, *values):
        calls["forward"] += 1
        arrays = [w.detach().numpy() for w in values]
        network = from_keras(arrays, bias=len(arrays) == 3)
        state = lambda v: None if v is None else [v.detach().numpy().T]
        a, a_last, c_last, ctx.tape = layers_forward(
            x.detach().numpy().transpose(2, 0, 1), network, state(h), state(c), lengths=lengths, engine=run,
            **({} if mask is None else {"state_masks": [mask.detach().numpy().T]}))
        ctx.bias = len(arrays) == 3
        tensor = lambda v: torch.tensor(np.ascontiguousarray(v))
        last = [tensor(a_last[0].T)] + ([] if c_last is None else [tensor(c_last[0].T)])
        return tensor(a.transpose(1, 2, 0)), *last

    @staticmethod
    def backward(ctx, da, dh, dc=None):
        calls["backward"] += 1
        memory = () if dc is None else ([dc.numpy().T],)
        g = layers_backward(da.numpy().transpose(2, 0, 1), ctx.tape, [dh.numpy().T], *memory)
        tensor = lambda v: torch.tensor(np.ascontiguousarray(v))
        start = [tensor(g["da0"][0].T), tensor(g["dc0"][0].T) if "dc0" in g else None]
        return None, None, None, tensor(g["dx"].transpose(1, 2, 0)), *start, *map(tensor, as_keras(g["dparameters"][0], ctx.bias))


def loop(cell, x, states, lengths, masks):
    "Hidden states and last states of one cell; a list of dropout masks is one for each gate."
    values = [cell.kernel.value, cell.recurrent_kernel.value] + ([cell.bias.value] if cell.use_bias else [])
    values = [w.to(x.dtype) for w in values]
    run, (h, *c) = engine(cell), states
    if not any(isinstance(v, list) for v in masks):
        if masks[0] is not None: x = x * masks[0][:, None]
        return Loop.apply(run, lengths, masks[1], x, h, c[0] if c else None, *values)
    out = []                                              # a mask for each gate: (d * a) W = a (d^T * W), one example at a time
    for j in range(len(x)):
        part = slice(j, j + 1)
        own = [w if d is None else w * torch.cat([v[j][:, None].expand(-1, cell.units) for v in d], 1) for w, d in zip(values, masks)]
        n = None if lengths is None else lengths[part]
        out.append(Loop.apply(run, n, None, x[part], h[part], c[0][part] if c else None, *own, *values[2:]))
    return [torch.cat(v) for v in zip(*out)]


def inner_loop(self, sequences, initial_state, mask, training=False):
    "In place of Keras' loop over the steps."
    cell = self.cell
    if not isinstance(cell, (LSTMCell, GRUCell, SimpleRNNCell)): return RNN_loop(self, sequences, initial_state, mask, training)
    states = [*initial_state] if isinstance(initial_state, (list, tuple)) else [initial_state]
    mask = mask[0] if isinstance(mask, (list, tuple)) else mask
    if sequences.is_meta:                                 # only shapes are asked for
        empty = lambda *shape: torch.empty(*shape, dtype=sequences.dtype, device="meta")
        return empty(len(sequences), cell.units), empty(*sequences.shape[:2], cell.units), [empty(len(sequences), cell.units) for _ in states]
    sequences = sequences.to(states[0].dtype)
    if self.go_backwards: sequences, mask = sequences.flip(1), None if mask is None else mask.flip(1)
    masks = [cell.get_dropout_mask(sequences[:, 0]) if training and cell.dropout else None,
             cell.get_recurrent_dropout_mask(states[0]) if training and cell.recurrent_dropout else None]
    if mask is None:
        a, *last = loop(cell, sequences, states, None, masks)
        return a[:, -1], a, last
    mask = mask.bool()
    real = torch.argsort(~mask, dim=1, stable=True)       # the real steps of each example first
    x = torch.gather(sequences, 1, real[:, :, None].expand_as(sequences))
    a, *last = loop(cell, x, states, mask.sum(1).numpy(), masks)
    before = mask.cumsum(1)                               # a masked step repeats the last real output
    a = torch.gather(torch.cat([torch.zeros_like(a[:, :1]), a], 1), 1, before[:, :, None].expand_as(a))
    if self.zero_output_for_mask: a = a * mask[:, :, None]
    return a[:, -1], a, last


@pytest.fixture
def ours(monkeypatch):
    for layer in (LSTM, GRU, RNN): monkeypatch.setattr(layer, "inner_loop", inner_loop)


def collect():
    "Every test of the four files by name."
    found = {}
    for module in (lstm_test, gru_test, simple_rnn_test, bidirectional_test):
        for test in (t for group in unittest.defaultTestLoader.loadTestsFromModule(module) for t in group):
            found[f"{module.__name__.rpartition('.')[2]}.{test._testMethodName}"] = test
    return found


tests, results = collect(), {}
# What cannot pass with our functions, and why: nothing.
cannot = {}
# What does not come to our functions, and why. "skipped" is Keras' own word.
untouched = {
    "gru_test.test_stateful_with_symbolic_batch_size": "skipped: needs TensorFlow",
    "gru_test.test_torch_cudnn_dispatch_fires": "skipped: needs a CUDA device",
    "bidirectional_test.test_torch_cudnn_bidirectional_gru_dispatch_fires": "skipped: needs a CUDA device",
    "bidirectional_test.test_keeps_use_cudnn": "asks for an attribute only",
    "bidirectional_test.test_fused_lstm_eligibility": "asks for a decision only",
    "bidirectional_test.test_fused_gru_eligibility": "asks for a decision only"}


def run(test):
    "How a test ends, and what it says if it fails; pytest's marks on it count."
    marks = getattr(getattr(test, test._testMethodName), "pytestmark", [])
    if any(m.name == "skipif" and m.args[0] for m in marks): return "skipped", []
    result = unittest.TestResult()
    test(result)
    return "skipped" if result.skipped else "passed" if result.wasSuccessful() else "failed", [e for _, e in result.errors + result.failures]


@pytest.mark.parametrize("name", tests)
def test_suite(ours, name):
    before = calls["forward"]
    outcome, errors = run(tests[name])
    results[name] = outcome, calls["forward"] - before
    expected = "failed" if name in cannot else "skipped" if untouched.get(name, "").startswith("skipped") else "passed"
    assert outcome == expected, "\n".join(errors)
    assert (calls["forward"] > before) == (name not in untouched), "whether it called our functions"


def test_all_of_them():
    "The lists above name tests that exist, and the four files are all here."
    assert len(tests) >= 32 and {*cannot} | {*untouched} <= {*tests}
    files = {k.partition(".")[0] for k in tests}
    assert files == {"lstm_test", "gru_test", "simple_rnn_test", "bidirectional_test"}


def made(which, **more):
    "A Keras layer in float64."
    kinds = {"lstm": keras.layers.LSTM, "gru": keras.layers.GRU, "gru, reset before": partial(keras.layers.GRU, reset_after=False), "rnn": keras.layers.SimpleRNN}
    return kinds[which](4, dtype="float64", return_sequences=True, seed=1, **more)


@pytest.mark.parametrize("masked", [False, True], ids=["all-steps", "masked"])
@pytest.mark.parametrize("dropout", [0., .5], ids=["", "dropout"])
@pytest.mark.parametrize("which", ["lstm", "gru", "gru, reset before", "rnn"])
def test_gradients(which, dropout, masked):
    "Outputs and gradients through our loop against PyTorch's through Keras' loop, which in float64 is right to some 1e-7 only."
    rng, found = np.random.default_rng(0), []
    x, da = (torch.tensor(rng.standard_normal((3, 5, n)), requires_grad=n == 2) for n in (2, 4))
    mask = torch.tensor([[True] * 5, [True, False, True, True, False], [False, True, True, False, False]]) if masked else None
    weights = None
    for loop in (None, inner_loop):
        layer = made(which, dropout=dropout, recurrent_dropout=dropout)
        layer.build(x.shape)
        weights = weights or [rng.standard_normal(w.shape) for w in layer.get_weights()]
        layer.set_weights(weights)
        with pytest.MonkeyPatch.context() as patch:
            if loop: patch.setattr(type(layer), "inner_loop", loop)
            out = layer(x, mask=mask, training=dropout > 0)
        found.append([out, *torch.autograd.grad((out * da).sum(), [x] + [w.value for w in layer.trainable_weights])])
    for theirs, mine in zip(*found, strict=True):
        off = float(abs(theirs - mine).max().detach() / abs(theirs).max().detach())
        note(f"Keras' loops, outputs and gradients{', masked' * masked}", off)
        assert off < 2e-6


@pytest.mark.parametrize("spoil", ["gates", "reset", "state"])
def test_a_mistake_is_seen(ours, monkeypatch, spoil):
    "What the suites are worth with something wrong in ours."
    if spoil == "gates": monkeypatch.setitem(GATE_ORDERS["gru"], "Keras", "rzc")
    run_layers = layers_forward
    gru_forward = book.gru_forward
    if spoil == "reset": monkeypatch.setattr(book, "gru_forward", lambda x, a0, p, *a, reset_after, **k: gru_forward(x, a0, {n: v for n, v in p.items() if n != "bca"}, *a, **k))
    if spoil == "state": monkeypatch.setitem(globals(), "layers_forward", lambda x, p, a0, c0, **k: run_layers(x, p, None, None, **k))
    failed = [k for k, t in tests.items() if run(t)[0] == "failed"]
    tables.append(f"Keras' suites with wrong {spoil}: {len(failed)} of {len(tests)} tests fail")
    if spoil == "gates": assert not failed              # their weights are equal, as ONNX's
    else: assert failed


def test_summary():
    if len(results) < len(tests): pytest.skip("not all were run")
    count = [o for o, _ in results.values()]
    lines = [f"Keras {keras.__version__}' own {len(tests)} tests with our loops: {count.count('passed')} pass ({sum(k in untouched for k in tests) - count.count('skipped')} of them without a call of ours), "
             f"{count.count('skipped')} skipped, {count.count('failed')} fail"]
    tables.append("\n".join(lines + [f"  {k}: {v}" for k, v in (cannot | untouched).items()]))
