"Every output and every gradient against JAX in float64: fused gates under `lax.scan`, 32 problems of a size at once."
import jax
import numpy as np
import pytest
from cases import few, problem, problem_with_labels, sizes
from hypothesis import given, settings
from hypothesis import strategies as st
from implementations import engines
from jax import lax
from jax import numpy as jnp
from judge import judge_engine, judge_loss
from plain import flat

jax.config.update("jax_enable_x64", True)
jax.config.update("jax_disable_most_optimizations", True)   # most of the time is compilation
batches = settings(max_examples=12)


def rnn(v):
    "The states of a plain RNN."
    step = lambda a, xt: 2 * (jnp.tanh(jnp.hstack([v["Waa"], v["Wax"]]) @ jnp.vstack([a, xt]) + v["ba"]),)
    return {"a": jnp.moveaxis(lax.scan(step, v["a0"], jnp.moveaxis(v["x"], 2, 0))[1], 0, 2)}


def lstm(v):
    "The states of an LSTM."
    W, b = (jnp.concatenate([v[f"{n}{k}"] for k in "fioc"]) for n in "Wb")

    def step(state, xt):
        a, c = state
        *gates, candidate = jnp.split(W @ jnp.concatenate([a, xt]) + b, 4)
        f, i, o = map(jax.nn.sigmoid, gates)
        c = f*c + i*jnp.tanh(candidate)
        return 2 * ((o*jnp.tanh(c), c),)
    steps = lax.scan(step, (v["a0"], v["c0"]), jnp.moveaxis(v["x"], 2, 0))[1]
    return {k: jnp.moveaxis(s, 0, 2) for k, s in zip("ac", steps)}


def full(d, like): return np.zeros_like(like) if d is None else np.pad(d, [(0, 0), (0, 0), (0, like.shape[2] - d.shape[2])])


def batch(function, *cases):
    "`function` of all cases at once; one result a case."
    out = jax.jit(jax.vmap(function))(jax.tree.map(lambda *leaves: np.stack(leaves), *cases))
    return [jax.tree.map(lambda v: np.asarray(v[n]), out) for n in range(len(cases))]


@pytest.mark.parametrize("forward", [rnn, lstm], ids=["rnn", "lstm"])
@batches
@given(data=st.data())
def test_scan(forward, data):
    "Every engine on the same problems, since JAX compiles for seconds and runs in no time."
    size, net = st.just(data.draw(sizes)), forward.__name__
    qs = data.draw(st.lists(problem(net, size=size), min_size=32, max_size=32))
    ours = [e for e in engines if e.net == net]

    def both(case):
        v, d = case
        return forward(v), jax.grad(lambda v: sum((s * d[k]).sum() for k, s in forward(v).items()))(v)
    upstream = lambda q: {k: full(q[f"d{k}"], out) for k, out in ours[0].run(q)[0].items()}
    for q, (outputs, gradients) in zip(qs, batch(both, *[(flat(q), upstream(q)) for q in qs])):
        for engine in ours: judge_engine("JAX", engine, q, outputs, {f"d{k}": g for k, g in gradients.items()})


@batches
@given(data=st.data())
def test_loss(data):
    size, n_y = st.just(data.draw(sizes)), data.draw(few)
    cases = data.draw(st.lists(problem_with_labels(n_y=n_y, size=size), min_size=32, max_size=32))

    def loss(v, labels, weights):
        states = lstm(v)
        logits = jnp.tensordot(v["Wy"], states["a"], 1) + v["by"][:, :, None]
        losses = -jnp.take_along_axis(jax.nn.log_softmax(logits, 0), labels[None], 0)[0]
        return (losses * weights).sum() / weights.sum(), states
    both = lambda case: jax.value_and_grad(loss, has_aux=True)(*case)
    given = [(flat(q), labels, np.ones(labels.shape) if weights is None else weights) for q, labels, weights in cases]
    for case, ((value, states), gradients) in zip(cases, batch(both, *given)):
        judge_loss("JAX", *case, value, {f"d{k}": g for k, g in gradients.items()}, states)
