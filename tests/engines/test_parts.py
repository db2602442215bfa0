"The compiled engine where something is missing: threads, a main thread, MKL, a folder for what was compiled; and in a process that was forked."
import os
import subprocess
import sys

import pytest

from lstm_nb.engines import compiled

start = """
import atexit, os, sys, threading, time, warnings
import numpy as np
from lstm_nb.parameters import init_lstm_parameters
from lstm_nb.engines.calls import fused_lstm_backward, fused_lstm_forward
engine, (n_x, n, m, T) = sys.argv[1], (8, 256, 64, 3)
r = np.random.default_rng(0)
p, x, a0, da = init_lstm_parameters(n_x, n, rng=r), r.standard_normal((n_x, m, T)), r.standard_normal((n, m)), r.standard_normal((n, m, T))
def gradient(tape=None):
    *_, tape = fused_lstm_forward(x, a0, p, engine=engine, tape=tape)
    return fused_lstm_backward(da, tape)["dWf"], tape
def right(): return np.allclose(gradient()[0], want, rtol=1e-9, atol=1e-9)
"""
forked = """
want, tape = gradient()
child = os.fork()
if not child: os._exit(not np.array_equal(gradient(tape)[0], want))
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert np.array_equal(gradient(tape)[0], want)
"""
at_the_end = """
want, _ = gradient()
def work():
    main.join()
    for _ in range(3): print(right(), flush=True)
main = threading.main_thread()
threading.Thread(target=work).start()
atexit.register(lambda: print(right(), flush=True))
"""
no_thread = """
want, _ = gradient()
def no(self): raise RuntimeError("can't start new thread")
threading.Thread.start = no
print(*[right() for _ in range(4)], sep="\\n")
"""
no_folder = """
import tempfile
def no(*args, **kw): raise OSError(30, "Read-only file system")
tempfile.TemporaryFile = no
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    want = 0
    (a, _), (b, _) = gradient(), gradient()
assert [str(w.message) for w in said if "NUMBA_CACHE_DIR" in str(w.message)], said
assert len(said) == 1, said
engine = "numpy"
want = a
print(*[right() for _ in range(4)], sep="\\n")
"""
no_library = """
from importlib import metadata
from pathlib import Path
class Listed:
    def __init__(self, name): self.name = name
    def locate(self): return Path("/nowhere")/self.name
real = metadata.files
metadata.files = lambda name: [Listed(k) for k in FILES] if name == "mkl" else real(name)
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    (a, _), (b, _) = gradient(), gradient()
assert len(said) == 1 and "mkl" in str(said[0].message) and "OpenBLAS" in str(said[0].message), said
engine, want = "numpy", a
print(*[right() for _ in range(4)], sep="\\n")
"""
needs_mkl = pytest.mark.skipif(not compiled.find_mkl(), reason="the package mkl is not installed")
both = pytest.mark.parametrize("engine", ["numpy", "numba"])


def run(code, engine="numba", **env):
    "What a process prints; it must not print anything as an error."
    env = os.environ | {"OMP_NUM_THREADS": "2", "MKL_NUM_THREADS": "2"} | env
    done = subprocess.run([sys.executable, "-W", "ignore::DeprecationWarning", "-c", start + code, engine], capture_output=True, text=True, env=env, timeout=200)
    assert done.returncode == 0 and not done.stderr, done.stderr
    return done.stdout.split()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@both
def test_a_forked_process(engine): run(forked, engine)


@both
def test_after_the_main_thread_and_at_the_end(engine): assert run(at_the_end, engine) == ["True"]*4


@both
def test_where_no_thread_can_be_started(engine): assert run(no_thread, engine) == ["True"]*4


def test_without_a_folder_for_what_was_compiled(tmp_path): assert run(no_folder, NUMBA_CACHE_DIR=str(tmp_path/"none")) == ["True"]*4


@pytest.mark.parametrize("files", [["libmkl_rt.so.2"], ["README"], []])
def test_mkl_that_is_only_listed(files):
    assert run(f"FILES = {files}\n" + no_library) == ["True"]*4


@needs_mkl
def test_nothing_is_lost_where_a_part_cannot_start():
    "It is shared out there at all: three threads in a row are asked for, and each pass is right."
    code = """
want, _ = gradient()
from lstm_nb.engines import compiled
real, asked = threading.Thread.start, []
def sometimes(self):
    asked.append(self)
    if len(asked) in (1, 4): raise RuntimeError("can't start new thread")
    real(self)
threading.Thread.start = sometimes
for _ in range(3): print(right())
print(len(asked))
"""
    assert run(code) == ["True"]*3 + ["6"]
