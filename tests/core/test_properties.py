"What must hold of every engine whatever the numbers: linearity, batches, cuts in time, causality, no traces left behind."
import numpy as np
import pytest
from cases import few, problem
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from implementations import each, engines
from judge import cut, judge, terms
from plain import flat
from problems import long

properties = []


def holds(function):
    "Put a property into the list."
    properties.append(function)
    return function


def both(engine, q):
    "Outputs and gradients of the problem `q`."
    out, tape = engine.run(q)
    return out, engine.backward(q["da"], tape, q["dc"])


def change(q, function, *names):
    "The problem `q` with `function` of those entries of it that are there."
    return q | {k: function(q[k]) for k in names if q[k] is not None}


def same(actual, expected):
    "Equal bit for bit, array by array."
    assert actual.keys() == expected.keys()
    for k in actual: assert np.array_equal(actual[k], expected[k]), k


def full(engine, q):
    "The problem `q` with zeros for all that it leaves out."
    if engine.net == "rnn": return q
    zero = np.zeros(q["a0"].shape, q["a0"].dtype)
    return q | {k: v if q[k] is None else q[k] for k, v in (("c0", zero), ("dc", np.zeros((*zero.shape, q["x"].shape[2]), zero.dtype)))}


def whole(engine, **options): return problem(engine.net, cut=False, **options)


def any_dtype(engine): return whole(engine, dtypes=engine.dtypes)


def random_like(q, seed):
    "Other upstream gradients for the problem `q`."
    return change(q, lambda d: np.random.default_rng(seed).standard_normal(d.shape), "da", "dc")


@holds
def backward_is_linear(engine, draw):
    q = draw(whole(engine))
    r, (s, t) = random_like(q, 1), draw(st.tuples(*2*[st.floats(-3, 3)]))
    mix = lambda f: q | {k: f(s*q[k]) + f(t*r[k]) for k in ("da", "dc") if q[k] is not None}
    one, other = engine.gradients(q), engine.gradients(r)
    judge(f"{engine.name}: linear", engine.gradients(mix(np.array)), {k: s*one[k] + t*other[k] for k in one}, terms(mix(abs)))


@holds
def a_batch_is_the_sum_of_its_examples(engine, draw):
    q = draw(whole(engine))
    m = q["x"].shape[1]
    outs, gradients = zip(*[both(engine, change(q, lambda v: v[:, n:n+1], "x", "a0", "c0", "da", "dc")) for n in range(m)])
    out, got = both(engine, q)
    judge(f"{engine.name}: example by example", out, {k: np.concatenate([o[k] for o in outs], 1) for k in out})
    join = lambda k: (lambda parts: np.concatenate(parts, 1)) if k in ("dx", "da0", "dc0") else sum
    judge(f"{engine.name}: gradients example by example", got, {k: join(k)([g[k] for g in gradients]) for k in got}, terms(q))


@holds
def permuting_examples_permutes(engine, draw):
    q = draw(whole(engine))
    order = np.array(draw(st.permutations(range(q["x"].shape[1]))))
    out, got = both(engine, q)
    shuffled, d = both(engine, change(q, lambda v: v[:, order], "x", "a0", "c0", "da", "dc"))
    judge(f"{engine.name}: permuted", shuffled, {k: v[:, order] for k, v in out.items()})
    judge(f"{engine.name}: gradients permuted", d | {k: d[k][:, order.argsort()] for k in ("dx", "da0", "dc0") if k in d}, got, terms(q))


@holds
def cutting_time_changes_nothing(engine, draw):
    q = full(engine, draw(whole(engine, size=st.tuples(few, few, few, st.integers(2, 8)))))
    t = draw(st.integers(1, q["x"].shape[2] - 1))
    out, got = both(engine, q)
    first = change(q, lambda v: v[:, :, :t].copy(), "x", "da", "dc")
    start, _ = engine.run(first)
    second = change(q, lambda v: v[:, :, t:], "x", "da", "dc") | {f"{k}0": v[:, :, -1] for k, v in start.items()}
    end, late = both(engine, second)
    judge(f"{engine.name}: cut in time", {k: np.concatenate([start[k], end[k]], 2) for k in out}, out)
    for k in out: first[f"d{k}"][:, :, -1] += late[f"d{k}0"]
    early = engine.gradients(first)
    joined = {k: early[k] if k in ("da0", "dc0") else early[k] + late[k] for k in got if k != "dx"}
    judge(f"{engine.name}: gradients cut in time", joined | {"dx": np.concatenate([early["dx"], late["dx"]], 2)}, got, terms(q))


@holds
def what_is_left_out_is_zero(engine, draw):
    q = draw(problem(engine.net, dtypes=engine.dtypes))
    T = q["x"].shape[2]
    pad = lambda d: np.concatenate([d, np.zeros((*d.shape[:2], T - d.shape[2]), d.dtype)], 2)
    padded = full(engine, change(q, pad, "da", "dc"))
    (out, got), (full_out, full_got) = both(engine, q), both(engine, padded)
    same(out, full_out)
    judge(f"{engine.name}: gradients with less left out", got, cut(full_got, q), cut(terms(padded), q))


