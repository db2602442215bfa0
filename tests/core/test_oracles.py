"Every output and every gradient against HIPS autograd, which differentiates the forward passes of plain.py."
import autograd.numpy as anp
import numpy as np
import pytest
from autograd import grad
from cases import cast, problem, problem_with_labels
from hypothesis import given
from hypothesis import strategies as st
from implementations import each
from judge import judge, judge_engine, judge_loss, terms
from plain import cross_entropy, flat, loss, states, upstream
from problems import draw


def oracle(q):
    "Outputs and gradients of the problem `q`."
    return states(np, flat(q)), {f"d{k}": v for k, v in grad(lambda v: loss(anp, v, upstream(q)))(flat(q)).items()}


@each
@given(data=st.data())
def test_autograd(engine, data):
    q = data.draw(problem(engine.net, dtypes=engine.dtypes))
    judge_engine("autograd", engine, q, *oracle(cast(q, "float64")))


@given(case=problem_with_labels(dtypes=("float32", "float64")))
def test_loss(case):
    q, labels, weights = case
    v, w = flat(cast(q, "float64")), np.ones(labels.shape) if weights is None else weights
    f = lambda v: cross_entropy(anp, v, labels, w)
    judge_loss("autograd", *case, f(v), {f"d{k}": g for k, g in grad(f)(v).items()}, states(np, v))


@each
@pytest.mark.parametrize("scale", [1e-3, 1, 10])
def test_a_planted_mistake_is_caught(engine, scale):
    q = cast(draw(3, 5, 4, 7, net=engine.net, scale=scale), "float64")
    right, size = oracle(q)[1], terms(q)
    for k in right:
        wrong = right[k].copy()
        wrong.flat[abs(wrong).argmax()] *= 1 + 1e-10
        with pytest.raises(AssertionError): judge("wrong", right | {k: wrong}, right, size)
        with pytest.raises(AssertionError): judge("short", {n: right[n] for n in right if n != k}, right, size)
