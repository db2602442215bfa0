"Every gradient of every public function against the complex step, entry by entry, on many shapes."
import numpy as np
import pytest
from implementations import engines
from lstm_nb import (check_gradients, loss_and_gradients, lstm_backward, lstm_cell_backward, lstm_cell_forward, lstm_forward,
                     rnn_cell_backward, rnn_cell_forward)
from problems import draw, long, note, sizes


def prove(function, *args):
    "`check_gradients`, and a note of the error for the summary."
    note(f"{function} against the complex step", check_gradients(*args))


@pytest.fixture(params=sizes, ids=lambda s: "x".join(map(str, s)))
def size(request): return request.param


def test_rnn_cell(size):
    q = draw(*size, net="rnn")
    xt, da = q["x"][:, :, 0], q["da"][:, :, 0]
    loss = lambda p: (rnn_cell_forward(p["xt"], p["a_prev"], p)[0] * da).sum()
    gradients = rnn_cell_backward(da, rnn_cell_forward(xt, q["a0"], q["parameters"])[2])
    prove("rnn_cell_backward", loss, {"xt": xt, "a_prev": q["a0"], **q["parameters"]}, gradients)


def test_lstm_cell(size):
    q = draw(*size)
    xt, da, dc = q["x"][:, :, 0], q["da"][:, :, 0], q["dc"][:, :, 0]

    def loss(p):
        a, c, *_ = lstm_cell_forward(p["xt"], p["a_prev"], p["c_prev"], p)
        return (a * da).sum() + (c * dc).sum()
    gradients = lstm_cell_backward(da, dc, lstm_cell_forward(xt, q["a0"], q["c0"], q["parameters"])[3])
    prove("lstm_cell_backward", loss, {"xt": xt, "a_prev": q["a0"], "c_prev": q["c0"], **q["parameters"]}, gradients)


def cut(size): return sorted({1, max(size[3]//2, 1), size[3]})


@pytest.mark.parametrize("with_dc", [False, True], ids=["da", "da-and-dc"])
@pytest.mark.parametrize("engine", [e for e in engines if e.complex], ids=lambda e: e.name)
def test_sequence(engine, size, with_dc):
    q = draw(*size, net=engine.net)
    tape, states = engine.run(q)[1], ("a0", "c0") if engine.net == "lstm" else ("a0",)
    for T in cut(size) if long else cut(size)[-1:] if with_dc else cut(size)[:2]:
        d, rest = {"a": q["da"][:, :, :T]}, q["x"][:, :, T:]
        if with_dc and engine.net == "lstm": d["c"] = q["dc"]

        def loss(p):
            out, _ = engine.run(p | {"parameters": p, "x": np.concatenate([p["x"], rest], 2)})
            return sum((out[k][:, :, :d[k].shape[2]] * d[k]).sum() for k in d)
        inputs = {"x": q["x"][:, :, :T], **{k: q[k] for k in states}, **q["parameters"]}
        prove(f"{engine.name} backward", loss, inputs, engine.backward(d["a"], tape, d.get("c")))


@pytest.mark.parametrize("weighted", [False, True], ids=["mean", "weighted"])
def test_loss(size, weighted):
    n_x, n_a, m, T_x = size
    q = draw(*size, n_y=3)
    rng = np.random.default_rng(1)
    labels, weights = rng.integers(3, size=(m, T_x)), rng.uniform(0.1, 1, (m, T_x)) if weighted else None
    if weighted and T_x > 1: weights[:, 0] = 0
    f = lambda p: loss_and_gradients(p["x"], labels, p, p["a0"], p["c0"], weights)
    inputs = {"x": q["x"], "a0": q["a0"], "c0": q["c0"], **q["parameters"]}
    prove("loss_and_gradients", lambda p: f(p)[0], inputs, f(inputs)[1])


def test_a_planted_mistake_is_caught():
    q = draw(3, 5, 10, 7)
    gradients = lstm_backward(q["da"], lstm_forward(q["x"], q["a0"], q["parameters"], q["c0"])[3])
    loss = lambda p: (lstm_forward(p["x"], p["a0"], p, p["c0"])[0] * q["da"]).sum()
    inputs = {"x": q["x"], "a0": q["a0"], "c0": q["c0"], **q["parameters"]}
    for k in gradients:
        wrong = gradients[k].copy()
        wrong.flat[-1] *= 1 + 1e-9
        with pytest.raises(AssertionError, match=f"{k}: entry"): check_gradients(loss, inputs, gradients | {k: wrong})
