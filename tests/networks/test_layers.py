"Networks of layers: gradients by the complex step and by autograd, and what must hold whatever the numbers; each property is seen to fail."
from functools import partial

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import grad
from autograd.tracer import getval
from lstm_nb import assert_close, check_gradients, relative_error
from lstm_nb.engines.calls import fused_lstm_backward, fused_lstm_forward
from lstm_nb.networks.layers import LayersTape, layers_backward, layers_forward
from lstm_nb.networks.lengths import (as_batch_first, as_time_first, from_batch_first, from_time_first, last_step, last_step_backward,
                                      reverse_steps, zero_padding)
from lstm_nb.networks.nesting import dropout_masks, init_layers
from lstm_nb.networks.gru import gru_backward, gru_forward
from lstm_nb.engines.engine import find_engine
from nets import both, flat, inputs, net, padded, spoiled, tree
from plain import lstm_steps
from problems import long, note


lstm = find_engine("numpy")
engines = {"lstm": lstm, "rnn": find_engine("rnn"), "gru": (partial(gru_forward, reset_after=True), gru_backward), "projected": find_engine("variant_lstm")}
sizes = [(1, 1, 2, 2), (2, 3, 4, 3), (3, 2, 2, 5), (1, 2, 11, 9)]


def masks(q, seed=0):
    "Masks of every kind for `q`: dropout, and random factors for the first layer's input."
    m, T_x = q["x"].shape[1:]
    options = dropout_masks(q["parameters"], m, T_x if seed % 2 else 1, rate=0.3, state_rate=0.3, rng=seed)
    options["masks"][0] = np.random.default_rng(seed).uniform(0.5, 1.5, q["x"].shape)
    return options


def close(actual, expected, rtol=1e-12):
    assert actual.keys() == expected.keys()
    for k, v in expected.items(): assert_close(actual[k], v, rtol, k)


def same(actual, expected):
    assert actual.keys() == expected.keys()
    for k, v in expected.items(): assert np.array_equal(actual[k], v), k


# gradients

@pytest.mark.parametrize("directions", ["forward", "both", "reverse"])
@pytest.mark.parametrize("kind", engines)
@pytest.mark.parametrize("size", sizes, ids=lambda s: "x".join(map(str, s)))
def test_gradients(size, kind, directions):
    "One and two layers, all kinds of lengths; the short form takes every other of them in turn."
    seed, turn = 0, sizes.index(size) + [*engines].index(kind)
    for n_layers in (1, 2):
        for lengths in (None, "any", "zeros"):
            seed += 1
            if not long and seed % 2 != turn % 2: continue
            q = net(kind, *size, n_layers, directions, lengths, seed)
            options = {"engine": engines[kind]} | (masks(q, seed) if seed > 1 and kind in ("lstm", "projected") else {})
            prove(f"layers of {kind}", q, both(q, **options)[1], 0 if size[2] < 3 else 6, **options)


def prove(what, q, gradients, directions=0, **options):
    given = inputs(q)
    weights = flat({"a": q["da"], "a_last": q["da_last"], "c_last": q["dc_last"]})

    def loss(p):
        like = {k: rebuild(q[k], p, k) for k in ("x", "parameters", "a0", "c0")}
        out = flat(dict(zip(("a", "a_last", "c_last"), layers_forward(*like.values(), lengths=q["lengths"], **options)[:3])))
        return sum((out[k] * w).sum() for k, w in weights.items())
    note(f"{what} against the complex step", check_gradients(loss, given, {f"d{k}": v for k, v in gradients.items()}, directions=directions))


def rebuild(v, p, name):
    if v is None: return None
    if isinstance(v, np.ndarray): return p[name]
    if isinstance(v, dict): return {k: rebuild(w, p, f"{name}_{k}") for k, w in v.items()}
    return type(v)(rebuild(w, p, f"{name}_{n}") for n, w in enumerate(v))


