"""The power table: which mistakes does which test suite catch?

Plants one mistake after the other in lstm_nb and lets every suite judge it. Writes tests/records/power.json, which page 07 shows.
Needs the extra `peers` for ONNX's and Keras' suites: `make power` installs it and runs this."""
import itertools
import json
import os
import sys
import time
import unittest
from importlib.metadata import version

os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1", MPLBACKEND="Agg", KERAS_BACKEND="numpy", JAX_PLATFORMS="cpu")

import fastcore.test
import keras.src.layers.rnn.lstm_test as keras_test
import matplotlib.pyplot  # noqa: F401  imported once, for all children
import numpy as np
import pytest  # noqa: F401
from keras.src.layers.rnn.lstm import LSTMCell
from onnx import numpy_helper
from onnx.backend.test.case.node import collect_testcases
from planted import failed, in_child, proofs, root
from stamps import code_of, source

sys.path[:0] = [str(root/"tests"/folder) for folder in ("", "support", "core")]

# What is planted: what a reader is told, the module, the line (or a part that stands there once) and what it becomes.
forward, backward, both = "forward", "backward", "both"
mistakes = [
    (forward, "(1) no bias in the forget gate", "cell", 'ft = sigmoid(p["Wf"] @ stack + p["bf"])', 'ft = sigmoid(p["Wf"] @ stack)'),
    (forward, "(3) sigmoid for tanh", "cell", 'cct = np.tanh(', 'cct = sigmoid('),
    (forward, "(4) the old memory dropped", "cell", "c_next = ft * c_prev + it * cct", "c_next = it * cct"),
    (forward, "(4) 1 - Γf for Γi", "cell", "c_next = ft * c_prev + it * cct", "c_next = ft * c_prev + (1 - ft) * cct"),
    (forward, "(6) no tanh on the memory", "cell", "a_next = ot * np.tanh(c_next)", "a_next = ot * c_next"),
    (forward, "the initial memory ignored", "sequence", "if c0 is None: c_next", "if True: c_next"),
    (backward, "(7) no derivative of the gate", "cell", "da_next * tanh_c * sigmoid_derivative(ot)", "da_next * tanh_c"),
    (backward, "(8) no derivative of the tanh", "cell", "(dc_next + s) * it * tanh_derivative(cct)", "(dc_next + s) * it"),
    (backward, "(9) no derivative of the gate", "cell", "(dc_next + s) * cct * sigmoid_derivative(it)", "(dc_next + s) * cct"),
    (backward, "(10) no derivative of the gate", "cell", "(dc_next + s) * c_prev * sigmoid_derivative(ft)", "(dc_next + s) * c_prev"),
    (backward, "(8) without the bracket", "cell", "(dc_next + s) * it * tanh_derivative(cct)", "dc_next * it + s * it * tanh_derivative(cct)"),
    (backward, "(9) without the bracket", "cell", "(dc_next + s) * cct * sigmoid_derivative(it)", "dc_next * cct + s * cct * sigmoid_derivative(it)"),
    (backward, "(10) without the bracket", "cell", "(dc_next + s) * c_prev * sigmoid_derivative(ft)", "dc_next * c_prev + s * c_prev * sigmoid_derivative(ft)"),
    (backward, "(10) new memory for old", "cell", "(dc_next + s) * c_prev * sigmoid_derivative(ft)", "(dc_next + s) * c_next * sigmoid_derivative(ft)"),
    (backward, "(7) c for tanh(c)", "cell", "da_next * tanh_c * sigmoid_derivative(ot)", "da_next * c_next * sigmoid_derivative(ot)"),
    (backward, "(8) 1 - c̃ for 1 - c̃²", "cell", "(dc_next + s) * it * tanh_derivative(cct)", "(dc_next + s) * it * (1 - cct)"),
    (backward, "s without 1 - tanh²", "cell", "s = da_next * ot * tanh_derivative(tanh_c)", "s = da_next * ot"),
    (backward, "s without the output gate", "cell", "s = da_next * ot * tanh_derivative(tanh_c)", "s = da_next * tanh_derivative(tanh_c)"),
    (backward, "(11)-(14) new state for old", "cell", "np.concatenate([a_prev, xt]), np.tanh(c_next)", "np.concatenate([as_cache(cache, LSTMCache).a_next, xt]), np.tanh(c_next)"),
    (backward, "(11b)-(14b) one example only", "cell", "dz[k].sum(\n            axis=1, keepdims=True)", "dz[k][:, :1]"),
    (backward, "(11b)-(14b) mean for sum", "cell", "dz[k].sum(\n            axis=1, keepdims=True)", "dz[k].mean(axis=1, keepdims=True)"),
    (backward, "(11b)-(14b) no keepdims", "cell", "dz[k].sum(\n            axis=1, keepdims=True)", "dz[k].sum(axis=1)"),
    (backward, "(15), (17) slices exchanged", "cell",
     [("[:, n_a:].T @ dz[k]", "[:, :len(xt)].T @ dz[k]"), ("[:, :n_a].T @ dz[k]", "[:, len(xt):].T @ dz[k]")], None),
    (backward, "(15) no transpose", "cell", "[:, :n_a].T @ dz[k]", "[:, :n_a] @ dz[k]"),
    (backward, "(15) the output gate left out", "cell", ':n_a].T @ dz[k]\n                       for k in dz', ':n_a].T @ dz[k]\n                       for k in "fic"'),
    (backward, "(16) without s", "cell", '"dc_prev": (dc_next + s) * ft', '"dc_prev": dc_next * ft'),
    (backward, "(16) without dc", "cell", '"dc_prev": (dc_next + s) * ft', '"dc_prev": s * ft'),
    (backward, "(16) Γi for Γf", "cell", '"dc_prev": (dc_next + s) * ft', '"dc_prev": (dc_next + s) * it'),
    (backward, "(18) da not carried", "sequence", "at_step(da, t) + da_prev", "at_step(da, t) + 0*da_prev"),
    (backward, "(19) dc not carried", "sequence", "at_step(dc, t) + dc_prev", "at_step(dc, t) + 0*dc_prev"),
    (backward, "(18), (19) neither carried", "sequence",
     [("at_step(da, t) + da_prev", "at_step(da, t) + 0*da_prev"), ("at_step(dc, t) + dc_prev", "at_step(dc, t) + 0*dc_prev")], None),
    (backward, "(18) last step's da only", "sequence", "at_step(da, t) + da_prev", "at_step(da, t)*(t == da.shape[2] - 1) + da_prev"),
    (backward, "(20) overwritten, not added", "sequence", "sums[k] + gradients[k]", "gradients[k]"),
    (backward, "the cache of the step after", "sequence", "steps[t])", "steps[min(t + 1, len(steps) - 1)])"),
    (backward, "the first step left out", "sequence", "range(max(da.shape[2], dc.shape[2]))", "range(min(1, len(steps) - 1), max(da.shape[2], dc.shape[2]))"),
    (backward, "dx in the order of the loop", "sequence", "stack_steps(dx[::-1]", "stack_steps(dx"),
]
reads = '    p = p | {{n + k: p[n + q] for n in "Wb" for k, q in zip("fico", "{order}")}}\n'


