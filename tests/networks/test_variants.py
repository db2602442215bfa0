"The variants: every gradient against the complex step and against autograd over random combinations of options, neutral options, kinks, and the properties of all engines."
from collections import Counter
from functools import partial

import autograd.numpy as anp
import cases
import numpy as np
import plain_variants
import pytest
from autograd import grad
from hypothesis import given, settings
from hypothesis import strategies as st
from implementations import Engine
from lstm_nb import assert_close, complex_step, lstm_backward, lstm_forward, relative_error
from lstm_nb.networks.activations import ACTIVATIONS, activate
from lstm_nb.networks.gru import gru_backward, gru_forward
from lstm_nb.networks.rnn import variant_rnn_backward, variant_rnn_forward
from lstm_nb.networks.variants import variant_lstm_backward, variant_lstm_forward
from problems import draw, long, note
from test_properties import properties

programs = {"lstm": (variant_lstm_forward, variant_lstm_backward, plain_variants.lstm),
            "gru": (gru_forward, gru_backward, plain_variants.gru),
            "rnn": (variant_rnn_forward, variant_rnn_backward, plain_variants.rnn)}
kinds = pytest.mark.parametrize("kind", [*programs])


def run(kind, v, options):
    "Outputs by name, and the tape, of what `plain_variants.draw` has drawn."
    a, c, tape = programs[kind][0](v["x"], v["a0"], v, v.get("c0"), **options)
    return ({"a": a} if c is None else {"a": a, "c": c}), tape


def weighted(out, upstream): return sum((out[k] * d).sum() for k, d in upstream.items())


def backward(kind, upstream, tape): return programs[kind][1](upstream["a"], tape, upstream.get("c"))


def judge(what, got, expected):
    """Every entry to 1e-12 of itself, of a hundredth of the largest of its array, or of a thousandth of the largest of all.

    The last is for what cancels as a whole: two normalised units have nearly no gradient with respect to their weights.
    """
    assert got.keys() == expected.keys()
    largest = max(abs(g).max() for g in expected.values())
    for k, g in expected.items():
        assert got[k].shape == g.shape
        scale = np.maximum(np.maximum(abs(g), 0.01*abs(g).max()), max(0.001*largest, 1e-300))     # a plain 0 where all is 0
        error = float((abs(got[k] - g) / scale).max())
        assert error < 1e-12, (what, k, error)
        note(what, error)


def cases_of(kind, count, **sizes):
    for seed in range(count): yield plain_variants.draw(kind, np.random.default_rng([7, seed]), **sizes)


@kinds
def test_complex_step(kind):
    "Every entry of every gradient, over the cross product of options."
    seen, count = Counter(), 120 if long else 60
    for start, p, upstream, options in cases_of(kind, count, largest=3):
        seen.update([*options, *(k for k in p), *map(str, options["activations"])])
        v = start | p
        gradients = backward(kind, upstream, run(kind, v, options)[1])
        assert [*gradients] == [k for k in ("dx", "da0", *(f"d{k}" for k in gradients_order(p)), "dc0") if k[1:] in v]
        f = lambda k: lambda w: weighted(run(kind, v | {k: w}, options)[0], upstream)
        judge(f"variants, {kind}, against the complex step", gradients, {f"d{k}": complex_step(f(k), w) for k, w in v.items()})
    expected = {"lstm": "coupled clip cell_clip mask Pf Pi Po gf gi gc go gh Wp", "gru": "clip mask reset_after bca", "rnn": "clip mask"}
    assert min(seen[k] for k in expected[kind].split()) > count // 7
    assert {a.split("'")[1] if a[0] == "(" else a for a in seen} >= {*ACTIVATIONS}


def gradients_order(p):
    "The parameters gate by gate, as the gradients come."
    order = ["Wp"] + [n + k for k in "fico" for n in "WbPg"] + ["gh", "bh"]
    return sorted(p, key=order.index) if "Wo" in p else [*p]


@kinds
def test_autograd(kind):
    "Every output and every gradient against HIPS autograd, which differentiates the forward passes of plain_variants.py."
    forward = programs[kind][2]
    for start, p, upstream, options in cases_of(kind, 250 if long else 80):
        v = start | p
        out, tape = run(kind, v, options)
        assert_close(out, forward(np, v, **options))
        with np.errstate(all="ignore"): oracle = {f"d{k}": g for k, g in grad(lambda v: sum(anp.sum(o * upstream[k]) for k, o in forward(anp, v, **options).items()))(v).items()}
        judge(f"variants, {kind}, against autograd", backward(kind, upstream, tape), oracle)


def test_a_planted_mistake_is_caught():
    everything = lambda case: {"Wp", "Po", "gh"} < case[1].keys() and {"clip", "cell_clip"} <= case[3].keys()
    start, p, upstream, options = next(case for case in cases_of("lstm", 400) if everything(case))
    gradients = backward("lstm", upstream, run("lstm", start | p, options)[1])
    planted = [k for k, g in gradients.items() if abs(g).max() > 0.01]
    assert len(planted) > 10
    for k in planted:
        wrong = gradients[k].copy()
        wrong.flat[abs(wrong).argmax()] *= 1 + 1e-9
        with pytest.raises(AssertionError, match=f"'{k}', "): judge("planted", gradients | {k: wrong}, gradients)


neutral = st.fixed_dictionaries({}, optional={
    "clip": st.sampled_from([1e6, np.inf]), "cell_clip": st.sampled_from([1e6, np.inf]), "epsilon": st.just(0.7), "mask": st.just(1.),
    "activations": st.tuples(st.just("sigmoid"), st.sampled_from(["TANH", ("ScaledTanh", 1.)]), st.just(("ScaledTanh", 1., 1.)))})