def one_by_one(xp, q, v):
    "The loss of an LSTM network, example by example, each in its own length, for any module that speaks NumPy; nothing of the package in it."
    total, layers = 0, q["parameters"]
    for j in range(q["x"].shape[1]):
        n = q["x"].shape[2] if q["lengths"] is None else q["lengths"][j]
        steps = v["x"][:, j:j + 1, :n]
        for l, layer in enumerate(layers):
            shown = []
            for d in range(2):
                p = {k: v[f"parameters_{l}_{d}_{k}"] for k in layer[d]}
                order = list(range(n))[::-1] if d else list(range(n))
                ran = lstm_steps(xp, steps[:, :, order], v[f"a0_{l}_{d}"][:, j:j + 1], v[f"c0_{l}_{d}"][:, j:j + 1], p)
                total = total + sum(xp.sum(s * q[k][l][d][:, j:j + 1]) for s, k in zip(ran[-1], ("da_last", "dc_last")))
                shown.append(xp.stack([ran[order[t]][0] for t in range(n)], 2))
            steps = xp.concatenate(shown, 0)
        total = total + xp.sum(steps * q["da"][:, j:j + 1, :n])
    return total


@pytest.mark.parametrize("n_layers", [1, 2])
def test_autograd(n_layers):
    for seed in range(12):
        size = [int(n) for n in np.random.default_rng(seed).integers([1, 1, 1, 1], [4, 5, 12, 8])]
        q = net("lstm", *size, n_layers, "both", ("any", None)[seed % 4 == 3], seed)
        right = grad(lambda v: one_by_one(anp, q, v))(inputs(q))
        ours = both(spoiled(q))
        close(ours[1], right)
        note("layers: gradients against autograd, one by one", max(relative_error(ours[1][k], w).max() for k, w in right.items()))
        weights = flat({"a": q["da"], "a_last": q["da_last"], "c_last": q["dc_last"]})
        assert_close(sum((ours[0][k] * w).sum() for k, w in weights.items()), np.array(getval(one_by_one(np, q, inputs(q)))), 1e-11)


# properties; each takes a problem and an engine, and the faults below make each of them fail

def padding_touches_nothing(q, **options):
    assert padded(q).any()
    expected = both(q, **options)
    same(dict(enumerate(both(spoiled(q), **options)[0].values())), dict(enumerate(expected[0].values())))
    same(both(spoiled(q), **options)[1], expected[1])
    assert not expected[0]["a"][:, padded(q)].any() and not expected[1]["x"][:, padded(q)].any()
    longer = lambda v: np.concatenate([v, np.full((*v.shape[:2], 3), np.nan)], 2)
    more = both(spoiled(q | {"x": longer(q["x"]), "da": longer(q["da"])}), **options)
    T_x = q["x"].shape[2]
    cut = lambda d: {k: v[:, :, :T_x] if k in ("a", "x") else v for k, v in d.items()}
    for got, want in zip(more, expected): same(cut(got), want)


def a_batch_is_its_examples(q, **options):
    (out, gradients), total = both(q, **options), {}
    for j, n in enumerate(q["lengths"]):
        if n == 0: continue
        column = lambda v: tree(lambda w: w[:, j:j + 1], v)
        one = {k: column(q[k]) for k in ("a0", "c0", "da_last", "dc_last")} | {k: q[k][:, j:j + 1, :n] for k in ("x", "da")}
        alone, d = both(one | {"parameters": q["parameters"], "lengths": None}, **options)
        close({k: v[:, j:j + 1, :n] if k == "a" else v[:, j:j + 1] for k, v in out.items()}, alone)
        states = {k: v for k, v in d.items() if not k.startswith("parameters")}
        close({k: gradients[k][:, j:j + 1, :n] if k == "x" else gradients[k][:, j:j + 1] for k in states}, states)
        total |= {k: total.get(k, 0) + v for k, v in d.items() if k not in states}
    close({k: v for k, v in gradients.items() if k.startswith("p")}, total)


def the_order_of_examples_does_not_matter(q, **options):
    order = np.random.default_rng(0).permutation(q["x"].shape[1])
    shuffle = lambda v: tree(lambda w: w[:, order], v)
    other = {k: q[k] if k == "parameters" else q[k][order] if k == "lengths" else shuffle(q[k]) for k in q}
    for got, want in zip(both(other, **options), both(q, **options)):
        close(got, {k: v if k.startswith("parameters") else v[:, order] for k, v in want.items()})


