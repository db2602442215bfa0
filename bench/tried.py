"""What was tried to make the engines faster, and what it gave: writes bench/records/tried.json, which page E8 shows.

Two kinds of programs, in turn and each in a process of its own, as in run.py. The compiled engine with and without its sharing, whose results
are checked first; and the matrix products with all moving of memory around them, in the layout of the engines and in others, by MKL throughout."""
import argparse
import ctypes
import sys
import tempfile
from contextlib import ExitStack
from functools import partial
from itertools import count
from pathlib import Path

import numpy as np
import programs
from run import dtypes, measure, report
from workers import Notes, Worker, here, machine

sizes = [(32, 64, 16, 50), (64, 128, 32, 100), (128, 256, 64, 50), (256, 512, 64, 20)]


def whole(q):
    "No units are shared out, and the products are kept to one core."
    from lstm_nb.engines import calls
    calls._parts = lambda sizes, threads: 1
    return programs.fused(q, "numba", tape=True, mkl=True)


def arrays(q):
    "Sizes, and a maker of arrays of the problem's type."
    (n_x, m, T), n = q["x"].shape, len(q["a0"])
    return n_x, n, m, T, lambda *shape: np.random.default_rng(0).standard_normal(shape, q["x"].dtype)


def columns(q, thin=None):
    "Examples as columns and the inputs' product before the loop, as in the engines: three times everything is turned."
    from lstm_nb.engines.arrays import Memory, turn
    from lstm_nb.engines.compiled import blas_product as dot
    n_x, n, m, T, new = arrays(q)
    memory = Memory(n_x, n, m, T, q["x"].dtype)
    memory.Wx[...], memory.stacked[...] = new(*memory.Wx.shape), new(*memory.stacked.shape)
    W, WT, WxT, A, K = new(4*n, n), new(n, 4*n), new(n_x, 4*n), new(T, n, m), new(T, 4*n, m)
    S, dZ, z, a = memory.stacked, new(4*n, T, m), new(4*n, m), new(n, m)
    dW, dx = new(4*n, n + n_x + 1), new(n_x, T*m)
    up, down = (thin(V, m, T) if thin else partial(dot, V) for V in (W, WT))

    def forward():
        for r in range(0, 4*n, len(memory.block)):
            W = memory.Wx[r:r + len(memory.block)]
            some = memory.block[:len(W)]
            dot(W, S[n:].reshape(-1, T*m), some)
            turn(some.reshape(len(W), T, m), memory.gates.reshape(T, 4*n, m)[:, r:r + len(W)])
        for At in A: up(At, z)
        turn(A, S[:n])

    def both():
        forward()
        for Kt in K[::-1]: down(Kt, a)
        turn(K, dZ)
        dot(dZ.reshape(4*n, T*m), S.reshape(-1, T*m).T, dW)
        dot(WxT, dZ.reshape(4*n, T*m), dx)
    return forward, both, None


def within(q):
    "The inputs within the product of the step: nothing before the loop, and one product gives da and dx."
    from lstm_nb.engines.arrays import turn
    from lstm_nb.engines.compiled import blas_product as dot
    n_x, n, m, T, new = arrays(q)
    k = n + n_x + 1
    W, WT, S, K, z, back = new(4*n, k), new(k - 1, 4*n), new(T, k, m), new(T, 4*n, m), new(4*n, m), new(k - 1, m)
    turned, dZ, dW = new(k, T, m), new(4*n, T, m), new(4*n, k)

    def forward():
        for St in S: dot(W, St, z)

    def both():
        forward()
        for Kt in K[::-1]: dot(WT, Kt, back)
        turn(S, turned); turn(K, dZ)
        dot(dZ.reshape(4*n, T*m), turned.reshape(k, T*m).T, dW)
    return forward, both, None


def as_rows(q):
    "Examples as rows, as in PyTorch: time first is a matrix already, and nothing is turned."
    from lstm_nb.engines.compiled import blas_product as dot
    n_x, n, m, T, new = arrays(q)
    W, Wx, A, X, K = new(4*n, n), new(4*n, n_x + 1), new(T, m, n), new(T*m, n_x + 1), new(T, m, 4*n)
    G, z, a, dWa, dWx, dx = new(T*m, 4*n), new(m, 4*n), new(m, n), new(4*n, n), new(4*n, n_x + 1), new(T*m, n_x + 1)

    def forward():
        dot(X, Wx.T, G)
        for At in A: dot(At, W.T, z)

    def both():
        forward()
        for Kt in K[::-1]: dot(Kt, W, a)
        dZ = K.reshape(T*m, 4*n)
        dot(dZ.T, A.reshape(T*m, n), dWa)
        dot(dZ.T, X, dWx)
        dot(dZ, Wx, dx)
    return forward, both, None


def packed(W, m, T):
    "A product with weights that are brought into the order in which MKL reads them once in `T` calls, instead of in each."
    from lstm_nb.engines.compiled import find_mkl
    kind, number = ("s", ctypes.c_float) if W.dtype == np.float32 else ("d", ctypes.c_double)
    size, pack, compute = (getattr(find_mkl(), f"cblas_{kind}gemm_{k}") for k in ("pack_get_size", "pack", "compute"))
    size.restype = ctypes.c_size_t
    rows, left, plain, ready = 101, 161, 111, 151                       # as mkl_cblas.h counts them
    place, (M, K), calls = lambda v: ctypes.c_void_p(v.ctypes.data), W.shape, count()
    room = np.empty(size(left, M, m, K) + 64, np.uint8)
    room = room[-room.ctypes.data % 64:]

    def product(a, out):
        if next(calls) % T == 0: pack(rows, left, plain, M, m, K, number(1), place(W), K, place(room))
        compute(rows, ready, plain, M, m, K, place(room), K, place(a), m, number(0), place(out), m)
    a, out = np.ones((K, m), W.dtype), np.empty((M, m), W.dtype)
    for _ in range(T): product(a, out)
    assert np.allclose(out, W.sum(1, keepdims=True), atol=1e-2)
    return product


engines = {"numba": partial(programs.fused, engine="numba", tape=True, mkl=True), "numba, whole": whole}
layouts = {"columns": columns, "columns, packed": partial(columns, thin=packed), "within": within, "rows": as_rows}
variants = engines | layouts


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one short round of a small size; writes only where --out says")
    parser.add_argument("--out", type=Path, help="the file of the results")
    a = parser.parse_args()
    points, rounds, seconds = ([(4, 8, 4, 5)], 1, .02) if a.quick else (sizes, 5, .2)
    notes = Notes(a.out or (None if a.quick else here/"records/tried.json"), "tried.json", {"threads": 2, "rounds": rounds, "seconds": seconds})
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        workers = [stack.enter_context(Worker("tried.py", name)) for name in variants]
        judge = stack.enter_context(Worker("programs.py", "per step"))
        for size in points:
            reference = str(Path(folder)/"reference.npz")
            judge.ask(do="reference", size=size, path=reference)
            for dtype in dtypes:
                if notes.done(size=list(size), dtype=dtype): continue
                notes.add(measure(workers, size, dtype, rounds, seconds, reference))
                report(notes.rows[-1])
    notes.finish(machine=machine())


if __name__ == "__main__":
    if sys.argv[1:2] and sys.argv[1] in variants:      # a process of its own, asked by the one below
        programs.programs |= variants
        programs.serve(programs.answer)
    else: main()
