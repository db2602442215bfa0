"Random networks of layers for the tests: parameters, inputs, lengths, initial states and upstream gradients, nested as the package nests them."
from functools import partial

import numpy as np
from lstm_nb import init_lstm_parameters, init_rnn_parameters
from lstm_nb.networks.layers import layers_backward, layers_forward
from lstm_nb.networks.nesting import init_layers
from lstm_nb.networks.gru import init_gru_parameters
from lstm_nb.networks.variants import init_variant_parameters


def tree(f, *v):
    "`f` of every array in nested lists and dictionaries, of several of them at once; None stays None."
    if v[0] is None: return None
    if isinstance(v[0], dict): return {k: tree(f, *(w[k] for w in v)) for k in v[0]}
    if isinstance(v[0], (list, tuple)): return type(v[0])(tree(f, *w) for w in zip(*v, strict=True))
    return f(*v)


def flat(v, name=""):
    "All arrays in nested lists and dictionaries by their place."
    if v is None: return {}
    if isinstance(v, (np.ndarray, np.generic)): return {name[1:]: v}
    return {k: w for key, u in (v.items() if isinstance(v, dict) else enumerate(v)) for k, w in flat(u, f"{name}_{key}").items()}


def renamed(gradients):
    "`flat` of gradients, each with the name of what it belongs to: dparameters_0_dWf is parameters_0_Wf."
    return {k[1:].rpartition("_d")[0] + "_" + k.rpartition("_d")[2] if k.startswith("dparameters") else k[1:]: v for k, v in flat(gradients).items()}


inits = {"lstm": init_lstm_parameters, "rnn": init_rnn_parameters, "gru": partial(init_gru_parameters, reset_after=True),
         "projected": lambda n_x, n_a, **options: init_variant_parameters(n_x, n_a, n_r=max(n_a - 1, 1), **options)}


def net(kind, n_x, n_a, m, T_x, n_layers=1, directions="both", lengths=None, seed=0):
    """Everything that goes into `layers_forward` and `layers_backward`, by name.

    `directions` is "forward", "both" or "reverse"; `lengths` None, "sorted", "any" or "zeros" (some are 0).
    """
    rng = np.random.default_rng([n_x, n_a, m, T_x, n_layers, seed])
    p = init_layers(n_x, n_a, n_layers=n_layers, bidirectional=directions == "both", init=inits[kind], rng=rng)
    if directions == "reverse": p = [(None, layer) for layer in p]
    p = tree(lambda w: w if w.shape[1] > 1 else w + rng.standard_normal(w.shape), p)
    places = lambda rows: tree(lambda _: rng.standard_normal((rows, m)), [tuple(q and 0 for q in v) if isinstance(v, tuple) else 0 for v in p])
    rows, memory = max(n_a - 1, 1) if kind == "projected" else n_a, kind in ("lstm", "projected")
    q = {"x": rng.standard_normal((n_x, m, T_x)), "parameters": p, "a0": places(rows), "c0": places(n_a) if memory else None,
         "da": rng.standard_normal((rows * (1 + (directions == "both")), m, T_x)), "da_last": places(rows), "dc_last": places(n_a) if memory else None}
    if lengths is None: return q | {"lengths": None}
    n = rng.integers(0 if lengths == "zeros" else 1, T_x + 1, m)
    n[rng.integers(m)] = T_x
    return q | {"lengths": np.sort(n)[::-1].copy() if lengths == "sorted" else n}


def forward(q, **options): return layers_forward(q["x"], q["parameters"], q["a0"], q["c0"], lengths=q["lengths"], **options)


def both(q, **options):
    "Outputs and gradients, flat and by name."
    a, a_last, c_last, tape = forward(q, **options)
    out = flat({"a": a, "a_last": a_last, "c_last": c_last})
    return out, renamed(layers_backward(q["da"], tape, q["da_last"], q["dc_last"]))


def inputs(q): return flat({k: q[k] for k in ("x", "parameters", "a0", "c0")})


def padded(q): return np.arange(q["x"].shape[2]) >= np.reshape(q["x"].shape[2] if q["lengths"] is None else q["lengths"], (-1, 1))


def spoiled(q):
    "The same with nan in the padding, of x and of da."
    where = padded(q)
    return q | {"x": np.where(where, np.nan, q["x"]), "da": np.where(where, np.nan, q["da"])}