def two_directions_are_two_runs(q, **options):
    [(right, left)] = q["parameters"]
    n = len(q["a0"][0][0])
    turned = lambda v: reverse_steps(v, q["lengths"])
    part = lambda d, x, da: {"x": x, "parameters": [q["parameters"][0][d]], "da": da, "lengths": q["lengths"],
                             **{k: [q[k][0][d]] for k in ("a0", "c0", "da_last", "dc_last")}}
    (up, d_up), (down, d_down) = both(part(0, q["x"], q["da"][:n]), **options), both(part(1, turned(q["x"]), turned(q["da"][n:])), **options)
    out, gradients = both(q, **options)
    close({"a": out["a"]}, {"a": np.concatenate([up["a"], turned(down["a"])])})
    close({"x": gradients["x"]}, {"x": d_up["x"] + turned(d_down["x"])})
    for d, one in enumerate((d_up, d_down)):
        name = lambda k: k.replace("_0", f"_0_{d}", 1)
        close({k: gradients[name(k)] for k in one if k != "x"}, {k: v for k, v in one.items() if k != "x"})


def layers_are_run_after_each_other(q, **options):
    layers = lambda s: {k: q[k][s] for k in ("parameters", "a0", "c0", "da_last", "dc_last")} | {"lengths": q["lengths"]}
    a, _, _, tape = layers_forward(q["x"], q["parameters"][:1], q["a0"][:1], q["c0"][:1], lengths=q["lengths"], **options)
    upper, d_upper = both(layers(slice(1, None)) | {"x": a, "da": q["da"]}, **options)
    _, d_lower = both(layers(slice(1)) | {"x": q["x"], "da": d_upper["x"]}, **options)
    out, gradients = both(q, **options)
    close({"a": out["a"]}, {"a": upper["a"]})
    higher = lambda k: k.replace("_0_", "_1_", 1)
    close(gradients, d_lower | {higher(k): v for k, v in d_upper.items() if k != "x"})


def cutting_time_changes_nothing(q, **options):
    "With lengths: those of the parts are what is left of them, and may be 0."
    t, n = q["x"].shape[2] // 2, q["lengths"]
    first = {"x": q["x"][:, :, :t], "lengths": np.minimum(n, t)}
    second = {"x": q["x"][:, :, t:], "lengths": np.maximum(n - t, 0)}
    a_1, a_mid, c_mid, tape_1 = layers_forward(first["x"], q["parameters"], q["a0"], q["c0"], lengths=first["lengths"], **options)
    a_2, a_last, c_last, tape_2 = layers_forward(second["x"], q["parameters"], a_mid, c_mid, lengths=second["lengths"], **options)
    late = layers_backward(q["da"][:, :, t:], tape_2, q["da_last"], q["dc_last"])
    early = layers_backward(q["da"][:, :, :t], tape_1, late["da0"], late["dc0"])
    out, gradients = both(q, **options)
    close(flat({"a": np.concatenate([a_1, a_2], 2), "a_last": a_last, "c_last": c_last}), out)
    joined = {"x": np.concatenate([early["dx"], late["dx"]], 2), "a0": early["da0"], "c0": early["dc0"],
              "parameters": tree(np.add, early["dparameters"], late["dparameters"])}
    close({k.replace("_d", "_") if k.startswith("p") else k: v for k, v in flat(joined).items()}, gradients)


def the_parts_of_a_dropped_unit_get_no_gradient(q, **options):
    m, T_x = q["x"].shape[1:]
    drop = dropout_masks(q["parameters"], m, T_x, rate=0.5, state_rate=0.5, rng=1)
    kept = np.random.default_rng(0).random(q["x"].shape) < 0.5
    _, gradients = both(q, **options, masks=[kept * 1., *drop["masks"][1:]], state_masks=drop["state_masks"])
    assert not gradients["x"][~kept].any() and gradients["x"][kept].any()
    for l, layer in enumerate(drop["state_masks"]):
        for d, mask in enumerate(layer):
            if q["da_last"] is None or q["lengths"] is None or q["lengths"].all(): assert not gradients[f"a0_{l}_{d}"][mask == 0].any()


def masks_of_ones_change_nothing(q, **options):
    m, T_x = q["x"].shape[1:]
    ones = [np.ones((len(q["x"]), m, 1)), *[np.ones((2*len(q["a0"][0][0]), m, T_x))] * (len(q["parameters"]) - 1)]
    for got, want in zip(both(q, **options, masks=ones, state_masks=tree(np.ones_like, q["a0"])), both(q, **options)): same(got, want)


def a_network_of_all_lengths_is_one_without(q, **options):
    q = q | {"lengths": None}
    for got, want in zip(both(q | {"lengths": [q["x"].shape[2]] * q["x"].shape[1]}, **options), both(q, **options)): same(got, want)


