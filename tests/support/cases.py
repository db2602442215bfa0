"What hypothesis draws: sizes, weights from tiny to saturating, upstream gradients of fewer steps, states given or not."
import numpy as np
import problems
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

settings.register_profile("ours", derandomize=not problems.long, database=None, deadline=None, max_examples=640 if problems.long else 60,
                          suppress_health_check=[HealthCheck.too_slow, HealthCheck.large_base_example])
settings.load_profile("ours")

few = st.integers(1, 6)
sizes = st.tuples(few, few, few, st.integers(1, 8))
scales = {"lstm": st.integers(-30, 10).map(lambda k: 10**(k/10)),
          "rnn": st.integers(-30, 4).map(lambda k: 10**(k/10))}   # beyond, a plain RNN is chaotic: every step multiplies rounding errors
seeds = st.integers(0, 2**32 - 1)


def cast(q, dtype):
    "The problem `q` with arrays of `dtype`; what is None stays None."
    if isinstance(q, dict): return {k: cast(v, dtype) for k, v in q.items()}
    return None if q is None else q.astype(dtype)


@st.composite
def problem(draw, net="lstm", n_y=None, size=sizes, dtypes=("float64",), cut=True):
    "A problem as `problems.draw` makes it, with shorter `da` and `dc` if `cut`, and without `c0` or `dc` now and then."
    n_x, n_a, m, T_x = size = draw(size)
    q = problems.draw(*size, n_y=n_y, net=net, seed=draw(seeds), scale=draw(scales[net]))
    steps = st.integers(1, T_x) if cut else st.just(T_x)
    q["da"], q["dc"] = q["da"][:, :, :draw(steps)], q["dc"][:, :, :draw(steps)]
    for k in ("c0", "dc"):
        if net == "rnn" or not draw(st.booleans()): q[k] = None
    return cast(q, draw(st.sampled_from(dtypes)))


@st.composite
def problem_with_labels(draw, n_y=None, **options):
    "A problem with an output layer, labels, and weights, of which some are zero, or None."
    n_y, seed = n_y or draw(few), draw(seeds)
    q = draw(problem(n_y=n_y, **options))
    rng, shape = np.random.default_rng(seed), q["x"].shape[1:]
    weights = rng.uniform(0.1, 2, shape) * (rng.random(shape) < 0.7)
    weights[0, 0] += 1
    return q, rng.integers(n_y, size=shape), weights if draw(st.booleans()) else None
