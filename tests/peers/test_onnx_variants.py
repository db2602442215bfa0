"The semantics of ONNX's LSTM, GRU and RNN on onnxruntime, and what onnx's ReferenceEvaluator leaves out, against the variants."
import itertools

import numpy as np
import onnx
import onnxruntime
import pytest
from lstm_nb import relative_error
from lstm_nb.networks.gru import gru_forward
from lstm_nb.networks.rnn import variant_rnn_forward
from lstm_nb.networks.variants import variant_lstm_forward
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator
from problems import note

onnxruntime.set_default_logger_severity(3)
n_x, n_a, m, T_x = 3, 4, 2, 5
programs = {"LSTM": variant_lstm_forward, "GRU": gru_forward, "RNN": variant_rnn_forward}
gates = {"LSTM": "iofc", "GRU": "zrc", "RNN": "a"}
constants = {"Relu": (), "Tanh": (), "Sigmoid": (), "Affine": (0.7, 0.2), "LeakyRelu": (0.3,), "ThresholdedRelu": (0.4,), "ScaledTanh": (1.3, 0.6),
             "HardSigmoid": (0.3, 0.4), "Elu": (0.8,), "Softsign": (), "Softplus": ()}


def draw(op, rng):
    "The node's inputs in float32, and the same as our arguments in float64."
    normal = lambda *shape: rng.standard_normal(shape).astype(np.float32)
    k = len(gates[op])
    x, W, R, B, h, c, P = normal(T_x, m, n_x), normal(k*n_a, n_x), normal(k*n_a, n_a) / 2, normal(2*k*n_a), normal(m, n_a), normal(m, n_a), normal(3*n_a)
    inputs = {"X": x, "W": W[None], "R": R[None], "B": B[None], "initial_h": h[None]} | ({"initial_c": c[None], "P": P[None]} if op == "LSTM" else {})
    W, R, Wb, Rb = (np.split(v.astype(float), k) for v in (W, R, *np.split(B, 2)))
    p = {}
    for n, name in enumerate(gates[op]):
        p |= {f"W{name}": np.hstack([R[n], W[n]]), f"b{name}": (Wb[n] + Rb[n])[:, None], f"alone_{name}": (Wb[n][:, None], Rb[n][:, None])}
    if op == "LSTM": p |= dict(zip(("Pi", "Po", "Pf"), np.split(P.astype(float)[:, None], 3)))
    if op == "RNN": p |= {"Waa": R[0], "Wax": W[0], "ba": p["ba"]}
    args = [x.astype(float).transpose(2, 1, 0), h.T.astype(float), p] + ([c.T.astype(float)] if op == "LSTM" else [])
    return inputs, args


def node(op, inputs, attributes):
    order = ["X", "W", "R", "B", "sequence_lens", "initial_h", "initial_c", "P"]
    names = [k if k in inputs else "" for k in order[:max(order.index(k) for k in inputs) + 1]]
    info = [helper.make_tensor_value_info(k, TensorProto.INT32 if v.dtype == np.int32 else TensorProto.FLOAT, v.shape) for k, v in inputs.items()]
    outputs = ["Y"] + (["Y_h", "Y_c"] if op == "LSTM" else ["Y_h"])
    graph = helper.make_graph([helper.make_node(op, names, outputs, hidden_size=n_a, **attributes)], "g", info,
                              [helper.make_tensor_value_info(k, TensorProto.FLOAT, None) for k in outputs])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=10)


def ort(op, inputs, attributes):
    session = onnxruntime.InferenceSession(node(op, inputs, attributes).SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, inputs)


def attributes_of(activations, **others):
    alphas, betas = zip(*[(constants[k] + (None, None))[:2] for k in activations])
    lists = {"activation_alpha": [v for v in alphas if v is not None], "activation_beta": [v for v in betas if v is not None]}
    return {"activations": list(activations)} | {k: v for k, v in lists.items() if v} | {k: v for k, v in others.items() if v is not None}


def options_of(op, attributes, activations):
    options = {"activations": [(k, *constants[k]) for k in activations]}
    if "clip" in attributes: options["clip"] = np.float32(attributes["clip"])
    if attributes.get("input_forget"): options["coupled"] = "i"
    if attributes.get("linear_before_reset"): options["reset_after"] = True
    return options


def ours(op, args, options):
    x, a0, p, *c0 = args
    if options.get("reset_after"): p = p | dict(zip(("bc", "bca"), p["alone_c"]))
    a, c, _ = programs[op](x, a0, p, *c0, **options)
    return [a.transpose(2, 1, 0)[:, None]] + [s[:, :, -1].T[None] for s in (a, c) if s is not None]


def agree(what, op, seed, activations, **attributes):
    inputs, args = draw(op, np.random.default_rng(seed))
    attributes = attributes_of(activations, **attributes)
    for theirs, mine in zip(ort(op, inputs, attributes), ours(op, args, options_of(op, attributes, activations)), strict=True):
        if not np.isfinite(theirs).all() or abs(mine).max() > 100: continue     # float32 has lost its digits
        error = relative_error(theirs.astype(float), mine).max()
        assert error < 2e-3, (what, activations, attributes, error)
        note(what, error)


