"The plainest forward passes, written apart from the package, for any module `xp` that speaks NumPy."
import numpy as np


def sigmoid(xp, z): return 1 / (1 + xp.exp(-z))


def rnn_steps(xp, x, a, p):
    "(a_next, a_prev) of every step."
    steps = []
    for t in range(x.shape[2]):
        a_prev, a = a, xp.tanh(xp.dot(p["Wax"], x[:, :, t]) + xp.dot(p["Waa"], a) + p["ba"])
        steps.append((a, a_prev))
    return steps


def lstm_steps(xp, x, a, c, p):
    "(a_next, c_next, stack, c_prev, f, i, g, o) of every step."
    steps = []
    for t in range(x.shape[2]):
        stack, c_prev = xp.concatenate([a, x[:, :, t]]), c
        f = sigmoid(xp, xp.dot(p["Wf"], stack) + p["bf"])
        i = sigmoid(xp, xp.dot(p["Wi"], stack) + p["bi"])
        g = xp.tanh(xp.dot(p["Wc"], stack) + p["bc"])
        o = sigmoid(xp, xp.dot(p["Wo"], stack) + p["bo"])
        c = f*c + i*g
        a = o*xp.tanh(c)
        steps.append((a, c, stack, c_prev, f, i, g, o))
    return steps


def flat(q):
    "Everything that goes into the problem `q`, by name; zeros for a missing `c0` of an LSTM."
    start = {"x": q["x"], "a0": q["a0"]}
    if "Wf" in q["parameters"]: start["c0"] = np.zeros_like(q["a0"]) if q["c0"] is None else q["c0"]
    return start | q["parameters"]


def states(xp, v):
    "The states after every step, by name, of what `flat` returns."
    steps = lstm_steps(xp, v["x"], v["a0"], v["c0"], v) if "Wf" in v else rnn_steps(xp, v["x"], v["a0"], v)
    return {k: xp.stack([s[n] for s in steps], 2) for n, k in enumerate("ac" if "Wf" in v else "a")}


def upstream(q):
    "The gradients that arrive at the states of the problem `q`, by state."
    return {k: q[f"d{k}"] for k in ("ac" if "Wf" in q["parameters"] else "a") if q[f"d{k}"] is not None}


def loss(xp, v, d):
    "sum(a*da) + sum(c*dc) over the steps that `d` covers."
    out = states(xp, v)
    return sum(xp.sum(out[k][:, :, :d[k].shape[2]] * d[k]) for k in d)


def softmax(xp, z):
    e = xp.exp(z - z.max(axis=0))
    return e / e.sum(axis=0)


def cross_entropy(xp, v, labels, weights):
    "The weighted mean of -log of the probability of the right class."
    y = xp.stack([softmax(xp, xp.dot(v["Wy"], a) + v["by"]) for a, *_ in lstm_steps(xp, v["x"], v["a0"], v["c0"], v)], 2)
    right = np.arange(len(v["by"]))[:, None, None] == labels
    return -xp.sum(xp.log(xp.sum(y * right, axis=0)) * weights) / np.sum(weights)
