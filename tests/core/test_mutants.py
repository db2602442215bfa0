"What only a mutant would notice: each of these killed one that all pages and tests had let live. See tests/records/mutants.md."
import numpy as np
import pytest
from lstm_nb import (MissingParameter, ShapeError, assert_close, check_gradients, complex_step, cross_entropy, init_lstm_parameters,
                     init_rnn_parameters, loss_and_gradients, lstm_backward, lstm_cell_backward, lstm_cell_forward, lstm_forward,
                     relative_error, rnn_backward, rnn_cell_backward, rnn_cell_forward, rnn_forward, sigmoid, softmax)
from lstm_nb.activations import sigmoid_derivative, softmax_backward, tanh, tanh_derivative
from lstm_nb.gradcheck import assert_printed
from lstm_nb.rnn import RNNCache
from problems import draw

huge, none = np.full((2, 2), 1.7e308), np.zeros((2, 2))


@pytest.mark.parametrize("call", [
    lambda: sigmoid(-1000.), lambda: sigmoid_derivative(huge), lambda: tanh(1000 + 1j), lambda: tanh_derivative(huge),
    lambda: softmax([-1000., 0.]), lambda: softmax_backward(huge, huge), lambda: relative_error(none, none),
    lambda: cross_entropy(np.array([[[0.]], [[5000.]]]), [[0]])],
    ids="sigmoid sigmoid_derivative tanh tanh_derivative softmax softmax_backward relative_error cross_entropy".split())
def test_no_floating_point_error_reaches_the_caller(call):
    with np.errstate(all="raise"): call()


def filled(q, value): return {k: filled(v, value) if isinstance(v, dict) else np.full_like(v, value) for k, v in q.items()}


def test_nor_out_of_a_plain_rnn():
    q, h = filled(draw(2, 2, 2, 3, net="rnn"), 1.), filled(draw(2, 2, 2, 3, net="rnn"), 1.7e308)
    with np.errstate(all="raise"):
        rnn_cell_forward(h["x"][:, :, 0], q["a0"], h["parameters"])
        rnn_cell_backward(h["da"][:, :, 0], RNNCache(h["a0"], h["a0"], h["x"][:, :, 0], h["parameters"]))
        rnn_forward(h["x"], h["a0"], h["parameters"])
        half = filled(q["parameters"], 0.5) | {"ba": np.zeros((2, 1))}
        rnn_backward(h["da"], rnn_forward(0*q["x"], 0*q["a0"], half)[2])         # 0.5 da + 0.5 da from the step after, and da


def test_nor_out_of_an_lstm():
    q, h = filled(draw(2, 2, 2, 3), 1.), filled(draw(2, 2, 2, 3), 1.7e308)
    with np.errstate(all="raise"):
        cache = lstm_cell_forward(h["x"][:, :, 0], h["a0"], h["c0"], h["parameters"])[3]
        lstm_cell_backward(h["da"][:, :, 0], h["dc"][:, :, 0], cache)
        lstm_forward(h["x"], h["a0"], h["parameters"], h["c0"])
        lstm_backward(h["da"], lstm_forward(q["x"], q["a0"], q["parameters"])[3], h["dc"])
        loss_and_gradients(q["x"], np.zeros((2, 3), int), q["parameters"] | {"Wy": huge, "by": huge[:, :1]})


def test_the_sigmoid_takes_each_of_its_two_forms_on_its_own_side():
    z = np.linspace(0, 2, 999)
    assert (sigmoid(z) == 1 / (1 + np.exp(-z))).all()
    assert (sigmoid(-z[1:]) == np.exp(-z[1:]) / (1 + np.exp(-z[1:]))).all()


