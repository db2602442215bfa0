"onnxruntime as an oracle for every feature of ONNX's recurrent nodes, alone and combined, and where ONNX's own evaluator departs."
import itertools
from collections import Counter

import numpy as np
import onnxruntime
import pytest
from lstm_nb import as_time_first, network_forward
from lstm_nb.exchange.network import random_network
from lstm_nb.exchange.onnx import onnx_model
from lstm_nb.exchange.run_onnx import run_onnx
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator
from problems import note, tables

onnxruntime.set_default_logger_severity(4)
n_x, n_a, m, T_x = 3, 4, 5, 6
blocks = {"LSTM": 4, "GRU": 3, "RNN": 1}
states = {"LSTM": ["Y", "Y_h", "Y_c"], "GRU": ["Y", "Y_h"], "RNN": ["Y", "Y_h"]}
# name, alpha, beta of each function of one direction; onnxruntime has no defaults for some alphas, so all are given;
# its RNN reads as many betas as directions, whether or not a function has one, and 1.23 aborts where there are fewer
functions = {"LSTM": [[("HardSigmoid", .3, .4), ("Softsign",), ("ScaledTanh", 1.2, .7)], [("Sigmoid",), ("LeakyRelu", .1), ("Affine", .8, .1)]],
             "GRU": [[("HardSigmoid", .3, .4), ("Elu", .7)], [("Sigmoid",), ("ScaledTanh", 1.2, .7)]],
             "RNN": [[("ScaledTanh", 1.2, .7)], [("Affine", .8, .1)]]}
own = {"LSTM": {"peepholes": (0, 1), "coupled gates": (0, 1)}, "GRU": {"reset after": (0, 1)}, "RNN": {}}


def options(op):
    "Every combination of features, as dictionaries."
    of = {"direction": ("forward", "reverse", "bidirectional"), "lengths": (0, 1), "clip": (0, 1), "activations": (None, 0, 1), "layout": (0, 1), **own[op]}
    if op != "LSTM": of["initial states"] = (0, 1)      # those of an LSTM are drawn at random
    return [dict(zip(of, v)) for v in itertools.product(*of.values())]


def model(op, feeds, says):
    "A model of one node, all of whose inputs are inputs of the graph."
    names = ["X", "W", "R", "B", "L", "H", "C", "P"][:8 if op == "LSTM" else 6]
    node = helper.make_node(op, [k if k in feeds else "" for k in names], states[op], name="it", hidden_size=n_a, **says)
    kinds = {k: helper.np_dtype_to_tensor_dtype(v.dtype) for k, v in feeds.items()}
    graph = helper.make_graph([node], "one", [helper.make_tensor_value_info(k, kinds[k], v.shape) for k, v in feeds.items()],
                              [helper.make_tensor_value_info(k, TensorProto.FLOAT, [None] * (4 - (k != "Y"))) for k in states[op]])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)


def case(op, f, seed):
    "Inputs and attributes of a node with the features `f`, weights random and distinct."
    rng, d, k = np.random.default_rng(seed), 1 + (f["direction"] == "bidirectional"), blocks[op]
    draw = lambda *shape, scale=1.: (scale * rng.standard_normal(shape)).astype(np.float32)
    feeds = {"X": draw(T_x, m, n_x), "W": draw(d, k * n_a, n_x, scale=.5), "R": draw(d, k * n_a, n_a, scale=.5)}
    if rng.random() < .8: feeds["B"] = draw(d, 2 * k * n_a)
    if f["lengths"]: feeds["L"] = rng.permutation([T_x, *rng.integers(1, T_x + 1, m - 1)]).astype(np.int32)
    for name in ("H", "C"):
        if (name == "H" or op == "LSTM") and f.get("initial states", rng.random() < .5): feeds[name] = draw(d, m, n_a)
    if f.get("peepholes"): feeds["P"] = draw(d, 3 * n_a)
    says = {"direction": f["direction"]}
    if f["clip"]: says["clip"] = .5
    if f.get("coupled gates"): says["input_forget"] = 1
    if f.get("reset after"): says["linear_before_reset"] = 1
    if f["activations"] is not None:
        chosen = [a for i in range(d) for a in functions[op][(f["activations"] + i) % 2]]
        says["activations"] = [a[0] for a in chosen]
        for i, name in ((1, "activation_alpha"), (2, "activation_beta")):
            if any(len(a) > i for a in chosen): says[name] = [a[i] for a in chosen if len(a) > i]
    return feeds, says


def batch_first(feeds): return feeds | {k: np.ascontiguousarray(feeds[k].swapaxes(0, 1)) for k in ("X", "H", "C") if k in feeds}


def in_time(outputs, layout):
    "Outputs with the time first."
    return [v.transpose(1, 2, 0, 3) if v.ndim == 4 else v.swapaxes(0, 1) for v in outputs] if layout else list(outputs)


