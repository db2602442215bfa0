"What pages E4 and E10 say of the compiled engine: compile time, who multiplies and who shares out, products of a step. Writes compiled.json."
import json
import os
import subprocess
import sys
import tempfile
from statistics import median

from workers import code_of, here, machine, rounded

ROUNDS, SIZES, WAYS = 3, ((64, 128, 32, 100), (128, 256, 64, 50), (256, 512, 64, 20)), ("openblas units", "openblas", "openblas one", "units")
PRODUCTS = [(n, m, t) for n, m in ((32, 16), (128, 16), (128, 64), (512, 64)) for t in ("float32", "float64")]
first_gradient = """
from time import perf_counter
import numpy as np
from lstm_nb.parameters import init_lstm_parameters
from lstm_nb.engines.calls import fused_lstm_backward, fused_lstm_forward
start = perf_counter()
import numba, scipy.linalg
imported = perf_counter()
p, x, a0 = init_lstm_parameters(3, 5, rng=0, dtype=np.float32), np.ones((3, 2, 4), np.float32), np.zeros((5, 2), np.float32)
a, c, tape = fused_lstm_forward(x, a0, p, engine="numba")
fused_lstm_backward(a, tape)
print(imported - start, perf_counter() - start)
"""
clock = """
import sys
from time import perf_counter
import numpy as np
from programs import without_mkl
if sys.argv[1] != "units": without_mkl()
from lstm_nb.parameters import init_lstm_parameters
from lstm_nb.engines.calls import fused_lstm_backward, fused_lstm_forward
from lstm_nb.engines import calls, compiled
def median_of(run, count):
    times = []
    for _ in range(count):
        start = perf_counter(); run(); times.append(perf_counter() - start)
    return float(np.median(times))
"""
whole = clock + """
way, (n_x, n_a, m, T_x), tape = sys.argv[1], eval(sys.argv[2]), [None]
if way in ("openblas", "openblas one"): calls._parts = lambda sizes, threads: 1
if way == "openblas": calls._find_openblas = lambda: None
if way == "units" and not compiled.find_mkl(): sys.exit(print("nan"))
p, x = init_lstm_parameters(n_x, n_a, rng=0, dtype=np.float32), np.ones((n_x, m, T_x), np.float32)
a0, da = np.zeros((n_a, m), np.float32), np.ones((T_x, n_a, m), np.float32).transpose(1, 2, 0)
def run():
    *_, tape[0] = fused_lstm_forward(x, a0, p, engine="numba", tape=tape[0])
    fused_lstm_backward(da, tape[0])
run()
print(1e3*median_of(run, 20))
"""
product = clock + """
import numba
n, m, dtype = eval(sys.argv[2])
rng = np.random.default_rng(0)
W, a, z = (rng.standard_normal(s).astype(dtype) for s in ((4*n, n), (n, m), (4*n, m)))
limit, count = calls._find_openblas(), max(1, 10**7 // W.size // m)
@numba.njit(**compiled._options)
def blas(W, a, z, count):
    for _ in range(count): compiled.blas_product(W, a, z)
@numba.njit(**compiled._options)
def tile(W, a, z, count):
    for _ in range(count): compiled.step_product(W, a, W[:, :0], a[:0], z)
@numba.njit(**compiled._options)
def loops(W, a, z, count):
    for _ in range(count):
        for r in range(z.shape[0]):
            for j in range(z.shape[1]): z[r, j] = 0
            for k in range(a.shape[0]):
                for j in range(z.shape[1]): z[r, j] += W[r, k]*a[k, j]
right = W @ a
with calls._one_thread(limit):
    for f in (blas, loops, tile):
        f(W, a, z, 1)
        assert np.allclose(z, right, atol=1e-3)
        print(1e6*median_of(lambda: f(W, a, z, count), 30)/count)
"""


def run(code, *args, **env):
    "The numbers that a program prints, in a process of its own."
    out = subprocess.run([sys.executable, "-c", code, *map(str, args)], check=True, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": f"{here}{os.pathsep}{here.parent}", **env}).stdout
    return [float(v) for v in out.split()]


rows = []
for _ in range(ROUNDS):
    with tempfile.TemporaryDirectory() as folder:
        (_, cold), (imports, warm) = (run(first_gradient, NUMBA_CACHE_DIR=folder) for _ in range(2))
    ways = [run(whole, way, s)[0] for s in SIZES for way in WAYS]
    rows.append([cold, imports, warm, *ways, *(v for s in PRODUCTS for v in run(product, "one", s))])
cold, imports, warm, *rest = rounded([median(v) for v in zip(*rows)])
ways, products = rest[:len(SIZES)*len(WAYS)], rest[len(SIZES)*len(WAYS):]
result = {"code": code_of("bench/records/compiled.json"), "machine": machine(), "rounds": ROUNDS, "cold": cold, "import": imports, "warm": warm,
          "ways": [{"size": s, **{way: None if ms != ms else ms for way, ms in zip(WAYS, ways[k*len(WAYS):])}} for k, s in enumerate(SIZES)],
          "products": [{"n_a": n, "m": m, "dtype": t, **dict(zip(("blas", "loops", "tile"), products[3*k:]))} for k, (n, m, t) in enumerate(PRODUCTS)]}
(here/"records/compiled.json").write_text(json.dumps(result, indent=1) + "\n")
print(json.dumps(result, indent=1))
