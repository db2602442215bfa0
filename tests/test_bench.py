"The benchmarks run, on tiny sizes and with what the development set has. No time is asserted."
import json
import subprocess
import sys

from conftest import root


def run(script, out, *words):
    command = [sys.executable, f"bench/{script}.py", "--quick", "--out", str(out), *words]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert not list(out.parent.glob("*.part"))
    return json.loads(out.read_text(encoding="utf-8"))["rows"]


def test_programs_agree_and_are_timed(tmp_path):
    names = ["per step", "numpy", "checkpointed", "usual", "products"]
    for row in run("run", tmp_path/"results.json", "--only", "2/3/4/5", *names):
        assert row["failed"] == {}
        assert set(row["ms"]["forward"]) == set(row["ms"]["both"]) == set(names)
        assert set(row["errors"]) == set(names) - {"products"}


def test_a_program_that_is_missing_has_no_figure(tmp_path):
    [row] = run("run", tmp_path/"results.json", "--only", "2/3/4/60", "float32", "numpy", "torch compiled")
    assert set(row["ms"]["both"]) == {"numpy"} and set(row["failed"]) == {"torch compiled"}


def test_halves(tmp_path):
    assert all(len(row["1"]) == len(row["2"]) == 2 for row in run("halves", tmp_path/"halves.json"))


def test_layers(tmp_path):
    rows = run("layers", tmp_path/"layers.json", "--only", "numpy")
    assert {(row["dtype"], row["lengths"]) for row in rows} == {(d, n) for d in ("float32", "float64") for n in (True, False)}


def test_nets_are_trained(tmp_path):
    rows = run("flow", tmp_path/"flow.json")
    assert [(row["task"], row["net"]) for row in rows] == [(task, net) for task in ("adding", "text") for net in ("lstm", "rnn")]
    assert (tmp_path/"flow.safetensors").exists()


def test_the_committed_results_are_whole():
    rows = json.loads((root/"bench/results.json").read_text(encoding="utf-8"))["rows"]
    sys.path.insert(0, str(root/"bench"))
    from run import curves, dtypes, sizes
    for part, points in ({"table": sizes} | curves).items():
        for size in points:
            for dtype in dtypes: assert [r for r in rows if (r["part"], tuple(r["size"]), r["dtype"]) == (part, size, dtype)], (part, size, dtype)
