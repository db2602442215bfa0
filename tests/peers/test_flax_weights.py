"Weights out of real Flax cells and into them: every output in float64, and both kinds of LSTM cell."
from functools import partial

from conftest import needs_python

needs_python("3.11", "Flax")
import json
from types import SimpleNamespace

import jax
import numpy as np
import pytest
from conftest import root
from flax import linen as nn
from flax import nnx
from jax import numpy as jnp
from everything import book
from lstm_nb import layers_backward, network_backward, network_forward
from lstm_nb.networks.layers import layers_forward
from lstm_nb.exchange.flax import from_flax, to_flax
from problems import note

jax.config.update("jax_enable_x64", True)
cells = {"LSTMCell": (book.variant_lstm_forward, book.variant_lstm_backward), "OptimizedLSTMCell": (book.variant_lstm_forward, book.variant_lstm_backward),
         "GRUCell": (partial(book.gru_forward, reset_after=True), book.gru_backward), "SimpleCell": (book.variant_rnn_forward, book.variant_rnn_backward)}
x = np.random.default_rng(0).standard_normal((4, 6, 3))


def redraw(variables, seed):
    "The same tree with weights and biases of size one."
    rng = np.random.default_rng(seed)
    return jax.tree.map(lambda w: jnp.asarray(rng.standard_normal(w.shape)), variables)


def compare(what, module, variables, trees, cell):
    "Flax' outputs and ours with the weights in `trees`."
    theirs = np.asarray(module.apply(variables, jnp.asarray(x)))
    ours = layers_forward(x.transpose(2, 0, 1), from_flax(trees), engine=cells[cell])[0].transpose(1, 2, 0)
    assert ours.shape == theirs.shape
    error = abs(ours - theirs).max() / abs(theirs).max()
    if what: note(what, error)
    return error


@pytest.mark.parametrize("cell", cells)
def test_cell(cell):
    module = nn.RNN(getattr(nn, cell)(5, param_dtype=jnp.float64))
    variables = redraw(module.init(jax.random.key(0), jnp.asarray(x)), 1)
    tree = variables["params"]["cell"]
    assert compare(f"weights out of Flax' {cell}", module, variables, [tree], cell) < 1e-12
    again, = to_flax(from_flax([tree]))
    assert jax.tree.structure(again) == jax.tree.structure(tree)
    assert all(np.array_equal(a, b) and a.dtype == b.dtype for a, b in zip(jax.tree.leaves(again), jax.tree.leaves(tree)))
    assert compare(f"weights into Flax' {cell}", module, {"params": {"cell": again}}, [tree], cell) < 1e-12


@pytest.mark.parametrize("cell", cells)
def test_both_directions(cell):
    rnn = lambda: nn.RNN(getattr(nn, cell)(5, param_dtype=jnp.float64))
    module = nn.Bidirectional(rnn(), rnn())
    variables = redraw(module.init(jax.random.key(0), jnp.asarray(x)), 2)
    pair = tuple(variables["params"][f"{way}_rnn"]["cell"] for way in ("forward", "backward"))
    assert compare(f"weights out of Flax' {cell}, both directions", module, variables, [pair], cell) < 1e-12
    assert compare("", module, variables, [pair[::-1]], cell) > 0.1


def test_bfloat16():
    tree = nn.RNN(nn.LSTMCell(5)).init(jax.random.key(0), jnp.asarray(x, jnp.float32))["params"]["cell"]
    tree = jax.tree.map(lambda w: w.astype(jnp.bfloat16), tree)
    with pytest.raises(TypeError, match="expected an array of float or complex numbers, got bfloat16, convert them to float32 first"): from_flax([tree])


def same_trees(what, ours, theirs):
    assert jax.tree.structure(ours) == jax.tree.structure(jax.tree.map(np.asarray, theirs))
    for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        assert a.shape == b.shape
        note(what, error := abs(a - b).max() / abs(b).max())
        assert error < 1e-12


@pytest.mark.parametrize("cell", cells)
def test_gradients_with_a_dense_on_top(cell):
    "jax.grad of a model with a Dense, and the same in Flax' packing by our backward pass; JAX sorts the keys."
    class Model(nn.Module):
        @nn.compact
        def __call__(self, x): return nn.Dense(2, param_dtype=jnp.float64)(nn.RNN(getattr(nn, cell)(5, param_dtype=jnp.float64))(x))
    model, rng = Model(), np.random.default_rng(6)
    params = redraw(model.init(jax.random.key(0), jnp.asarray(x)), 7)["params"]
    assert [*params] == sorted(params) and [*params][0] == "Dense_0"          # after a jax.tree.map: not in the order of the model
    dz = rng.standard_normal((4, 6, 2))
    theirs = jax.grad(lambda p: (model.apply({"params": p}, jnp.asarray(x)) * dz).sum())(params)
    trees = lambda p: {"layers": [p[f"{cell}_0"]], "output": p["Dense_0"]}
    network = from_flax(trees(params))
    z, _, _, tape = network_forward(x.transpose(2, 0, 1), network, engine=cells[cell])
    assert abs(z.transpose(1, 2, 0) - model.apply({"params": params}, jnp.asarray(x))).max() < 1e-12
    same_trees(f"gradients of Flax' {cell} and Dense", to_flax(network_backward(dz.transpose(2, 0, 1), tape), gradients=True), trees(theirs))
    again = to_flax(network)
    assert all(np.array_equal(a, b) for a, b in zip(jax.tree.leaves(again), jax.tree.leaves(trees(params)), strict=True))


