"""
The GRU of the course by another hand, as another.py: five learners' files, each with both resets.

A mistake names what it spoils, `spoils`, in words of its own; NUMBERS says what the page calls that.
"""
import numpy as np
from lstm_nb.networks.gru import gru_backward as book_backward
from lstm_nb.networks.gru import gru_forward as book_forward

from .another import changed, functions, hands
from .proved import n_a, n_x, n_y

NUMBERS = {"z": "79", "r": "137", "a": "80", "c before": "81", "c after": "82", "dc": "83", "dz": "84", "dr before": "85", "dr after": "86",
           "dWz": "131", "dWr": "138", "dbz": "132", "dbr": "139", "dWcx": "133", "dbc": "140", "dWca before": "134", "e": "141",
           "dv": "142", "dWca after": "143", "dbca": "144", "da_prev": "87", "dxt": "135", "y": "y"}
habits = "79 137", "131 138", "131 133 138", "132 139 140"      # as another.habits
_before = {f"{v}{k}": (n_a, n_a + n_x if v == "W" else 1) for v in "Wb" for k in "zrc"} | dict(Wy=(n_y, n_a), by=(n_y, 1))
SIZES = [{"gru": _before}, {"gru": _before | {"bca": (n_a, 1)}}]     # reset before the product, and after it
calling = {"gru_usual", "gru_loops", "gru_class"}


def how(hand, name): return "cell" if "cell" in name else "calls" if hand in calling else "written out"


def numbers(spoils):
    "What the page, or a rule, calls what is spoiled."
    return " ".join(sorted({NUMBERS.get(k, k) for k in spoils.split(", ")}))


def mistake(hand, name, spoils, what, words, *edits):
    return what, f"gru_{name}", numbers(spoils), words, hand, how(hand, name), changed(hands[hand], f"gru_{name}", *edits)


def right_one(hand, name, what, *edits):
    return what, f"gru_{name}", hand, how(hand, name), changed(hands[hand], f"gru_{name}", *edits)


def of_the_book(name):
    "What a function of the course's manner returns, by the book's engine: a step is a sequence of one."
    def forward(x, a0, p):
        cell = np.ndim(x) == 2
        a, _, tape = book_forward(x[:, :, None] if cell else x, a0, {k: v for k, v in p.items() if k not in ("Wy", "by")})
        e = np.exp(np.einsum("ya,amt->ymt", p["Wy"], a) + p["by"][:, :, None])
        y = e/e.sum(0)
        steps = [(a[:, :, t], s.a_prev, s.z.value, s.r.value, s.c.value, s.xt, p) for t, s in enumerate(tape.steps)]
        return (a[:, :, 0], y[:, :, 0], steps[0]) if cell else (a, y, (steps, x))
    def backward(da, caches):
        cell = np.ndim(da) == 2
        steps = [caches] if cell else caches[0]
        x = np.stack([s[5] for s in steps], axis=2)
        p = {k: v for k, v in steps[0][6].items() if k not in ("Wy", "by")}
        d = book_backward(da[:, :, None] if cell else da, book_forward(x, steps[0][1], p)[2])
        if cell: d = {"dxt": d.pop("dx")[:, :, 0], "da_prev": d.pop("da0"), **d}
        return d
    return forward if name.endswith("forward") else backward


