"Attempts to be called right without being right: each is stopped, or the page names it as not stopped."
import json
import os
from pathlib import Path

import pytest
from corpus import base, part
from lstm_nb import check
from lstm_nb.checker.run import Guard, run_file

root = Path(__file__).resolve().parents[2]
forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
name = "rnn_cell_backward"
right = "import numpy as np\n\n" + part(base, name)
wrong = right.replace("(1 - a_next ** 2)", "(1 - a_next)")
asked = "\n_wrong = rnn_cell_backward\ndef rnn_cell_backward(da_next, cache):\n"


def cheats(*lines): return wrong + asked + "".join(f"    {line}\n" for line in lines) + "    return _wrong(da_next, cache)\n"


@pytest.fixture(scope="module")
def guard():
    with Guard() as g: yield g


@pytest.fixture
def judged(guard, tmp_path):
    def run(text, seconds=20, **beside):
        for file, content in beside.items(): (tmp_path/f"{file}.py").write_text(content)
        (tmp_path/"it.py").write_text(text)
        return run_file(tmp_path/"it.py", seconds, guard=guard)
    return run


def equations(found): return [f["equation"] for r in found["reports"] for f in r["findings"]]


report = '{"report": {"function": "rnn_cell_backward", "findings": [], "right": ["R3"]}, "done": true}'
frames = """
import gc, sys, types
f, seen = sys._getframe(), []
while f: seen += [*f.f_locals.values(), *f.f_globals.values()]; f = f.f_back
for o in [*gc.get_objects(), *seen]:
    try: book = isinstance(o, types.FunctionType) and o.__name__ == 'rnn_cell_backward' and o.__module__ not in ('__solution__', 'lstm_nb.book')
    except Exception: book = False
    if book: return o(da_next, cache)
for o in [*gc.get_objects(), *seen]:
    if isinstance(o, dict) and {'expected', 'bound'} & {*filter(lambda k: type(k) is str, o)}: raise SystemExit('an expected value')
""".strip().splitlines()
lent = """
import gc
for o in gc.get_objects():
    if type(o).__name__ == 'Judged': return o.lent['rnn_cell_backward'](da_next, cache)
""".strip().splitlines()
numpy_ = """
import numpy
for n in ('array_equal', 'allclose', 'all', 'isfinite', 'shares_memory', 'max', 'abs'): setattr(numpy, n, lambda *a, **k: True)
numpy.linalg.pinv = numpy.linalg.lstsq = lambda a, *b, **k: a
""".strip().splitlines()
lies = """
import numpy as np
class Lies(np.ndarray):
    def __eq__(self, other): return True
    def __sub__(self, other): return np.zeros(self.shape)
    __rsub__ = __sub__
    def __array_function__(self, f, types, args, kwargs): return np.zeros(1)
    def __array_ufunc__(self, f, how, *args, **kwargs): return np.zeros(1)
    def tobytes(self, order='C'): return b'\\0' * self.nbytes
return {k: v.view(Lies) for k, v in _wrong(da_next, cache).items()}
""".strip().splitlines()
answers = """
import gc
for o in gc.get_objects():
    if type(o).__name__ == 'Judged':
        o.channel.send({'result': None, 'report': 'all right', 'passed': True})
""".strip().splitlines()
voices = """
import gc, threading
def speak():
    for o in gc.get_objects():
        if type(o).__name__ == 'Judged':
            for i in range(50): o.channel.send({'result': {}, 'fault': None})
t = threading.Thread(target=speak); t.start(); t.join()
""".strip().splitlines()
pickled = """
class Evil:
    def __reduce__(self): return eval, ("open('opened', 'a').write(str(__import__('os').getpid()) + ' ')",)
return _wrong(da_next, cache) | {'dxt': Evil()}
""".strip().splitlines()
caught = {      # what is done in the function -> what is found, or a word of why it is not judged
    "a forged report on every file that is open": (cheats("import os", "for fd in range(3, 30):", f"    try: os.write(fd, {report.encode()!r} + b'\\n')", "    except OSError: pass"), "it answers without end"),
    "a forged answer in place of the next one": (cheats(*answers), "what it sends is not an answer"),
    "answers from a thread": (cheats(*voices), ""),
    "NumPy patched": (cheats(*numpy_), ""),
    "the right answers looked for in every frame": (cheats(*frames), "R3"),
    "the book's function asked of the judge": (cheats(*lent), "of the book is not lent here"),
    "the book's function imported": ("from lstm_nb import rnn_cell_backward as book\n" + cheats("return book(da_next, cache)"), "of the book is not lent here"),
    "the book's page imported": ("import lstm_nb.rnn as book\n" + cheats("return book.rnn_cell_backward(da_next, cache)"), "it needs lstm_nb.rnn"),
    "an exit in the middle": (cheats("import os", "globals()['calls'] = globals().get('calls', 0) + 1", "if calls > 5: os._exit(0)"), "the process ended by itself"),
    "an array class that lies": (cheats(*lies), ""),
    "an endless answer": (cheats("return {'dba': np.zeros(2**24)}"), "too much to be sent"),
    "an answer that contains itself": (cheats("d = {}", "d['dba'] = d", "return d"), "too much to be sent"),
    "an answer that never comes": (cheats("while True: pass"), "stopped after 2 seconds"),
    "an object that runs where it is read": (cheats(*pickled), "shape"),
    "a second process that goes on": (cheats("import os", "os.fork()"), "R3"),
}