def edit(module, old, new):
    "The source of `module` with `old` replaced, which must stand there once; `old` may be a list of pairs."
    text = source(module)
    for before, after in (old if new is None else [(old, new)]):
        assert text.count(before) == 1, f"{module}: {before!r} stands there {text.count(before)} times"
        text = text.replace(before, after)
    return {f"lstm_nb.{module}": text}


def in_order(order):
    "The cell that takes the weights of `order` for those of f, i, c and o, forward and backward."
    return edit("cell", [("    stack = np.concatenate([a_prev, xt])\n", reads.format(order=order) + "    stack = np.concatenate([a_prev, xt])\n"),
                         ("    n_a, stack, tanh_c", reads.format(order=order) + "    n_a, stack, tanh_c"),
                         ('    for k in dz:\n', f'    dz = dict(sorted(zip("{order}", dz.values()), key=lambda z: "fico".index(z[0])))\n    for k in dz:\n')], None)


# The suites: functions that make their checks, a dictionary of functions that raise.
first_figures = {"dx[1][2]": "-0.00173313 0.08287442 -0.30545663 -0.43281115", "da0[2][3]": "-0.095911501954",
                 "dWf[3][1]": "-0.0698198561274", "dWi[1][2]": "0.102371820249", "dWc[3][1]": "-0.0624983794927",
                 "dWo[1][2]": "0.0484389131444", "dbf[4]": "-0.0565788", "dbi[4]": "-0.06997391", "dbc[4]": "-0.27441821", "dbo[4]": "0.16532821"}


