"float32 against float64, over a fixed set of problems; tests/peers holds the same errors against PyTorch's."
import numpy as np
import pytest
from float32 import float32_errors, own, table, typical, worst
from implementations import each, engines
from problems import long

eps = float(np.finfo(np.float32).eps)
bound = {0.1: 500*eps, 1: 500*eps, 3: 5000*eps}   # by the scale of the weights


def hold(errors):
    "Raise an `AssertionError` unless the errors are those of float32 arithmetic."
    assert {k: e for k, e in worst(errors).items() if not e < bound[k[0]]} == {}
    assert {k: e for k, e in typical(errors).items() if not e < 300*eps} == {}


@each
def test_float32(engine):
    errors = float32_errors(own(engine), engine, seeds=40 if long else 15)
    table(f"{engine.name} in float32", worst=worst(errors), typical=typical(errors))
    hold(errors)


def test_fewer_digits_are_seen():
    engine = engines[-1]
    fewer = lambda v: (v * (1 + 2.**-10 * np.sin(v))).astype(v.dtype)
    blunt = lambda q: [{k: fewer(v) for k, v in arrays.items()} for arrays in own(engine)(q)]
    with pytest.raises(AssertionError): hold(float32_errors(blunt, engine, seeds=1))