def memory_used_again_gives_the_same(q, **options):
    out, gradients = both(q, **options)
    old = layers_forward(q["x"] * 2, q["parameters"], lengths=q["lengths"], **options)
    kept = [v.copy() for v in flat(old[:3]).values()]
    a, a_last, c_last, tape = layers_forward(q["x"], q["parameters"], q["a0"], q["c0"], lengths=q["lengths"], tape=old[3], **options)
    same(flat({"a": a, "a_last": a_last, "c_last": c_last}), out)
    same(dict(enumerate(flat(layers_backward(q["da"], tape, q["da_last"], q["dc_last"])).values())), dict(enumerate(gradients.values())))
    same(dict(enumerate(flat(old[:3]).values())), dict(enumerate(kept)))
    with pytest.raises(ValueError, match="handed on"): layers_backward(q["da"], old[3])


shapes = {"one layer": (1, "both"), "two layers": (2, "both"), "forward": (2, "forward")}
properties = {f.__name__: (f, shape) for f, shape in [
    (padding_touches_nothing, "two layers"), (a_batch_is_its_examples, "two layers"), (the_order_of_examples_does_not_matter, "two layers"),
    (two_directions_are_two_runs, "one layer"), (layers_are_run_after_each_other, "two layers"), (cutting_time_changes_nothing, "forward"),
    (the_parts_of_a_dropped_unit_get_no_gradient, "two layers"), (masks_of_ones_change_nothing, "two layers"),
    (a_network_of_all_lengths_is_one_without, "two layers"), (memory_used_again_gives_the_same, "two layers")]}


def problem(name, seed):
    "A problem for a property; every third with more examples than pieces, some of length 0."
    n_x, n_a, m, T_x = (int(n) for n in np.random.default_rng(seed).integers([1, 1, 2, 4], [5, 6, 8, 9]))
    if seed % 3 == 0: m += 12
    return net("lstm", n_x, n_a, m, T_x, *shapes[properties[name][1]], "zeros" if seed % 2 else "any", seed)


@pytest.mark.parametrize("name", properties)
def test_property(name):
    for seed in range(30): properties[name][0](problem(name, seed), engine=lstm)


def edit(forward=lambda out: out, backward=lambda d: d):
    "The fused engine with another result."
    return (lambda *args, **more: forward(fused_lstm_forward(*args, **more))), lambda *args, **more: backward(dict(fused_lstm_backward(*args, **more)))


def last_column(out):
    a, c, tape = out
    return a + 1e-9 * np.arange(a.shape[1])[:, None], c, tape


def first_call():
    calls = []
    def forward(out):
        calls.append(0)
        return (out[0] * (1 + 1e-9 * (len(calls) == 1)), *out[1:])
    return edit(forward)


def state_mask_lost(): return (lambda x, a0, p, c0=None, mask=None, **more: fused_lstm_forward(x, a0, p, c0, **more)), fused_lstm_backward


faults = {
    "padding_touches_nothing": lambda: edit(lambda out: (out[0] * (1 + 1e-9 * out[0].shape[2]), *out[1:]), lambda d: d | {"dWf": d["dWf"] + 1e-9 * np.random.standard_normal()}),
    "a_batch_is_its_examples": lambda: edit(last_column),
    "the_order_of_examples_does_not_matter": lambda: edit(last_column),
    "two_directions_are_two_runs": first_call,
    "layers_are_run_after_each_other": first_call,
    "cutting_time_changes_nothing": lambda: edit(backward=lambda d: d | {"dc0": 0 * d["dc0"]}),
    "the_parts_of_a_dropped_unit_get_no_gradient": state_mask_lost,
    "masks_of_ones_change_nothing": first_call,
    "a_network_of_all_lengths_is_one_without": first_call,
    "memory_used_again_gives_the_same": first_call}


@pytest.mark.parametrize("name", properties)
def test_a_fault_is_seen(name):
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        for seed in range(10): properties[name][0](problem(name, seed), engine=faults[name]())


# what the small pieces and the edges do

def test_nothing_beyond_the_lengths_is_run():
    seen = []
    def forward(x, *args, **more):
        seen.append(x.shape)
        assert np.isfinite(x).all()
        return fused_lstm_forward(x, *args, **more)
    q = spoiled(net("lstm", 2, 3, 6, 12, 1, "forward", "any", 1) | {"lengths": np.array([3, 12, 1, 0, 7, 3])})
    layers_forward(q["x"], q["parameters"], lengths=q["lengths"], engine=(forward, fused_lstm_backward))
    assert sum(m * T for _, m, T in seen) == q["lengths"].sum() and len(seen) == 4
    seen.clear()
    q = spoiled(net("lstm", 2, 3, 64, 50, 2, "both", "any", 1))
    both(q, engine=(forward, fused_lstm_backward))
    assert len(seen) == 4 * 8 and sum(m * T for _, m, T in seen) < 4 * (q["lengths"].sum() + 64 * 50 / 8)


