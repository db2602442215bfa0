"Weights out of real Keras layers and models, and into them: outputs and states agree, with every bias and both directions."
import os
from functools import partial

from conftest import needs_python

needs_python("3.11", "Keras")
os.environ.setdefault("KERAS_BACKEND", "torch")
import keras
import numpy as np
import pytest
from everything import book
from lstm_nb import layers_backward, network_backward, network_forward
from lstm_nb.networks.layers import layers_forward
from lstm_nb.exchange.keras import from_keras, to_keras
from problems import note

layer = keras.layers
kinds = {"LSTM": (layer.LSTM, book.variant_lstm_forward, book.variant_lstm_backward),
         "GRU": (layer.GRU, partial(book.gru_forward, reset_after=True), book.gru_backward),
         "GRU, reset before": (partial(layer.GRU, reset_after=False), book.gru_forward, book.gru_backward),
         "SimpleRNN": (layer.SimpleRNN, book.variant_rnn_forward, book.variant_rnn_backward)}


def number(v): return np.asarray(keras.ops.convert_to_numpy(v), float)


def model(kind, both, layers, bias):
    "Keras layers on top of each other, with weights and biases of size one."
    make, wrap = kinds[kind][0], layer.Bidirectional if both else lambda v: v
    net = keras.Sequential([keras.Input((6, 3))] + [wrap(make(5, return_sequences=True, use_bias=bias)) for _ in range(layers)])
    rng = np.random.default_rng(layers)
    net.set_weights([rng.standard_normal(w.shape) for w in net.get_weights()])
    return net


def off(net, network, kind):
    "How far our outputs are from Keras', relative to the largest."
    x = np.random.default_rng(7).standard_normal((4, 6, 3)).astype(np.float32)
    ours = layers_forward(x.transpose(2, 0, 1).astype(float), network, engine=kinds[kind][1:])[0].transpose(1, 2, 0)
    theirs = number(net(x))
    assert ours.shape == theirs.shape
    return abs(ours - theirs).max() / abs(theirs).max()


@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no-bias"])
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("both", [False, True], ids=["one-way", "both-ways"])
@pytest.mark.parametrize("kind", kinds)
def test_layers(kind, both, layers, bias):
    net = model(kind, both, layers, bias)
    network = from_keras(net.get_weights(), bidirectional=both, bias=bias)
    note(f"weights out of Keras' {kind}, float32", error := off(net, network, kind))
    assert error < 5e-6
    other = model(kind, both, layers, bias)
    other.set_weights([0 * w for w in other.get_weights()])
    other.set_weights(to_keras(network, bias=bias))
    for a, b in zip(other.get_weights(), net.get_weights(), strict=True):
        assert a.dtype == b.dtype and (np.array_equal(a, b) or a.shape == (2, 15))        # two biases: their sums
    note(f"weights into Keras' {kind}, float32", error := off(other, network, kind))
    assert error < 5e-6


def test_a_model_with_two_kinds_is_read_in_parts():
    net = keras.Sequential([keras.Input((6, 3)), layer.LSTM(5, return_sequences=True), layer.GRU(4, return_sequences=True)])
    weights = net.get_weights()
    assert set(from_keras(weights[:3])[0]) >= {"Wf"} and set(from_keras(weights[3:])[0]) >= {"Wz"}
    with pytest.raises(ValueError, match="expected what network"): from_keras(weights)


def test_a_weight_in_the_wrong_place_is_seen():
    "A gate order, a direction and a transpose: each is far more than rounding."
    net = model("LSTM", True, 1, True)
    weights = net.get_weights()
    swapped = [np.concatenate(np.split(w, 4, -1)[::-1], -1) for w in weights]
    for wrong in (swapped, weights[3:] + weights[:3], [weights[0], weights[1].reshape(20, 5).T, *weights[2:]]):
        assert off(net, from_keras(wrong, bidirectional=True), "LSTM") > 0.05


