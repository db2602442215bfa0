"Outputs and gradients against what an oracle says, entry by entry."
import numpy as np
from cases import cast
from lstm_nb import assert_close, loss_and_gradients, relative_error
from plain import flat, lstm_steps, rnn_steps, softmax
from problems import note


def left(s): return 1 - s + 0.1


def size_at(d, t): return abs(d[:, :, t]) if d is not None and t < d.shape[2] else 0


def rnn_terms(q):
    "`terms` of a plain RNN."
    W = {k: abs(v) for k, v in q["parameters"].items()}
    dx, da_prev, d = [], 0, dict.fromkeys(["dWax", "dWaa", "dba"], 0)
    for t, (a, a_prev) in reversed([*enumerate(rnn_steps(np, q["x"], q["a0"], q["parameters"]))]):
        dz = (size_at(q["da"], t) + da_prev) * left(a**2)
        one = {"dWax": dz @ abs(q["x"][:, :, t]).T, "dWaa": dz @ abs(a_prev).T, "dba": dz.sum(1, keepdims=True)}
        d = {k: d[k] + one[k] for k in d}
        dx, da_prev = [W["Wax"].T @ dz, *dx], W["Waa"].T @ dz
    return d | {"dx": np.stack(dx, 2), "da0": da_prev}


def lstm_terms(q):
    "`terms` of an LSTM."
    W, n_a = {k: abs(v) for k, v in q["parameters"].items()}, len(q["a0"])
    dx, da_prev, dc_prev, d = [], 0, 0, {f"d{n}{k}": 0 for k in "fico" for n in "Wb"}
    steps = lstm_steps(np, q["x"], q["a0"], flat(q)["c0"], q["parameters"])
    for t, (_, c, stack, c_prev, f, i, g, o) in reversed([*enumerate(steps)]):
        da, tanh_c = size_at(q["da"], t) + da_prev, abs(np.tanh(c))
        dc = size_at(q["dc"], t) + dc_prev + da*o*left(tanh_c**2)
        dz = {"f": dc*abs(c_prev)*f*left(f), "i": dc*abs(g)*i*left(i), "c": dc*i*left(g**2), "o": da*tanh_c*o*left(o)}
        one = {f"dW{k}": dz[k] @ abs(stack).T for k in dz} | {f"db{k}": dz[k].sum(1, keepdims=True) for k in dz}
        d = {k: d[k] + one[k] for k in d}
        dstack = sum(W[f"W{k}"].T @ dz[k] for k in dz)
        dx, da_prev, dc_prev = [dstack[n_a:], *dx], dstack[:n_a], dc*f
    return d | {"dx": np.stack(dx, 2), "da0": da_prev, "dc0": dc_prev}


def terms(q):
    """The gradients of the problem `q` with the size of every term in place of the term, and 1.1 - s in place of 1 - s.

    A cache holds rounded gates: what 1 - s has left of a nearly saturated one is a small difference of large numbers, wrong
    by up to half an eps. The 0.1 grants it a few of them (0.1 * 0.01 * 1e-12 is 4.5 eps), however small the gradient.
    """
    return lstm_terms(q) if "Wf" in q["parameters"] else rnn_terms(q)


def loss_terms(q, labels, weights):
    "`terms` of the mean cross-entropy."
    p = q["parameters"]
    a = np.stack([s[0] for s in lstm_steps(np, q["x"], q["a0"], flat(q)["c0"], p)], 2)
    y = softmax(np, np.tensordot(p["Wy"], a, 1) + p["by"][:, :, None])
    dz = (y + (np.arange(len(y))[:, None, None] == labels)) * weights / weights.sum()
    da = np.tensordot(abs(p["Wy"]).T, dz, 1)
    return lstm_terms(q | {"da": da, "dc": None}) | {"dWy": np.tensordot(dz, abs(a), [[1, 2], [1, 2]]), "dby": dz.sum((1, 2))[:, None]}


def errors(actual, expected, size):
    "The error of every entry, relative to the largest of: the entry, a hundredth of the largest one, a hundredth of its terms."
    scale = np.maximum(np.maximum(abs(expected), 0.01 * abs(expected).max()), 0.01 * size)
    return abs(actual - expected) / np.maximum(scale, np.finfo(np.float64).tiny)


def double(arrays): return {k: np.asarray(v, np.float64) for k, v in arrays.items()}


def judge(what, actual, expected, size=None, rtol=1e-12):
    "Raise an `AssertionError` unless all arrays agree: outputs as `assert_close` says, gradients, where `size` is given, as `errors` says."
    dtype = next(iter(actual.values())).dtype
    assert {v.dtype for v in actual.values()} == {dtype}
    rtol, actual = rtol * float(np.finfo(dtype).eps / np.finfo(np.float64).eps), double(actual)
    if size is None: assert_close(actual, expected, rtol)
    assert {k: v.shape for k, v in actual.items()} == {k: v.shape for k, v in expected.items()}
    worst = {k: float((relative_error(v, expected[k]) if size is None else errors(v, expected[k], size[k])).max()) for k, v in actual.items()}
    assert max(worst.values()) <= rtol, worst
    note(f"{what}, {dtype}", max(worst.values()))


def cut(d, q):
    "The gradients `d` with those steps of `dx` that `da` has."
    return d | {"dx": d["dx"][:, :, :q["da"].shape[2]]}


def judge_gradients(oracle, engine, q, gradients):
    "The engine's gradients of the problem `q`, of any dtype, against the oracle's; `dx` has the steps of `da`."
    judge(f"{engine.name} gradients against {oracle}", engine.gradients(q), cut(gradients, q), cut(terms(cast(q, "float64")), q))


def judge_engine(oracle, engine, q, outputs, gradients):
    "`judge_gradients`, and the outputs."
    judge(f"{engine.name} against {oracle}", engine.run(q)[0], outputs)
    judge_gradients(oracle, engine, q, gradients)


def judge_loss(oracle, q, labels, weights, loss, gradients, outputs):
    "`loss_and_gradients` against the oracle's loss, gradients and states."
    ours, d, (a, c) = loss_and_gradients(q["x"], labels, q["parameters"], q["a0"], q["c0"], weights)
    judge(f"loss against {oracle}", {"loss": ours[None], "a": a, "c": c},
          {"loss": np.array([loss])} | {k: v[:, :, -1] for k, v in outputs.items()})
    w = np.ones(labels.shape) if weights is None else weights
    judge(f"loss gradients against {oracle}", d, gradients, loss_terms(cast(q, "float64"), labels, w))