mistakes = [mistake(*row) for row in [
    # ---- as the course writes
    ("gru_usual", "cell_forward", "z", "the update gate takes the reset gate's weights", ("Wr",), "np.dot(Wz, concat)", "np.dot(Wr, concat)"),
    ("gru_usual", "cell_forward", "r", "the reset gate has no bias", ("bias", "br"), "np.dot(Wr, concat) + br", "np.dot(Wr, concat)"),
    ("gru_usual", "cell_forward", "a", "z and 1 - z are exchanged", ("1 -", "exchang", "swap"), "(1 - zt) * cct + zt * a_prev", "zt * cct + (1 - zt) * a_prev"),
    ("gru_usual", "cell_forward", "c before", "no reset at all", ("reset", "Γr", "`rt`"), "np.concatenate((rt * a_prev, xt), axis=0)", "concat"),
    ("gru_usual", "cell_forward", "c after", "the inner bias is outside of the reset", ("bca", "bias", "reset", "outside"), 'rt * v)', 'rt * np.dot(Wc[:, :n_a], a_prev) + parameters["bca"])'),
    ("gru_usual", "cell_forward", "y", "the prediction looks at the candidate", ("cct", "candidate", "c̃"), 'np.dot(parameters["Wy"], a_next)', 'np.dot(parameters["Wy"], cct)'),
    ("gru_usual", "cell_backward", "dc", "(1 - c̃)² for 1 - c̃²", ("²", "square"), "(1 - cct ** 2)", "(1 - cct) ** 2"),
    ("gru_usual", "cell_backward", "dz", "the candidate and the old state are exchanged", ("sign", "exchang", "minus", "swap"), "(a_prev - cct)", "(cct - a_prev)"),
    ("gru_usual", "cell_backward", "dr before", "the state is forgotten", ("a_prev", "state"), "drt = e * a_prev * rt", "drt = e * rt"),
    ("gru_usual", "cell_backward", "dr after", "the inner bias is forgotten in v", ("bca", "bias"), 'a_prev) + parameters["bca"]\n', "a_prev)\n"),
    ("gru_usual", "cell_backward", "e", "the weights of the state are not transposed", ("transpos",), "e = np.dot(Wc[:, :n_a].T, dcct)", "e = np.dot(Wc[:, :n_a], dcct)"),
    ("gru_usual", "cell_backward", "dWca before", "the state as it is, not reset", ("reset", "Γr", "`rt`"), "np.dot(dcct, (rt * a_prev).T)", "np.dot(dcct, a_prev.T)"),
    ("gru_usual", "cell_backward", "dWca after", "dc̃ where dv belongs", ("reset", "Γr", "`rt`", "dv"), "dWca = np.dot(dv, a_prev.T)", "dWca = np.dot(dcct, a_prev.T)"),
    ("gru_usual", "cell_backward", "dbca", "the inner bias's gradient is that of the outer one", ("reset", "Γr", "`rt`", "dv", "dcct", "dc̃"), "np.sum(dv, axis=1", "np.sum(dcct, axis=1"),
    ("gru_usual", "cell_backward", "da_prev", "the straight line is forgotten", ("zt", "Γz", "first term", "straight", "update"), "da_prev = da_next * zt\n", "da_prev = 0\n"),
    ("gru_usual", "cell_backward", "da_prev", "e without the reset", ("reset", "Γr", "`rt`"), "da_prev = da_prev + e * rt", "da_prev = da_prev + e"),
    ("gru_usual", "cell_backward", "dxt", "the candidate sends nothing to the input", ("Wc", "candidate", "dcct", "dc̃"), " + np.dot(Wc[:, n_a:].T, dcct)\n    return", "\n    return"),
    ("gru_usual", "cell_backward", "dz, dbr", "the slope of z lacks 1 - z, and dbr is a mean", ("1 -", "slope", "mean", "divided"),
     "(a_prev - cct) * zt * (1 - zt)", "(a_prev - cct) * zt", "np.sum(drt, axis=1", "np.mean(drt, axis=1"),
    ("gru_usual", "forward", "carry_a", "every step starts from a0", ("a0", "carr", "every step"), "gru_cell_forward(x[:, :, t], a_next,", "gru_cell_forward(x[:, :, t], a0,"),
    ("gru_usual", "backward", "accumulate", "sums are overwritten", ("overw", "sum", "add"), "sums.get(k, 0) + gradients[k]", "gradients[k]"),
    ("gru_usual", "backward", "carry_a", "what the next step sends back is not added", ("carr", "next step", "add"), "da[:, :, t] + da_prevt", "da[:, :, t]"),
    ("gru_usual", "backward", "pairing", "the caches are read from the first", ("cache", "step"), "steps[t])", "steps[-1 - t])"),
    ("gru_usual", "backward", "dx", "dx is filled from its end", ("revers", "order"), "dx[:, :, t] =", "dx[:, :, T_x - 1 - t] ="),
    ("gru_usual", "backward", "dc, accumulate", "the candidate's gate is forgotten, and sums are overwritten", ("1 -", "Γz", "overw", "sum", "update"),
     "dcct = da_next * (1 - zt) * (1 - cct ** 2)", "dcct = da_next * (1 - cct ** 2)", "sums.get(k, 0) + gradients[k]", "gradients[k]"),
    # ---- loops
    ("gru_loops", "cell_forward", "r", "the reset gate's input weights are read from the first column on", ("column", "slice"), 'sr += p["Wr"][u, n_a + k] * xt', 'sr += p["Wr"][u, k] * xt'),
    ("gru_loops", "cell_forward", "c before", "the reset gate of the unit computed, not of the unit read", ("after", "Γr", "reset", "`rt`"), 's += p["Wc"][u, k] * r[k, j]', 's += p["Wc"][u, k] * r[u, j]'),
    ("gru_loops", "cell_forward", "a, c after", "the old state with a minus, and no inner bias", ("sign", "minus", "bca", "bias"), "z[u, j] * (a_prev[u, j] - cc[u, j])", "z[u, j] * (-a_prev[u, j] - cc[u, j])", 'v = p["bca"][u, 0]\n', "v = 0\n"),
    ("gru_loops", "cell_backward", "dWz, dWr", "the new state in two of the products", ("a_next", "new state", "after"), 'g["dWz"][u, k] += dz * a_prev[k, j]', 'g["dWz"][u, k] += dz * a[k, j]',
     'g["dWr"][u, k] += dr[u] * a_prev[k, j]', 'g["dWr"][u, k] += dr[u] * a[k, j]'),
    ("gru_loops", "cell_backward", "dbc", "the bias keeps the last example", ("last", "example", "sum", "overw"), 'g["dbc"][u, 0] += dc[u]', 'g["dbc"][u, 0] = dc[u]'),
    ("gru_loops", "cell_backward", "dr before", "1 - r is missing", ("1 -", "slope"), "e * a_prev[u, j] * r[u, j] * (1 - r[u, j])", "e * a_prev[u, j] * r[u, j]"),
    ("gru_loops", "forward", "carry_a", "the list's first state at every step", ("a0", "carr", "every step"), "states[-1], parameters", "states[0], parameters"),
    ("gru_loops", "backward", "da0", "da0 is what arrived at the first step", ("da0",), "g = gru_cell", "up = da[:, :, t] + dh\n        g = gru_cell", '"da0": dh', '"da0": up'),
    ("gru_loops", "backward", "order", "the first step is left out", ("first step", "step"), "range(T - 1, -1, -1)", "range(T - 1, 0, -1)", "dx = [None] * T", "dx = [np.zeros((x.shape[0], x.shape[1]))] * T"),
    # ---- einsum, written out
    ("gru_cuts", "cell_forward", "z, r", "tanh for both gates", ("sigmoid", "tanh"), "z = sigma(", "z = np.tanh(", "r = sigma(", "r = np.tanh("),
    ("gru_cuts", "cell_backward", "dWcx, dWz, dWr", "every product with the input is divided by m", ("divided", "mean"), "q[k] @ x.T for k", "q[k] @ x.T / x.shape[1] for k"),
    ("gru_cuts", "cell_backward", "inputs", "da_next is changed in place", ("da_next", "in place", "chang"), '    extra = {}\n', '    extra = {}\n    straight = da_next * z\n    da_next *= z\n', "back + da_next * z +", "back + straight +"),
    ("gru_cuts", "forward", "z", "the bias of z is added twice", ("bias", "bz", "twice"), 'z = sigma(X["z"][t] +', 'z = sigma(b["z"] + X["z"][t] +'),
    ("gru_cuts", "forward", "r", "the reset gate looks at the state through the update gate's weights", ("Wz",), 'U["r"] @ old', 'U["z"] @ old'),
    ("gru_cuts", "forward", "a", "z and 1 - z are exchanged", ("1 -", "exchang", "swap"), "h = z * old + (1 - z) * g", "h = (1 - z) * old + z * g"),
    ("gru_cuts", "forward", "c before", "the reset after the product, where it is before", ("after", "reset", "before"), 'part = U["c"] @ (r * old) if', 'part = r * (U["c"] @ old) if'),
    ("gru_cuts", "forward", "c after", "the inner bias is forgotten", ("bca", "bias"), 'else r * (U["c"] @ old + inner)', 'else r * (U["c"] @ old)'),
    ("gru_cuts", "forward", "carry_a", "the state starts at zero", ("a0", "zero"), "h, H, Y, K = a0,", "h, H, Y, K = 0 * a0,"),
    ("gru_cuts", "forward", "r, a", "no bias in the reset gate, and the old state is added whole", ("bias", "br", "Γz"), 'for k in "zrc"}\n    h, H', 'for k in "zrc"}\n    X["r"] = X["r"] - b["r"]\n    h, H', "z * old + (1 - z) * g", "old + (1 - z) * g"),
    ("gru_cuts", "backward", "dc", "the slope of tanh at its output", ("tanh",), "(1 - g * g)", "(1 - np.tanh(g) ** 2)"),
    ("gru_cuts", "backward", "dz", "the candidate alone", ("a_prev", "state", "missing"), "up * (h - g) * z * (1 - z)", "-up * g * z * (1 - z)"),
    ("gru_cuts", "backward", "dr before", "the slope of r is forgotten", ("1 -", "slope"), "qr = e * h * r * (1 - r)", "qr = e * h"),
    ("gru_cuts", "backward", "dr after", "the state where its product belongs", ("v", "product", "Wc", "a_prev"), 'qr = qc * (U["c"] @ h + inner) * r', "qr = qc * h * r"),
    ("gru_cuts", "backward", "e", "the weights of the state are not transposed", ("transpos",), 'e = U["c"].T @ qc', 'e = U["c"] @ qc'),
    ("gru_cuts", "backward", "dWca before", "the state is not reset", ("reset", "Γr", "`rt`"), 'Q["c"], R * H)', 'Q["c"], H)'),
    ("gru_cuts", "backward", "dWca after", "dc̃ where dv belongs", ("reset", "Γr", "`rt`", "dv"), 'Q["c"] * R, H)', 'Q["c"], H)'),
    ("gru_cuts", "backward", "da_prev", "the reset gate sends nothing to the state", ("Wr", "reset", "drt"), ' + U["r"].T @ qr\n', "\n"),
    ("gru_cuts", "backward", "dxt", "dx lacks the update gate", ("Wz", "update", "dzt"), 'for k in "zrc")}\n    gU', 'for k in "rc")}\n    gU'),
    ("gru_cuts", "backward", "dWz, dWr", "the states after the step", ("a_next", "new state", "after"), 'Q[k], H) for k in "zr"}', 'Q[k], np.stack([K[t][0] for t in range(T)], axis=-1)) for k in "zr"}'),
    ("gru_cuts", "backward", "dbz, dbr, dbc", "the biases are means", ("mean", "divided"), 'res["db" + k] = Q[k].sum(axis=(1, 2))[:, None]', 'res["db" + k] = Q[k].sum(axis=(1, 2))[:, None] / m'),
    ("gru_cuts", "backward", "carry_a", "the carried gradient is forgotten", ("carr", "next step", "add"), "up = da[:, :, t] + dh", "up = da[:, :, t]"),
    ("gru_cuts", "backward", "dc, da_prev", "1 - g for the slope, and the straight line is forgotten", ("²", "Γz", "straight", "1 -", "zt"), "(1 - g * g)", "(1 - g)", "dh = dh + up * z + U", "dh = dh + U"),
    # ---- rows, recursion, written out
    ("gru_rows", "cell_forward", "z, r", "the gates are named in the wrong order", ("exchang", "swap", "Wr", "Wz"), "z, r = np.hsplit", "r, z = np.hsplit"),
    ("gru_rows", "cell_backward", "dWz, dWr", "the gates' weights are named in the wrong order", ("exchang", "swap", "drt", "dzt", "dΓ"), 'out["dWz"], out["dWr"] =', 'out["dWr"], out["dWz"] ='),
    ("gru_rows", "cell_backward", "dv", "dv without the reset", ("reset", "Γr", "`rt`"), "dv = dc * r\n", "dv = dc\n"),
    ("gru_rows", "forward", "carry_a", "the recursion goes on with the first state", ("a0", "carr", "every step"), "go(steps[1:], new)", "go(steps[1:], a0.T)"),
    ("gru_rows", "forward", "a", "the candidate is added whole", ("1 -", "Γz", "zt"), "new = c - z * c + z * H", "new = c + z * H"),
    ("gru_rows", "backward", "accumulate", "the candidate's sums are overwritten", ("overw", "sum", "add"), 'grads["dWc"] += np', 'grads["dWc"][:] = np', 'grads["dbc"] +=', 'grads["dbc"][:] ='),
    ("gru_rows", "backward", "da", "the last slice of da at every step", ("da", "slice", "last"), "D = D + da[..., t].T", "D = D + da[..., -1].T"),
    ("gru_rows", "backward", "dx", "dx is filled from its end", ("revers", "order"), "dx[..., t] = (dc", "dx[..., T - 1 - t] = (dc"),
    ("gru_rows", "backward", "pairing", "the tape is read from its other end", ("cache", "step"), "for v in tape[t][:6])", "for v in tape[T - 1 - t][:6])"),
    ("gru_rows", "backward", "dbr, da_prev", "dbr has a minus, and e' comes without the reset gate's part", ("sign", "minus", "Γr", "Wr"), 'grads["dbr"] += dr', 'grads["dbr"] -= dr',
     "dH = dH + D * z + back_zr[:, :n]", "dH = dH + D * z + dz @ Wzr[:n, :n]"),
    ("gru_rows", "backward", "dz, dx", "the sign of dz, and dx is filled from its end", ("sign", "minus", "revers", "order"), "D * (H - c) * z", "D * (c - H) * z", "dx[..., t] = (dc", "dx[..., T - 1 - t] = (dc"),
    # ---- a class
    ("gru_class", "cell_forward", "c after", "no reset at all", ("reset", "Γr", "`rt`"), "return r * (self.U.dot(h) + self.b)", "return self.U.dot(h) + self.b"),
    ("gru_class", "cell_backward", "dWca before", "the state is not reset", ("reset", "Γr", "`rt`"), "d.dot((r * h).T)", "d.dot(h.T)"),
    ("gru_class", "cell_backward", "da_prev", "e' from dc̃ and not from dv", ("reset", "Γr", "`rt`", "dv"), "self.U.T.dot(dv), dv.dot", "self.U.T.dot(d), dv.dot"),
    ("gru_class", "cell_backward", "dbz, dbr, dbc", "the biases are means", ("mean", "divided"), "q.sum(axis=1, keepdims=True)", "q.mean(axis=1, keepdims=True)"),
    ("gru_class", "cell_backward", "dc, dWz", "no slope of the candidate, and dWz from the reset gate", ("slope", "1 -", "drt", "dΓr"), "dg = d * (1 - z) * (1 - g ** 2)", "dg = d * (1 - z)", '"dWz": dz.dot(v.T)', '"dWz": dr.dot(v.T)'),
    ("gru_class", "backward", "accumulate", "the gradients of the first step only", ("overw", "sum", "add"), "total.get(k, 0) + v", "v"),
    ("gru_class", "backward", "dx", "dx in the order of the loop", ("revers", "order"), "dx = [dxt] + dx", "dx = dx + [dxt]"),
    ("gru_class", "backward", "dr before, dr after, carry_a", "the slope of r is r², and nothing is carried", ("slope", "1 -", "²", "carr"), "dr = at_r * r * (1 - r)", "dr = at_r * r * r", "da[:, :, t] + dh, K[t]", "da[:, :, t], K[t]"),
]]