def oracle(op, feeds, says):
    "What onnxruntime computes; it has no `layout=1`, so the time is first."
    session = onnxruntime.InferenceSession(model(op, feeds, says).SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, feeds)


def ours(op, feeds, says): return [*run_onnx(model(op, feeds, says), feeds).values()]


def reference(op, feeds, says): return ReferenceEvaluator(model(op, feeds, says)).run(None, feeds)


def error(run, op, feeds, says, f, right):
    "The largest error of `run`, relative to the largest entry of each output."
    if f["layout"]: feeds, says = batch_first(feeds), says | {"layout": 1}
    got = in_time(run(op, feeds, says), f["layout"])
    assert [v.shape for v in got] == [v.shape for v in right] and all(v.dtype == np.float32 for v in got)
    return max(float(abs(v - w).max() / abs(w).max()) for v, w in zip(got, right))


def features(f):
    "The names of the features that are on."
    named = {"direction": f["direction"], "activations": "activations", "layout": "layout 1"}
    return frozenset(named.get(k, k) for k, v in f.items() if v not in (0, None, "forward") or k == "activations" and v == 0)


every = [(op, f, i) for op in blocks for i, f in enumerate(options(op))]


def test_enough(): assert len(every) >= 500


@pytest.mark.parametrize("op", blocks)
def test_every_combination(op):
    count = Counter()
    for _, f, seed in (c for c in every if c[0] == op):
        feeds, says = case(op, f, seed)
        off = error(ours, op, feeds, says, f, oracle(op, feeds, says))
        note(f"{op} nodes against onnxruntime, float32", off)
        assert off < 5e-6, (op, f, off)
        count[features(f)] += 1
    assert len(count) > 30


def outcome(run, op, f, seed):
    feeds, says = case(op, f, seed)
    try: off = error(run, op, feeds, says, f, oracle(op, feeds, says))
    except Exception: return "refuses"
    return "right" if off < 5e-6 else "wrong"


def test_where_onnx_departs():
    "The table: ONNX's ReferenceEvaluator on the same cases, by the feature that is on, alone and with others."
    alone, among = {}, {}
    for op, f, seed in every:
        result, on = outcome(reference, op, f, seed), features(f)
        for k in on or {"none of these"}:
            among.setdefault(k, Counter())[result] += 1
            if len(on) <= 1: alone.setdefault(k, {}).setdefault(op, []).append(result)
    lines = ["ONNX's ReferenceEvaluator against onnxruntime, feature by feature (run_onnx: right everywhere)"]
    for k in sorted(among, key=lambda k: (k != "none of these", k)):
        told = ", ".join(f"{op} {'/'.join(sorted(set(r)))}" for op, r in alone.get(k, {}).items())
        lines.append(f"  {k:15} alone: {told:48} of {among[k].total():3} with others: " + ", ".join(f"{n} {w}" for w, n in sorted(among[k].items())))
    tables.append("\n".join(lines))
    for k in ("lengths", "clip"): assert all(set(r) == {"wrong"} for r in alone[k].values())
    assert set(alone["coupled gates"]["LSTM"]) == {"wrong"} == set(alone["activations"]["LSTM"])
    for k in ("none of these", "bidirectional", "reverse", "layout 1", "initial states", "peepholes", "reset after"):
        assert all(set(r) == {"right"} for r in alone[k].values()), k


def test_an_output_without_a_name():
    "ONNX's evaluator hands an output that has no name to the next node as an input that was left out; ours does not."
    feeds, says = case("GRU", {"direction": "forward", "lengths": 0, "clip": 0, "activations": None, "initial states": 0}, 0)
    feeds.pop("B", None)
    one = helper.make_node("GRU", ["X", "W", "R"], ["", "h"], hidden_size=n_a)
    two = helper.make_node("GRU", ["X", "W", "R", "", "", "h"], ["Y"], hidden_size=n_a)
    graph = helper.make_graph([one, two], "two", [helper.make_tensor_value_info(k, TensorProto.FLOAT, v.shape) for k, v in feeds.items()],
                              [helper.make_tensor_value_info("Y", TensorProto.FLOAT, [None] * 4)])
    both = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
    session = onnxruntime.InferenceSession(both.SerializeToString(), providers=["CPUExecutionProvider"])
    right = session.run(None, feeds)[0]
    np.testing.assert_allclose(run_onnx(both, feeds)["Y"], right, atol=1e-6, strict=True)
    try: theirs = ReferenceEvaluator(both).run(None, feeds)[0]
    except Exception: return
    assert theirs.shape != right.shape or abs(theirs - right).max() > 1e-3


