"""The programs that are compared, and the process that each of them lives in.

Every program is a function of one problem that returns (forward, both, gradients). `forward()` runs the sequence once,
`both()` runs it there and back and returns what came out, `gradients(out)` gives that back in the book's shapes and names.
Arguments lie in the order of axes that the program likes best, and nothing is converted inside what is timed."""
import json
import os
import platform
import statistics
import sys
import time
from functools import partial

import numpy as np


def draw(n_x, n_a, m, T_x, seed=0):
    "A problem by name, in float32, so that both precisions start from the same numbers. Time comes first in memory."
    from lstm_nb import init_lstm_parameters
    rng = np.random.default_rng([n_x, n_a, m, T_x, seed])
    normal = lambda *shape: rng.standard_normal(shape, np.float32)
    p = {k: v if k[0] == "W" else normal(*v.shape) for k, v in init_lstm_parameters(n_x, n_a, rng=rng, dtype=np.float32).items()}
    return {"x": normal(T_x, n_x, m).transpose(1, 2, 0), "a0": normal(n_a, m), "c0": normal(n_a, m),
            "da": normal(T_x, n_a, m).transpose(1, 2, 0), "parameters": p}


def in_type(q, dtype):
    "All arrays of a problem in one type, those in lists, tuples and dictionaries too; `lengths` are left alone."
    if isinstance(q, dict): return {k: v if k == "lengths" else in_type(v, dtype) for k, v in q.items()}
    return type(q)(in_type(v, dtype) for v in q) if isinstance(q, (list, tuple)) else q.astype(dtype)


def per_step(q):
    from lstm_nb import lstm_backward, lstm_forward
    forward = partial(lstm_forward, q["x"], q["a0"], q["parameters"], q["c0"])

    def both():
        a, _, _, caches = forward()
        return {"a": a} | lstm_backward(q["da"], caches)
    return forward, both, dict


def without_mkl():
    "From now on as if the package mkl were not installed: the compiled engine's products are those of SciPy's OpenBLAS. Before it is loaded."
    from importlib import metadata
    files = metadata.files
    metadata.files = lambda name: None if name == "mkl" else files(name)
    from lstm_nb.engines import compiled
    metadata.files = files
    assert not compiled.find_mkl(), "MKL was loaded before"


def fused(q, engine, tape=False, mkl=False):
    """The call that a user makes: engine and arguments, nothing handed on; with `tape`, the tape of a run is handed to the next one.
    Products are those of a plain install, MKL's only where that is asked for."""
    if not mkl and engine == "numba": without_mkl()
    from lstm_nb.engines.calls import fused_lstm_backward, fused_lstm_forward
    if mkl:
        from lstm_nb.engines import compiled
        if not compiled.find_mkl(): raise ModuleNotFoundError("No module named 'mkl'")
    kept = {"tape": None}

    def run():
        a, _, new = fused_lstm_forward(q["x"], q["a0"], q["parameters"], q["c0"], engine=engine, tape=kept["tape"])
        if tape: kept["tape"] = new
        return a, new

    def both():
        a, new = run()
        return {"a": a} | fused_lstm_backward(q["da"], new)
    return lambda: run()[0], both, dict


def checkpointed(q):
    from lstm_nb.engines.checkpoint import checkpointed_lstm_backward, checkpointed_lstm_forward
    forward = partial(checkpointed_lstm_forward, q["x"], q["a0"], q["parameters"], q["c0"])

    def both():
        a, _, tape = forward()
        return {"a": a} | checkpointed_lstm_backward(q["da"], tape)
    return forward, both, dict


def usual(q):
    import usual
    forward = partial(usual.forward, q["x"], q["a0"], q["parameters"], q["c0"])

    def both():
        a, _, tape = forward()
        return {"a": a} | usual.backward(q["da"], tape)
    return forward, both, dict


def time_first(v): return np.ascontiguousarray(v.transpose(2, 1, 0))


def into_torch(lstm, p, end="_l0"):
    "Our parameters into one layer and direction of PyTorch's `lstm`: it has two biases, of which the second is zero."
    import torch
    W, b = (np.concatenate([p[kind + k] for k in "ifco"]) for kind in "Wb")
    n = len(W) // 4
    with torch.no_grad():
        for k, v in {"weight_hh": W[:, :n], "weight_ih": W[:, n:], "bias_ih": b[:, 0], "bias_hh": 0*b[:, 0]}.items(): getattr(lstm, k + end).copy_(torch.tensor(v))


