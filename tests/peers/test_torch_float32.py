"Our float32 errors against PyTorch's own, on the same problems."
from functools import cache

from float32 import float32_errors, own, table, typical, worst
from implementations import each, engines
from test_torch import lstm_cells, oracle, rnn


@cache
def torch_errors(net):
    "Against our per-step code in float64."
    forward = {"lstm": lstm_cells, "rnn": rnn}[net]
    return float32_errors(lambda q: oracle(forward, q), next(e for e in engines if e.net == net))


@each
def test_no_further_off_than_torch(engine):
    ours, theirs = float32_errors(own(engine), engine), torch_errors(engine.net)
    pair = lambda f: (f(ours), f(theirs))
    ratios = [{k: a[k] / b[k] for k in a} for a, b in (pair(worst), pair(typical))]
    table(f"{engine.name} in float32", worst=worst(ours), PyTorch=worst(theirs), ratio=ratios[0],
          typical=typical(ours), PyTorch_typical=typical(theirs), ratio_typical=ratios[1])
    largest, usual = (max(r.values()) for r in ratios)
    assert largest <= 2 and usual <= 1.4, ratios        # the largest of 120 is a matter of luck, the mean is not
