"Memory that is used again: no result that somebody still holds ever changes, and what is idle stays within its bounds."
import copy
import gc
import os
import pickle
import random
import subprocess
import sys
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from lstm_nb import assert_close, fused_lstm_backward, fused_lstm_forward, lstm_backward, lstm_forward
from lstm_nb.engines import arrays
from lstm_nb.engines.arrays import Memory, RunSizes, give_back, memory_for
from lstm_nb.engines.engine import random_problem

engines = "numpy", "numba"
problems = {size: random_problem(*size) for size in ((3, 5, 4, 6), (2, 4, 3, 9), (1, 6, 2, 3))}
large = random_problem(8, 24, 16, 60)                   # arrays of more than 64 KiB


@pytest.fixture(autouse=True)
def nothing_idle():
    gc.collect()
    arrays._idle.clear()
    yield
    arrays._idle.clear()


def run(q, seed, engine="numpy", x=None):
    "A run on inputs of its own, and its gradients."
    p, x0, a0, c0, da, dc = q
    if x is None: x = np.random.default_rng(seed).standard_normal(x0.shape)
    a, c, tape = fused_lstm_forward(x, a0, p, c0, engine=engine)
    return a, c, tape, fused_lstm_backward(da, tape, dc)


keeps = {"whole": lambda a: a, "slice": lambda a: a[1:, :, -1], "step": lambda a: a[:, :, ::2], "one": lambda a: a[0, 0, 0:1], "turned": lambda a: a.T.swapaxes(0, 1),
         "view of views": lambda a: a[1:].T[::2][..., 1:].view(), "as bytes": lambda a: a.transpose(2, 0, 1)[:1, :1].view(np.uint8), "memoryview": lambda a: np.asarray(memoryview(a)),
         "strided": lambda a: np.lib.stride_tricks.as_strided(a, (2, 2), a.strides[:2]), "asarray": np.asarray, "interface": lambda a: np.asarray(Holder(a)),
         "subclass": lambda a: a.view(np.matrix if a.ndim == 2 else np.recarray), "windows": lambda a: np.lib.stride_tricks.sliding_window_view(a, 2, 2), "broadcast": lambda a: np.broadcast_to(a[0], (3, *a[0].shape))}


class Holder:
    "What another library makes of an array without a copy."
    def __init__(self, a): self.a, self.__array_interface__ = a, a.__array_interface__


@pytest.mark.parametrize("keep", keeps)
@pytest.mark.parametrize("state", (0, 1))
def test_a_piece_of_a_result_never_changes(keep, state):
    held = []
    for seed in range(60):
        out = run(problems[3, 5, 4, 6], seed)
        if seed % 3 == 0: held.append((piece := keeps[keep](out[state]), np.array(piece)))
    for piece, before in held: np.testing.assert_array_equal(piece, before)
    assert any(np.may_share_memory(piece, shown) is False for piece, _ in held[:-1] for shown in [out[state]])


@pytest.mark.parametrize("engine", engines)
def test_held_at_random(engine):
    "Results of all kinds are kept and dropped in any order, among copies and pickles of tapes; then all of them are compared."
    rng, held = random.Random(0), []
    for seed in range(400):
        size = rng.choice([*problems])
        a, c, tape, gradients = run(problems[size], seed, engine)
        kept = rng.sample([a, c[:, 0], a.T[1:], *gradients.values()], 3)
        if rng.random() < .3: held.append((kept, [v.copy() for v in kept], None, None))
        if rng.random() < .1: held.append(([], [], rng.choice((lambda t: t, copy.copy, lambda t: pickle.loads(pickle.dumps(t))))(tape), (size, gradients)))
        if rng.random() < .2 and held: held.pop(rng.randrange(len(held)))
    assert len(held) > 20
    for kept, before, tape, what in held:
        for v, b in zip(kept, before, strict=True): np.testing.assert_array_equal(v, b)
        if tape is not None:
            size, gradients = what
            for k, v in fused_lstm_backward(problems[size][4], tape, problems[size][5]).items(): np.testing.assert_array_equal(v, gradients[k])


def test_a_plain_loop_takes_no_new_memory():
    places = {run(large, seed)[0].ctypes.data for seed in range(20)}
    assert len(places) <= 2 and len(arrays._idle) <= 2
    a = c = tape = None
    before = len(places)
    for seed in range(20):                               # everything is held until the next call has returned
        a, c, tape, _ = run(large, seed)
        places.add(a.ctypes.data)
    assert len(places) <= before + 1 and c.shape and tape is not None