@holds
def zero_upstream_gives_exact_zeros(engine, draw):
    q = draw(problem(engine.net, dtypes=engine.dtypes))
    got = engine.gradients(change(q, np.zeros_like, "da", "dc"))
    assert {k for k, v in got.items() if v.any()} == set()


@holds
def the_future_does_not_touch_the_past(engine, draw):
    q = draw(any_dtype(engine))
    t = draw(st.integers(0, q["x"].shape[2] - 1))
    other = change(q, np.copy, "x")
    other["x"][:, :, t:] += 1
    same(*[{k: v[:, :, :t] for k, v in engine.run(p)[0].items()} for p in (q, other)])


@holds
def upstream_of_the_past_does_not_touch_later_gradients(engine, draw):
    q = draw(any_dtype(engine))
    t = draw(st.integers(0, q["x"].shape[2] - 1))
    other = change(q, np.copy, "da", "dc")
    for k in ("da", "dc"):
        if q[k] is not None: other[k][:, :, :t] += 1
    assert np.array_equal(engine.gradients(q)["dx"][:, :, t:], engine.gradients(other)["dx"][:, :, t:])


@holds
def powers_of_two_scale_exactly(engine, draw):
    q = draw(any_dtype(engine))
    two = q["x"].dtype.type(2.**draw(st.integers(-8, 8)))
    same(engine.gradients(change(q, lambda d: two*d, "da", "dc")), {k: two*v for k, v in engine.gradients(q).items()})


@holds
def nothing_is_changed_or_shared(engine, draw):
    q = draw(any_dtype(engine))
    arrays = flat(q) | {k: q[k] for k in ("da", "dc") if q[k] is not None}
    before = {k: v.copy() for k, v in arrays.items()}
    for v in arrays.values(): v.flags.writeable = False
    out, tape = engine.run(q)
    kept = {k: v.copy() for k, v in out.items()}
    got = engine.backward(q["da"], tape, q["dc"])
    once = {k: v.copy() for k, v in got.items()}
    for v in (*out.values(), *got.values()):
        if v.flags.writeable: v[:] = np.nan
    again = engine.backward(q["da"], tape, q["dc"])
    same(again, once)
    same(engine.run(q)[0], kept)
    same(arrays, before)
    everything = [*arrays.values(), *out.values(), *got.values(), *again.values()]
    assert not any(np.shares_memory(v, w) for n, v in enumerate(everything) for w in everything[:n])


@each
@pytest.mark.parametrize("property", properties, ids=lambda f: f.__name__)
@settings(max_examples=600 if long else 40)
@given(data=st.data())
def test_property(engine, property, data): property(engine, data.draw)


def spoiled(**new):
    "The per-step LSTM with another `forward` or `backward`, made out of the right one."
    right = next(e for e in engines if e.name == "per-step")
    return right._replace(**{k: make(getattr(right, k)) for k, make in new.items()})


def edit(**new): return lambda right: lambda da, tape, dc=None: (lambda g: g | {k: f(g[k]) for k, f in new.items()})(right(da, tape, dc))


def outputs(f): return lambda right: lambda *args: (lambda a, c, tape: (f(a), c, tape))(*right(*args))


def keep_one_buffer(right):
    kept = {}
    return lambda *args: kept.setdefault("a", right(*args))


def change_input(right):
    def forward(x, *args):
        x.flags.writeable = True
        x[0, 0, 0] += 1
        return right(x, *args)
    return forward


faults = [
    (backward_is_linear, spoiled(backward=edit(dWf=lambda g: g*abs(g)))),
    (a_batch_is_the_sum_of_its_examples, spoiled(backward=edit(dx=lambda g: g / g.shape[1]))),
    (permuting_examples_permutes, spoiled(forward=outputs(lambda a: a + 1e-9*np.arange(a.shape[1])[:, None]))),
    (cutting_time_changes_nothing, spoiled(backward=edit(dc0=np.zeros_like))),
    (what_is_left_out_is_zero, spoiled(backward=lambda right: lambda da, tape, dc=None: right(da, tape, da if dc is None else dc))),
    (zero_upstream_gives_exact_zeros, spoiled(backward=edit(dbo=lambda g: g + 1e-300))),
    (the_future_does_not_touch_the_past, spoiled(forward=outputs(lambda a: a + 1e-9*a[:, :, ::-1]))),
    (upstream_of_the_past_does_not_touch_later_gradients, spoiled(backward=edit(dx=lambda g: g + 1e-9*g[:, :, ::-1]))),
    (powers_of_two_scale_exactly, spoiled(backward=edit(dx=lambda g: g + 1e-15))),
    (nothing_is_changed_or_shared, spoiled(forward=keep_one_buffer)),
    (nothing_is_changed_or_shared, spoiled(forward=change_input)),
    (nothing_is_changed_or_shared, spoiled(backward=edit(dWi=lambda g: g + np.random.standard_normal()))),
]


@pytest.mark.parametrize("property, engine", faults, ids=[f"{n}-{f.__name__}" for n, (f, _) in enumerate(faults)])
def test_a_fault_is_seen(property, engine):
    @settings(max_examples=100, phases=[Phase.generate])
    @given(data=st.data())
    def run(data): property(engine, data.draw)
    with pytest.raises(AssertionError): run()


def test_every_property_can_fail(): assert {f for f, _ in faults} == {*properties}
