"Weights out of real Flax cells and into them: every output in float64, and both kinds of LSTM cell."
from functools import partial

from conftest import needs_python

needs_python("3.11", "Flax")
import jax
import numpy as np
import pytest
from flax import linen as nn
from jax import numpy as jnp
from everything import book
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
