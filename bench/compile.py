"How long the first gradient of engine=\"numba\" takes: the first time ever, and in later processes. Writes compile.json."
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

ROUNDS = 3
first_gradient = """
from time import perf_counter
start = perf_counter()
import numpy as np
from lstm_nb.parameters import init_lstm_parameters
from lstm_nb.fused import fused_lstm_backward, fused_lstm_forward
numpy = perf_counter()
import numba, scipy.linalg
imported = perf_counter()
p, x, a0 = init_lstm_parameters(3, 5, rng=0, dtype=np.float32), np.ones((3, 2, 4), np.float32), np.zeros((5, 2), np.float32)
a, c, tape = fused_lstm_forward(x, a0, p, engine="numba")
fused_lstm_backward(a, tape)
print(imported - numpy, perf_counter() - numpy)
"""


def run(folder):
    "Seconds to import, and to the first gradient, in a process of its own."
    out = subprocess.run([sys.executable, "-c", first_gradient], check=True, capture_output=True, text=True,
                         env={**os.environ, "NUMBA_CACHE_DIR": folder}).stdout
    return [float(v) for v in out.split()]


rounds = []
for _ in range(ROUNDS):
    with tempfile.TemporaryDirectory() as folder: rounds.append((run(folder), run(folder)))
result = {"rounds": ROUNDS, "cold": median(c[1] for c, _ in rounds), "warm": median(w[1] for _, w in rounds),
          "import": median(w[0] for _, w in rounds)}
Path(__file__).with_suffix(".json").write_text(json.dumps({k: round(v, 2) for k, v in result.items()}) + "\n")
print(result)
