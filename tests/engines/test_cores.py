"The compiled engine keeps SciPy's OpenBLAS to one thread during a pass, and puts it back: counted, nested, concurrent, after errors, in forks."
import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from conftest import root

from lstm_nb import fused_lstm_backward, fused_lstm_forward
from lstm_nb.engines import calls, compiled
from lstm_nb.engines.engine import prove_engine, random_problem

openblas = calls._find_openblas()
pytestmark = pytest.mark.skipif(openblas is None, reason="SciPy has no OpenBLAS of its own here")


@pytest.fixture
def limit(monkeypatch):
    "The functions that get and set, with four threads allowed meanwhile; MKL, if it is here, looks as if it were not."
    monkeypatch.setattr(compiled, "find_mkl", lambda: None)
    get, put = openblas
    before = get()
    put(4)
    yield get, put
    assert get() == 4 and calls._passes == 0
    put(before)


def test_nested(limit):
    get, _ = limit
    with calls._one_thread(limit) as n:
        assert (n, get()) == (4, 1)
        with calls._one_thread(limit) as m: assert (m, get()) == (4, 1)
        assert get() == 1
    assert get() == 4


def test_an_error_puts_it_back(limit):
    get, _ = limit
    for error in (ValueError, KeyboardInterrupt):
        with pytest.raises(error), calls._one_thread(limit): raise error
        assert get() == 4


def test_passes_in_any_order(limit):
    "A hundred passes in eight threads that begin and end in any order: it is 1 while any runs, and 4 when none does."
    get, _ = limit
    seen, rng = [], np.random.default_rng(0)

    def work(pauses):
        for p in pauses:
            with calls._one_thread(limit) as n:
                time.sleep(p)
                seen.append((n, get()))
    threads = [threading.Thread(target=work, args=(rng.random(12)*.003,)) for _ in range(8)]
    for t in threads: t.start()
    for t in threads: t.join()
    assert {*seen} == {(4, 1)} and len(seen) == 96


def test_a_run_sets_it_and_an_engine_that_fails_puts_it_back(limit, monkeypatch):
    get, seen = limit[0], []
    p, x, a0, c0, da, _ = random_problem(3, 5, 4, 6)
    share = calls._parts
    monkeypatch.setattr(calls, "_parts", lambda sizes, n: seen.append((n, get())) or share(sizes, n))
    *_, tape = fused_lstm_forward(x, a0, p, c0, engine="numba")
    fused_lstm_backward(da, tape)
    assert seen == [(4, 1)]*2 and get() == 4

    def fail(*_): raise MemoryError
    monkeypatch.setattr(calls, "_parts", fail)
    with pytest.raises(MemoryError): fused_lstm_forward(x, a0, p, c0, engine="numba")
    assert get() == 4


@pytest.mark.parametrize("parts", (1, 2, 3, 4))
def test_the_same_gradients_for_any_number_of_parts(parts, monkeypatch):
    monkeypatch.setattr(calls, "_parts", lambda sizes, n: min(parts, sizes.n_a))
    prove_engine("numba")
    prove_engine("numba", 1e-4, dtype=np.float32)


def test_other_threads_have_the_same_bits_meanwhile(limit):
    "How many passes run does not show in a run: parts are counted by what was allowed before any."
    q = random_problem(5, 40, 90, 7)
    p, x, a0, c0, da, dc = q

    def run():
        a, _, tape = fused_lstm_forward(x, a0, p, c0, engine="numba")
        return a, fused_lstm_backward(da, tape, dc)
    (a, want), found = run(), []
    threads = [threading.Thread(target=lambda: found.extend(run() for _ in range(5))) for _ in range(5)]
    for t in threads: t.start()
    for t in threads: t.join()
    assert len(found) == 25
    for b, g in found:
        assert np.array_equal(a, b) and all(np.array_equal(g[k], want[k]) for k in want)


def test_products_of_other_threads_are_never_wrong(limit):
    "SciPy multiplies in four threads while passes set the limit and put it back."
    from scipy.linalg.blas import dgemm
    rng, stop, wrong = np.random.default_rng(0), threading.Event(), []
    a, b = rng.standard_normal((2, 300, 300))
    want = a @ b

    def multiply():
        while not stop.is_set():
            if not np.allclose(dgemm(1, a, b), want, rtol=1e-10, atol=1e-10): wrong.append(1)
    threads = [threading.Thread(target=multiply) for _ in range(4)]
    for t in threads: t.start()
    for _ in range(300):
        with calls._one_thread(limit): time.sleep(.001)
    stop.set()
    for t in threads: t.join()
    assert not wrong


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_child_starts_without_the_passes_of_other_threads():
    code = """
import os, threading, warnings
warnings.simplefilter("ignore")
from lstm_nb.engines import calls, compiled
get, put = calls._find_openblas()
put(4)
inside, done = threading.Event(), threading.Event()
def other():
    with calls._one_thread((get, put)): inside.set(); done.wait()
t = threading.Thread(target=other); t.start(); inside.wait()
assert get() == 1
child = os.fork()
if not child:
    ok = get() == 4 and calls._passes == 0
    with calls._one_thread((get, put)) as n: ok = ok and n == 4 and get() == 1
    os._exit(0 if ok and get() == 4 else 1)
assert os.waitpid(child, 0)[1] == 0 and get() == 1 and calls._passes == 1
done.set(); t.join()
assert get() == 4 and calls._passes == 0
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr


def test_without_openblas_one_part_does_it(monkeypatch):
    "Where SciPy has another BLAS, nothing is set and nothing is shared out."
    monkeypatch.setattr(calls, "_find_openblas", lambda: None)
    seen, share = [], calls._parts
    monkeypatch.setattr(calls, "_parts", lambda sizes, n: seen.append(n) or share(sizes, n))
    prove_engine("numba")
    assert {*seen} == {compiled.find_mkl().MKL_Get_Max_Threads() if compiled.find_mkl() else 1}
