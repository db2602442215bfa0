"No key that changes the network is dropped without a word: every function uses it, or its error names the engine that does."
import numpy as np
import pytest

import lstm_nb as nb

n_x, n_a, m, T = 3, 4, 2, 5
r = np.random.default_rng(0)
x, a0 = r.standard_normal((n_x, m, T)), r.standard_normal((n_a, m))
lstm, rnn = nb.init_lstm_parameters(n_x, n_a, n_y=2, rng=0), nb.init_rnn_parameters(n_x, n_a, n_y=2, rng=0)
gru = nb.init_gru_parameters(n_x, n_a, rng=0)
column = r.standard_normal((n_a, 1))
variant, of_gru = 'variant_lstm_forward, engine="variant_lstm"', 'gru_forward, engine="gru"'
changing = dict.fromkeys("Pf Pi Po Wp gf gi gc go gh".split(), variant) | {"bca": of_gru}
engines = {"cell": lambda p: nb.lstm_cell_forward(x[:, :, 0], a0, a0, p), "per step": lambda p: nb.lstm_forward(x, a0, p),
           "numpy": lambda p: nb.fused_lstm_forward(x, a0, p), "numba": lambda p: nb.fused_lstm_forward(x, a0, p, engine="numba"),
           "checkpointed": lambda p: nb.checkpointed_lstm_forward(x, a0, p, engine="numpy"), "layers": lambda p: nb.layers_forward(x, [p], engine="numpy"),
           "layers, numba": lambda p: nb.layers_forward(x, [(p, p)], engine="numba"), "steps": lambda p: nb.layers_forward(x, [p], engine="steps"),
           "network": lambda p: nb.network_forward(x, {"layers": [p], "Wy": np.ones((1, n_a)), "by": np.ones((1, 1))}, engine=nb.ENGINES["numpy"]),
           "backward": lambda p: nb.lstm_cell_backward(a0, a0, nb.lstm_cell_forward(x[:, :, 0], a0, a0, lstm)[-1]._replace(parameters=p))}
others = {"variant": (lambda p: nb.variant_lstm_forward(x, a0, p), lstm, ["bca"]), "gru": (lambda p: nb.gru_forward(x, a0, p), gru, set(changing) - {"bca"}),
          "rnn": (lambda p: nb.rnn_forward(x, a0, p), rnn, changing), "variant rnn": (lambda p: nb.variant_rnn_forward(x, a0, p), rnn, changing)}
cases = [(name, run, lstm, k) for name, run in engines.items() for k in changing] + [(name, run, p, k) for name, (run, p, keys) in others.items() for k in sorted(keys)]


@pytest.mark.parametrize("name, run, p, key", cases, ids=lambda v: v if isinstance(v, str) else "")
def test_a_key_that_would_be_ignored(name, run, p, key):
    run(p | {"foo": "a user's own", "Pc": 1, "bh": 1} if name != "variant" else p | {"foo": "a user's own"})
    with pytest.raises(ValueError) as error: run(p | {key: column})
    assert f'"{key}" would be ignored' in str(error.value) and changing[key] in str(error.value)


networks = {"gru": (gru, "gru"), "gru, reset after": (nb.init_gru_parameters(n_x, n_a, reset_after=True, rng=1), "gru"),
            "rnn": ({k: v for k, v in rnn.items() if "y" not in k}, "variant_rnn"), "lstm": ({k: v for k, v in lstm.items() if "y" not in k}, "numpy"),
            "projection": (nb.init_variant_parameters(n_x, n_a, n_r=2, rng=1), "variant_lstm"), "peepholes": (nb.init_variant_parameters(n_x, n_a, peepholes=True, rng=1), "variant_lstm"),
            "layer norm": (nb.init_variant_parameters(n_x, n_a, layer_norm=True, rng=1), "variant_lstm")}


