"Random problems for all suites: sizes, weights and states of order one, every bias and every upstream gradient random."
import os
from collections import Counter

import numpy as np
from lstm_nb import init_lstm_parameters, init_rnn_parameters

long, seed = os.environ.get("LSTM_NB_LONG") == "1", int(os.environ.get("LSTM_NB_SEED", 0))      # `make test-all`

# n_x, n_a, m, T_x
sizes = [(1, 1, 1, 1), (3, 5, 10, 7), (2, 3, 1, 4), (1, 4, 3, 2), (5, 1, 2, 3), (4, 2, 5, 1)] + long*[(6, 6, 6, 8)]


def draw(n_x, n_a, m, T_x, n_y=None, net="lstm", seed=0, scale=1., dtype=np.float64):
    "Parameters, inputs, initial states and upstream gradients of one problem, by name."
    rng = np.random.default_rng([n_x, n_a, m, T_x, seed])
    normal = lambda *shape: rng.standard_normal(shape).astype(dtype)
    init = init_lstm_parameters if net == "lstm" else init_rnn_parameters
    p = init(n_x, n_a, n_y=n_y, rng=rng, dtype=dtype)
    p = {k: (v * dtype(scale) if k[0] == "W" else normal(*v.shape)) for k, v in p.items()}
    return {"parameters": p, "x": normal(n_x, m, T_x), "a0": normal(n_a, m), "c0": normal(n_a, m),
            "da": normal(n_a, m, T_x), "dc": normal(n_a, m, T_x)}


worst, cases, tables = {}, Counter(), []


def note(what, error):
    "Count a case of `what` and keep its largest `error` for the summary at the end of the run."
    cases[what] += 1
    worst[what] = max(float(error), worst.get(what, 0.))


def noted():
    "All that was noted, as plain values."
    return dict(worst), dict(cases), list(tables)


def add(worst_=(), cases_=(), tables_=()):
    "Take over what another process has noted."
    for what, error in dict(worst_).items(): worst[what] = max(error, worst.get(what, 0.))
    cases.update(dict(cases_))
    tables.extend(tables_)


def summary():
    "The lines that the run ends with: largest errors, then the tables that suites have added."
    return [f"{what}: {cases[what]} cases, largest relative error {error:.0e}" for what, error in worst.items()] + tables
