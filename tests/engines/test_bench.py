"The benchmarks run, on tiny sizes and with what the development set has. No time is asserted."
import importlib.util
import json
import subprocess
import sys

import pytest
from conftest import need, root

from lstm_nb.engines import compiled


def run(script, out, *words):
    command = [sys.executable, f"bench/{script}.py", "--quick", "--out", str(out), *words]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert not list(out.parent.glob("*.part"))
    return json.loads((out if out.suffix else out/f"{script}.json").read_text(encoding="utf-8"))["rows"]


def test_programs_agree_and_are_timed(tmp_path):
    names = ["numpy", "numba", "usual", "products", "numpy, tape", "numba, tape", "per step", "checkpointed"]
    for row in run("run", tmp_path/"results.json", "--only", "2/3/4/5", *names):
        assert row["failed"] == {}
        assert set(row["ms"]["forward"]) == set(row["ms"]["both"]) == set(names)
        assert set(row["errors"]) == set(names) - {"products"}


def test_a_program_without_a_figure_says_why(tmp_path):
    [row] = run("run", tmp_path/"results.json", "--only", "3/5/10/7", "float32", "numpy", "per step")
    assert set(row["ms"]["both"]) == {"numpy"} and row["failed"] == {"per step": "not timed at this size"}


def test_halves(tmp_path):
    assert all(len(row["1"]) == len(row["2"]) == 2 for row in run("halves", tmp_path/"halves.json"))


def test_moves(tmp_path):
    "Every move of the pages is timed, and what gives other gradients is refused."
    [row] = run("moves", tmp_path/"moves.json")
    found = json.loads((tmp_path/"moves.json").read_text(encoding="utf-8"))
    assert [*row["ms"]][0] == "page 05" and len(row["ms"]) == 11 and len(found["parts"]) == 2
    assert {*found["sigmoids"]} == {"page 01", "tanh", "exponential"} and found["machine"]["processor"] and found["turns"] >= found["disturbed"]
    sys.path.insert(0, str(root/"bench"))
    from moves import agree
    from lstm_nb.engines.calls import fused_lstm_backward, fused_lstm_forward
    from lstm_nb.engines.engine import random_problem
    right, q = (fused_lstm_forward, fused_lstm_backward), random_problem(3, 5, 4, 6)
    assert agree({"a": right, "b": right}, q) < 1e-12 < 1e-3 < agree({"a": right, "b": (right[0], lambda da, tape, dc: right[1](da, tape))}, q)


@pytest.mark.skipif(not compiled.find_mkl(), reason="the package mkl is not installed")
def test_tried(tmp_path):
    rows = run("tried", tmp_path/"tried.json")
    assert [row["failed"] for row in rows] == [{}, {}]
    assert {"numba", "numba, whole", "columns", "columns, packed", "within", "rows"} == set(rows[0]["ms"]["both"])


def test_layers(tmp_path):
    rows = run("layers", tmp_path/"layers.json", "--only", "numpy")
    assert {(row["dtype"], row["lengths"]) for row in rows} == {(d, n) for d in ("float32", "float64") for n in (True, False)}


def test_shards(tmp_path):
    "Every map and every worker gives the same bits; two numbers of workers."
    need(importlib.util.find_spec("distributed"), 'Dask, `pip install "lstm_nb[dask]"`')
    rows = run("shards", tmp_path/"shards.json")
    assert [row["workers"] for row in rows] == [1, 2] and rows[0]["bits"] == rows[1]["bits"]
    assert all(set(row["seconds"]) == {"map", "threads", "processes", "Dask", "alone"} for row in rows)


def test_digits(tmp_path):
    "The settings are chosen and one network is trained, without PyTorch."
    choose, final = run("digits", tmp_path/"digits.json", "--program", "ours")
    assert len(choose["accuracy"]) == 4 and final["errors"] == len(final["wrong"]) == round(360 * (1 - final["accuracy"]))


def test_adding(tmp_path):
    rows = run("adding", tmp_path/"adding.json")
    assert [r["net"] for r in rows] == ["lstm", "lstm, forget bias 1", "rnn"] and not any(r["solved"] for r in rows)
    [speed] = json.loads((tmp_path/"adding.json").read_text(encoding="utf-8"))["speed"]
    assert speed["sequences_per_second"]["numpy"][0] > 0


def test_text(tmp_path):
    "Where there is no time, nothing is written."
    command = [sys.executable, "bench/text.py", "--quick", "--out", str(tmp_path/"text.json")]
    subprocess.run([*command, "--seconds", "0"], cwd=root, check=True, capture_output=True)
    assert not [*tmp_path.iterdir()]
    subprocess.run(command, cwd=root, check=True, capture_output=True)
    bits = json.loads((tmp_path/"text.json").read_text(encoding="utf-8"))["bits"]
    assert 5 < bits["network"] < 8 and bits["compressed"]["gzip"]["after"] < bits["compressed"]["gzip"]["alone"] and len(bits["tables"]) == 3


def test_the_committed_trainings():
    "What the issue asked of them."
    digits, adding, text = (json.loads((root/f"bench/records/{k}.json").read_text(encoding="utf-8")) for k in ("digits", "adding", "text"))
    ours = [r for r in digits["rows"] if r["part"] == "final" and r["program"] == "ours"]
    assert len(ours) == 5 and sum(r["accuracy"] for r in ours) / 5 >= .975 and max(r["seconds"] for r in ours) < 60
    solved = {T: [r["sequences"] for r in adding["rows"] if r["net"] == "lstm" and r["T"] == T and r["solved"]] for T in (100, 500)}
    assert len(solved[100]) == 5 and max(solved[100]) < 74_000 and len(solved[500]) == 3 and max(solved[500]) < 209_000
    assert not any(r["solved"] for r in adding["rows"] if r["net"] == "rnn")
    assert text["bits"]["network"] < min(text["bits"]["compressed"]["gzip"]["after"], text["bits"]["tables"][2]["test"])


def test_nets_are_trained(tmp_path):
    rows = run("flow", tmp_path/"flow.json")
    assert [(row["task"], row["net"]) for row in rows] == [(task, net) for task in ("adding", "text") for net in ("lstm", "rnn")]
    assert (tmp_path/"flow.safetensors").exists()


def test_the_committed_results_are_whole():
    "Every size and type, with the default install of ours in each, on the machine that they name."
    found = json.loads((root/"bench/records/results.json").read_text(encoding="utf-8"))
    sys.path.insert(0, str(root/"bench"))
    from run import dtypes, sizes
    assert found["machine"]["processor"]
    for size in sizes:
        for dtype in dtypes:
            [row] = [r for r in found["rows"] if (tuple(r["size"]), r["dtype"]) == (size, dtype)]
            assert {"numpy", "numba", "usual", "products"} <= set(row["ms"]["both"]) and set(row["ms"]["both"]) == set(row["ms"]["forward"])


def test_loop(tmp_path):
    "Whole steps of the four tasks, ours against each other; the losses are compared before."
    rows = run("loop", tmp_path/"loop.json", "--only", "numpy", "numba", "digits", "adding 100")
    assert [row["task"] for row in rows] == ["digits", "adding 100"]
    assert all(min(v) > 0 for row in rows for v in row["sequences_per_second"].values()) and all(row["failed"] == {} for row in rows)


def test_memory(tmp_path):
    [*rows] = run("memory", tmp_path)
    assert {len(row["ms"]) for row in rows} == {6}
    parts = json.loads((tmp_path/"tiny.json").read_text(encoding="utf-8"))["microseconds"]["float64"]
    assert 0 < parts["checks of the arguments"] < parts["whole"]