def course(edition):
    "One check for every figure and every shape that an edition prints for the LSTM."
    from test_published import cases, test_published_figures
    chosen = [c for c in cases if c["function"].startswith("lstm") and edition in c["editions"]]
    if not any(c["function"] == "lstm_backward" for c in chosen):       # the first editions: other numbers, and one draws more
        late = next(c for c in cases if c["function"] == "lstm_backward")
        more = [["Wy", [2, 5]], ["by", [2, 1]]] if edition == "v3a-early" else []
        chosen.append(late | {"figures": first_figures, "draws": late["draws"] + more})
    nothing = {"figures": {}, "shapes": {}, "lengths": {}}
    return {f"{c['function']}: {k}": lambda c=c, part=part, k=k: test_published_figures(c | nothing | {part: {k: c[part][k]}})
            for c in chosen for part in nothing for k in c[part]}


def onnx():
    "The node tests of ONNX, with its tolerances. Ours has no peepholes, so one of the six cannot run."
    import lstm_nb

    def gates(w): return dict(zip("iofc", np.split(w, 4)))

    def run(case):
        node = case.model.graph.node[0]
        of = {a.name: a.i or a.s.decode() for a in node.attribute}
        for given, wanted in case.data_sets:
            given = [g if isinstance(g, np.ndarray) else numpy_helper.to_array(g) for g in given]
            wanted = [g if isinstance(g, np.ndarray) else numpy_helper.to_array(g) for g in wanted]
            x, W, R = given[:3]
            x = x if of.get("layout") else x.swapaxes(0, 1)                       # (m, T_x, n_x)
            B = given[3] if len(given) > 3 else np.zeros((len(W), 2*W.shape[1]), x.dtype)
            y, h, c = [], [], []
            for d in range(len(W)):
                Wx, Wa, b = gates(W[d]), gates(R[d]), gates(sum(np.split(B[d], 2)))
                p = {f"W{k}": np.concatenate([Wa[k], Wx[k]], axis=1) for k in Wx} | {f"b{k}": b[k][:, None] for k in b}
                back = d == 1 or of.get("direction") == "reverse"
                a_, _, c_, _ = lstm_nb.lstm_forward(x.T.swapaxes(1, 2)[:, :, ::-1 if back else 1], np.zeros((R.shape[2], len(x)), x.dtype), p)
                h.append(a_[:, :, -1].T); c.append(c_[:, :, -1].T); y.append(a_[:, :, ::-1 if back else 1].T)
            got = {"Y": np.stack(y, 1), "Y_h": np.stack(h), "Y_c": np.stack(c)}
            if of.get("layout"): got = {"Y": got["Y"].transpose(2, 0, 1, 3), "Y_h": got["Y_h"].swapaxes(0, 1), "Y_c": got["Y_c"].swapaxes(0, 1)}
            for name, value in zip([n for n in node.output if n], wanted, strict=True):
                np.testing.assert_allclose(got[name], value, rtol=case.rtol, atol=case.atol, strict=True)
    cases = [c for c in onnx_cases if c.name.startswith("test_lstm")]
    return {c.name: lambda c=c: run(c) for c in cases if len(c.model.graph.node[0].input) < 8}


def keras():
    "Keras' own lstm_test.py, with our step in place of the one that it tests."
    import lstm_nb
    its_own = LSTMCell.call

    def call(self, inputs, states, training=False):
        if training and (self.dropout or self.recurrent_dropout) or not isinstance(inputs, np.ndarray): return its_own(self, inputs, states, training)
        W = np.concatenate([np.asarray(self.recurrent_kernel), np.asarray(self.kernel)]).T
        b = np.asarray(self.bias)[:, None] if self.use_bias else np.zeros((len(W), 1), W.dtype)
        p = {f"W{k}": w for k, w in zip("ifco", np.split(W, 4))} | {f"b{k}": v for k, v in zip("ifco", np.split(b, 4))}
        a, c, _, _ = lstm_nb.lstm_cell_forward(inputs.T, *[np.asarray(s).T for s in states], p)
        return a.T, [a.T, c.T]

    def run(test):
        LSTMCell.call = call
        result = unittest.TestResult()
        test(result)
        assert result.wasSuccessful()
    return {t.id().rpartition(".")[2]: lambda t=t: run(t) for group in unittest.defaultTestLoader.loadTestsFromModule(keras_test) for t in group}


def drawn(scale):
    "A problem whose inputs, states and upstream gradients have the size `scale`, and weights as they start."
    from lstm_nb import init_lstm_parameters
    rng = np.random.default_rng(0)
    q = {k: scale * rng.standard_normal(s) for k, s in {"x": (3, 4, 6), "a0": (5, 4), "c0": (5, 4), "da": (5, 4, 6), "dc": (5, 4, 6)}.items()}
    return q, init_lstm_parameters(3, 5, rng=rng)


