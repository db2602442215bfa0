"ONNX models as strangers write them: a network is read where the recurrent nodes stand on each other, all else is refused by the node's name."
import json
import os
import warnings
from pathlib import Path

import numpy as np
import pytest
from lstm_nb import ShapeError, as_time_first, from_time_first, layers_forward
from lstm_nb.exchange.files import read_safetensors, write_safetensors
from lstm_nb.exchange.onnx import from_onnx, onnx_model, to_onnx
from lstm_nb.exchange.read_onnx import read_onnx
from lstm_nb.exchange.run_onnx import run_onnx
from lstm_nb.exchange.torch import from_torch

onnx = pytest.importorskip("onnx")
from onnx import helper, numpy_helper  # noqa: E402

N, F, I64, BOOL = helper.make_node, 11, 7, 9            # a node; float64, int64, bool as ONNX numbers them
n_a, n_x = 4, 4                                         # alike, so that any two layers fit
T_x, m = 6, 3


def info(name, kind=F, shape=None): return helper.make_tensor_value_info(name, kind, shape)


def draw(*shape, seed=0): return np.random.default_rng([seed, *shape]).standard_normal(shape) / 2


def weights_of(i, directions=1, inputs=n_x, blocks=4):
    shapes = {"W": (directions, blocks * n_a, inputs), "R": (directions, blocks * n_a, n_a), "B": (directions, 2 * blocks * n_a)}
    return {f"{k}{i}": draw(*s, seed=ord(i)) for k, s in shapes.items()}


def lstm(i, x, outputs=("Y",), op="LSTM", more=(), **says):
    return N(op, [x, f"W{i}", f"R{i}", f"B{i}", *more], [k and k + i for k in outputs], name=f"layer_{i}", hidden_size=n_a, **says)


