"""How many digits are right: worst errors against mpmath at 50 digits, for growing sequences, networks and weights.

Writes tests/records/digits.json, which page 07 shows. The inputs follow from sizes and seeds and fit into float32, so that one
exact result judges both types."""
import json
import os
import time
from importlib.metadata import version

os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1")

import numpy as np
from planted import root  # finds lstm_nb in this checkout
from stamps import code_of

from lstm_nb import init_lstm_parameters, lstm_backward, lstm_forward
from lstm_nb.proof import certified_rtol, exact_lstm, last_places

seeds = 8
sweeps = ([("T_x", (4, 8, 2, 2**k), 1) for k in range(11)] + [("n_a", (4, 2**k, 2, 8), 1) for k in range(2, 8)] +
          [("scale", (4, 32, 2, 32), 2**k) for k in range(-1, 5)])


def problem(n_x, n_a, m, T_x, scale, seed):
    "Weights as they start, times `scale`, and everything else of size 1."
    rng = np.random.default_rng([n_x, n_a, m, T_x, seed])
    draw = lambda *shape: rng.standard_normal(shape).astype(np.float32)
    p = init_lstm_parameters(n_x, n_a, rng=rng, dtype=np.float32)
    p = {k: v * np.float32(scale) if k[0] == "W" else draw(*v.shape) for k, v in p.items()}
    return [draw(n_x, m, T_x), draw(n_a, m), p, draw(n_a, m), draw(n_a, m, T_x), draw(n_a, m, T_x)]


def cast(q, dtype): return [{k: v.astype(dtype) for k, v in v.items()} if isinstance(v, dict) else v.astype(dtype) for v in q]


def ours(x, a0, p, c0, da, dc):
    a, _, c, caches = lstm_forward(x, a0, p, c0)
    return {"a": a, "c": c} | lstm_backward(da, caches, dc)


def dot(A, B):
    "The matrix product with one term added after the other."
    total = np.zeros((len(A), B.shape[1]), A.dtype)
    for k in range(A.shape[1]): total = total + A[:, k:k+1] * B[k:k+1]
    return total


def port(x, a, p, c, da, dc):
    "The same equations in another program: plain formulas, and every sum in the order in which it is written."
    sigmoid, one, steps = lambda z: 1 / (1 + np.exp(-z)), np.ones((x.shape[1], 1), x.dtype), []
    for t in range(x.shape[2]):
        stack, c_prev = np.concatenate([a, x[:, :, t]]), c
        f, i, g, o = (h(dot(p[f"W{k}"], stack) + p[f"b{k}"]) for k, h in zip("fico", (sigmoid, sigmoid, np.tanh, sigmoid)))
        c = f * c_prev + i * g
        a = o * np.tanh(c)
        steps.append((a, c, stack, c_prev, f, i, g, o))
    sums, dx, da_prev, dc_prev = {f"d{n}{k}": 0 for k in "fico" for n in "Wb"}, [], 0*a, 0*c
    for t, (a, c, stack, c_prev, f, i, g, o) in reversed([*enumerate(steps)]):
        d, h = da[:, :, t] + da_prev, np.tanh(c)
        e = dc[:, :, t] + dc_prev + d * o * (1 - h*h)
        dz, stacked = {"f": e * c_prev * f * (1 - f), "i": e * g * i * (1 - i), "c": e * i * (1 - g*g), "o": d * h * o * (1 - o)}, 0
        for k in dz:
            stacked = stacked + dot(p[f"W{k}"].T, dz[k])
            sums[f"dW{k}"], sums[f"db{k}"] = sums[f"dW{k}"] + dot(dz[k], stack.T), sums[f"db{k}"] + dot(dz[k], one)
        dx, da_prev, dc_prev = [stacked[len(a):], *dx], stacked[:len(a)], e * f
    return {"a": np.stack([s[0] for s in steps], 2), "c": np.stack([s[1] for s in steps], 2), "dx": np.stack(dx, 2), "da0": da_prev, **sums, "dc0": dc_prev}


def tail(problems=3000):
    "Many small problems in float32, with float64 as the exact result: the largest error as a share of what rule (27) allows."
    rng, shares = np.random.default_rng(0), []
    for seed in range(problems):
        size = [int(n) for n in rng.integers([1, 2, 1, 1], [9, 17, 7, 33])]
        q = problem(*size, 1, seed)
        exact, result = ours(*cast(q, np.float64)), ours(*q)
        error = max(last_places(result[k], exact[k].astype(object)).max() for k in exact)
        shares.append(float(error * np.finfo(np.float32).eps / certified_rtol(*size, np.float32)))
    return {"problems": problems, "median": round(float(np.median(shares)), 3), "largest": round(max(shares), 3)}


def main():
    began, cases = time.time(), []
    for sweep, size, scale in sweeps:
        for seed in range(seeds):
            q = problem(*size, scale, seed)
            exact, row = exact_lstm(*q), {"sweep": sweep, "size": size, "scale": scale, "seed": seed}
            for dtype in ("float64", "float32"):
                results = {"ours": ours(*cast(q, dtype)), "port": port(*cast(q, dtype))}
                row[dtype] = {who: round(max(float(last_places(r[k], exact[k]).max()) for k in exact), 1) for who, r in results.items()}
            cases.append(row)
        print(f"{time.time() - began:4.0f} s", row, flush=True)
    result = {"code": code_of("tests/records/digits.json"), "mpmath": version("mpmath"), "digits": 50, "tail": tail(), "cases": cases}
    lines = ",\n".join(json.dumps(c) for c in cases)
    text = json.dumps(result | {"cases": []})[:-2] + "\n" + lines + "\n]}\n"
    (root/"tests/records/digits.json").write_text(text, encoding="utf-8")


if __name__ == "__main__": main()
