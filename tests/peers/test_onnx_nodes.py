"ONNX's own node tests for LSTM, GRU and RNN, all eighteen, with the tolerances that they name."
import itertools
import warnings

import numpy as np
import pytest
from lstm_nb.exchange import node
from lstm_nb.exchange import run_onnx as run
from lstm_nb.exchange.packings import GATE_ORDERS
from onnx import numpy_helper
from problems import note, tables

with warnings.catch_warnings():                 # the cases of other operators are made with overflows, on purpose
    warnings.simplefilter("ignore")
    from onnx.backend.test.loader import load_model_tests
    cases = [c for c in load_model_tests(kind="node") if {n.op_type for n in c.model.graph.node} & {"LSTM", "GRU", "RNN"}]


def array(v): return v if isinstance(v, np.ndarray) else numpy_helper.to_array(v)


def judge(case):
    "Run one case; return its largest relative error."
    worst = 0
    for inputs, outputs in case.data_sets:
        feeds = {v.name: array(x) for v, x in zip(case.model.graph.input, inputs, strict=True)}
        got = run.run_onnx(case.model, feeds)
        for (name, value), wanted in zip(got.items(), map(array, outputs), strict=True):
            np.testing.assert_allclose(value, wanted, rtol=case.rtol, atol=case.atol, strict=True, err_msg=name)
            worst = max(worst, abs(value - wanted).max() / abs(wanted).max())
    return worst


def test_all_are_here():
    kinds = [n.op_type for c in cases for n in c.model.graph.node]
    assert len(cases) == len(kinds) == 18 and all(kinds.count(op) == 6 for op in ("LSTM", "GRU", "RNN")), [c.name for c in cases]


@pytest.mark.parametrize("case", cases, ids=lambda c: c.name)
def test_node(case, monkeypatch):
    ran = []
    evaluate = run.evaluate_node
    monkeypatch.setattr(run, "evaluate_node", lambda node, inputs: ran.append(node.op_type) or evaluate(node, inputs))
    note("ONNX's node tests", judge(case))
    assert ran == [n.op_type for n in case.model.graph.node] * len(case.data_sets)


def test_what_they_notice(monkeypatch):
    "No wrong order of gates at all: their weights are equal. So they are not the only tests here."
    lstm, seen = [c for c in cases if "lstm" in c.name], {}
    for order in map("".join, itertools.permutations("iofc")):
        monkeypatch.setitem(GATE_ORDERS["lstm"], "ONNX", order)
        seen[order] = 0
        for case in lstm:
            try: judge(case)
            except AssertionError: seen[order] += 1
    tables.append(f"ONNX's six LSTM node tests notice {sum(map(bool, seen.values()))} of 23 wrong orders of gates")
    assert set(seen.values()) == {0}            # the page about packings says so


def test_a_wrong_result_is_seen(monkeypatch):
    forward = node.layers_forward
    monkeypatch.setattr(node, "layers_forward", lambda *args, **more: (lambda a, *rest: (a * 1.01, *[r for r in rest]))(*forward(*args, **more)))
    failed = 0
    for case in cases:
        if not case.model.graph.output[0].name == "Y": continue
        with pytest.raises(AssertionError): judge(case)
        failed += 1
    assert failed
