"The command line on files that are right, wrong, and worse."
import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from corpus import base, part, source
from corpus.mistakes import mistakes

linux = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks into /proc")
forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")


small = "import numpy as np\n" + part(base, "rnn_cell_backward")


def first(code, name="rnn_backward"):
    "`base`, in which the code runs before one of the functions can be made, and the other seven as they are."
    return base + "\ndef _first():\n" + "".join(f"    {line}\n" for line in code.splitlines()) + f"_old = {name}\ndef {name}(*a, _=_first()): return _old(*a)\n"


def inside(code, name="lstm_backward"):
    "`base`, in which the code runs in one of the functions."
    return base + f"\n_old = {name}\ndef {name}(*a):\n" + "".join(f"    {line}\n" for line in code.splitlines()) + "    return _old(*a)\n"


detach = """import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        end = time.time() + 60
        while time.time() < end:
            time.sleep(.01)
    os._exit(0)"""
bad = {
    "hangs": first("while True: pass"),
    "hangs_inside": inside("while True: pass"),
    "sleeps": first("import time\ntime.sleep(1000)"),
    "crashes": first("import ctypes\nctypes.string_at(0)"),
    "crashes_inside": inside("import ctypes\nctypes.string_at(0)", "rnn_backward"),
    "leaves": "import sys\nsys.exit(0)",
    "leaves_hard": first("import os\nos._exit(0)"),
    "floods": first("for i in range(200): print('x' * 2**20)"),
    "floods_inside": inside("for i in range(50): print('x' * 2**20)", "rnn_cell_forward"),
    "eats": first("a = []\nwhile True: a.append(bytes(2**26))"),
    "forks": inside("import os\nif 'FORKED' not in os.environ:\n    os.environ['FORKED'] = '1'\n    for i in range(3): os.fork()"),
    "forks_and_stays": first("import os, time\nif os.fork() == 0: time.sleep(1000)"),
    "deep": base + "\ndef lstm_cell_backward(*a): return lstm_cell_backward(*a)\n",
    "kills": inside("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", "lstm_forward"),
    "no_python": "def f(:",
    "empty": "",
}
ends = {"leaves": 2, "no_python": 2, "empty": 2, "floods": 0, "floods_inside": 0, "forks": 0, "forks_and_stays": 0, "deep": 1}     # the others have a function with 2


def run(*args, timeout=300, **kwargs):
    "The command as it is installed, or its module."
    script = Path(sys.executable).with_name("lstm_check")
    command = [str(script)] if script.exists() else [sys.executable, "-c", "import sys; from lstm_nb.checker.command import main; sys.exit(main())"]
    return subprocess.run([*command, *args], capture_output=True, text=True, timeout=timeout, **kwargs)


def judge(folder, text, *args, name="it.py"):
    "What `--json` says of one file."
    path = folder/name
    path.write_text(text, encoding="utf-8")
    done = run(path, "--json", *args)
    [found] = json.loads(done.stdout)
    assert done.returncode == found["status"]
    return found


