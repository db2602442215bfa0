"Our float32 errors against PyTorch's own, on the same problems."
from float32 import float32_errors, own, table, typical, worst
from implementations import each
from test_torch import lstm_cells, oracle, rnn


@each
def test_no_further_off_than_torch(engine):
    forward = lstm_cells if engine.net == "lstm" else rnn
    ours, theirs = float32_errors(own(engine), engine), float32_errors(lambda q: oracle(forward, q), engine)
    pair = lambda f: (f(ours), f(theirs))
    ratios = [{k: a[k] / b[k] for k in a} for a, b in (pair(worst), pair(typical))]
    table(f"{engine.name} in float32", worst=worst(ours), PyTorch=worst(theirs), ratio=ratios[0],
          typical=typical(ours), PyTorch_typical=typical(theirs), ratio_typical=ratios[1])
    assert max(max(r.values()) for r in ratios) <= 1.5, ratios