usual = {"LSTM": ["Sigmoid", "Tanh", "Tanh"], "GRU": ["Sigmoid", "Tanh"], "RNN": ["Tanh"]}
switches = {"LSTM": [{"input_forget": n} for n in (0, 1)], "GRU": [{"linear_before_reset": n} for n in (0, 1)], "RNN": [{}]}
combinations = [(op, switch, clip) for op in programs for switch in switches[op] for clip in (None, 0.5, 2.)]


@pytest.mark.parametrize("op, switch, clip", combinations, ids=str)
def test_onnxruntime(op, switch, clip):
    "Every activation at every place, with and without clip, coupled gates, both resets; peepholes always."
    for seed, (place, name) in enumerate(itertools.product(range(len(usual[op])), constants)):
        activations = usual[op][:place] + [name] + usual[op][place + 1:]
        agree("variants against onnxruntime, float32", op, [1, seed], activations, clip=clip, **switch)


def test_order_of_constants():
    "Only the functions that have an alpha take one, in order."
    agree("variants against onnxruntime, float32", "LSTM", 5, ["HardSigmoid", "LeakyRelu", "Elu"])
    agree("variants against onnxruntime, float32", "LSTM", 6, ["Sigmoid", "ScaledTanh", "Affine"])


def test_onnxruntime_couples_the_forget_gate():
    "input_forget: the input gate is computed, and not the forget gate."
    inputs, args = draw("LSTM", np.random.default_rng(3))
    theirs = ort("LSTM", inputs, {"input_forget": 1})[0]
    assert relative_error(theirs.astype(float), ours("LSTM", args, {"coupled": "i"})[0]).max() < 1e-3
    assert relative_error(theirs.astype(float), ours("LSTM", args, {"coupled": "f"})[0]).max() > 0.1


def test_onnxruntime_without_constants():
    "Where no alpha is given, onnxruntime takes 0 for ThresholdedRelu, Affine and ScaledTanh, and the operators' defaults for the others."
    for name, spec in {"ThresholdedRelu": ("ThresholdedRelu", 0), "Affine": ("Affine", 0, 0), "ScaledTanh": ("ScaledTanh", 0, 0), "LeakyRelu": "LeakyRelu",
                       "HardSigmoid": "HardSigmoid", "Elu": "Elu"}.items():
        inputs, args = draw("LSTM", np.random.default_rng(4))
        theirs = ort("LSTM", inputs, {"activations": ["Sigmoid", "Tanh", name]})[2]
        mine = ours("LSTM", args, {"activations": ("Sigmoid", "Tanh", spec)})[2]
        assert relative_error(theirs.astype(float), mine).max() < 1e-3, name


asked = [("LSTM", {"input_forget": 1}), ("GRU", {"linear_before_reset": 1}), *((op, {"clip": 0.5}) for op in programs),
         ("LSTM", {"activations": ["Sigmoid", "Softsign", "Softsign"]}), ("GRU", {"activations": ["Sigmoid", "Softsign"]}),
         ("RNN", {"activations": ["Affine"], "activation_alpha": [0.5], "activation_beta": [0.2]})]
heard = [("GRU", "linear_before_reset"), ("RNN", "activations")]


@pytest.mark.parametrize("op, attribute", asked, ids=str)
def test_reference_evaluator(op, attribute):
    "onnx's reference honours the peepholes, the place of the reset and the activation of the plain RNN; clip, coupling and other activations it ignores."
    inputs, args = draw(op, np.random.default_rng(8))
    usual, with_it = (ReferenceEvaluator(node(op, inputs, a)).run(None, inputs)[0] for a in ({}, attribute))
    assert relative_error(usual.astype(float), ours(op, args, {})[0]).max() < 1e-3
    assert abs(ort(op, inputs, attribute)[0] - ort(op, inputs, {})[0]).max() > 0.01
    assert np.array_equal(usual, with_it) == ((op, [*attribute][0]) not in heard)


def test_reference_evaluator_knows_two_activations():
    "In the plain RNN the reference has Tanh and Affine, and raises an error for the others."
    inputs, _ = draw("RNN", np.random.default_rng(8))
    with pytest.raises(RuntimeError, match="Unknown activation"): ReferenceEvaluator(node("RNN", inputs, {"activations": ["Relu"]})).run(None, inputs)


def test_what_onnx_has():
    "The attributes of the three operators; there is no projection, no clipped memory and no normalisation."
    common = {"activation_alpha", "activation_beta", "activations", "clip", "direction", "hidden_size", "layout"}
    for op, more in {"LSTM": {"input_forget"}, "GRU": {"linear_before_reset"}, "RNN": set()}.items():
        assert {*onnx.defs.get_schema(op).attributes} == common | more
