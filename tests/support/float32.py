"How far float32 is from float64 on a fixed set of problems, for any program that computes outputs and gradients."
import numpy as np
from cases import cast
from lstm_nb import relative_error
from problems import draw, tables

# long sequences with saturating weights are left out: they are chaotic, and would measure the problem, not the program
sizes = {0.1: [(3, 5, 10, 7), (6, 6, 6, 8), (8, 16, 4, 30)], 1: [(3, 5, 10, 7), (6, 6, 6, 8), (8, 16, 4, 30)],
         3: [(3, 5, 10, 7), (6, 6, 6, 8)]}


def own(engine): return lambda q: (lambda out, tape: (out, engine.backward(q["da"], tape, q["dc"])))(*engine.run(q))


def largest(actual, expected):
    "The largest relative error of all arrays."
    return max(float(relative_error(actual[k].astype(np.float64), v).max()) for k, v in expected.items())


def float32_errors(program, engine, seeds=40):
    "By scale of the weights and kind of result: the largest error of every problem, `program` in float32 against `engine` in float64."
    found = {}
    for scale, shapes in sizes.items():
        for q in (cast(draw(*size, net=engine.net, seed=seed, scale=scale), "float32") for size in shapes for seed in range(seeds)):
            if engine.net == "rnn": q["dc"] = None
            for kind, ours, right in zip(("outputs", "gradients"), program(q), own(engine)(cast(q, "float64"))):
                found.setdefault((scale, kind), []).append(largest(ours, right))
    return found


def worst(errors): return {k: max(e) for k, e in errors.items()}


def typical(errors): return {k: float(np.exp(np.mean(np.log(e)))) for k, e in errors.items()}


def table(title, **columns):
    "Add a table to the summary: a row for every scale and kind."
    tables.append(f"{title:36}" + "".join(f"{k.replace('_', ' '):>18}" for k in columns))
    for scale, kind in next(iter(columns.values())):
        tables.append(f"  weights times {scale:<4} {kind:16}" + "".join(f"{column[scale, kind]:18.2g}" for column in columns.values()))