def test_what_was_handed_on_goes_nowhere_twice():
    "A tape that was handed on has no memory to give back; that of other sizes makes room for the new one."
    p, x, a0, c0, *_ = problems[3, 5, 4, 6]
    *_, tape = fused_lstm_forward(x, a0, p, c0)
    *_, newer = fused_lstm_forward(x, a0, p, c0, tape=tape)
    del tape
    assert not arrays._idle
    *_, other = fused_lstm_forward(x[:, :, :2], a0, p, c0, tape=newer)
    assert not arrays._idle and other.memory.sizes.T_x == 2
    del other
    assert [m.sizes.T_x for m in arrays._idle] == [2]


def test_an_error_loses_nothing_that_is_held():
    p, x, a0, c0, da, _ = problems[3, 5, 4, 6]
    a, c, tape, _ = run(problems[3, 5, 4, 6], 0)
    before, errors = (a.copy(), c.copy()), []
    del tape
    for _ in range(50):
        a_k, _, tape = fused_lstm_forward(x, a0, p, c0)
        try: fused_lstm_backward(da[:2], tape)
        except ValueError as e: errors.append(e)         # its traceback holds the tape
        del a_k, tape
    np.testing.assert_array_equal((a, c), before)
    inner = [[f for f, _ in traceback.walk_tb(e.__traceback__) if "tape" in f.f_locals][-1] for e in errors]
    tapes = [f.f_locals["tape"] for f in inner]
    assert len({id(t.memory) for t in tapes}) == len(tapes) == 50


def test_generators_hold_what_they_hold():
    def results(first):
        for seed in range(first, first + 50):
            a, _, tape, _ = run(problems[3, 5, 4, 6], seed)
            del tape
            yield a[:, 1], a[:, 1].copy()
    open_ones = [results(100*k) for k in range(4)]
    for _ in range(50):
        for pair in [next(g) for g in open_ones]: np.testing.assert_array_equal(*pair)