def gradients_of(net, x, d):
    "What Keras' backend, PyTorch, has as gradients of the weights, in the order of `get_weights()`."
    net.zero_grad()
    (net(x) * keras.ops.convert_to_tensor(d.astype(np.float32))).sum().backward()
    return [number(w.value.grad) for w in net.weights]


@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no-bias"])
@pytest.mark.parametrize("both", [False, True], ids=["one-way", "both-ways"])
@pytest.mark.parametrize("kind", kinds)
def test_gradients(kind, both, bias):
    net, rng = model(kind, both, 2, bias), np.random.default_rng(3)
    network = [tuple({k: v.astype(float) for k, v in p.items()} for p in (pair if both else (pair,))) for pair in from_keras(net.get_weights(), bidirectional=both, bias=bias)]
    network = network if both else [p for p, in network]
    x, da = rng.standard_normal((4, 6, 3)).astype(np.float32), rng.standard_normal((4, 6, 5 * (1 + both)))
    tape = layers_forward(x.transpose(2, 0, 1).astype(float), network, engine=kinds[kind][1:])[-1]
    packed = to_keras(layers_backward(da.transpose(2, 0, 1), tape), bias=bias, gradients=True)
    for ours, theirs in zip(packed, gradients_of(net, x, da), strict=True):
        assert ours.shape == theirs.shape
        note(f"gradients of Keras' {kind}, float32", error := abs(ours - theirs).max() / abs(theirs).max())
        assert error < 2e-5


@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no-bias"])
@pytest.mark.parametrize("kind", kinds)
def test_with_a_dense_on_top(kind, bias):
    def build(): return keras.Sequential([keras.Input((6, 3)), layer.Bidirectional(kinds[kind][0](5, return_sequences=True)), layer.Dense(2, use_bias=bias)])
    net, rng = build(), np.random.default_rng(4)
    net.set_weights([rng.standard_normal(w.shape) for w in net.get_weights()])
    network = from_keras([w.astype(float) for w in net.get_weights()], bidirectional=True, output=True)
    x, dz = rng.standard_normal((4, 6, 3)).astype(np.float32), rng.standard_normal((4, 6, 2))
    z, _, _, tape = network_forward(x.transpose(2, 0, 1).astype(float), network, engine=kinds[kind][1:])
    theirs = number(net(x))
    note(f"Keras' {kind} and Dense, float32", error := abs(z.transpose(1, 2, 0) - theirs).max() / abs(theirs).max())
    assert error < 5e-6
    packed = to_keras(network_backward(dz.transpose(2, 0, 1), tape), gradients=True)
    assert len(packed) - len(net.weights) == (not bias)
    for ours, theirs in zip(packed, gradients_of(net, x, dz)): assert abs(ours - theirs).max() < 2e-5 * abs(theirs).max()
    other = build()
    other.set_weights(to_keras(network)[:len(net.weights)])
    assert abs(number(other(x)) - number(net(x))).max() < 1e-5


def test_both_hard_sigmoids():
    "Keras 3's is x/6 + 1/2; with the 0.2 of Keras 2 and of ONNX the outputs are others."
    net = keras.Sequential([keras.Input((6, 3)), layer.LSTM(5, return_sequences=True, recurrent_activation="hard_sigmoid")])
    rng = np.random.default_rng(5)
    net.set_weights([rng.standard_normal(w.shape) for w in net.get_weights()])
    x = rng.standard_normal((4, 6, 3)).astype(np.float32)
    error = {}
    for slope in (1 / 6, .2):
        engine = partial(book.variant_lstm_forward, activations=(("HardSigmoid", slope, .5), "Tanh", "Tanh")), book.variant_lstm_backward
        ours = layers_forward(x.transpose(2, 0, 1).astype(float), [{k: v.astype(float) for k, v in from_keras(net.get_weights())[0].items()}], engine=engine)[0]
        error[slope] = abs(ours.transpose(1, 2, 0) - number(net(x))).max()
    assert error[1 / 6] < 5e-6 and error[.2] > .01
