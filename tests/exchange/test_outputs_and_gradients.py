"Networks with an output layer and gradients in every packing: round trips bit for bit, each gradient by the complex step through the converter back, each mistake one sentence."
import re

import numpy as np
import pytest
from lstm_nb import (MissingParameter, ShapeError, as_time_first, layers_backward, layers_forward, loss_and_gradients, network_backward, network_forward)
from lstm_nb.exchange.flax import from_flax, to_flax
from lstm_nb.exchange.keras import from_keras, to_keras
from lstm_nb.exchange.network import layers_and_output, random_network, same_bits
from lstm_nb.exchange.onnx import from_onnx, onnx_model, to_onnx
from lstm_nb.exchange.read_onnx import read_onnx
from lstm_nb.exchange.run_onnx import run_onnx
from lstm_nb.exchange.torch import from_torch, to_torch

nets = {"lstm": {}, "projection": {"n_r": 2}, "peepholes": {"extra": ["Pf", "Pi", "Po"]}, "gru": {"net": "gru", "extra": ["bca"]}, "gru, reset before": {"net": "gru"}, "rnn": {"net": "rnn"}}
# name -> there, back, the networks that have a place there
forms = {
    "PyTorch": (lambda p, **k: to_torch(p, "a.", output="b." if has_output(p) else None, **k), lambda v, n, d, o: from_torch(v, "a.", output="b." if o else None), ("lstm", "projection", "gru", "rnn")),
    "Keras": (to_keras, lambda v, n, d, o: from_keras(v, bidirectional=d == 2, output=o), ("lstm", "gru", "gru, reset before", "rnn")),
    "Flax": (to_flax, lambda v, n, d, o: from_flax(v), ("lstm", "gru", "rnn")),
    "ONNX": (to_onnx, lambda v, n, d, o: from_onnx(v, reset_after=n == "gru"), ("lstm", "peepholes", "gru", "gru, reset before", "rnn"))}
pairs = [(form, net) for form, (_, _, held) in forms.items() for net in held]
each = pytest.mark.parametrize("form, net", pairs, ids=lambda v: v)


def has_output(p): return isinstance(p, dict) and bool({"Wy", "dWy"} & {*p})


def leaves(v, path=()):
    items = v.items() if isinstance(v, dict) else enumerate(v) if isinstance(v, (list, tuple)) else ()
    if isinstance(v, np.ndarray): yield path, v
    for k, w in items: yield from leaves(w, (*path, k))


def changed(v, path, change, dtype=complex):
    "`v` in another type, what is at `path` changed."
    if isinstance(v, dict): return {k: changed(w, path[1:] if path and path[0] == k else None, change, dtype) for k, w in v.items()}
    if isinstance(v, (list, tuple)): return type(v)(changed(w, path[1:] if path and path[0] == i else None, change, dtype) for i, w in enumerate(v))
    return change(v.astype(dtype)) if path == () else v.astype(dtype)


def compare(theirs, gradients, loss):
    "Every array of `theirs`: its gradient against the derivative along a random direction. How many there are."
    rng, count = np.random.default_rng(9), 0
    found = dict(leaves(gradients))
    assert found.keys() == dict(leaves(theirs)).keys()
    for path, v in leaves(theirs):
        probe = rng.standard_normal(v.shape)
        slope = loss(changed(theirs, path, lambda w, probe=probe: w + 1e-30j * probe)).imag / 1e-30
        assert found[path].shape == v.shape and found[path].flags.c_contiguous
        assert abs(slope - (found[path] * probe).sum()) < 1e-11 * max(1, abs(slope)), path
        count += 1
    return count


@each
@pytest.mark.parametrize("directions", [1, 2])
def test_a_gradient_is_in_their_packing(form, net, directions):
    "The derivative with respect to the framework's own arrays, through the converter back."
    there, back, _ = forms[form]
    p = random_network(3, 4, n_layers=2, bidirectional=directions == 2, rng=1, **nets[net])
    rng = np.random.default_rng(2)
    x, rows = rng.standard_normal((3, 5, 6)), layers_forward(np.zeros((3, 1, 1)), p)[0].shape[0]
    da = rng.standard_normal((rows, 5, 6))
    tape = layers_forward(x, p)[-1]
    gradients = layers_backward(da, tape)
    theirs = there(p)
    loss = lambda v: (layers_forward(x, back(v, net, directions, False))[0] * da).sum()
    assert compare(theirs, there(gradients["dparameters"], gradients=True), loss) == len([*leaves(theirs)])
    assert same_bits(there(gradients, gradients=True), there(gradients["dparameters"], gradients=True))        # as it comes out of layers_backward