@forks
@pytest.mark.parametrize("attempt", caught)
def test_an_attempt_is_caught(judged, tmp_path, attempt):
    text, said = caught[attempt]
    found = judged(text, 2 if "never" in attempt else 20)
    assert found["status"] in (1, 2) and not any(r["passed"] for r in found["reports"]), found
    assert said in json.dumps(found["reports"] + [found["unjudged"]]), found
    if (tmp_path/"opened").exists(): assert str(os.getpid()) not in (tmp_path/"opened").read_text().split()      # it ran where it came from


@forks
def test_what_is_caught_costs_no_other_file(judged):
    "The guard serves on, and what is right is right."
    for attempt in ("a forged answer in place of the next one", "an exit in the middle"): judged(caught[attempt][0])
    assert judged(right)["status"] == 0


@forks
def test_another_numpy_beside_the_file(judged):
    "It is not found: the file's folder comes last."
    found = judged(wrong, numpy="raise SystemExit('the neighbour')\n", lstm_nb="def rnn_cell_backward(*a): raise SystemExit('the neighbour')\n")
    assert equations(found) == ["R3"]


def patched(text, change):
    "A file whose first function changes the class that serves the judge, before any call."
    patch = f"import gc\ndef _patch():\n    for o in gc.get_objects():\n        if type(o).__name__ == 'Judged':\n            c = type(o)\n            {change}\n"
    return patch + text.replace("(da_next, cache):", "(da_next, cache, _=_patch()):", 1)


facts = "c.facts = lambda self, used, of: dict(name='rnn_cell_backward', module='lstm_nb.rnn', open=False, template=False, outside=(), keys=())"
silence = "c.call = (lambda was: lambda self, *a, **k: was(self, *a, **k) | {'changed': ()})(c.call)"


@forks
def test_a_patched_loop_changes_its_own_answers_alone(judged):
    assert equations(judged(patched(wrong, facts))) == ["R3"]


def page(n): return " ".join("".join(c["source"]) for c in json.loads(next((root/"nbs/checker").glob(f"{n}_*.ipynb")).read_text(encoding="utf-8"))["cells"])


@forks
def test_what_the_pages_name_as_not_stopped(judged):
    "Facts, so that the pages stay true."
    batch = right + asked.replace("_wrong", "_old") + "    if da_next.shape[1] > 50: da_next = 2*da_next\n    return _old(da_next, cache)\n"
    assert judged(batch)["status"] == 0 and "a mistake that is none at the sizes and numbers of the probes" in page(27)
    copied = cheats("import sys", "sys.modules.pop('lstm_nb', 0); sys.meta_path[:] = [f for f in sys.meta_path if type(f).__name__ != '_NoPages']", f"sys.path.insert(0, {str(root)!r})",
                    "from lstm_nb.rnn import rnn_cell_backward as book", "return book(da_next, cache)")
    assert judged(copied)["status"] == 0 and "find this book on the disk and copy its code" in page(36)
    spoils = right.replace("    dz = ", "    da_next *= 1\n    da_next += 1\n    da_next -= 1 + 1e-3\n    dz = ")
    assert "inputs" in equations(judged(spoils))
    assert "inputs" not in equations(judged(patched(spoils, silence))) and "this process's own word" in page(35)


def test_check_in_python_protects_nothing():
    "It says so, and it is so: what runs in this process can change the judge."
    import lstm_nb.checker.check as module
    def rnn_cell_backward(da_next, cache):
        import lstm_nb.checker.backward as judge
        judge._blame_all = lambda study, failed: None
        return {}
    import lstm_nb.checker.backward as judge
    was = judge._blame_all
    try: report = check(rnn_cell_backward)
    finally: judge._blame_all = was
    assert "R3" not in {f.equation for f in report.findings} and module.check is check
    assert "without any protection" in page("06") and "protects nothing" in page(27)


@pytest.mark.parametrize("ask", [
    ["f = globals()['rnn_cell_backward']", "if f.__module__ != 'lstm_nb.book': raise NameError(name=f.__name__)", "return f(da_next, cache)"],
    ["if not seen: seen.append(1); raise NameError(name='np')", *lent]], ids=["itself", "NumPy"])
def test_what_is_missing_unlocks_nothing_else(judged, ask):
    "A name that a function says it lacks is lent, and never the book's own of what is judged."
    assert equations(judged("seen = []\n" + cheats(*ask))) != []


@pytest.mark.parametrize(("more", "ok"), [("1e6j", False), ("0j", True)])
def test_an_imaginary_part_is_not_dropped(judged, more, ok):
    found = judged(right + asked + f"    return {{k: v + {more} for k, v in _wrong(da_next, cache).items()}}\n")
    assert (equations(found) == []) == ok
