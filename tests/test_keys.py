"No key that changes the network is dropped without a word: every function uses it, or its error names the engine that does."
from functools import partial

import numpy as np
import pytest

import lstm_nb as nb

n_x, n_a, m, T = 3, 4, 2, 5
r = np.random.default_rng(0)
x, a0 = r.standard_normal((n_x, m, T)), r.standard_normal((n_a, m))
lstm, rnn = nb.init_lstm_parameters(n_x, n_a, n_y=2, rng=0), nb.init_rnn_parameters(n_x, n_a, n_y=2, rng=0)
gru = nb.init_gru_parameters(n_x, n_a, rng=0)
column = r.standard_normal((n_a, 1))
variant, of_gru = "engine=(variant_lstm_forward, variant_lstm_backward)", "engine=(gru_forward, gru_backward)"
changing = dict.fromkeys("Pf Pi Po Wp gf gi gc go gh".split(), variant) | {"bca": of_gru}
engines = {"cell": lambda p: nb.lstm_cell_forward(x[:, :, 0], a0, a0, p), "per step": lambda p: nb.lstm_forward(x, a0, p),
           "numpy": lambda p: nb.fused_lstm_forward(x, a0, p), "numba": lambda p: nb.fused_lstm_forward(x, a0, p, engine="numba"),
           "checkpointed": lambda p: nb.checkpointed_lstm_forward(x, a0, p), "layers": lambda p: nb.layers_forward(x, [p]),
           "layers, numba": lambda p: nb.layers_forward(x, [(p, p)], engine=(partial(nb.fused_lstm_forward, engine="numba"), nb.fused_lstm_backward)),
           "network": lambda p: nb.network_forward(x, {"layers": [p], "Wy": np.ones((1, n_a)), "by": np.ones((1, 1))}),
           "backward": lambda p: nb.lstm_cell_backward(a0, a0, nb.lstm_cell_forward(x[:, :, 0], a0, a0, lstm)[-1]._replace(parameters=p))}
others = {"variant": (lambda p: nb.variant_lstm_forward(x, a0, p), lstm, ["bca"]), "gru": (lambda p: nb.gru_forward(x, a0, p), gru, set(changing) - {"bca"}),
          "rnn": (lambda p: nb.rnn_forward(x, a0, p), rnn, changing), "variant rnn": (lambda p: nb.variant_rnn_forward(x, a0, p), rnn, changing)}
cases = [(name, run, lstm, k) for name, run in engines.items() for k in changing] + [(name, run, p, k) for name, (run, p, keys) in others.items() for k in sorted(keys)]


@pytest.mark.parametrize("name, run, p, key", cases, ids=lambda v: v if isinstance(v, str) else "")
def test_a_key_that_would_be_ignored(name, run, p, key):
    run(p | {"foo": "a user's own", "Pc": 1, "bh": 1} if name != "variant" else p | {"foo": "a user's own"})
    with pytest.raises(ValueError) as error: run(p | {key: column})
    assert f'"{key}" would be ignored' in str(error.value) and changing[key] in str(error.value)


@pytest.mark.parametrize("p, engine", [(gru, of_gru), ({k: v for k, v in rnn.items() if "y" not in k}, "engine=(variant_rnn_forward, variant_rnn_backward)"),
                                       (nb.init_gru_parameters(n_x, n_a, reset_after=True), of_gru), (nb.init_variant_parameters(n_x, n_a, n_r=2), variant),
                                       (nb.init_variant_parameters(n_x, n_a, coupled="i"), 'variant_lstm_forward with coupled="i"'),
                                       (nb.init_variant_parameters(n_x, n_a, coupled="f"), 'variant_lstm_forward with coupled="f"')])
def test_a_network_without_an_engine(p, engine):
    "The error names the engine, also from inside a network with an output."
    network = {"layers": [p], "Wy": np.ones((1, len(p.get("Wp", a0)))), "by": np.ones((1, 1))}
    for run in (lambda: nb.layers_forward(x, [p]), lambda: nb.layers_forward(x, [(p, p)]), lambda: nb.network_forward(x, network)):
        with pytest.raises(ValueError) as error: run()
        assert "in parameters[0]" in str(error.value) and engine in str(error.value)


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