@pytest.mark.parametrize("spoiled", ["direction", "clip", "coupled gates", "activations", "lengths", "peepholes"])
def test_a_feature_that_is_ignored_is_seen(spoiled):
    "What this suite is worth: leave one feature out, and it fails."
    f = {"direction": "reverse", "lengths": 1, "clip": 1, "activations": 0, "layout": 0, "peepholes": 1, "coupled gates": 1}
    feeds, says = case("LSTM", f, 1)
    right = oracle("LSTM", feeds, says)
    less = {"lengths": "L", "peepholes": "P"}.get(spoiled)
    without = {k: v for k, v in says.items() if not k.startswith({"coupled gates": "input_forget", "activations": "activation"}.get(spoiled, spoiled))}
    off = error(ours, "LSTM", {k: v for k, v in feeds.items() if k != less}, without, f, right)
    assert off > 1e-3


def test_loops():
    "LSTMs in a Loop, with carried states and steps handed out, and in a Scan: shapes and numbers as onnxruntime's."
    rng, info, state = np.random.default_rng(0), helper.make_tensor_value_info, [1, m, n_a]
    draw = lambda *shape: rng.standard_normal(shape).astype(np.float32) / 2
    arrays = {"W": draw(1, 4 * n_a, n_x), "R": draw(1, 4 * n_a, n_a), "B": draw(1, 8 * n_a), "s": draw(1, m, n_a), "zero": np.array([0]), "yes": np.array(True)}
    cell = [helper.make_node("Unsqueeze", ["xt", "zero"], ["x1"]), helper.make_node("LSTM", ["x1", "W", "R", "B", "", "h", "c"], ["", "h2", "c2"], hidden_size=n_a),
            helper.make_node("Squeeze", ["h2", "zero"], ["out"])]
    ins, outs = [info(k, 1, state) for k in "hc"], [info("h2", 1, state), info("c2", 1, state), info("out", 1, [m, n_a])]
    step = helper.make_graph([helper.make_node("Gather", ["x", "i"], ["xt"]), *cell, helper.make_node("Identity", ["go"], ["go2"])], "step",
                             [info("i", 7, []), info("go", 9, []), *ins], [info("go2", 9, []), *outs])
    loop = lambda go: helper.make_node("Loop", ["n", go, "s", "s"], ["hn", "cn", "a"], body=step)
    scan = lambda back: helper.make_node("Scan", ["s", "s", "x"], ["hn", "cn", "a"], num_scan_inputs=1, scan_input_directions=[back], scan_output_directions=[back],
                                         body=helper.make_graph(cell, "scan", [*ins, info("xt", 1, [m, n_x])], outs))
    for node, n in ((loop("yes"), T_x), (loop(""), 2), (loop("yes"), 0), (scan(0), 0), (scan(1), 0)):
        used = {k: v for k, v in arrays.items() if k != "yes" or "yes" in node.input}
        graph = helper.make_graph([node], "g", [info("x", 1, ["T", m, n_x]), info("n", 7, [])], [info("hn", 1, state), info("cn", 1, state), info("a", 1, [None, m, n_a])],
                                  [helper.make_tensor(k, helper.np_dtype_to_tensor_dtype(v.dtype), v.shape, v.ravel()) for k, v in used.items()])
        made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 16)], ir_version=8)
        feeds = {"x": draw(T_x, m, n_x), "n": np.array(n)}
        right = onnxruntime.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"]).run(None, feeds)
        for got, want in zip(run_onnx(made, feeds).values(), right, strict=True): np.testing.assert_allclose(got, want, atol=1e-6, strict=True)


@pytest.mark.parametrize("net, extra", [("lstm", []), ("lstm", ["Pf", "Pi", "Po"]), ("gru", ["bca"]), ("gru", []), ("rnn", [])])
@pytest.mark.parametrize("both", [False, True])
def test_a_network_with_an_output_layer(net, extra, both):
    "onnx_model's MatMul and Add on onnxruntime, against network_forward."
    p, rng = random_network(3, 4, net, extra=extra, n_layers=2, bidirectional=both, n_y=2, rng=1, dtype=np.float32), np.random.default_rng(2)
    x, lengths = rng.standard_normal((3, 5, 6)).astype(np.float32), np.array([6, 1, 3, 2, 6], np.int32)
    session = onnxruntime.InferenceSession(onnx_model(p, lengths=True).SerializeToString(), providers=["CPUExecutionProvider"])
    out = dict(zip([v.name for v in session.get_outputs()], session.run(None, {"x": as_time_first(x), "lengths": lengths}), strict=True))
    want = as_time_first(network_forward(x, p, lengths=lengths)[0])
    assert out["z"].shape == want.shape == (6, 5, 2)
    note("a network with an output layer on onnxruntime, float32", error := abs(out["z"] - want).max() / abs(want).max())
    assert error < 5e-6