def gradients(q, p):
    import lstm_nb
    return lstm_nb.lstm_backward(q["da"], lstm_nb.lstm_forward(q["x"], q["a0"], p, q["c0"])[3], q["dc"])


def shapes():
    "Every output and every gradient has the right shape."
    import lstm_nb
    q, p = drawn(1)

    def run():
        a, _, c, caches = lstm_nb.lstm_forward(q["x"], q["a0"], p, q["c0"])
        assert a.shape == c.shape == (5, 4, 6) and len(caches[0]) == 6
        for k, v in gradients(q, p).items(): assert v.shape == (q | p)[k[1:]].shape
    return {"shapes": run}


def absolute(scale, eps):
    "Central differences and an absolute tolerance, by fastcore's `test_close`."
    import lstm_nb
    q, p = drawn(scale)
    inputs = {k: q[k] for k in ("x", "a0", "c0")} | p

    def loss(v):
        a, _, c, _ = lstm_nb.lstm_forward(v["x"], v["a0"], v, v["c0"])
        return (a * q["da"]).sum() + (c * q["dc"]).sum()

    def run(k):
        numeric = lstm_nb.central_difference(lambda v: loss(inputs | {k: v}), inputs[k])
        fastcore.test.test_close(gradients(q, p)[f"d{k}"], numeric, eps)
    return {k: lambda k=k: run(k) for k in inputs}


def learns():
    "Gradient descent on random labels: the loss goes down."
    import lstm_nb

    def run():
        rng = np.random.default_rng(0)
        x, labels = rng.standard_normal((3, 8, 6)), rng.integers(4, size=(8, 6))
        p, losses = lstm_nb.init_lstm_parameters(3, 10, n_y=4, rng=rng), []
        for _ in range(50):
            loss, g, _ = lstm_nb.loss_and_gradients(x, labels, p)
            p = {k: v - 0.5*g[f"d{k}"] for k, v in p.items()}
            losses.append(loss)
        assert losses[-1] < losses[0]
    return {"loss": run}


suites = {"course v1-v3": (both, lambda: course("v3")), "course early v3a": (both, lambda: course("v3a-early")), "course late v3a-v4": (both, lambda: course("v4")),
          "ONNX": (forward, onnx), "Keras": (forward, keras), "shapes": (both, shapes), "learns": (both, learns),
          "absolute 1e-2": (backward, lambda: absolute(0.1, 1e-2)), "absolute 1e-5": (backward, lambda: absolute(1e-3, 1e-5)),
          "this book": (both, lambda: dict(proofs("cell")))}
onnx_cases = collect_testcases("LSTM")


def judge(sources, usable=None):
    "The failing checks of every suite; only those of `usable`, the ones that the right code passes, and the book's up to the first."
    failing = {}
    for name, (_, make) in suites.items():
        def run(name=name, make=make):
            fails, checks = [], make()
            for k, check in checks.items():
                if (usable is None or k in usable[name]) and failed(check): fails.append(k)
                if fails and name == "this book": break
            return fails, list(checks)
        failing[name] = in_child(run, sources, 300)
        if isinstance(failing[name], str): failing[name] = [failing[name]], []
    return failing


def main():
    began = time.time()
    right = judge({})
    usable = {s: [k for k in checks if k not in fails] for s, (fails, checks) in right.items()}
    rows = []
    orders = ["".join(o) for o in itertools.permutations("fico") if "".join(o) != "fico"]
    plans = [(kind, name, edit(*change)) for kind, name, *change in mistakes] + [(both, f"gates read in the order {o}", in_order(o)) for o in orders]
    for kind, name, sources in plans:
        fails = {s: f for s, (f, _) in judge(sources, usable).items()}
        rows.append({"kind": kind, "mistake": name, "caught": {s: len(f) for s, f in fails.items()}})
        print(f"{name:45}", *("x" if f else "-" if kind == backward and suites[s][0] == forward else "." for s, f in fails.items()), flush=True)
    result = {"code": code_of("tests/records/power.json"), "versions": {k: version(k) for k in ("onnx", "keras")},
              "suites": {s: {"sees": suites[s][0], "checks": len(checks), "rejects the right code": len(fails)} for s, (fails, checks) in right.items()},
              "rows": rows}
    (root/"tests/records/power.json").write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    for s, v in result["suites"].items(): print(f"{s:20} {v}, catches {sum(bool(r['caught'][s]) for r in rows)} of {len(rows)}")
    print(f"{time.time() - began:.0f} s")


if __name__ == "__main__": main()