with_output = pytest.mark.parametrize("form, net", [(f, n) for f, n in pairs if f != "ONNX"], ids=lambda v: v)


@with_output
@pytest.mark.parametrize("directions", [1, 2])
def test_an_output_layer_goes_round(form, net, directions):
    there, back, _ = forms[form]
    for layers, dtype in ((1, np.float32), (2, np.float64), (2, np.complex128)):
        p = random_network(3, 4, n_layers=layers, bidirectional=directions == 2, n_y=5, rng=layers, dtype=dtype, **nets[net])
        theirs = there(p)
        again = back(theirs, net, directions, True)
        assert same_bits(again, p) and same_bits(there(again), theirs)
        held = [[a for _, a in leaves(v)] for v in (p, theirs, again)]
        assert not any(np.may_share_memory(a, b) for i, one in enumerate(held) for other in held[i + 1:] for a in one for b in other)
        if layers == 1 and directions == 1:
            flat = p["layers"][0] | {k: p[k] for k in ("Wy", "by")}
            assert same_bits(there(flat), theirs) and same_bits(back(theirs, net, 1, True), p)
        n = len([*leaves(there(p["layers"]))])
        assert n + 2 == len([*leaves(theirs)])          # a plain list stays as it is
        if directions == 1: assert same_bits(there(p["layers"][0]), there(p["layers"][:1]))


@with_output
@pytest.mark.parametrize("flat", [False, True])
def test_gradients_with_an_output_layer(form, net, flat):
    "What network_backward returns, in both forms, goes in as it comes out."
    there, back, _ = forms[form]
    p = random_network(3, 4, n_y=2, rng=3, n_layers=1 if flat else 2, **nets[net])
    given = p["layers"][0] | {k: p[k] for k in ("Wy", "by")} if flat else p
    rng = np.random.default_rng(4)
    x, dz = rng.standard_normal((3, 5, 6)), rng.standard_normal((2, 5, 6))
    tape = network_forward(x, given)[-1]
    gradients = network_backward(dz, tape)
    assert ("dlayers" in gradients) != flat
    loss = lambda v: (network_forward(x, back(v, net, 1, True))[0] * dz).sum()
    compare(there(p), there(gradients, gradients=True), loss)


def test_half_the_bias_gradient_is_seen():
    "The planted mistake: PyTorch's second bias with zeros, as `to_torch` writes weights, or with half of the gradient."
    p = random_network(3, 4, rng=1)
    x, da = np.ones((3, 2, 4)), np.ones((4, 2, 4))
    gradients = layers_backward(da, layers_forward(x, p)[-1])["dparameters"]
    loss = lambda v: (layers_forward(x, from_torch(v))[0] * da).sum()
    packed = to_torch(gradients, gradients=True)
    compare(to_torch(p), packed, loss)
    for wrong in (0, .5):
        with pytest.raises(AssertionError, match="bias_hh_l0"): compare(to_torch(p), packed | {"bias_hh_l0": wrong * packed["bias_hh_l0"]}, loss)
    assert not to_torch(p)["bias_hh_l0"].any()


def test_without_a_bias_there_is_no_place_for_its_gradient():
    p = [{k: 0 * v if k[0] == "b" else v for k, v in random_network(3, 4, rng=1)[0].items()}]
    gradients = layers_backward(np.ones((4, 2, 4)), layers_forward(np.ones((3, 2, 4)), p)[-1])["dparameters"]
    assert gradients[0]["dbf"].any()
    assert to_torch(gradients, bias=False, gradients=True).keys() == to_torch(p, bias=False).keys()
    assert len(to_keras(gradients, bias=False, gradients=True)) == 2