@pytest.mark.parametrize("cell", cells)
def test_gradients_of_both_directions(cell):
    rnn = lambda: nn.RNN(getattr(nn, cell)(5, param_dtype=jnp.float64))
    module, rng = nn.Bidirectional(rnn(), rnn()), np.random.default_rng(8)
    params, da = redraw(module.init(jax.random.key(0), jnp.asarray(x)), 2)["params"], rng.standard_normal((4, 6, 10))
    assert [*params] == ["backward_rnn", "forward_rnn"]
    pair = lambda p: tuple(p[f"{way}_rnn"]["cell"] for way in ("forward", "backward"))
    theirs = jax.grad(lambda p: (module.apply({"params": p}, jnp.asarray(x)) * da).sum())(params)
    tape = layers_forward(x.transpose(2, 0, 1), from_flax([pair(params)]), engine=cells[cell])[-1]
    same_trees(f"gradients of Flax' {cell}, both directions", to_flax(layers_backward(da.transpose(2, 0, 1), tape), gradients=True), [pair(theirs)])


def functions_of_the_page():
    "What page X6 shows for other libraries, as a reader copies it."
    shown = ["".join(c["source"]) for c in json.loads((root/"nbs/exchange/06_flax_weights.ipynb").read_text())["cells"] if c["cell_type"] == "code"]
    found = {}
    exec(next(s for s in shown if s.startswith("from collections.abc import Mapping")), found)
    for s in shown:
        if s.startswith("def from_"): exec(s, found)
    return SimpleNamespace(**{k: v for k, v in found.items() if k.startswith("from_")})


page = functions_of_the_page()


def run(network, net):
    return layers_forward(x.transpose(2, 0, 1), network, engine=cells[net])[0].transpose(1, 2, 0)


@pytest.mark.parametrize("name, net", [("LSTMCell", "LSTMCell"), ("OptimizedLSTMCell", "LSTMCell"), ("GRUCell", "GRUCell"), ("SimpleCell", "SimpleCell")])
def test_nnx(name, net):
    cell = getattr(nnx, name)(3, 5, param_dtype=jnp.float64, dtype=jnp.float64, rngs=nnx.Rngs(0))
    rng = np.random.default_rng(1)
    nnx.update(cell, jax.tree.map(lambda w: jnp.asarray(rng.standard_normal(w.shape)), nnx.state(cell, nnx.Param)))
    tree = nnx.to_pure_dict(nnx.state(cell, nnx.Param))
    theirs = np.asarray(nnx.RNN(cell)(jnp.asarray(x)))
    with pytest.raises(ValueError, match=r"is missing, .*there is \[.*\] of flax.nnx"): from_flax([tree])
    network = from_flax([{k.rstrip("_"): v for k, v in tree.items()}]) if name == "LSTMCell" else page.from_nnx(tree)
    note(f"flax.nnx' {name}", error := abs(run(network, net) - theirs).max())
    assert error < 1e-12


@pytest.mark.parametrize("name", ["LSTMCell", "GRUCell"])
def test_equinox(name):
    eqx = pytest.importorskip("equinox")
    cell = getattr(eqx.nn, name)(3, 5, key=jax.random.key(0), dtype=jnp.float64)
    one = lambda xs: jax.lax.scan(lambda s, v: (lambda t: (t, t[0] if name == "LSTMCell" else t))(cell(v, s)), (jnp.zeros(5), jnp.zeros(5)) if name == "LSTMCell" else jnp.zeros(5), xs)[1]
    theirs = np.asarray(jax.vmap(one)(jnp.asarray(x)))
    note(f"Equinox' {name}", error := abs(run(page.from_equinox(cell), name) - theirs).max())
    assert error < 1e-12


@pytest.mark.parametrize("name", ["LSTM", "GRU"])
def test_haiku(name):
    hk = pytest.importorskip("haiku")
    core = lambda: getattr(hk, name)(5)
    unroll = hk.without_apply_rng(hk.transform(lambda xs: (lambda c: hk.dynamic_unroll(c, xs, jax.tree.map(lambda v: v.astype(float), c.initial_state(4)))[0])(core())))
    params = redraw(unroll.init(jax.random.key(0), jnp.asarray(x).swapaxes(0, 1)), 3)
    theirs = np.asarray(unroll.apply(params, jnp.asarray(x).swapaxes(0, 1))).swapaxes(0, 1)
    [leaves] = params.values()
    network = page.from_haiku(leaves["w"], leaves["b"]) if name == "LSTM" else page.from_haiku_gru(leaves["w_i"], leaves["w_h"], leaves["b"])
    engine = cells["LSTMCell"] if name == "LSTM" else (book.gru_forward, book.gru_backward)
    ours = layers_forward(x.transpose(2, 0, 1), network, engine=engine)[0].transpose(1, 2, 0)
    note(f"Haiku's {name}", error := abs(ours - theirs).max())
    assert error < 1e-12