def model(nodes, outputs, arrays, inputs=(("x", F, ["T", "m", n_x]),), opset=17, domains=()):
    "A model of these nodes; `outputs` are names and numbers of axes."
    graph = helper.make_graph(nodes, "g", [info(*v) for v in inputs], [info(k, F, [None] * axes) for k, axes in outputs],
                              [numpy_helper.from_array(np.asarray(v), k) for k, v in arrays.items()])
    opsets = [helper.make_opsetid("", opset), *(helper.make_opsetid(d, 1) for d in domains)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def two(between, directions=(1, 1), first=("Y",), second=(), arrays=None, says=({}, {}), **more):
    "x -> layer_a -> nodes from Ya to xb -> layer_b -> Yb."
    both = [{"direction": "bidirectional"} if d == 2 else {} for d in directions]
    nodes = [lstm("a", "x", first, **both[0], **says[0]), *between, lstm("b", "xb", more=second, **both[1], **says[1])]
    found = weights_of("a", directions[0]) | weights_of("b", directions[1], directions[0] * n_a) | constants | (arrays or {})
    used = {k for n in nodes for k in n.input} | {v for n in nodes for a in n.attribute for b in a.g.node for v in b.input}
    return model(nodes, [("Yb", 4)], {k: v for k, v in found.items() if k in used}, **more)


constants = {"one": [1], "M": draw(n_a, n_a), "vector": draw(n_a), "plus": abs(draw(n_a)) + 1, "rows": [0, 0, -1], "yes": True, "no": False, "half": .5, "tiny": 1e-9, "zero": [0], "zero_": 0,
             "two": [2], "-1": [-1], "-min": [-2**63], "max": [2**63 - 1], "5": [5], "6": [6], "8": [8], "999": [999], "-999": [-999], "merged": [0, -1, 2 * n_a], "steps": [T_x] * m, 
             "parts": [2, 2], "pads": [1, 0, 0, 0, 0, 0], "T": [-1, 0, n_a], "scale": .1, "zp": np.int8(0), "f": 0.}
squeeze, merge = N("Squeeze", ["Ya", "one"], ["h"]), [N("Transpose", ["Ya"], ["t"], perm=[0, 2, 1, 3]), N("Reshape", ["t", "rows"], ["h"])]


def middle(op, *inputs, **says): return [squeeze, N(op, inputs or ["h"], ["xb"], name="middle", **says)]


branches = [helper.make_graph([N(op, ["h"], [op])], op, [], [helper.make_tensor_value_info(op, F, None)]) for op in ("Identity", "Neg")]
# what -> nodes between, and what else `two` takes
changes = {
    "a layer": (middle("MatMul", "h", "M"), {}),
    "Gemm": ([squeeze, N("Reshape", ["h", "T"], ["flat"]), *middle("MatMul", "flat", "M")[1:]], {}),
    "Relu": (middle("Relu"), {}), "Tanh": (middle("Tanh"), {}), "Softmax": (middle("Softmax"), {}), "Neg": (middle("Neg"), {}),
    "clipping that hits rarely": (middle("Clip", "h", "", "plus1"), {"arrays": {"plus1": 1e6}}),
    "residual": (middle("Add", "h", "x"), {}), "residual the other way round": (middle("Add", "x", "h"), {}),
    "a gate of the input": (middle("Mul", "h", "x"), {}), "a mask": (middle("Where", "mask", "h", "f"), {"inputs": (("x", F, ["T", "m", n_x]), ("mask", BOOL, ["T", "m", 1]))}),
    "layer norm": (middle("LayerNormalization", "h", "plus", "vector"), {}),
    "batch norm": (middle("BatchNormalization", "h", "plus", "vector", "vector", "plus"), {}),
    "time reversed by Slice": (middle("Slice", "h", "-1", "-min", "zero", "-1"), {}),
    "time reversed by ReverseSequence": (middle("ReverseSequence", "h", "steps", batch_axis=1, time_axis=0), {}),
    "features reversed": (middle("Slice", "h", "-1", "-min", "two", "-1"), {}),
    **{f"no step after {k}": (middle("Slice", "h", "zero", k, "zero"), {}) for k in ("5", "6", "8", "999", "-1")},
    "the last thousand steps": (middle("Slice", "h", "-999", "max", "zero"), {}), "none of the last thousand": (middle("Slice", "h", "zero", "-999", "zero"), {}),
    "no first step": (middle("Slice", "h", "one", "max", "zero"), {}), "every other step": (middle("Slice", "h", "zero", "max", "zero", "two"), {}),
    "no first step of five": (middle("Slice", "h", "5", "max", "zero"), {}),
    "the last step only": (middle("Gather", "h", "-1"), {}), **{f"the first {k}": (middle("Gather", "h", "first"), {"arrays": {"first": list(range(k))}}) for k in range(3, 9)},
    "time and examples exchanged": (middle("Transpose", perm=[1, 0, 2]), {}),
    "time and examples mixed by Reshape": ([squeeze, N("Transpose", ["h"], ["ht"], perm=[1, 0, 2]), N("Shape", ["h"], ["as_h"]), N("Reshape", ["ht", "as_h"], ["xb"], name="middle")], {}),
    "half precision and back": ([squeeze, N("Cast", ["h"], ["h16"], to=10, name="middle"), N("Cast", ["h16"], ["xb"], to=F)], {}),
    "dropout that is on": (middle("Dropout", "h", "half", "yes"), {}), "dropout that is on and drops nearly nothing": (middle("Dropout", "h", "tiny", "yes"), {}),
    "the input besides": (middle("Concat", "h", "x", axis=2), {}), "the input in front of it": (middle("Concat", "x", "h", axis=0), {}),
    "a step more": (middle("Pad", "h", "pads"), {}),
    "a node of its own": (middle("Identity", domain="my.ops"), {"domains": ["my.ops"]}),
    "an If": (middle("If", "yes", then_branch=branches[0], else_branch=branches[1]), {}),
    "a chosen index": (middle("Gather", "h", "which"), {"inputs": (("x", F, ["T", "m", n_x]), ("which", I64, ["T"]))}),
    "directions not put together": ([N("Reshape", ["Ya", "merged"], ["xb"], name="middle")], {"directions": (2, 1)}),
    "directions exchanged": ([*merge, N("Split", ["h", "parts4"], ["l", "r"], axis=2), N("Concat", ["r", "l"], ["xb"], axis=2, name="middle")], {"directions": (2, 1), "arrays": {"parts4": [n_a, n_a]}}),
    "features shuffled": ([squeeze, N("Split", ["h", "parts"], ["l", "r"], axis=2), N("Concat", ["r", "l"], ["xb"], axis=2, name="middle")], {}),
    "one direction of two": ([N("Gather", ["Ya", "zero_"], ["h"], axis=1), N("Concat", ["h", "h"], ["xb"], axis=2, name="middle")], {"directions": (2, 1)}),
    "examples first, read as time first": (middle("Identity"), {"says": ({}, {"layout": 1})}),
}


@pytest.mark.parametrize("what", changes)
def test_what_changes_the_hidden_states_is_refused_by_name(what):
    between, more = changes[what]
    with pytest.raises(ValueError, match='expected the hidden states of node "layer_a".*node "middle"') as error: read_onnx(two(between, **more))
    assert 'node "layer_b"' in str(error.value)
    if what in ("the input besides", "the input in front of it"): assert 'and nothing else, got "x" besides' in str(error.value)


shape_of = [N("Shape", ["t"], ["ts"]), N("Slice", ["ts", "zero", "two"], ["Tm"]), N("Concat", ["Tm", "-1"], ["all"], axis=0), N("Reshape", ["t", "all"], ["xb"])]
halves = [N("Slice", ["Ya", "zero", "one", "one"], ["l1"]), N("Slice", ["Ya", "one", "two", "one"], ["r1"]), N("Squeeze", ["l1", "one"], ["l"]), N("Squeeze", ["r1", "one"], ["r"])]
moves = {
    "nothing else": ([N("Squeeze", ["Ya", "one"], ["xb"])], {}),
    "Identity": (middle("Identity"), {}), "dropout that is off": (middle("Dropout"), {}), "dropout that says so": (middle("Dropout", "h", "half", "no"), {}),
    "Cast to the same": (middle("Cast", to=F), {}),
    "Cast to more": ([squeeze, N("Cast", ["h"], ["c"], to=F), N("Identity", ["c"], ["xb"])], {}),
    "there and back": ([squeeze, N("Transpose", ["h"], ["b"], perm=[1, 0, 2]), N("Transpose", ["b"], ["xb"], perm=[1, 0, 2])], {}),
    "an axis more and less": ([squeeze, N("Unsqueeze", ["h", "zero"], ["u"]), N("Squeeze", ["u", "zero"], ["xb"])], {}),
    "one direction by Reshape": ([N("Reshape", ["Ya", "direct"], ["xb"])], {"arrays": {"direct": [0, -1, n_a]}}),
    "one direction by Gather": ([N("Gather", ["Ya", "zero_"], ["xb"], axis=1)], {}),
    "all of it by Slice": (middle("Slice", "h", "zero", "max", "zero"), {}),
    "both directions": ([*merge[:1], N("Reshape", ["t", "rows"], ["xb"])], {"directions": (2, 2)}),
    "both, then one": ([*merge[:1], N("Reshape", ["t", "rows"], ["xb"])], {"directions": (2, 1)}),
    "one, then both": ([N("Squeeze", ["Ya", "one"], ["xb"])], {"directions": (1, 2)}),
    "both, by their own shape": ([*merge[:1], *shape_of], {"directions": (2, 1)}),
    "both, by Slice and Concat": ([*halves, N("Concat", ["l", "r"], ["xb"], axis=2)], {"directions": (2, 1)}),
    "both, by Split and Concat": ([N("Split", ["Ya", "ones"], ["l1", "r1"], axis=1), *halves[2:], N("Concat", ["l", "r"], ["xb"], axis=2)], {"directions": (2, 1), "arrays": {"ones": [1, 1]}}),
    "examples first below": ([N("Transpose", ["Ya"], ["t"], perm=[1, 0, 2, 3]), N("Squeeze", ["t", "two"], ["xb"])], {"says": ({"layout": 1}, {})}),
    "examples first above": ([squeeze, N("Transpose", ["h"], ["xb"], perm=[1, 0, 2])], {"says": ({}, {"layout": 1})}),
    "examples first": ([N("Squeeze", ["Ya", "two"], ["xb"])], {"says": ({"layout": 1}, {"layout": 1})}),
    "fixed sizes": ([*merge[:1], N("Reshape", ["t", "fixed"], ["xb"])], {"directions": (2, 1), "arrays": {"fixed": [T_x, m, 2 * n_a]}, "inputs": (("x", F, [T_x, m, n_x]),)}),
}


@pytest.mark.parametrize("what", moves)
def test_what_only_moves_them_is_read(what):
    between, more = moves[what]
    made = two(between, **more)
    network, says = read_onnx(made)
    first, second = (s.get("layout", 0) for s in says)
    x = draw(T_x, m, n_x)
    got = as_time_first(layers_forward(from_time_first(x), network)[0])
    want = run_onnx(made, {"x": x.swapaxes(0, 1) if first else x})["Yb"]
    want = want.transpose(1, 0, 2, 3) if second else want.transpose(0, 2, 1, 3)
    np.testing.assert_allclose(got, want.reshape(T_x, m, -1), atol=1e-14)
    assert len(network) == 2 and not any("before" in s or "after" in s for s in says)


def test_the_next_layer_takes_all_steps():
    "The last state, repeated or by itself, is another input."
    for between in ([N("Identity", ["Y_ha"], ["xb"])], [N("Concat", ["Y_ha", "Y_ha"], ["xb"], axis=0)], [N("Expand", ["Y_ha", "steps3"], ["xb"])]):
        with pytest.raises(ValueError, match=r'expected the hidden states of node "layer_a" \(LSTM\) as X, Y \("Ya"\) and nothing else, got "Y_ha" of node "layer_a"'):
            read_onnx(two(between, first=("Y", "Y_h"), arrays={"steps3": [T_x, 1, 1]}))
    with pytest.raises(ValueError, match='"Y_ha" of node .* and "Ya" of'): read_onnx(two(middle("Add", "h", "Y_ha"), first=("Y", "Y_h")))
    unnamed = model([lstm("a", "x", ("", "Y_h")), lstm("b", "Y_ha")], [("Yb", 4)], weights_of("a") | weights_of("b"))
    with pytest.raises(ValueError, match=r'Y \(""\) and nothing else, got "Y_ha" of node "layer_a"'): read_onnx(unnamed)


def test_side_by_side():
    arrays = weights_of("a") | weights_of("b") | {"one": [1]}
    with pytest.raises(ValueError, match='node "layer_b".*node "layer_a".*side by side'): read_onnx(model([lstm("a", "x"), lstm("b", "x")], [("Ya", 4), ("Yb", 4)], arrays))
    branch = [lstm("a", "x"), N("Relu", ["x"], ["r"]), lstm("b", "r"), N("Concat", ["Ya", "Yb"], ["y"], axis=3)]
    with pytest.raises(ValueError, match="layer_a.*side by side"): read_onnx(model(branch, [("y", 4)], arrays))
    with pytest.raises(ValueError, match="layer_a.*side by side"): read_onnx(two([N("Identity", ["z"], ["xb"])], inputs=(("x", F, ["T", "m", n_x]), ("z", F, ["U", "m", n_x]))))
    skip = [lstm("a", "x"), N("Squeeze", ["Ya", "one"], ["h"]), lstm("b", "h"), N("Squeeze", ["Yb", "one"], ["k"]), N("Add", ["h", "k"], ["s"]), lstm("c", "s")]
    with pytest.raises(ValueError, match='"Ya" of node "layer_a" .* and "Yb" of node "layer_b"'): read_onnx(model(skip, [("Yc", 4)], arrays | weights_of("c")))


def test_two_kinds():
    nodes = [lstm("a", "x", op="GRU", linear_before_reset=1), N("Squeeze", ["Ya", "one"], ["h"]), lstm("b", "h")]
    with pytest.raises(ValueError, match=r'node "layer_b" \(LSTM\): expected what node "layer_a" \(GRU\) is'):
        read_onnx(model(nodes, [("Yb", 4)], weights_of("a", blocks=3) | weights_of("b") | {"one": [1]}))


# first states and lengths
def one(before=(), starts=(), arrays=None, inputs=(), says=None, directions=1):
    "x -> nodes -> layer_a, with these names for lengths, h and c."
    nodes = [*before, lstm("a", "x", ("Y", "Y_h"), more=starts, **(says or {}))]
    found = weights_of("a", directions) | constants | (arrays or {})
    return model(nodes, [("Ya", 4), ("Y_ha", 3)], {k: v for k, v in found.items() if k in {i for n in nodes for i in n.input}}, [("x", F, ["T", "m", n_x]), *inputs])


batch = [N("Shape", ["x"], ["xs"]), N("Slice", ["xs", "one", "two"], ["ms"]), N("Concat", ["one", "ms", "four"], ["hs"], axis=0)]
nothing = {
    "constant": ([], {"z": np.zeros((1, m, n_a))}), "Expand": ([*batch, N("Expand", ["e", "hs"], ["z"])], {"e": np.zeros((1, 1, n_a))}),
    "ConstantOfShape": ([*batch, N("ConstantOfShape", ["hs"], ["z"], value=helper.make_tensor("v", F, [1], [0.]))], {}),
    "all layers' in one": ([*batch, N("ConstantOfShape", ["hs"], ["zz"], value=helper.make_tensor("v", F, [1], [0.])), N("Concat", ["zz", "zz"], ["both"], axis=0), N("Slice", ["both", "one", "two", "zero"], ["z"])], {}),
}


@pytest.mark.parametrize("what", nothing)
def test_zero_states_are_none(what):
    before, arrays = nothing[what]
    network, says = read_onnx(one(before, ["", "z", "z"], {"four": [n_a]} | arrays))
    assert says == [{}]
    np.testing.assert_array_equal(network[0]["Wf"], from_onnx([{k[0]: v for k, v in weights_of("a").items()}])[0]["Wf"])


@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
def test_learnt_states_are_handed_out(direction):
    d = 1 + (direction == "bidirectional")
    h, c = draw(d, m, n_a, seed=1), draw(d, m, n_a, seed=2)
    made = one([], ["", "h", "c"], {"h": h, "c": c}, says={"direction": direction}, directions=d)
    network, [says] = read_onnx(made)
    np.testing.assert_array_equal(says["initial_h"], h)
    np.testing.assert_array_equal(says["initial_c"], c)
    place = {"forward": lambda v: v[0].T, "reverse": lambda v: (None, v[0].T), "bidirectional": lambda v: (v[0].T, v[1].T)}[direction]
    x = draw(T_x, m, n_x)
    a = layers_forward(from_time_first(x), network, a0=[place(says["initial_h"])], c0=[place(says["initial_c"])])[0]
    np.testing.assert_allclose(as_time_first(a), run_onnx(made, {"x": x})["Ya"].transpose(0, 2, 1, 3).reshape(T_x, m, -1), atol=1e-14)


def test_other_states_and_lengths_are_refused_by_name():
    four = {"four": [n_a], "e": draw(1, 1, n_a)}
    for place, k in ((1, "initial_h"), (2, "initial_c")):
        names = ["", "", ""]; names[place] = "z"
        with pytest.raises(ValueError, match=rf'node "layer_a" \(LSTM\): expected {k} from an input.*a constant in a shape'): read_onnx(one([*batch, N("Expand", ["e", "hs"], ["z"])], names, four))
    with pytest.raises(ValueError, match='expected initial_h .*, got "z"'):
        read_onnx(one([*batch, N("ConstantOfShape", ["hs"], ["z"], value=helper.make_tensor("v", F, [1], [.1]))], ["", "z", "z"], four))
    with pytest.raises(ValueError, match=r'node "layer_a" \(LSTM\): expected sequence_lens .*got "L", a constant$'): read_onnx(one([], ["L"], {"L": np.array([6, 4, 2], np.int32)}))
    with pytest.raises(ValueError, match='node "layer_b".*expected initial_h .*got "Y_ha" of node "layer_a"'):
        read_onnx(two([N("Squeeze", ["Ya", "one"], ["xb"])], first=("Y", "Y_h"), second=["", "Y_ha", "z"], arrays={"z": np.zeros((1, m, n_a))}))
    lengths = (("x", F, ["T", "m", n_x]), ("L", 6, ["m"]))
    with pytest.raises(ValueError, match=r"node \"layer_b\".*expected sequence_lens as node \"layer_a\".*from none, got \['L'\]"): read_onnx(two([N("Squeeze", ["Ya", "one"], ["xb"])], second=["L"], inputs=lengths))


def test_states_and_lengths_from_outside():
    inputs = [("L", 6, ["m"]), ("h", F, [2, "m", n_a])]
    made = one([N("Slice", ["h", "zero", "one", "zero"], ["h0"], name="cut")], ["L", "h0", "h0"], inputs=inputs)
    assert read_onnx(made)[1] == [{"before": ['node "cut" (Slice)']}]


# what stands around
def test_before_and_after_are_named():
    nodes = [N("Gather", ["E", "tokens"], ["x"], name="embedding"), lstm("a", "x", ("Y", "Y_h")), *middle("Dropout", "h", "half", "no"), lstm("b", "xb", ("Y", "Y_h")),
             N("Squeeze", ["Yb", "one"], ["k"], name="flat"), N("MatMul", ["k", "M"], ["y"], name="linear"), N("Softmax", ["y"], ["p"], name="softmax"), N("Relu", ["Y_ha"], ["q"], name="aside"),
             N("Identity", ["M0"], ["M"], name="constant")]
    nodes.insert(0, nodes.pop())
    arrays = weights_of("a") | weights_of("b") | {"E": draw(7, n_x), "M0": draw(n_a, n_a), "one": [1], "half": .5, "no": False}
    made = model(nodes, [("p", 3), ("q", 3)], arrays, [("tokens", I64, ["T", "m"])])
    network, says = read_onnx(made)
    assert says == [{"before": ['node "embedding" (Gather)']}, {"after": ['node "flat" (Squeeze)', 'node "linear" (MatMul)', 'node "softmax" (Softmax)', 'node "aside" (Relu)']}]
    tokens = np.arange(18).reshape(T_x, m) % 7
    a, a_last, *_ = layers_forward(from_time_first(arrays["E"][tokens]), network)
    y = as_time_first(a) @ arrays["M0"]
    np.testing.assert_allclose(run_onnx(made, {"tokens": tokens})["p"], np.exp(y) / np.exp(y).sum(2, keepdims=True), atol=1e-14)


def test_inside_of_a_body():
    def branch(i): return helper.make_graph([lstm(i, "x")], i, [], [info("Y" + i)])
    arrays = weights_of("a") | weights_of("b")
    made = model([N("If", ["flag"], ["y"], name="outer", then_branch=branch("a"), else_branch=branch("b"))], [("y", 4)], arrays, [("x", F, ["T", "m", n_x]), ("flag", BOOL, [])])
    with pytest.raises(ValueError) as error: read_onnx(made)
    for name in ('node "layer_a" (LSTM)', 'node "layer_b" (LSTM)', 'inside node "outer" (If)'): assert name in str(error.value)
    beside = model([lstm("c", "x"), *made.graph.node], [("y", 4), ("Yc", 4)], arrays | weights_of("c"), [("x", F, ["T", "m", n_x]), ("flag", BOOL, [])])
    with pytest.raises(ValueError, match='inside node "outer"'): read_onnx(beside)


def test_no_recurrent_node_says_what_there_is():
    with pytest.raises(ValueError, match="model: expected an LSTM, a GRU or an RNN in it, got none, but MatMul, my.ops.LSTM"):
        read_onnx(model([N("MatMul", ["x", "M"], ["y"]), N("LSTM", ["y"], ["z"], domain="my.ops")], [("z", 3)], {"M": draw(n_x, n_a)}, domains=["my.ops"]))


# weights that nobody folded
w = weights_of("a")
folded = {
    "Identity": ([N("Identity", ["w"], ["Wa"])], {"w": w["Wa"]}),
    "Transpose": ([N("Transpose", ["w"], ["Wa"], perm=[0, 2, 1])], {"w": w["Wa"].swapaxes(1, 2).copy()}),
    "Concat": ([N("Concat", ["b", "c"], ["Ba"], axis=1)], {"b": w["Ba"][:, :16], "c": w["Ba"][:, 16:]}),
    "Constant and Unsqueeze": ([N("Constant", [], ["w"], value=numpy_helper.from_array(w["Ra"][0])), N("Unsqueeze", ["w", "zero"], ["Ra"])], {"zero": [0]}),
    "a chain": ([N("Add", ["p", "p"], ["q"]), N("Identity", ["q"], ["Wa"])], {"p": w["Wa"] / 2}),
}


@pytest.mark.parametrize("what", folded)
def test_what_depends_on_constants_is_one(what):
    before, arrays = folded[what]
    nodes = [*before, lstm("a", "x")]
    found = {k: v for k, v in (w | arrays).items() if k not in {o for n in before for o in n.output}}
    [got], says = read_onnx(model(nodes, [("Ya", 4)], found))
    [want] = from_onnx([{k[0]: v for k, v in w.items()}])
    assert says == [{}] and all(np.array_equal(got[k], want[k]) for k in want)


def test_weights_that_are_no_constants():
    for op, inputs in (("Identity", ["v"]), ("RandomNormal", [])):
        says = {"shape": w["Wa"].shape, "dtype": F} if not inputs else {}
        made = model([N(op, inputs, ["Wa"], **says), lstm("a", "x")], [("Ya", 4)], {k: v for k, v in w.items() if k != "Wa"}, [("x", F, ["T", "m", n_x]), ("v", F, w["Wa"].shape)])
        with pytest.raises(ValueError, match='expected a constant for W, got "Wa"'): read_onnx(made)


def test_directions_of_their_own_there_and_back():
    a, b, c = (from_onnx([{k[0]: v for k, v in weights_of(i, d, n).items()}])[0] for i, d, n in (("a", 2, n_x), ("b", 1, 2 * n_a), ("c", 1, n_a)))
    for network in ([a, b, c], [a, (None, b)], [b, c]):
        again = read_onnx(onnx_model(network))[0]
        for p, q in zip(again, network, strict=True):
            for one_, other in zip(*[v if isinstance(v, tuple) else (v,) for v in (p, q)], strict=True):
                assert one_ is other is None or all(np.array_equal(one_[k], other[k]) for k in other)
        assert len(to_onnx(network)) == len(network)


# Loop and Scan
def steps_of(x, h, c):
    "One step after the other, each by layers_forward."
    network, found = from_onnx([{k[0]: v for k, v in w.items()}]), []
    for t in range(len(x)):
        a, a_last, c_last, _ = layers_forward(from_time_first(x[t:t + 1]), network, a0=[h.T], c0=[c.T])
        h, c = a_last[0].T, c_last[0].T
        found.append(h)
    return np.reshape(found, (len(x), *h.shape)), h, c


cell = [N("Unsqueeze", ["xt", "zero"], ["x1"]), N("LSTM", ["x1", "Wa", "Ra", "Ba", "", "h", "c"], ["", "h2", "c2"], hidden_size=n_a), N("Squeeze", ["h2", "zero"], ["out"])]
state = [1, m, n_a]
loop_body = helper.make_graph([N("Gather", ["x", "i"], ["xt"], axis=0), *cell, N("Identity", ["go"], ["go2"])], "body", [info("i", I64, []), info("go", BOOL, []), info("h", F, state), info("c", F, state)],
                              [info("go2", BOOL, []), info("h2", F, state), info("c2", F, state), info("out", F, [m, n_a])])
h0, c0, x = draw(1, m, n_a, seed=5), draw(1, m, n_a, seed=6), draw(T_x, m, n_x)
loop_arrays = w | {"zero": [0], "h0": h0, "c0": c0, "yes": True}


def check_loop(got, n=T_x, x=x):
    want = steps_of(x[:n], h0[0], c0[0])
    for value, right in zip(got, (want[1][None], want[2][None], want[0]), strict=True): np.testing.assert_allclose(value, right, atol=1e-14, strict=True)


def loop_model(node=None, body=loop_body, names=("n", "yes"), outputs=(("hn", 3), ("cn", 3), ("a", 3)), before=(), opset=16, **more):
    node = node or N("Loop", [*names, "h0", "c0"], [k for k, _ in outputs], name="loop", body=body)
    return model([*before, node], outputs, loop_arrays | more, (("x", F, ["T", m, n_x]), ("n", I64, [])), opset)


@pytest.mark.parametrize("n", [0, 1, T_x])
@pytest.mark.parametrize("go", ["yes", ""])
def test_a_loop_stacks_its_steps(n, go):
    "Also without a condition, and with no step at all."
    check_loop([*run_onnx(loop_model(names=("n", go)), {"x": x, "n": np.array(n)}).values()], n)


def test_a_loop_that_ends_by_its_condition():
    body = helper.make_graph([*loop_body.node[:-1], N("Less", ["i", "three"], ["go2"])], "body", loop_body.input, loop_body.output)
    for names in (("n", ""), ("", "yes")):
        check_loop([*run_onnx(loop_model(body=body, names=names, three=3), {"x": x, "n": np.array(6)}).values()], 4)
    check_loop([*run_onnx(loop_model(names=("n", "stop"), stop=False), {"x": x, "n": np.array(6)}).values()], 0)


def test_loops_inside():
    "A Loop in an If, and a Loop in a Loop: the steps of the steps."
    then = helper.make_graph([N("Loop", ["n", "yes", "h0", "c0"], ["hi", "ci", "ai"], body=loop_body)], "then", [], [info(k) for k in ("hi", "ci", "ai")])
    other = helper.make_graph([N("Identity", ["h0"], ["hj"]), N("Identity", ["c0"], ["cj"]), N("Identity", ["x"], ["aj"])], "else", [], [info(k) for k in ("hj", "cj", "aj")])
    check_loop([*run_onnx(loop_model(N("If", ["yes"], ["hn", "cn", "a"], then_branch=then, else_branch=other)), {"x": x, "n": np.array(T_x)}).values()])
    inner = N("Loop", ["n", "yes", "h0", "c0"], ["hi", "ci", "ai"], body=loop_body)
    outer = helper.make_graph([inner, N("Identity", ["g"], ["g2"]), N("Add", ["ai", "count"], ["plus"]), N("Add", ["count", "unit"], ["count2"])], "outer",
                              [info("j", I64, []), info("g", BOOL, []), info("count", F, [])], [info("g2", BOOL, []), info("count2", F, []), info("plus", F, [T_x, m, n_a])])
    got = run_onnx(loop_model(N("Loop", ["trips", "yes", "start"], ["last", "a"], body=outer), outputs=(("last", 0), ("a", 4)), trips=3, start=0., unit=1.), {"x": x, "n": np.array(T_x)})
    want = steps_of(x, h0[0], c0[0])[0]
    np.testing.assert_allclose(got["a"], np.stack([want, want + 1, want + 2]), atol=1e-14, strict=True)
    assert got["last"] == 3


def test_no_step_has_sizes_where_they_are_known():
    body = helper.make_graph(loop_body.node, "body", loop_body.input, [*loop_body.output[:3], info("out", F, ["m", n_a])])
    made = loop_model(body=body)
    made.graph.input[0].CopyFrom(info("x", F, ["T", "m", n_x]))
    assert run_onnx(made, {"x": x, "n": np.array(0)})["a"].shape == (0, m, n_a)
    made.graph.input[0].CopyFrom(info("x", F, ["T", None, n_x]))
    got = run_onnx(made, {"x": x, "n": np.array(0)})["a"]
    assert got.shape == (0, 0, n_a) and got.dtype == np.float64


def test_steps_of_different_sizes_do_not_stack():
    nodes = [N("Unsqueeze", ["i", "zero"], ["i1"]), N("Slice", ["x", "zero", "i1"], ["out"]), N("Identity", ["go"], ["go2"])]
    body = helper.make_graph(nodes, "body", loop_body.input[:2], [info("go2", BOOL, []), info("out", F, None)])
    with pytest.raises(ValueError, match='node "loop" .Loop.: expected what'): run_onnx(loop_model(N("Loop", ["n", "yes"], ["a"], name="loop", body=body), outputs=(("a", 4),)), {"x": x, "n": np.array(3)})


@pytest.mark.parametrize("back", [0, 1])
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_scan(back, axis):
    body = helper.make_graph(cell, "body", [info("h", F, state), info("c", F, state), info("xt", F, [m, n_x])], [info("h2", F, state), info("c2", F, state), info("out", F, [m, n_a])])
    node = N("Scan", ["h0", "c0", "x"], ["hn", "cn", "a"], body=body, num_scan_inputs=1, scan_input_axes=[axis], scan_input_directions=[back], scan_output_axes=[axis], scan_output_directions=[1 - back])
    given = np.moveaxis(x, 0, axis)
    made = model([node], [("hn", 3), ("cn", 3), ("a", 3)], {k: v for k, v in loop_arrays.items() if k != "yes"}, (("x", F, [None] * 3),), 16)
    hn, cn, a = run_onnx(made, {"x": np.ascontiguousarray(given)}).values()
    a = np.moveaxis(a, axis, 0)
    check_loop([hn, cn, a if back else a[::-1]], x=x[::-1] if back else x)


def test_a_recurrent_node_in_a_body_is_ours():
    "With a clip, which ONNX's own evaluator leaves out."
    body = helper.make_graph([N("LSTM", [*n.input], [*n.output], hidden_size=n_a, clip=.01) if n.op_type == "LSTM" else n for n in loop_body.node], "body", loop_body.input, loop_body.output)
    a = [run_onnx(loop_model(body=b), {"x": x, "n": np.array(T_x)})["a"] for b in (loop_body, body)]
    assert np.abs(a[0] - a[1]).max() > .01


# outputs as they are declared
def declared(outputs, inputs=("T", "m")):
    made = one()
    made.graph.input[0].CopyFrom(info("x", F, [*inputs, n_x]))
    for i, shape in enumerate(outputs): made.graph.output[i].CopyFrom(info(made.graph.output[i].name, F, shape))
    return made


def test_outputs_have_the_shape_that_is_declared():
    right = declared([["T", 1, "m", n_a], [1, "m", "units"]])
    assert [v.shape for v in run_onnx(right, {"x": x}).values()] == [(T_x, 1, m, n_a), (1, m, n_a)]
    for shapes, told in (([["T", 2, "m", n_a]], r"Ya: expected \(T, 2, m, 4\), got \(6, 1, 3, 4\)"), ([["T", 1, n_a]], r"Ya: expected \(T, 1, 4\), got"), ([["T", 1, "m", n_a], [1, "T", n_a]], r"Y_ha: expected \(1, T, 4\) with T = 6, got \(1, 3, 4\)"),
                         ([["k", 1, "m", "k"]], r"Ya: expected \(k, 1, m, k\)"), ([["T", 1, "m", 0]], r"Ya: expected \(T, 1, m, 0\)"), ([["u", 1, "v", "w"], [1, "w", "w"]], r"Y_ha: expected \(1, w, w\) with w = 4")):
        made = declared(shapes)
        with pytest.raises(ShapeError, match=told): run_onnx(made, {"x": x})
    with pytest.raises(ShapeError, match=r"x: expected \(k, k, 4\).*got \(6, 3, 4\)"): run_onnx(declared([], ("k", "k")), {"x": x})


def test_no_shape_is_told_by_name():
    for place in ("input", "output"):
        made = one()
        value = getattr(made.graph, place)[0]
        value.type.tensor_type.ClearField("shape")
        for call in (read_onnx, lambda v: run_onnx(v, {"x": x})):
            with pytest.raises(ValueError, match=f'model: expected a shape for the {place} "{value.name}", got none'): call(made)


# numbers in files beside
@pytest.fixture
def outside(tmp_path, monkeypatch):
    "A model with its numbers in a file beside it, and other numbers in a file of that name where we stand."
    made, here = one(), tmp_path/"here"
    (tmp_path/"there").mkdir(); here.mkdir()
    path = tmp_path/"there"/"model.onnx"
    onnx.save(made, path, save_as_external_data=True, location="w.bin", size_threshold=0)
    (here/"w.bin").write_bytes(bytes(len((tmp_path/"there"/"w.bin").read_bytes())))
    monkeypatch.chdir(here)
    return path


def test_external_data_are_read_beside_the_model_only(outside):
    want = run_onnx(one(), {"x": x})["Ya"]
    for path in (outside, str(outside), os.path.relpath(outside)):
        np.testing.assert_array_equal(run_onnx(path, {"x": x})["Ya"], want)
        np.testing.assert_array_equal(read_onnx(path)[0][0]["Wf"], read_onnx(one())[0][0]["Wf"])
    for given in (outside.read_bytes(), onnx.load(outside, load_external_data=False)):
        for call in (read_onnx, lambda v: run_onnx(v, {"x": x})):
            with pytest.raises(ValueError, match='model: expected the numbers of "Wa" in it, got the name of a file, "w.bin"'): call(given)


@pytest.mark.parametrize("where", ["../here/w.bin", "absolute", "link", "none.bin", "a/../../here/w.bin"])
def test_external_data_do_not_escape(outside, where):
    here = Path.cwd()/"w.bin"
    if where == "absolute": where = str(here)
    if where == "link": where = "link.bin"; (outside.parent/where).symlink_to(here)
    made = onnx.load(outside, load_external_data=False)
    for t in made.graph.initializer:
        for e in t.external_data:
            if e.key == "location": e.value = where
    outside.write_bytes(made.SerializeToString())
    told = "model: expected its numbers in files beside it" if where == "none.bin" else 'model: expected the numbers of "[A-Za-z_]+" in a file beside the model, got'
    with pytest.raises(ValueError, match=told): read_onnx(outside)


def test_external_data_of_attributes(tmp_path):
    "Also the numbers of a Constant, in a body."
    tensor = numpy_helper.from_array(w["Wa"]); tensor.data_location = onnx.TensorProto.EXTERNAL; tensor.ClearField("raw_data")
    tensor.external_data.add(key="location", value="w.bin")
    body = helper.make_graph([N("Constant", [], ["k"], value=tensor)], "then", [], [info("k")])
    made = model([N("If", ["yes"], ["y"], then_branch=body, else_branch=body)], [("y", 3)], {"yes": True})
    with pytest.raises(ValueError, match='got the name of a file, "w.bin"'): run_onnx(made, {"x": x})


# weights in several files
@pytest.fixture
def shards(tmp_path):
    "A layer with a head: the biases of the layer in a second file."
    arrays = {"rnn." + k: draw(*s) for k, s in {"weight_ih_l0": (16, 3), "weight_hh_l0": (16, 4), "bias_ih_l0": (16,), "bias_hh_l0": (16,)}.items()} | {"fc.weight": draw(2, 4)}
    places = {k: f"model-0000{1 + ('bias' in k)}-of-00002.safetensors" for k in arrays}
    for file in {*places.values()}: write_safetensors(tmp_path/file, {k: v for k, v in arrays.items() if places[k] == file})
    (tmp_path/"model.safetensors.index.json").write_text(json.dumps({"metadata": {"total_size": 3}, "weight_map": places}))
    return tmp_path, arrays, places


def test_an_index_stands_for_its_files(shards):
    folder, arrays, places = shards
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for path in (folder/"model.safetensors.index.json", str(folder/"model.safetensors.index.json")):
            got = read_safetensors(path)
            assert [*got] == sorted(arrays) and all(np.array_equal(got[k], arrays[k]) for k in arrays)
        assert [*read_safetensors(path, "fc.")] == ["fc.weight"]
        assert from_torch(read_safetensors(path, "rnn."), "rnn.")[0]["bf"].any()


def test_one_of_several_files(shards):
    folder, arrays, places = shards
    first = folder/places["rnn.weight_ih_l0"]
    for prefix in ("", "rnn."):
        with pytest.raises(ValueError, match="got one of its files, others are in .*model-00002-of-00002.*read \"model.safetensors.index.json\""): read_safetensors(first, prefix)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert [*read_safetensors(first, "fc.")] == ["fc.weight"]          # all of it is here
    other = first.rename(folder/"part.safetensors")
    (folder/"model.safetensors.index.json").write_text(json.dumps({"weight_map": {k: v.replace(first.name, other.name) for k, v in places.items()}}))
    with pytest.raises(ValueError, match="others are in"): read_safetensors(other)
    (folder/"model.safetensors.index.json").unlink()
    with pytest.warns(UserWarning, match="this is file 2 of 2"): read_safetensors(folder/places["rnn.bias_ih_l0"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_safetensors(other.rename(folder/"model-00001-of-00001.safetensors"))


def test_an_index_that_does_not_fit(shards):
    folder, arrays, places = shards
    path = folder/"model.safetensors.index.json"

    def told(said, match):
        path.write_text(said if isinstance(said, str) else json.dumps({"weight_map": said}))
        with pytest.raises(ValueError, match=match): read_safetensors(path)
    for said in ("", "{", "[]", "3", '{"weight_map": 3}', '{"weight_map": {"a": 3}}', "[" * 10000, '"weight_map"'): told(said, 'expected an index, a "weight_map"')
    told(places | {"more": places["fc.weight"]}, r"expected \['more'\] in model-00001")
    told({k: v for k, v in places.items() if k != "fc.weight"}, r"got \['fc.weight'\]")
    for file in ("../x.safetensors", "/x.safetensors", "a/x.safetensors", "a\\x.safetensors", "c:x.safetensors"): told({"a": file}, "expected safetensors files beside it, got")
    told({"a": "pytorch_model-00001-of-00002.bin"}, "got \"pytorch_model-00001-of-00002.bin\": torch.load")
    path.write_text(json.dumps({"weight_map": {"a": "none.safetensors"}}))
    with pytest.raises(FileNotFoundError, match="none"): read_safetensors(path)