def torch_lstm(q, compiled=False):
    "`nn.LSTM` with its two biases, of which the second is zero; compiled, the same arithmetic as a loop over the steps."
    import torch
    torch.set_num_threads(threads())
    p, tensor = q["parameters"], partial(torch.tensor, requires_grad=True)
    lstm = torch.nn.LSTM(len(q["x"]), len(q["a0"])).to(getattr(torch, q["x"].dtype.name))
    into_torch(lstm, p)
    x, a0, c0 = tensor(time_first(q["x"])), tensor(q["a0"].T[None].copy()), tensor(q["c0"].T[None].copy())
    da, wanted = torch.tensor(time_first(q["da"])), [x, a0, c0, *lstm.parameters()]

    def cell(z, a, c, U):
        i, f, g, o = torch.addmm(z, a, U.t()).chunk(4, 1)
        c = torch.sigmoid(f)*c + torch.sigmoid(i)*torch.tanh(g)
        return torch.sigmoid(o)*torch.tanh(c), c

    Wx, Wa, bias, bias2 = lstm.parameters()

    def loop():
        z = torch.nn.functional.linear(x, Wx, bias) + bias2
        a, c, out = a0[0], c0[0], []
        for zt in z:
            a, c = cell(zt, a, c, Wa)
            out.append(a)
        return torch.stack(out)
    if compiled: torch.compiler.reset()                # or the ninth problem would silently run uncompiled
    run = torch.compile(loop, fullgraph=True) if compiled else lambda: lstm(x, (a0, c0))[0]

    def forward():
        with torch.inference_mode(not compiled): return run()       # compiled once, with gradients

    def both():
        a = run()
        return a, torch.autograd.grad(a, wanted, da)

    def gradients(out):
        a, (dx, da0, dc0, dWx, dWa, db, _) = out[0].detach().numpy(), [g.numpy() for g in out[1]]
        found = {"a": a.transpose(2, 1, 0), "dx": dx.transpose(2, 1, 0), "da0": da0[0].T, "dc0": dc0[0].T}
        return found | split(np.concatenate([dWa, dWx], 1), db[:, None], "ifco")
    return forward, both, gradients


def split(dW, db, order):
    "Gradients of stacked weights and biases, gate by gate."
    parts = zip(order, np.split(dW, 4), np.split(db, 4))
    return {f"d{kind}{k}": v for k, W, b in parts for kind, v in (("W", W), ("b", b))}


def jax_scan(q):
    "One stacked product per step under `lax.scan`, jitted; of five ways to write it (rows or columns, the input product inside or before) the fastest over all sizes."
    import jax
    from jax import lax, nn, numpy as jnp
    jax.config.update("jax_enable_x64", True)
    p, n, order = q["parameters"], len(q["a0"]), "fico"
    W = np.concatenate([np.concatenate([p[f"W{k}"][:, n:], p[f"W{k}"][:, :n]], 1) for k in order]).T
    b = np.concatenate([p[f"b{k}"] for k in order])[:, 0]
    args = jax.device_put([np.ascontiguousarray(W), b, time_first(q["x"]), q["a0"].T.copy(), q["c0"].T.copy()])
    da = jax.device_put(time_first(q["da"]))

    def lstm(W, b, x, a0, c0):
        def step(state, xt):
            a, c = state
            f, i, g, o = jnp.split(jnp.concatenate([xt, a], 1) @ W + b, 4, 1)
            c = nn.sigmoid(f)*c + nn.sigmoid(i)*jnp.tanh(g)
            a = nn.sigmoid(o)*jnp.tanh(c)
            return (a, c), a
        return lax.scan(step, (a0, c0), x)[1]

    def there_and_back(args, da):
        a, pull = jax.vjp(lstm, *args)
        return a, pull(da)
    ahead, back = jax.jit(lstm), jax.jit(there_and_back)

    def gradients(out):
        a, (dW, db, dx, da0, dc0) = jax.tree.map(np.asarray, out)
        dW = np.concatenate([dW[-n:], dW[:-n]]).T
        return {"a": a.transpose(2, 1, 0), "dx": dx.transpose(2, 1, 0), "da0": da0.T, "dc0": dc0.T} | split(dW, db[:, None], order)
    return (lambda: jax.block_until_ready(ahead(*args)), lambda: jax.block_until_ready(back(args, da)), gradients)