def test_shapes_that_are_too_large():
    y = softmax(np.zeros((4, 3)))
    for shape in [(5, 3), (4, 4), (3, 3)]:
        with pytest.raises(ShapeError): softmax_backward(np.zeros(shape), y)
    q = draw(3, 5, 4, 6)
    caches = lstm_forward(q["x"], q["a0"], q["parameters"])[3]
    for shape in [(5, 4, 6, 1), (6, 4, 6), (5, 5, 6), (4, 4, 6)]:
        with pytest.raises(ShapeError, match="^da: expected"): lstm_backward(np.zeros(shape), caches)
    for shape in [(5,), (2,), (3, 1)]:
        with pytest.raises(AssertionError, match="expected the shape"):
            check_gradients(lambda p: p["x"].sum(), {"x": np.ones(3)}, {"dx": np.ones(shape)}, directions=1)
    for shape in [(2, 4), (2, 3, 1), (3, 3), (1, 3)]:
        with pytest.raises(ShapeError): relative_error(np.ones(shape), np.ones((2, 3)))
        with pytest.raises(AssertionError, match="expected the shape"): assert_close(np.ones(shape), np.ones((2, 3)))


def test_initial_parameters():
    for init in (init_rnn_parameters, init_lstm_parameters):
        for sizes in [(None, 5), (3, None)]:
            with pytest.raises(TypeError, match="expected a whole number, got NoneType"): init(*sizes)
        with pytest.raises(TypeError, match="positional"): init(3, 5, 2)
        assert sorted(init(n_x=3, n_a=5, n_y=2)) == sorted(init(3, 5, n_y=2))


def test_the_step_may_be_smaller_or_larger_than_the_numbers():
    x = np.array([3e-30, -2e-30])
    assert_close(complex_step(lambda x: x[0] * x[1] * 1e30, x), x[::-1] * 1e30, 1e-15)
    check_gradients(lambda p: (p["x"]**2).sum() * 1e30, {"x": x}, {"dx": 2 * x * 1e30}, directions=3, rng=0)


def test_the_scale_of_an_error():
    expected = np.array([100., 1e-3])
    assert_close(relative_error(expected + [0, 1e-6], expected), np.array([0, 1e-6]), 1e-6)     # a hundredth of 100 is 1
    assert_close(1.25, 1., rtol=0.25)                                                           # the tolerance itself passes
    for wrong in [{"a": 1., "b": 1.}, {"b": 1.}, {}, {"a": 1., "A": 1.}]:
        with pytest.raises(AssertionError, match="expected the keys"): assert_close(wrong, {"a": 1.})


def test_printed_figures_on_both_sides():
    for actual, printed in [(0.5, "0.6"), (0.7, "0.6"), ([1/3, 5], "0.333"), ([1/3], "0.333 5")]:
        with pytest.raises(AssertionError, match="printed was"): assert_printed(actual, printed)


def test_the_dot_product_test_is_relative():
    for size in (1e-20, 1., 1e20):
        f, inputs = lambda p: size * p["x"].sum(), {"x": np.ones(3)}
        check_gradients(f, inputs, {"dx": np.full(3, size)}, directions=3, rng=0)
        with pytest.raises(AssertionError, match="dot product"): check_gradients(f, inputs, {"dx": np.full(3, size * (1 + 1e-6))}, directions=3, rng=0)
    check_gradients(lambda p: 0*p["x"].sum(), {"x": np.ones(3)}, {"dx": np.zeros(3)}, rtol=0, directions=2)


def test_labels_and_weights_on_both_sides():
    z, labels = np.zeros((4, 2, 3)), np.zeros((2, 3), int)
    for label in (-1, 4, 5):
        with pytest.raises(ValueError, match="labels: expected classes from 0 to 3"): cross_entropy(z, labels + label)
    for weight in (-1., 0., np.inf, np.nan):
        with pytest.raises(ValueError, match="weights: expected a finite sum above 0"): cross_entropy(z, labels, np.full((2, 3), weight))
    with pytest.raises(TypeError, match="weights: expected real numbers, got complex128"): cross_entropy(z, labels, np.ones((2, 3), complex))


def test_nothing_to_check():
    assert check_gradients(lambda p: 0j, {}, {}) == 0
    with pytest.raises(MissingParameter): check_gradients(lambda p: 0j, {}, {"dx": 1.})
