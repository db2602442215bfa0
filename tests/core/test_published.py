"The course's published numbers, of its later editions where they differ, to all printed digits."
import json
import re
from pathlib import Path

import lstm_nb
from everything import book
import numpy as np
import pytest

cases = json.loads((Path(__file__).parent.parent/"records/published.json").read_text())
returns = {"rnn_cell_forward": "a_next yt_pred cache", "rnn_forward": "a y_pred caches",
           "lstm_cell_forward": "a_next c_next yt cache", "lstm_forward": "a y c caches"}
states = {"rnn_cell_forward": ["xt", "a_prev"], "rnn_forward": ["x", "a0"],
          "lstm_cell_forward": ["xt", "a_prev", "c_prev"], "lstm_forward": ["x", "a0"]}


def run(case):
    "Everything that the functions return, by name, from the draws of the exercise's seed."
    r = np.random.RandomState(1)
    drawn = {name: r.randn(*shape) for name, shape in case["draws"]}
    forward = case["function"].replace("backward", "forward")
    parameters = {k: v for k, v in drawn.items() if k not in states[forward]}
    out = getattr(lstm_nb, forward)(*[drawn[k] for k in states[forward]], parameters)
    if forward == case["function"]: return dict(zip(returns[forward].split(), out))
    upstream = [r.randn(*shape) for _, shape in case["upstream"]]
    return getattr(lstm_nb, case["function"])(*upstream, out[-1])


@pytest.mark.parametrize("case", cases, ids=[f"{c['function']}-{c['editions'][-1]}" for c in cases])
def test_published_figures(case):
    got = run(case)
    for what, printed in case["figures"].items():
        name, *entry = re.findall(r"\w+", what)
        value = got[name]
        for i in entry: value = value[int(i)]
        book.assert_printed(value, printed, what)
    for name, shape in case["shapes"].items(): assert got[name].shape == tuple(shape)
    for name, length in case["lengths"].items(): assert len(got[name]) == length


def test_all_functions_have_figures():
    assert {c["function"] for c in cases} == {f"{net}{kind}_{way}" for net in ("rnn", "lstm") for kind in ("_cell", "") for way in ("forward", "backward")}
    assert sum(len(c["figures"]) + len(c["shapes"]) + len(c["lengths"]) for c in cases) == 88
