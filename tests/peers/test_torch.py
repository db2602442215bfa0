"Every output and every gradient against PyTorch's own RNN, LSTM, LSTMCell and cross-entropy, in float64."
import numpy as np
import pytest
import torch
from cases import problem, problem_with_labels
from hypothesis import given
from hypothesis import strategies as st
from implementations import each, engines
from judge import judge, judge_engine, judge_gradients, judge_loss
from plain import flat, upstream
from torch import nn
from torch.func import functional_call
from torch.nn.functional import cross_entropy

torch.set_num_threads(1)


def stacked(v, suffix=""):
    "PyTorch's four tensors, gates in its order i, f, g, o; all of the bias in the first of its two."
    n_a = len(v["a0"])
    W, b = torch.cat([v[f"W{k}"] for k in "ifco"]), torch.cat([v[f"b{k}"] for k in "ifco"]).ravel()
    return dict(zip(named(suffix), [W[:, n_a:], W[:, :n_a], b, torch.zeros_like(b)]))


def named(suffix): return [f"{kind}_{place}{suffix}" for kind in ("weight", "bias") for place in ("ih", "hh")]


def rnn(v):
    "`nn.RNN` on what `flat` returns, as tensors."
    net = nn.RNN(len(v["x"]), len(v["a0"]), dtype=v["x"].dtype)
    weights = dict(zip(named("_l0"), [v["Wax"], v["Waa"], v["ba"].ravel(), torch.zeros_like(v["ba"]).ravel()]))
    return {"a": functional_call(net, weights, (v["x"].permute(2, 1, 0), v["a0"].T[None].contiguous()))[0].permute(2, 1, 0)}


def lstm_layer(v):
    "`nn.LSTM`: every hidden state, and the memory state after the last step."
    net = nn.LSTM(len(v["x"]), len(v["a0"]), dtype=v["x"].dtype)
    start = v["a0"].T[None].contiguous(), v["c0"].T[None].contiguous()
    a, (_, c) = functional_call(net, stacked(v, "_l0"), (v["x"].permute(2, 1, 0), start))
    return a.permute(2, 1, 0), c[0].T


def lstm_cells(v):
    "`nn.LSTMCell`, step by step."
    net, a, c, steps = nn.LSTMCell(len(v["x"]), len(v["a0"]), dtype=v["x"].dtype), v["a0"].T, v["c0"].T, []
    for xt in v["x"].permute(2, 1, 0):
        a, c = functional_call(net, stacked(v), (xt, (a, c)))
        steps.append((a.T, c.T))
    return {k: torch.stack(s, 2) for k, s in zip("ac", zip(*steps))}


def numbers(tensors): return {k: v.detach().numpy() for k, v in tensors.items()}


def differentiate(total, v):
    "The gradients of `total` by everything in `v`."
    return {f"d{k}": g.numpy() for k, g in zip(v, torch.autograd.grad(total, [*v.values()]))}


def leaves(q): return {k: torch.tensor(x, requires_grad=True) for k, x in flat(q).items()}


def oracle(forward, q):
    "Outputs of `forward`, and the gradients of sum(a*da) + sum(c*dc)."
    v = leaves(q)
    out = forward(v)
    total = sum((out[k][:, :, :d.shape[2]] * torch.tensor(d)).sum() for k, d in upstream(q).items())
    return numbers(out), differentiate(total, v)


@each
@given(data=st.data())
def test_steps(engine, data):
    q = data.draw(problem(engine.net))
    judge_engine("PyTorch's cells", engine, q, *oracle(lstm_cells if engine.net == "lstm" else rnn, q))


@pytest.mark.parametrize("engine", [e for e in engines if e.net == "lstm"], ids=lambda e: e.name)
@given(q=problem())
def test_layer(engine, q):
    last = np.zeros_like(q["a0"]) if q["dc"] is None else q["dc"][:, :, -1]
    v = leaves(q)
    a, c = lstm_layer(v)
    ours = engine.run(q)[0]
    judge(f"{engine.name} against PyTorch's layer", {"a": ours["a"], "c": ours["c"][:, :, -1]}, numbers({"a": a, "c": c}))
    total = (a[:, :, :q["da"].shape[2]] * torch.tensor(q["da"])).sum() + (c * torch.tensor(last)).sum()
    dc = np.zeros_like(ours["c"])
    dc[:, :, -1] = last
    judge_gradients("PyTorch's layer", engine, q | {"dc": dc}, differentiate(total, v))


@given(case=problem_with_labels())
def test_loss(case):
    q, labels, weights = case
    v, w = leaves(q), torch.ones(labels.shape) if weights is None else torch.tensor(weights)
    out = lstm_cells(v)
    z = torch.tensordot(v["Wy"], out["a"], 1) + v["by"][:, :, None]
    loss = (cross_entropy(z.permute(1, 0, 2), torch.tensor(labels), reduction="none") * w).sum() / w.sum()
    judge_loss("PyTorch", *case, loss.item(), differentiate(loss, v), numbers(out))