right = [(f"{hand}, {name}", name, hand, how(hand, name), text) for hand, text in hands.items() for name in functions(text) if name.startswith("gru")] + [
    right_one(*row) for row in [
        ("gru_usual", "cell_backward", "the slope of the sigmoid as z - z²", "* zt * (1 - zt)", "* (zt - zt ** 2)"),
        ("gru_usual", "backward", "copies of the caches", "gradients = gru_cell_backward(da[:, :, t] + da_prevt, steps[t])", "gradients = gru_cell_backward(da[:, :, t] + da_prevt, tuple(steps[t]))"),
        ("gru_cuts", "backward", "a matrix of ones for the biases", 'res["db" + k] = Q[k].sum(axis=(1, 2))[:, None]', 'res["db" + k] = Q[k].reshape(n, -1) @ np.ones((m * T, 1))'),
        ("gru_cuts", "forward", "the new state as a step towards the candidate", "h = z * old + (1 - z) * g", "h = old + (1 - z) * (g - old)"),
        ("gru_rows", "forward", "the old state is copied", "z, r = np.hsplit(sigmoid(np.hstack([H, X])", "H = H.copy()\n        z, r = np.hsplit(sigmoid(np.hstack([H, X])"),
        ("gru_class", "cell_backward", "1/cosh² from the candidate's argument", "* (1 - g ** 2)", "/ np.cosh(np.arctanh(g)) ** 2"),
    ]]
