"The command line on files that are right, wrong, and worse."
import csv
import io
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from corpus import base, source
from corpus.mistakes import mistakes

bad = {
    "hangs": "while True: pass",
    "hangs_inside": base + "\ndef lstm_backward(da, caches):\n    while True: pass\n",
    "sleeps": "import time\ntime.sleep(1000)",
    "crashes": "import ctypes\nctypes.string_at(0)",
    "crashes_inside": base + "\ndef rnn_backward(da, caches):\n    import ctypes; ctypes.string_at(0)\n",
    "leaves": "import sys\nsys.exit(0)",
    "leaves_hard": "import os\nos._exit(0)",
    "floods": base + "\nfor i in range(2000): print('x' * 2**19)\n",
    "floods_inside": base + "\nold = rnn_cell_forward\ndef rnn_cell_forward(*a):\n    for i in range(200): print('x' * 2**20)\n    return old(*a)\n",
    "eats": "a = []\nwhile True: a.append(bytearray(2**24))",
    "forks": "import os\nfor i in range(3): os.fork()\n" + base,
    "forks_and_stays": "import os, time\nif os.fork() == 0: time.sleep(1000)\n" + base,
    "deep": base + "\ndef lstm_cell_backward(*a): return lstm_cell_backward(*a)\n",
    "kills": "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)",
    "no_python": "def f(:",
    "empty": "",
}
ends = {"floods": 0, "floods_inside": 0, "forks": 0, "forks_and_stays": 0, "deep": 1}


def run(*args, timeout=300):
    "The command as it is installed, or its module."
    script = Path(sys.executable).with_name("lstm_check")
    command = [str(script)] if script.exists() else [sys.executable, "-c", "import sys; from lstm_nb.command import main; sys.exit(main())"]
    return subprocess.run([*command, *map(str, args)], capture_output=True, text=True, timeout=timeout)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    "Thirty submissions, sixteen of which are worse than wrong."
    here = tmp_path_factory.mktemp("submissions")
    for name, text in bad.items(): (here/f"{name}.py").write_text(text)
    (here/"right.py").write_text(base)
    chosen = mistakes[::len(mistakes) // 13][:13]
    for i, (name, _, _, *edits) in enumerate(chosen): (here/f"wrong{i:02}.py").write_text(source(name, *edits))
    return here


def test_a_folder_of_thirty(folder):
    start = time.perf_counter()
    done = run(folder, "--csv", "--timeout", 4)
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    by_file = {}
    for r in rows: by_file.setdefault(Path(r["file"]).stem, []).append(r)
    print(f"\n{len(by_file)} files in {time.perf_counter() - start:.0f} s")
    assert done.returncode == 2 and len(by_file) == 30
    assert "30/30" in done.stderr
    for name, found in by_file.items():
        worst = max(int(r["status"]) for r in found)
        wanted = ends.get(name, 2) if name in bad else int(name.startswith("wrong"))
        assert worst == wanted, (name, found)
    # what was judged before a function hung or crashed is kept
    assert len(by_file["hangs_inside"]) == 8 and len(by_file["crashes_inside"]) > 1
    assert "crashed: SIGSEGV" in by_file["crashes"][0]["error"]
    assert "stopped after 4 seconds" in by_file["hangs"][0]["error"]
    assert "lstm_backward" in by_file["hangs_inside"][-1]["error"]


@pytest.mark.skipif(not Path("/proc").exists(), reason="looks into /proc")
def test_no_process_is_left(folder):
    run(folder/"forks_and_stays.py")
    time.sleep(.2)
    mark = b"forks_and_stays.py"
    left = [p for p in Path("/proc").glob("[0-9]*/cmdline") if p.parent.name != str(os.getpid()) and mark in _read(p)]
    assert left == []


def _read(path):
    try: return path.read_bytes()
    except OSError: return b""


def test_exit_status(folder):
    assert run(folder/"right.py").returncode == 0
    assert run(folder/"wrong00.py").returncode == 1
    assert run(folder/"no_python.py").returncode == 2
    assert run(folder/"right.py", folder/"wrong00.py").returncode == 1
    assert run(folder/"right.py", "--function", "rnn_backward").returncode == 0
    assert run(folder/"missing.py").returncode == 2


def test_json_and_table(folder):
    found = json.loads(run(folder/"wrong12.py", "--json").stdout)
    assert found[0]["status"] == 1 and any(r["findings"] for r in found[0]["reports"])
    shown = run(folder/"wrong12.py").stdout
    assert "hint:" in shown and "✗" in shown and "\x1b" not in shown


def test_a_notebook(tmp_path):
    cells = ["%matplotlib inline\nimport numpy as np\nfrom rnn_utils import *", "raise RuntimeError('never run')", "while True: pass",
             "x = np.ones(3)\nprint(x)", *base.split("\n\n\n")[3:], "lstm_backward(1, 2)", "!ls"]
    notebook = {"cells": [{"cell_type": "code", "source": c.splitlines(True)} for c in cells] + [{"cell_type": "markdown", "source": "text"}]}
    path = tmp_path/"solution.ipynb"
    path.write_text(json.dumps(notebook))
    done = run(path)
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("all right") == 8 and "rnn_utils" in done.stdout


def test_errors_name_the_line(tmp_path):
    path = tmp_path/"solution.py"
    path.write_text(source("rnn_cell_backward", "np.dot(dz, xt.T)", "np.dot(dz, xt)"))
    shown = " ".join(run(path, "--function", "rnn_cell_backward").stdout.split())
    assert "dWax = np.dot(dz, xt)" in shown and "dz (4, 3), xt (5, 3)" in shown


def test_colour_on_a_terminal(tmp_path):
    pty = pytest.importorskip("pty")
    path = tmp_path/"solution.py"
    path.write_text(base)
    keep = []
    code = [sys.executable, "-c", f"import sys; from lstm_nb.command import main; sys.exit(main([{str(path)!r}]))"]
    pty.spawn(code, lambda fd: keep.append(os.read(fd, 1024)) or keep[-1])
    assert b"\x1b[32m" in b"".join(keep)