@settings(max_examples=800 if long else 60)
@given(q=cases.problem(), options=neutral, extra=st.sets(st.sampled_from(["Pf", "Pi", "Po", "Wp"])))
def test_neutral(q, options, extra):
    "Options that do nothing leave the LSTM of page 05, to rounding; with none of them it is the same bit for bit forward."
    p = q["parameters"]
    n_a, m = q["a0"].shape
    if "mask" in options: options["mask"] = np.ones((n_a, m))
    a, _, c, caches = lstm_forward(q["x"], q["a0"], p, q["c0"])
    right = lstm_backward(q["da"], caches, q["dc"])
    v = p | {k: np.eye(n_a) if k == "Wp" else np.zeros((n_a, 1)) for k in extra}
    a_, c_, tape = variant_lstm_forward(q["x"], q["a0"], v, q["c0"], **options)
    got = variant_lstm_backward(q["da"], tape, q["dc"])
    assert {*got} - {*right} == {f"d{k}" for k in extra}
    if not extra and not options: assert np.array_equal(a, a_) and np.array_equal(c, c_)
    for k, v in ({"a": a, "c": c} | right).items():
        same = {"a": a_, "c": c_, **got}[k]
        assert abs(same - v).max() <= 1e-13 * max(abs(v).max(), 1e-3 * max(abs(w).max() for w in right.values())), k


def test_kinks():
    "The slopes at the kinks are those that page N5 states."
    for spec, kink, slope in [("Relu", 0, 0), ("LeakyRelu", 0, 0.01), (("LeakyRelu", -2), 0, -2), ("Elu", 0, 1), (("Elu", 0.3), 0, 0.3), ("ThresholdedRelu", 1, 0),
                              (("ThresholdedRelu", -1), -1, 0), (("HardSigmoid", 0.25, 0.5), 2, 0), (("HardSigmoid", 0.25, 0.5), -2, 0), ("Softsign", 0, 1)]:
        value, got = activate(np.array([kink, -kink - 7, kink + 7.]), spec)
        assert got[0] == slope, spec
        assert value[0] == plain_variants.act(np, spec, np.array([float(kink)]))[0]
    p = {"Wax": np.ones((1, 1)), "Waa": np.zeros((1, 1)), "ba": np.zeros((1, 1))}
    for z, slope in [(0.5, 1), (-0.5, 1), (0.5 + 1e-15, 0), (-0.5 - 1e-15, 0)]:
        _, _, tape = variant_rnn_forward([[[z]]], [[0.]], p, clip=0.5, activations=("Affine",))
        assert variant_rnn_backward([[[1.]]], tape)["dx"] == slope


def all_on(x, a0, p, c0=None):
    "Everything at once, with the extra parameters made out of the usual ones, so that the suites for LSTMs can run on it."
    n_a = len(p["bf"])
    extra = {f"P{k}": 0.5 * p[f"b{j}"] for k, j in ("fo", "ic", "oi")} | {f"g{k}": 1 + 0.2 * p[f"b{j}"] for k, j in ("fi", "ic", "co", "of", "hc")}
    extra |= {"bh": 0.3 * p["bo"], "Wp": np.eye(n_a, dtype=p["bf"].dtype) + 0.3 * p["Wo"][:, :n_a]}
    return variant_lstm_forward(x, a0, p | extra, c0, clip=3, cell_clip=2, activations=(("HardSigmoid", 0.3), "Softsign", "Tanh"), epsilon=0.1)


def usual_keys(da, tape, dc=None):
    keys = ["dx", "da0", *(f"d{n}{k}" for k in "fico" for n in "Wb"), "dc0"]
    return {k: v for k, v in variant_lstm_backward(da, tape, dc).items() if k in keys}


def gru(x, a0, p, c0=None, reset_after=False):
    "A GRU with all its weights made out of those of an RNN, so that the suites for RNNs can run on it."
    W = np.concatenate([p["Waa"], p["Wax"]], 1)
    q = {"Wz": 0.5 * W, "Wr": -W, "Wc": W, "bz": p["ba"], "br": 0.3 * p["ba"], "bc": -p["ba"], "bca": 0.5 * p["ba"]}
    if not reset_after: del q["bca"]
    return gru_forward(x, a0, q)


def candidate_only(da, tape, dc=None):
    d, n = gru_backward(da, tape), tape.sizes["da"][0]
    return {"dx": d["dx"], "da0": d["da0"], "dWax": d["dWc"][:, n:], "dWaa": d["dWc"][:, :n], "dba": d["dbc"]}


variant_engines = [Engine("all variants at once", all_on, usual_keys), Engine("gru", gru, candidate_only, net="rnn"),
                   Engine("gru, reset after", partial(gru, reset_after=True), candidate_only, net="rnn")]


@pytest.mark.parametrize("engine", variant_engines, ids=lambda e: e.name)
@pytest.mark.parametrize("property", properties, ids=lambda f: f.__name__)
@settings(max_examples=160 if long else 20)
@given(data=st.data())
def test_property(engine, property, data): property(engine, data.draw)


@pytest.mark.parametrize("engine", variant_engines, ids=lambda e: e.name)
def test_float32(engine):
    "float32 stays close to float64 with everything on."
    for seed in range(40):
        q = cases.cast(draw(3, 5, 10, 7, net=engine.net, seed=seed), "float32")
        if engine.net == "rnn": q["dc"] = None
        low, high = engine.gradients(q), engine.gradients(cases.cast(q, "float64"))
        assert {v.dtype for v in low.values()} == {np.dtype("float32")}
        note(f"{engine.name}, float32 against float64", max(relative_error(low[k].astype(float), high[k]).max() for k in high))
        for k in high: assert_close(low[k].astype(float), high[k], 2e-3, k)
