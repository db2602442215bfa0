# comprehensions, zip, accumulate; no index where there need not be one
from functools import reduce
from itertools import accumulate

import numpy as np

GATES = ("f", "i", "c", "o")


def act(kind, z):
    return np.tanh(z) if kind == "c" else 1 / (1 + np.exp(-z))


def slope(kind, v):
    return 1 - v * v if kind == "c" else v * (1 - v)


def softmax(z):
    e = np.exp(z - z.max(0))
    return e / e.sum(0)


def steps_of(x):
    return [x[:, :, t] for t in range(x.shape[-1])]


def rnn_cell_forward(xt, a_prev, parameters):
    terms = [parameters[w] @ v for w, v in (("Wax", xt), ("Waa", a_prev))]
    a_next = np.tanh(reduce(np.add, terms, parameters["ba"]))
    return a_next, softmax(parameters["Wya"] @ a_next + parameters["by"]), (a_next, a_prev, xt, parameters)


def rnn_forward(x, a0, parameters):
    states = list(accumulate(steps_of(x), lambda h, xt: np.tanh(
        parameters["Waa"] @ h + parameters["Wax"] @ xt + parameters["ba"]), initial=a0))
    y = [softmax(parameters["Wya"] @ h + parameters["by"]) for h in states[1:]]
    caches = [(new, old, xt, parameters) for new, old, xt in zip(states[1:], states, steps_of(x))]
    return np.stack(states[1:], axis=2), np.stack(y, axis=2), (caches, x)


def rnn_cell_backward(da_next, cache):
    a_next, a_prev, xt, parameters = cache
    dz = da_next * slope("c", a_next)
    weights = {"d" + w: dz @ v.T for w, v in (("Wax", xt), ("Waa", a_prev))}
    states = {name: parameters[w].T @ dz for name, w in (("dxt", "Wax"), ("da_prev", "Waa"))}
    return {**weights, **states, "dba": np.array([[row.sum()] for row in dz])}


def rnn_backward(da, caches):
    tape, x = caches
    parts, carried = [], 0
    for d, cache in zip(reversed(steps_of(da)), reversed(tape[:da.shape[2]])):
        parts.append(rnn_cell_backward(d + carried, cache))
        carried = parts[-1]["da_prev"]
    sums = {k: sum(p[k] for p in parts) for k in ("dWax", "dWaa", "dba")}
    return {"dx": np.stack([p["dxt"] for p in reversed(parts)], axis=2), "da0": carried, **sums}


def lstm_cell_forward(xt, a_prev, c_prev, parameters):
    v = np.concatenate([a_prev, xt])
    f, i, c, o = [act(k, parameters["W" + k] @ v + parameters["b" + k]) for k in GATES]
    c_next = sum(p * q for p, q in ((f, c_prev), (i, c)))
    a_next = o * np.tanh(c_next)
    y = softmax(parameters["Wy"] @ a_next + parameters["by"])
    return a_next, c_next, y, (a_next, c_next, a_prev, c_prev, f, i, c, o, xt, parameters)


def lstm_forward(x, a0, parameters):
    def step(before, xt):
        h, c = before[0], before[1]
        return lstm_cell_forward(xt, h, c, parameters)

    run = list(accumulate(steps_of(x), step, initial=(a0, np.zeros_like(a0))))[1:]
    a, c, y = [np.stack([r[n] for r in run], axis=2) for n in range(3)]
    return a, y, c, ([r[3] for r in run], x)


def lstm_cell_backward(da_next, dc_next, cache):
    a_next, c_next, a_prev, c_prev, f, i, c, o, xt, parameters = cache
    n, v, th = len(a_prev), np.concatenate([a_prev, xt]), np.tanh(c_next)
    total = dc_next + da_next * o * (1 - th * th)
    arrives = {"f": total * c_prev, "i": total * c, "c": total * i, "o": da_next * th}
    value = dict(zip(GATES, (f, i, c, o)))
    dz = {k: arrives[k] * slope(k, value[k]) for k in GATES}
    grads = {"dW" + k: dz[k] @ v.T for k in GATES} | {"db" + k: dz[k].sum(1)[:, None] for k in GATES}
    dv = reduce(np.add, [parameters["W" + k].T @ dz[k] for k in GATES])
    return grads | {"da_prev": dv[:n], "dxt": dv[n:], "dc_prev": total * f}


def lstm_backward(da, caches):
    tape, _ = caches
    dh = dc = np.zeros(da.shape[:2])
    seen = []
    for d, cache in list(zip(steps_of(da), tape))[::-1]:
        seen = [lstm_cell_backward(d + dh, dc, cache)] + seen
        dh, dc = seen[0]["da_prev"], seen[0]["dc_prev"]
    summed = {name: np.sum([g[name] for g in seen], axis=0) for k in GATES for name in ("dW" + k, "db" + k)}
    return {"dx": np.stack([g["dxt"] for g in seen], axis=2), "da0": dh, **summed}