@pytest.mark.parametrize("engine", engines)
def test_threads(engine):
    "Eight threads make, hold, hand over and drop; every result is what one thread computes."
    want = {(size, seed): run(q, seed, engine) for size, q in problems.items() for seed in range(5)}
    want = {k: (a.copy(), c.copy(), g) for k, (a, c, _, g) in want.items()}
    shared, wrong, lock = [], [], threading.Lock()

    def check(key, a, c, g=None):
        if not (np.array_equal(a, want[key][0]) and np.array_equal(c, want[key][1])): wrong.append(key)
        if g and not all(np.array_equal(g[k], want[key][2][k]) for k in g): wrong.append(key)

    def work(k):
        rng = random.Random(k)
        for _ in range(150):
            key = rng.choice([*problems]), rng.randrange(5)
            a, c, tape, g = run(problems[key[0]], key[1], engine)
            with lock:
                shared.append((key, a, c, tape if rng.random() < .5 else None))
                old = shared.pop(rng.randrange(len(shared))) if len(shared) > 12 else None
            check(key, a, c, g)
            if old:                                       # made by any thread, read and dropped by this one
                more = fused_lstm_backward(problems[old[0][0]][4], old[3], problems[old[0][0]][5]) if old[3] is not None else None
                check(*old[:3], more)
    with ThreadPoolExecutor(8) as pool: [*pool.map(work, range(8))]
    assert not wrong


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_forks():
    "Children that are forked while other threads run: nothing is locked, what the parent holds is unchanged in both."
    code = """
import os, sys, threading, warnings
warnings.simplefilter("ignore")
sys.path.insert(0, "tests/engines")
from test_memory import *
q, stop = problems[3, 5, 4, 6], threading.Event()
def busy():
    while not stop.is_set(): run(q, 1)
threads = [threading.Thread(target=busy) for _ in range(3)]
for t in threads: t.start()
want, (a, c, tape, g) = run(q, 2)[0].copy(), run(q, 3)
before = a.copy()
for k in range(12):
    child = os.fork()
    if not child:
        ok = all(np.array_equal(run(q, 2)[0], want) for _ in range(5)) and np.array_equal(a, before)
        os._exit(0 if ok else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert np.array_equal(run(q, 2)[0], want) and np.array_equal(a, before)
stop.set()
for t in threads: t.join()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, cwd=os.path.dirname(os.path.dirname(os.path.dirname(__file__))),
                          env=os.environ | {"PYTHONPATH": "tests/support:tests"})
    assert (done.returncode, done.stderr) == (0, ""), done.stderr


def test_bounds():
    "Sixty-four runs and a quarter of a gigabyte; what alone is too large is not kept and drives nobody out."
    small = [Memory(*RunSizes(1, 1, 1, k + 1, np.dtype(float))) for k in range(70)]
    for m in small: give_back(m)
    assert [*arrays._idle] == small[6:]
    give_back(Memory(1, 64, 64, 2000, np.float64))
    assert [*arrays._idle] == small[6:]
    for k in range(8): give_back(Memory(1, 64, 64, 150 + k, np.float64))
    assert sum(m.nbytes for m in arrays._idle) <= arrays._MOST == 2**28 and len(arrays._idle) < 8


def test_what_is_idle_makes_room():
    "Where sizes change from call to call, idle memory does not pile up."
    p, x, a0, c0, *_ = large
    for T in range(11, 61):
        a, c, tape = fused_lstm_forward(x[:, :, :T], a0, p, c0)
    assert len(arrays._idle) <= 2 and a.shape[2] == 60 and c.shape == a.shape and tape is not None


@pytest.mark.parametrize("engine", engines)
def test_lengths_that_change_from_call_to_call(engine):
    "Runs of any length share one memory, forward and backward, and say what page 05 says; a held result is left alone."
    p, x, a0, c0, da, dc = random_problem(3, 5, 4, 30)
    rng, held, places = random.Random(0), [], set()
    for k in range(120):
        T = rng.randrange(14, 31)
        a, c, tape = fused_lstm_forward(x[:, :, :T], a0, p, c0, engine=engine)
        places.add(a.ctypes.data)
        want_a, _, want_c, caches = lstm_forward(x[:, :, :T], a0, p, c0)
        assert_close(a, want_a), assert_close(c, want_c)
        if k % 2: assert_close(fused_lstm_backward(da[:, :, :T], tape, dc[:, :, :T]), lstm_backward(da[:, :, :T], caches, dc[:, :, :T]))
        if k % 40 == 0: held.append((a, a.copy()))
    for a, before in held: np.testing.assert_array_equal(a, before)
    assert len(places) < 20
    fused_lstm_forward(x[:, :, :30], a0, p, c0)
    a, _, _ = fused_lstm_forward(x[:, :, :3], a0, p, c0)     # a small result does not hold a large array
    assert a.base.size <= 2*5*4*(3 + 1)


def test_a_tape_in_a_cycle_comes_back():
    *_, tape, _ = run(problems[3, 5, 4, 6], 0)
    tape.itself = tape
    del tape
    gc.collect()
    assert len(arrays._idle) == 1


def test_the_end_of_a_program_is_silent():
    "Tapes that live until the end, in every place."
    code = ("import numpy as np, lstm_nb as nb; p = nb.init_lstm_parameters(2, 3, rng=0); f = lambda: nb.fused_lstm_forward(np.ones((2, 1, 4)), None, p);"
            "kept = f(); import lstm_nb.engines.arrays as m; m.kept = f(); np.kept = f(); import sys; sys.kept = f(); kept[2].itself = kept;"
            "import threading; t = threading.local(); t.kept = f(); import atexit; atexit.register(f)")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_the_checks_can_fail(monkeypatch):
    "A memory that always takes itself for free: what is held changes."
    monkeypatch.setattr(Memory, "is_held", lambda self: False)
    with pytest.raises(AssertionError): test_a_piece_of_a_result_never_changes("slice", 0)
    with pytest.raises(AssertionError): test_held_at_random("numpy")
    with pytest.raises(AssertionError): test_generators_hold_what_they_hold()


def test_a_memory_is_no_other_threads():
    "Of two threads that ask at once, one gets what is idle."
    sizes = RunSizes(1, 1, 1, 1, np.dtype(float))
    for _ in range(100):
        give_back(Memory(*sizes))
        begin, got = threading.Barrier(4), []
        ask = lambda begin=begin, got=got: (begin.wait(), got.append(memory_for(sizes)))
        threads = [threading.Thread(target=ask) for _ in range(4)]
        for t in threads: t.start()
        for t in threads: t.join()
        assert len({id(m) for m in got}) == 4