def test_real_nan_spreads_only_where_it_may():
    "A nan in a real step stays in its example, whatever the pieces are."
    q = net("lstm", 2, 3, 12, 9, 2, "both", "any", 3)
    right = both(q)[0]
    j = int(q["lengths"].argmin())
    q["x"][:, j, 0] = np.nan
    wrong = both(q)[0]
    for k, v in right.items():
        assert np.isnan(wrong[k][:, j]).any(), k
        others = np.arange(12) != j
        assert_close(wrong[k][:, others], v[:, others], 1e-12, k)


@pytest.mark.parametrize("kind", engines)
def test_float32(kind):
    "As far from float64 as one direction of one layer is, times the layers."
    for seed in range(20):
        q = net(kind, 3, 5, 12, 8, 2, "both", "any", seed)
        single = {k: v if k == "lengths" else tree(lambda w: w.astype(np.float32), v) for k, v in q.items()}
        double = {k: v if k == "lengths" else tree(lambda w: w.astype(np.float64), v) for k, v in single.items()}
        for got, want in zip(both(single, engine=engines[kind]), both(double, engine=engines[kind])):
            assert {v.dtype for v in got.values()} == {np.dtype(np.float32)}
            worst = max(relative_error(v.astype(np.float64), want[k]).max() for k, v in got.items())
            note(f"layers of {kind} in float32 against float64", worst)
            assert worst < 1000 * np.finfo(np.float32).eps


def test_numba():
    pytest.importorskip("numba")
    for seed in range(6):
        q = net("lstm", 3, 4, 11, 7, 2, "both", "any", seed)
        options = masks(q, seed)
        for got, want in zip(both(q, engine=(partial(fused_lstm_forward, engine="numba"), fused_lstm_backward), **options), both(q, **options)): close(got, want)


def test_views():
    x = np.random.default_rng(0).standard_normal((2, 3, 4))
    for there, again, axes in ((as_time_first, from_time_first, (2, 1, 0)), (as_batch_first, from_batch_first, (1, 2, 0))):
        assert there(x).shape == tuple(x.shape[n] for n in axes) and np.shares_memory(there(x), x) and np.array_equal(again(there(x)), x)
        assert np.array_equal(there(x), np.einsum("nmt->" + "".join("nmt"[n] for n in axes), x))


def test_small_pieces():
    rng, n = np.random.default_rng(0), np.array([3, 0, 5, 1])
    x, u = rng.standard_normal((2, 2, 4, 5))
    for j in range(4):
        assert np.array_equal(reverse_steps(x, n)[:, j], np.concatenate([x[:, j, :n[j]][:, ::-1], x[:, j, n[j]:]], 1))
        assert np.array_equal(zero_padding(x, n)[:, j], np.concatenate([x[:, j, :n[j]], 0*x[:, j, n[j]:]], 1))
        assert np.array_equal(last_step(x, n)[:, j], x[:, j, n[j] - 1] if n[j] else 0*x[:, j, 0])
    check_gradients(lambda p: (reverse_steps(p["x"], n) * u).sum(), {"x": x}, {"dx": reverse_steps(u, n)})
    check_gradients(lambda p: (last_step(p["x"], n) * u[:, :, 0]).sum(), {"x": x}, {"dx": last_step_backward(u[:, :, 0], 5, n)})


def test_the_tape_is_opaque():
    q = net("lstm", 2, 3, 4, 5)
    tape = layers_forward(q["x"], q["parameters"])[3]
    assert isinstance(tape, LayersTape)
    with pytest.raises(AttributeError): tape.shape = 3


def test_init():
    p = init_layers(3, 4, n_layers=3, bidirectional=True, rng=0)
    assert [layer[1]["Wf"].shape for layer in p] == [(4, 7), (4, 12), (4, 12)]
    a, a_last, c_last, _ = layers_forward(np.ones((3, 2, 5)), p)
    assert a.shape == (8, 2, 5) and len(a_last) == len(c_last) == 3 and a_last[0][1].shape == (4, 2)