def equations(found): return {r["function"]: [f["equation"] for f in r["findings"]] for r in found["reports"]}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    "Thirty submissions, sixteen of which are worse than wrong."
    here = tmp_path_factory.mktemp("submissions")
    for name, text in bad.items(): (here/f"{name}.py").write_text(text)
    (here/"right.py").write_text(base)
    chosen = mistakes[::len(mistakes) // 13][:13]
    for i, (name, _, _, *edits) in enumerate(chosen): (here/f"wrong{i:02}.py").write_text(source(name, *edits))
    return here


@forks
def test_a_folder_of_thirty(folder):
    start = time.perf_counter()
    done = run(folder, "--csv", "--timeout", "2")
    by_file = {}
    for r in csv.DictReader(io.StringIO(done.stdout)): by_file.setdefault(Path(r["file"]).stem, []).append(r)
    print(f"\n{len(by_file)} files in {time.perf_counter() - start:.0f} s")
    assert done.returncode == 2 and len(by_file) == 30
    assert "30/30" in done.stderr
    for name, found in by_file.items():
        worst = max(int(r["status"]) for r in found)
        wanted = ends.get(name, 2) if name in bad else int(name.startswith("wrong"))
        assert worst == wanted, (name, found)
        # what hangs or crashes costs itself alone
        if name not in ("leaves", "no_python", "empty"): assert len(found) == 8, (name, found)
        if name in bad.keys() - ends.keys(): assert [int(r["status"]) for r in found] == [0]*7 + [2]
    assert "crashed: SIGSEGV, in rnn_backward" in by_file["crashes_inside"][-1]["error"]
    assert "stopped after 2 seconds, in lstm_backward" in by_file["hangs_inside"][-1]["error"]


def mine():
    "The processes whose environment has this test's mark."
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try: found += [int(path.parent.name)] if f"LSTM_TEST={os.getpid()}\0".encode() in path.read_bytes() else []
        except OSError: pass
    return found


# the command as a terminal starts it; what a shell starts in the background ignores SIGINT, and so does all below
interruptible = [sys.executable, "-c", "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); from lstm_nb.checker.command import main; sys.exit(main())"]
marked = {**os.environ, "LSTM_TEST": str(os.getpid())}


@linux
@pytest.mark.parametrize("code", ["import os, time\nif os.fork() == 0: time.sleep(1000)", detach, "import subprocess\nsubprocess.Popen(['sleep', '1000'], start_new_session=True)"])
@pytest.mark.parametrize("way", [first, inside])
def test_no_process_is_left(tmp_path, code, way):
    (tmp_path/"it.py").write_text(way(code))
    done = run(tmp_path/"it.py", env=marked)
    assert done.returncode == 0, done.stdout
    assert mine() == []


@linux
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_ended_from_outside(tmp_path, number):
    "The command is ended while a file and its daemon run: no process and no folder stay behind."
    (tmp_path/"it.py").write_text(first(detach + "\ntime.sleep(1000)"))
    home = tmp_path/"temporary"
    home.mkdir()
    command = [*interruptible, str(tmp_path/"it.py"), "--timeout", "100"]
    child = subprocess.Popen(command, env={**marked, "TMPDIR": str(home)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    end = time.time() + 60
    while len(mine()) < 4 and time.time() < end: time.sleep(.05)        # the command, the guard, the fork, its daemon
    assert len(mine()) >= 4
    child.send_signal(number)
    _, err = child.communicate(timeout=30)
    end = time.time() + 20
    while mine() and time.time() < end: time.sleep(.05)
    assert mine() == [] and list(home.iterdir()) == []
    assert b"Traceback" not in err


@linux
@pytest.mark.parametrize("code, said", [("import os, time\nfor i in range(80):\n    if os.fork() == 0: time.sleep(1000)\ntime.sleep(1000)", "64 processes"),
                                        ("import os, time\nfor i in range(4): os.fork()\na = bytearray(b'1') * 2**28\ntime.sleep(1000)", "2 GiB of memory")])
def test_limits_hold_for_all_processes_together(tmp_path, code, said):
    found = judge(tmp_path, inside(code), "--timeout", "20")
    assert said in found["unjudged"]["lstm_backward"] and len(found["reports"]) == 7


names = "random numbers types copy string code test statistics operator math time signal queue token numpy secrets json ast dis select lstm_nb".split()


def test_no_name_shadows_the_library(tmp_path):
    "A neighbour called like a module of Python, of NumPy or of this package is judged, and harms nobody."
    (tmp_path/"first.py").write_text(small)
    for name in names: (tmp_path/f"{name}.py").write_text("raise SystemExit('the neighbour was imported')\n" + small)
    (tmp_path/"zz.py").write_text(small.replace("import numpy as np", "import numpy as np, random, secrets, statistics, dis\n"))
    done = run(tmp_path, "--csv", cwd=tmp_path)
    rows = [r for r in csv.DictReader(io.StringIO(done.stdout))]
    assert done.returncode == 0 and len(rows) == len(names) + 2
    assert {r["status"] for r in rows} == {"0"}


def test_a_helper_beside_the_file_is_found(tmp_path):
    (tmp_path/"my_utils.py").write_text("import numpy as np\ndef slope(a): return 1 - a**2\n")
    (tmp_path/"data.txt").write_text("1")
    text = small.replace("(1 - a_next ** 2)", "slope(a_next) * one")
    assert text != small
    found = judge(tmp_path, "from my_utils import slope\none = float(open('data.txt').read())\n" + text)
    assert found["status"] == 0 and found["error"] == "" and len(found["reports"]) == 1, found


attacks = [
    "import os\nos.kill(os.getpid(), 40)",
    "import os\nopen('result.json', 'w').write('[' * 10**6)\nos._exit(0)",
    "import os\nfor fd in range(20):\n    try: os.write(fd, b'[' * 10**5 + b'\\n')\n    except OSError: pass\nos._exit(0)",
    "import os\nfor fd in range(20):\n    try: os.write(fd, b'{\"report\": 1}\\n{\"end\": 1, \"at\": []}\\n')\n    except OSError: pass\nos._exit(0)",
    "import os\nos.closerange(0, 100)\nos._exit(0)",
    "import os\nos.kill(os.getppid(), 9)\nwhile True: pass",
    "import os\nos.kill(os.getppid(), 19)\nos._exit(0)",
    detach.replace("time.sleep(.01)", "open(str(time.time_ns()) + '.txt', 'w').close()") + "\nos._exit(0)",
    "import sys\nsys.stdout = sys.stderr = None\nimport os\nos._exit(7)",
]


@pytest.fixture(scope="module")
def attacked(tmp_path_factory):
    "Files that attack who judges them, each between two that do not, judged by one command."
    here = tmp_path_factory.mktemp("attacks")
    for n, code in enumerate(attacks):
        for name, text in (("a", small), ("m", inside(code, "rnn_forward")), ("z", small)): (here/f"{n}{name}.py").write_text(text)
    done = run(here, "--json", "--timeout", "5")
    assert done.returncode == 1, done.stderr
    return {Path(f["file"]).stem: f for f in json.loads(done.stdout)}


@forks
@pytest.mark.parametrize("code", attacks)
def test_one_file_does_not_end_the_others(attacked, code):
    aa, mm, zz = (attacked[f"{attacks.index(code)}{k}"] for k in "amz")
    assert [aa["status"], mm["status"], zz["status"]] == [0, 1, 0]
    assert list(mm["unjudged"]) == ["rnn_forward"] and len(mm["reports"]) == 7, mm
    assert "stopped after" not in mm["unjudged"]["rnn_forward"]       # it is noticed, not waited for


@linux
def test_a_name_that_is_no_text_and_files_that_are_none(tmp_path):
    (tmp_path/"zz.py").write_text(small)
    with open(os.fsencode(tmp_path) + b"/m\xfcller.py", "w") as f: f.write(small)
    os.mkfifo(tmp_path/"fifo.py")
    (tmp_path/"zero.py").symlink_to("/dev/zero")
    (tmp_path/"folder.py").mkdir()
    for option, code in ([], "utf-8:strict"), (["--csv"], "ascii"), (["--json"], "ascii"):
        done = run(tmp_path, *option, env={**os.environ, "PYTHONIOENCODING": code})
        assert done.returncode == 2 and "Traceback" not in done.stderr
        assert "zz.py" in done.stdout and "xfcller.py" in done.stdout and done.stdout.count("not a regular file") >= 2
    assert len(json.loads(done.stdout)) == 4


def test_output_in_every_encoding(tmp_path, monkeypatch):
    from lstm_nb.checker import command
    name, *edits = next((name, *edits) for name, _, _, *edits in mistakes if name == "rnn_cell_backward")
    found = judge(tmp_path, source(name, *edits))
    monkeypatch.setattr(command, "run_file", lambda path, *_: found | {"file": str(path)})
    for code in ("utf-8", "cp1252", "latin-1", "ascii", "cp437", "gbk", "cp932", "utf-16"):
        for option in [], ["--csv"], ["--json"]:
            monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(out := io.BytesIO(), code, "strict", newline=""))
            assert command.main(["a.py", "b.py", *option]) == 1
            shown = out.getvalue().decode(code)
            assert "a.py" in shown and "b.py" in shown
            if option == ["--json"]: assert [f["reports"] for f in json.loads(shown)] == [found["reports"]]*2
    monkeypatch.undo()
    done = subprocess.run([sys.executable, "-c", "import sys; from lstm_nb.checker.command import main; sys.exit(main())", str(tmp_path)],
                          capture_output=True, env={**os.environ, "PYTHONIOENCODING": "ascii"}, timeout=100)
    assert done.returncode == 1 and done.stderr == b"" and b"it.py" in done.stdout


def test_text_of_learners_is_harmless(tmp_path):
    evil = "=cmd\x1b[2K\\r\\nall right\u202e"
    text = f"def rnn_cell_backward(da_next, cache):\n    raise ValueError({evil!r})\n"
    (tmp_path/"it.py").write_text(text, encoding="utf-8")
    here = tmp_path/"=1+1"
    here.mkdir()
    (here/"-x\x1b[2K.py").write_text(text, encoding="utf-8")
    for args in ["it.py"], ["=1+1", "--csv"], ["=1+1"], ["=1+1", "--json"]:
        done = run(*args, cwd=tmp_path)
        assert done.returncode == 1
        assert not set("\x1b\u202e\r\x9b") & set(done.stdout), args
        if "--csv" in args:
            for row in csv.reader(io.StringIO(done.stdout)): assert not any(c[:1] in "=+-@" for c in row if c)
    assert json.loads(done.stdout)[0]["reports"][0]["findings"][0]["cause"].startswith("ValueError: =cmd\x1b")


@pytest.mark.parametrize("args", [["--timeout", "nan"], ["--timeout", "inf"], ["--timeout", "0"], ["--timeout", "-1"], ["--timeout", "a"], ["--json", "--csv"], ["--as", "lstm=f"]])
def test_refused_options(folder, args):
    done = run(folder/"right.py", *args)
    assert done.returncode == 2 and done.stdout == "" and "usage" in done.stderr


scripts = {
    "annotations": "from __future__ import annotations\nclass Node:\n    def next(self) -> Node: return self\none = 1\n" + small,
    "module": "import sys\none = sys.modules[__name__] and 1\n" + small,
    "pickled": small + "\nimport pickle\none = len(pickle.dumps(rnn_cell_backward)) > 0\n",
    "thread": "import threading, time\nthreading.Thread(target=time.sleep, args=(1000,)).start()\none = 1\nclass Late:\n    started = threading.Thread(target=time.sleep, args=(1000,)).start()\n" + small,
}


@pytest.mark.parametrize("name", scripts)
def test_right_scripts(tmp_path, name):
    coding = {"annotations": "utf-8-sig", "module": "utf-16"}.get(name, "utf-8")
    text = scripts[name].replace("    dz = ", "    Node, Late; dz = one * ") if name in ("annotations", "thread") else scripts[name].replace("    dz = ", "    dz = one * ")
    if "class" not in text: text = text.replace("Node, Late; ", "")
    text = text.replace("Node, Late; ", "Node; " if name == "annotations" else "Late; ")
    assert "one * " in text
    (tmp_path/"it.py").write_text(text, encoding=coding)
    done = run(tmp_path/"it.py", "--timeout", "20")
    assert done.returncode == 0 and done.stdout.count("all right") == 1, done.stdout


def test_exit_status(folder):
    assert run(folder/"right.py", "--function", "rnn_backward").returncode == 0
    assert run(folder/"no_python.py").returncode == 2
    assert run(folder/"right.py", folder/"wrong00.py").returncode == 1
    assert run(folder/"right.py", folder/"missing.py").returncode == 2


def test_a_fault_of_the_command_has_a_status_of_its_own(tmp_path, monkeypatch, capsys):
    from lstm_nb.checker import command
    for name in "ab": (tmp_path/f"{name}.py").write_text(small)
    real = command.run_file
    def fails(path, *args):
        if path.name == "a.py": raise RuntimeError("a fault")
        return real(path, *args)
    monkeypatch.setattr(command, "run_file", fails)
    assert command.main([str(tmp_path), "--json"]) == 3
    assert [f["status"] for f in json.loads(capsys.readouterr().out)] == [3, 0]


def test_json_and_table(folder):
    found = json.loads(run(folder/"wrong12.py", "--json").stdout)
    assert found[0]["status"] == 1 and any(r["findings"] for r in found[0]["reports"])
    shown = run(folder/"wrong12.py").stdout
    assert "hint:" in shown and "✗" in shown and "\x1b" not in shown


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
    code = [sys.executable, "-c", f"import sys; from lstm_nb.checker.command import main; sys.exit(main([{str(path)!r}]))"]
    pty.spawn(code, lambda fd: keep.append(os.read(fd, 1024)) or keep[-1])
    assert b"\x1b[32m" in b"".join(keep)


def notebook(path, *cells):
    "Write a notebook."
    made = [{"cell_type": "code", "source": c.splitlines(True), "metadata": {}, "outputs": [], "execution_count": None} for c in cells]
    path.write_text(json.dumps({"cells": made + [{"cell_type": "markdown", "source": "text"}], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    return path


def test_a_notebook(tmp_path):
    cells = ["%matplotlib inline\nimport numpy as np\nfrom rnn_utils import *", "raise RuntimeError('never run')", "while True: pass",
             "x = np.ones(3)\nprint(x)", *base.split("\n\n\n")[3:], "lstm_backward(1, 2)", "!ls"]
    done = run(notebook(tmp_path/"solution.ipynb", *cells))
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("all right") == 8 and "rnn_utils" in done.stdout


use = small.replace("(1 - a_next ** 2)", "HELP(1 - a_next ** 2)")
kinds = {
    "percent": [small + '\ndef show(x):\n    print("loss %f"\n          % x)\n    np.dot?\n'],
    "unequal": ["def differ(a, b):\n    return (a\n            != b)\n%ls", small],
    "continued": ["SCALE = (7\n         % 6)\n!ls", use.replace("HELP", "SCALE * ")],
    "if": ["if True:\n    def helper(v): return v", use.replace("HELP", "helper")],
    "try": ["try:\n    from nowhere import helper\nexcept ImportError:\n    def helper(v): return v", use.replace("HELP", "helper")],
    "with": ["with np.errstate(all='ignore'):\n    def helper(v): return v", use.replace("HELP", "helper")],
    "filled": ["f = {}\nf['same'] = lambda v: v", use.replace("HELP", "f['same']")],
    "updated": ["f = {}\nf.update(same=lambda v: v)", use.replace("HELP", "f['same']")],
    "time": ["%%time\n" + small],
    "capture": ["%%capture out\n\n" + small + "\n%timeit 1"],
    "question": [small + "\nnp.dot?\n?np.dot\n"],
    "assigned": [small + "\nfiles = !ls\nwho = %who\n"],
}


@pytest.fixture(scope="module")
def right_notebooks(tmp_path_factory):
    "All of them, judged by one command."
    here = tmp_path_factory.mktemp("notebooks")
    for kind in kinds: notebook(here/f"{kind}.ipynb", "import numpy as np", *kinds[kind])
    return {Path(f["file"]).stem: f for f in json.loads(run(here, "--json").stdout)}


@pytest.mark.parametrize("kind", kinds)
def test_right_notebooks(right_notebooks, kind):
    found = right_notebooks[kind]
    assert found["status"] == 0 and [r["passed"] for r in found["reports"]] == [True], found


def test_half_a_homework_shows(tmp_path):
    "A function that is expected and not there, or that cannot be read, has a row, and the status is not 0."
    (tmp_path/"a.py").write_text(small)
    (tmp_path/"b.py").write_text(small + "\n" + part(base, "rnn_backward").replace("(n_a, 1))", "(n_a, 1)"))
    done = run(tmp_path, "--csv", "--expect", "rnn_cell_backward,rnn_backward")
    assert done.returncode == 1
    rows = [[Path(r["file"]).name, r["function"], r["status"], r["error"][:21]] for r in csv.DictReader(io.StringIO(done.stdout))]
    assert rows == [["a.py", "rnn_cell_backward", "0", ""], ["a.py", "rnn_backward", "2", "it is not in the file"],
                    ["b.py", "rnn_cell_backward", "0", ""], ["b.py", "rnn_backward", "2", "it cannot be read: li"]]
    assert done.stdout.splitlines()[0] == "file,function,status,equations,causes,error,seconds"
    assert [run(tmp_path/f"{n}.py").returncode for n in "ab"] == [0, 1]


def test_as(tmp_path):
    (tmp_path/"it.py").write_text(small.replace("rnn_cell_backward", "my_step"))
    assert run(tmp_path/"it.py").returncode == 2
    done = run(tmp_path/"it.py", "--as", "rnn_cell_backward=my_step")
    assert done.returncode == 0 and "my_step (line 2) is read as rnn_cell_backward" in done.stdout, done.stdout


@forks
@pytest.mark.parametrize("replace", [True, False])
def test_watch(tmp_path, replace):
    "Judged again at every save, also when the file is replaced by another of its name; Ctrl-C ends it without a word."
    path, shown = tmp_path/"it.py", tmp_path/"shown"
    path.write_text(small.replace("** 2", ""))
    def until(text, count=1):
        end = time.time() + 60
        while shown.read_text().count(text) < count and time.time() < end: time.sleep(.05)
        assert shown.read_text().count(text) >= count, shown.read_text()
    with open(shown, "w") as out:
        child = subprocess.Popen([*interruptible, "--watch", str(path)], stdout=out, stderr=subprocess.STDOUT, env={**os.environ, "PYTHONIOENCODING": "utf-8"})
        try:
            until("(R3)")
            if replace:
                path.unlink()
                time.sleep(.6)
                (tmp_path/"new").write_text(small)
                os.replace(tmp_path/"new", path)
            else: path.write_text(small)
            until("all right")
            path.write_text("def f(:\n")
            until("could not be judged")
            path.write_text(small)
            until("all right", 2)
            assert shown.read_text().count("it.py") == 4        # once for each save
        finally:
            child.send_signal(signal.SIGINT)
            assert child.wait(30) == 0
    assert "Traceback" not in shown.read_text()


def test_both_ways_agree(tmp_path):
    "The command finds what `check` finds, mistake by mistake."
    from corpus import load
    from lstm_nb.checker.check import check
    from lstm_nb.checker.run import Guard, run_file
    with Guard() as guard:
        for name, _, _, *edits in mistakes[::40]:
            text = source(name, *edits)
            (tmp_path/"it.py").write_text(text)
            found = run_file(tmp_path/"it.py", 20, name, guard=guard)
            want = check(load(text, name, str(tmp_path/"it.py")), name).to_dict()
            assert [r["findings"] for r in found["reports"]] == [want["findings"]], name


@forks
def test_what_the_page_says_is_not_stopped(tmp_path):
    "Facts, so that the page stays true: the environment and files can be read, and neighbours written."
    (tmp_path/"it.py").write_text("import os\ndef rnn_backward(da, caches): raise ValueError(os.environ['SECRET'] + open('other.txt').read() + os.getcwd())\n")
    (tmp_path/"other.txt").write_text(" of another")
    shown = run(tmp_path/"it.py", "--json", env={**os.environ, "SECRET": "the secret"}).stdout
    assert "the secret of another" in shown and str(tmp_path) in shown
    (tmp_path/"it.py").write_text(small + "    open('other.txt', 'w').write('')\n".join(["\nold = rnn_cell_backward\ndef rnn_cell_backward(da_next, cache):\n", "    return old(da_next, cache)\n"]))
    assert run(tmp_path/"it.py").returncode == 0 and (tmp_path/"other.txt").read_text() == ""


def test_no_neighbour_is_taken_for_ipython(tmp_path, monkeypatch):
    from lstm_nb.checker import judged
    monkeypatch.setattr(judged, "find_spec", lambda name: None)
    monkeypatch.setattr(sys, "path", sys.path[:])
    monkeypatch.setattr(sys, "argv", sys.argv[:])
    monkeypatch.setitem(sys.modules, "IPython", sys.modules.get("IPython"))
    monkeypatch.chdir(tmp_path)
    judged.enter_folder(tmp_path/"it.py")
    assert sys.path[-1] == str(tmp_path) and sys.argv == [str(tmp_path/"it.py")]
    with pytest.raises(ImportError): __import__("IPython")
