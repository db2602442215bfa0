"What Keras' recurrent layers have of the variants, and its GRU with both resets and other activations against ours."
import inspect
import os

from conftest import needs_python

needs_python("3.11", "Keras")
os.environ.setdefault("KERAS_BACKEND", "torch")
import keras
import numpy as np
import pytest
from lstm_nb import relative_error
from lstm_nb.networks.gru import gru_forward
from lstm_nb.networks.rnn import variant_rnn_forward
from lstm_nb.networks.variants import variant_lstm_forward
from problems import note

n_x, n_a, m, T_x = 3, 5, 4, 6
specs = {"hard_sigmoid": ("HardSigmoid", 1/6, 0.5), "relu": "Relu", "elu": "Elu", "softsign": "Softsign", "softplus": "Softplus", "linear": "Affine",
         "leaky_relu": ("LeakyRelu", 0.2), "sigmoid": "Sigmoid", "tanh": "Tanh"}


def weights_of(layer, order):
    "Keras' kernels and bias(es) as our matrices and columns, gate by gate."
    kernel, recurrent, bias = (np.asarray(keras.ops.convert_to_numpy(w), float) for w in layer.weights)
    W = np.split(np.concatenate([recurrent, kernel]).T, len(order))
    b = [np.split(row[:, None], len(order)) for row in np.atleast_2d(bias)]
    return dict(zip([f"W{k}" for k in order], W)), [dict(zip([f"b{k}" for k in order], row)) for row in b]


def compare(what, layer, mine):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((m, T_x, n_x)).astype(np.float32)
    layer.build(x.shape)
    layer.set_weights([rng.standard_normal(w.shape) / 2 for w in layer.weights])
    theirs = np.asarray(keras.ops.convert_to_numpy(layer(x)), float)
    a = mine(x.astype(float).transpose(2, 0, 1), np.zeros((n_a, m))).transpose(1, 2, 0)
    error = relative_error(theirs, a).max()
    assert error < 1e-3, (what, error)
    note(f"{what} against Keras, float32", error)


@pytest.mark.parametrize("activation", specs)
@pytest.mark.parametrize("reset_after", [True, False])
def test_gru(reset_after, activation):
    layer = keras.layers.GRU(n_a, activation=activation, return_sequences=True, reset_after=reset_after)

    def mine(x, a0):
        W, b = weights_of(layer, "zrc")
        if reset_after: b = {k: b[0][k] + (0 if k == "bc" else b[1][k]) for k in b[0]} | {"bca": b[1]["bc"]}
        else: b = b[0]
        return gru_forward(x, a0, W | b, reset_after=reset_after, activations=("Sigmoid", specs[activation]))[0]
    compare("GRU", layer, mine)


@pytest.mark.parametrize("gate", ["sigmoid", "hard_sigmoid"])
@pytest.mark.parametrize("activation", specs)
def test_lstm_activations(activation, gate):
    layer = keras.layers.LSTM(n_a, activation=activation, recurrent_activation=gate, return_sequences=True)

    def mine(x, a0):
        W, (b,) = weights_of(layer, "ifco")
        return variant_lstm_forward(x, a0, W | b, activations=(specs[gate], specs[activation], specs[activation]))[0]
    compare("LSTM activations", layer, mine)


@pytest.mark.parametrize("activation", ["tanh", "relu", "softsign"])
def test_rnn(activation):
    layer = keras.layers.SimpleRNN(n_a, activation=activation, return_sequences=True)

    def mine(x, a0):
        W, (b,) = weights_of(layer, "a")
        return variant_rnn_forward(x, a0, {"Waa": W["Wa"][:, :n_a], "Wax": W["Wa"][:, n_a:]} | b, activations=(specs[activation],))[0]
    compare("RNN", layer, mine)


def test_what_keras_has():
    "No argument for peepholes, coupling, clipping, projection, normalisation or time first; the reset of the GRU can be chosen."
    arguments = {k: {*inspect.signature(layer.__init__).parameters} for k, layer in
                 {"lstm": keras.layers.LSTM, "gru": keras.layers.GRU, "rnn": keras.layers.SimpleRNN}.items()}
    words = ("peephole", "coupl", "clip", "proj", "norm", "major", "batch_first")
    assert not [a for k in arguments.values() for a in k if any(word in a for word in words)]
    assert all({"dropout", "recurrent_dropout", "go_backwards"} <= a for a in ({*inspect.signature(keras.layers.RNN.__init__).parameters} | arguments[k] for k in arguments))
    assert "reset_after" in arguments["gru"]
    assert {"activation", "recurrent_activation"} <= arguments["lstm"] & arguments["gru"]