def test_one_sentence_per_mistake():
    p = random_network(3, 4, n_y=2, rng=0)
    layer, state = p["layers"][0], to_torch(p, output="fc.")
    d = {f"d{k}": v for k, v in layer.items()}
    calls = {"PyTorch": lambda v, **k: to_torch(v, output="fc.", **k), "Keras": to_keras, "Flax": to_flax, "ONNX": lambda v, **k: onnx_model(v)}
    for call in calls.values():
        for wrong, message in ((p | {"Wy": p["Wy"][:, 1:]}, 'network["Wy"]: expected (n_y, rows) = (2, 4), got (2, 3)'), (p | {"by": p["by"].ravel()}, 'network["by"]: expected (n_y, 1) = (2, 1), got (2,)'),
                               ({k: p[k] for k in ("layers", "Wy")}, 'network: "by" is missing, expected (n_y, 1)'), (p | {"lr": 3}, "network: expected no other keys than ['Wy', 'by', 'layers'], got ['lr']"),
                               (p | layer, 'network: expected "layers" or the weights of one layer, got "layers" and')):
            with pytest.raises(ValueError, match=re.escape(message)): call(wrong)
        with pytest.raises(TypeError, match=r'network\["Wy"\]: expected float64 as the layers, got float32'): call(p | {k: p[k].astype(np.float32) for k in ("Wy", "by")})
    for call in (to_torch, to_keras, to_flax, to_onnx):
        with pytest.raises(ValueError, match=r"has no place for \"dWf\".*; gradients=True converts gradients$"): call([d])
        with pytest.raises(ValueError, match=r'has no place for "Wy".*; an output layer lies beside "layers"$'): call([layer | {"Wy": p["Wy"], "by": p["by"]}])
        with pytest.raises(ValueError, match='network: expected gradients, "dWf" and so on, got "layers"'): call(p, gradients=True)
        with pytest.raises(ValueError, match=r'network\[0\]: expected gradients, "dWf" and so on, got "Wf"'): call([layer], gradients=True)
    with pytest.raises(ValueError, match='network: expected a name for "Wy" and "by", got none: output="fc." puts them into "fc.weight" and "fc.bias" of an nn.Linear'): to_torch(p)
    with pytest.raises(MissingParameter, match='network: "Wy" is missing, .*for the nn.Linear that output="fc." names'): to_torch([layer], output="fc.")
    with pytest.raises(ValueError, match='network: expected layers alone, got "Wy" and "by" too: .* onnx_model writes them'): to_onnx(p)
    with pytest.raises(MissingParameter, match="""state: "head.weight" is missing, expected \\(n_y, rows\\), there is \\['fc.weight'\\]: output="fc.\""""): from_torch(state, output="head.")
    with pytest.raises(ShapeError, match=re.escape('state["fc.weight"]: expected (n_y, rows) = (2, 4), got (2, 8)')): from_torch(state | {"fc.weight": np.ones((2, 8))}, output="fc.")
    with pytest.raises(ValueError, match="got \\['fc.weight', 'fc.bias'\\]"): from_torch(state)          # without a prefix every name must be recognised


def test_a_linear_without_a_bias_is_read_with_zeros():
    p = random_network(3, 4, n_y=2, rng=0)
    state, weights, trees = to_torch(p, output="fc."), to_keras(p), to_flax(p)
    del state["fc.bias"], trees["output"]["bias"]
    for got in (from_torch(state, output="fc."), from_keras(weights[:-1], output=True), from_flax(trees)):
        assert same_bits(got, p | {"by": np.zeros((2, 1))})


def test_a_model_with_an_output_layer():
    "onnx_model writes MatMul and Add; run_onnx gives `z`, and read_onnx names the two."
    rng = np.random.default_rng(0)
    for net, kinds in nets.items():
        if net == "projection": continue
        for both in (False, True):
            p = random_network(3, 4, n_layers=2, bidirectional=both, n_y=2, rng=1, **kinds)
            x, lengths = rng.standard_normal((3, 5, 6)), np.array([6, 1, 3, 2, 6], np.int32)
            model = onnx_model(p, lengths=True)
            out = run_onnx(model, {"x": as_time_first(x), "lengths": lengths})
            np.testing.assert_allclose(out["z"], as_time_first(network_forward(x, p, lengths=lengths)[0]), atol=1e-13)
            layers, says = read_onnx(model)
            assert same_bits(layers, p["layers"]) and says[-1]["after"][-2:] == ['node "output" (MatMul)', 'node "output bias" (Add)']


def test_a_loss_of_the_core_goes_to_pytorch_in_both_forms():
    p = random_network(3, 4, n_y=2, rng=0)
    x, labels = np.random.default_rng(1).standard_normal((3, 5, 6)), np.zeros((5, 6), int)
    packed = [to_torch(loss_and_gradients(x, labels, q)[1], output="fc.", gradients=True) for q in (p, p["layers"][0] | {k: p[k] for k in ("Wy", "by")})]
    assert same_bits(*packed)
    assert layers_and_output(p)[0] is p["layers"] and layers_and_output(p["layers"]) == (p["layers"], None)
    compare(to_torch(p, output="fc."), packed[0], lambda v: loss_and_gradients(x, labels, from_torch(v, output="fc."))[0])