def products(q):
    "The matrix products alone, those that no formulation can do without, into arrays that are there already."
    (n_x, m, T_x), n, dot = q["x"].shape, len(q["a0"]), np.dot
    new = lambda *shape: np.random.default_rng(0).standard_normal(shape, q["x"].dtype)
    Wa, WaT, Wx, WxT, A, K = new(4*n, n), new(n, 4*n), new(4*n, n_x + 1), new(n_x, 4*n), new(T_x, n, m), new(T_x, 4*n, m)
    S, dZ, z, a = new(n + n_x + 1, T_x*m), new(4*n, T_x*m), new(4*n, m), new(n, m)
    Z, dW, dx = new(4*n, T_x*m), new(4*n, n + n_x + 1), new(n_x, T_x*m)

    def forward():
        dot(Wx, S[n:], Z)
        for At in A: dot(Wa, At, z)

    def both():
        forward()
        for Kt in K[::-1]: dot(WaT, Kt, a)
        dot(dZ, S.T, dW)
        dot(WxT, dZ, dx)
    return forward, both, None


programs = {"numpy": partial(fused, engine="numpy"), "numba": partial(fused, engine="numba"), "torch": torch_lstm, "jax": jax_scan, "usual": usual, "products": products,
            "numpy, tape": partial(fused, engine="numpy", tape=True), "numba, tape": partial(fused, engine="numba", tape=True), "numba, MKL": partial(fused, engine="numba", mkl=True),
            "per step": per_step, "checkpointed": checkpointed, "torch compiled": partial(torch_lstm, compiled=True)}


def threads(): return int(os.environ["OMP_NUM_THREADS"])


def errors(found, reference):
    "How far each result is from the reference: relative to its norm, and the worst entry relative to the largest."
    out = {}
    for k, v in reference.items():
        v, got = v.astype(np.float64), np.asarray(found[k], np.float64)
        assert got.shape == v.shape, (k, got.shape, v.shape)
        out[k] = [float(np.linalg.norm(got - v) / np.linalg.norm(v)), float(abs(got - v).max() / abs(v).max())]
    return out


def timed(f, seconds):
    "The median of as many calls as fit into `seconds`, in milliseconds, after one to warm up: two at least, one where it takes long."
    clock, times = time.perf_counter, []
    start = clock()
    f()
    end = clock() + seconds
    least = 1 if clock() - start > 2*seconds else 2
    while len(times) < least or clock() < end:
        start = clock()
        f()
        times.append(clock() - start)
    return [1000*statistics.median(times), len(times)]


def versions(name):
    "What runs here."
    from importlib.metadata import version
    used = {"numba": ["numba", "llvmlite", "scipy"], "numba, MKL": ["mkl"], "jax": ["jax", "jaxlib"]}.get(name, ["torch"] if "torch" in name else [])
    return {"python": platform.python_version()} | {k: version(k) for k in ["numpy", *used]}


def answer(name, state, ask):
    "One request."
    if ask["do"] == "load":
        state.clear()
        q = in_type(draw(*ask["size"]), ask["dtype"])
        start = time.perf_counter()
        forward, both, gradients = programs[name](q)
        forward()
        out = both()
        state |= {"forward": forward, "both": both}
        told = {"first": time.perf_counter() - start}
        if "reference" in ask and gradients: told["errors"] = errors(gradients(out), dict(np.load(ask["reference"])))
        return told
    if ask["do"] == "time": return timed(state[ask["mode"]], ask["seconds"])
    if ask["do"] == "versions": return versions(name)
    if ask["do"] == "reference":
        np.savez(ask["path"], **per_step(in_type(draw(*ask["size"]), np.float64))[1]())
        return {}
    raise ValueError(ask)


def serve(answer):
    "Answer requests, a line of JSON each, until there are no more."
    out, state = os.fdopen(os.dup(1), "w"), {}
    os.dup2(2, 1)                                      # whatever else is printed must not come between
    for line in sys.stdin:
        try: reply = {"ok": answer(sys.argv[1], state, json.loads(line))}
        except Exception as e: reply = {"error": f"{type(e).__name__}: {str(e).strip().splitlines()[0] if str(e).strip() else ''}"}
        print(json.dumps(reply), file=out, flush=True)


if __name__ == "__main__": serve(answer)
