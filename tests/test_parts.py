"Units shared out over the cores, in a process that was forked: it has none of its parent's threads."
import os
import subprocess
import sys

import pytest

from lstm_nb import fused

code = """
import os, sys
import numpy as np
from lstm_nb.parameters import init_lstm_parameters
from lstm_nb.fused import fused_lstm_backward, fused_lstm_forward
engine, (n_x, n, m, T) = sys.argv[1], (8, 256, 64, 3)
r = np.random.default_rng(0)
p, x, a0, da = init_lstm_parameters(n_x, n, rng=r), r.standard_normal((n_x, m, T)), r.standard_normal((n, m)), r.standard_normal((n, m, T))
*_, tape = fused_lstm_forward(x, a0, p, engine=engine)
want = fused_lstm_backward(da, tape)["dWf"]
[crews] = tape.memory.crews.values()
assert len(crews) == 1, "not shared out"
child = os.fork()
if not child:
    *_, tape = fused_lstm_forward(x, a0, p, engine=engine, tape=tape)
    os._exit(not np.array_equal(fused_lstm_backward(da, tape)["dWf"], want))
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert np.array_equal(fused_lstm_backward(da, tape)["dWf"], want)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.skipif(not fused._mkl(), reason="the package mkl is not installed")
@pytest.mark.parametrize("engine", ["numpy", "numba"])
def test_a_forked_process_starts_threads_of_its_own(engine):
    env = os.environ | {"OMP_NUM_THREADS": "2", "MKL_NUM_THREADS": "2"}
    subprocess.run([sys.executable, "-W", "ignore", "-c", code, engine], check=True, env=env, timeout=100)