@pytest.mark.parametrize("name", networks)
def test_the_keys_choose_the_engine(name):
    "Left out, it is the engine that the keys call for; a name, an Engine and two functions mean the same."
    p, engine = networks[name]
    output = {"layers": [p], "Wy": np.ones((1, len(p.get("Wp", a0)))), "by": np.ones((1, 1))}
    for run in (lambda **e: nb.layers_forward(x, [p], **e), lambda **e: nb.layers_forward(x, [(p, p)], **e), lambda **e: nb.network_forward(x, output, **e),
                lambda **e: nb.checkpointed_lstm_forward(x, None, p, every=2, **e)):
        want = run()[0]
        for e in (engine, nb.find_engine(engine), tuple(nb.find_engine(engine))): assert np.array_equal(run(engine=e)[0], want)
    d = r.standard_normal(want.shape)
    whole, tape = nb.find_engine(engine).forward(x, None, p)[::2]
    a, _, cut = nb.checkpointed_lstm_forward(x, None, p, every=2)
    assert np.allclose(a, whole, rtol=1e-13)
    ours, theirs = nb.checkpointed_lstm_backward(d, cut), nb.find_engine(engine).backward(d, tape)
    assert ours.keys() == theirs.keys() and all(np.allclose(ours[k], theirs[k], rtol=1e-12, atol=1e-14) for k in theirs)
    if engine in ("gru", "variant_rnn"):
        with pytest.raises(TypeError, match="dc: expected None, there is no memory"): nb.checkpointed_lstm_backward(d, cut, d)


@pytest.mark.parametrize("gate", "if")
def test_coupled_gates_are_asked_for(gate):
    p = nb.init_variant_parameters(n_x, n_a, coupled=gate)
    with pytest.raises(ValueError) as error: nb.layers_forward(x, [p])
    assert "in parameters[0]" in str(error.value) and f'variant_lstm_forward with coupled="{gate}"' in str(error.value)


@pytest.mark.parametrize("engine", ["fast", 3, (1, 2), (len,)])
def test_no_engine(engine):
    p = [networks["lstm"][0]]
    for run in (lambda: nb.layers_forward(x, p, engine=engine), lambda: nb.checkpointed_lstm_forward(x, a0, p[0], engine=engine)):
        with pytest.raises((TypeError, ValueError), match="engine"): run()


def test_the_keys_decide_about_the_reset():
    "A GRU in PyTorch's form, against its equations written out; from_torch keeps the second bias of the candidate."
    W, U, b, v = (r.standard_normal((3*n_a, k)) for k in (n_x, n_a, 1, 1))
    layers = nb.from_torch({"weight_ih_l0": W, "weight_hh_l0": U, "bias_ih_l0": b[:, 0], "bias_hh_l0": v[:, 0]})
    sigmoid, a, want = lambda z: 1/(1 + np.exp(-z)), a0, []
    for t in range(T):
        (rx, zx, nx), (ra, za, na) = np.split(W @ x[:, :, t] + b, 3), np.split(U @ a + v, 3)
        z = sigmoid(zx + za)
        a = (1 - z)*np.tanh(nx + sigmoid(rx + ra)*na) + z*a
        want.append(a)
    want = np.stack(want, 2)
    assert np.allclose(nb.gru_forward(x, a0, layers[0])[0], want, rtol=1e-12)
    assert np.allclose(nb.layers_forward(x, layers, [a0], engine=(nb.gru_forward, nb.gru_backward))[0], want, rtol=1e-12)
    without = {k: w for k, w in layers[0].items() if k != "bca"}
    assert abs(nb.gru_forward(x, a0, without)[0] - want).max() > .01
    assert "bca" not in without and "dbca" in nb.gru_backward(want, nb.gru_forward(x, a0, layers[0])[2])
    with pytest.raises(ValueError, match="bca"): nb.gru_forward(x, a0, layers[0], reset_after=False)


def test_half_a_normalisation():
    for key, other in (("gh", "bh"), ("bh", "gh")):
        with pytest.raises(nb.MissingParameter, match=other): nb.variant_lstm_forward(x, a0, lstm | {key: column})
