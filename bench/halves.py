"""A batch in one call, or its halves on two Python threads? Writes bench/records/halves.json, which page E5 shows.

NumPy gives the lock free while it computes, so two threads can work side by side, each with a tape of its own. Whether that wins
depends on what OpenBLAS does meanwhile: with two threads of its own, or with one. Each setting is a process of its own."""
import argparse
import statistics
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from programs import draw, in_type, serve, timed
from workers import Notes, Worker, here, machine, rounded

sizes = [(64, 128, 32, 100), (128, 256, 64, 100), (256, 512, 64, 50)]
ways = "whole", "halves"


def there_and_back(q, tapes, n):
    "Forward and backward with a tape that is handed on."
    from lstm_nb.engines.calls import fused_lstm_backward, fused_lstm_forward
    a, _, tapes[n] = fused_lstm_forward(q["x"], q["a0"], q["parameters"], q["c0"], tape=tapes[n])
    return {"a": a} | fused_lstm_backward(q["da"], tapes[n])


def whole(q):
    tapes = [None]
    return lambda: there_and_back(q, tapes, 0)


def halves(q):
    "The columns of a batch know nothing about each other, so only the gradients of weights and biases are added."
    import numpy as np
    pool, tapes, m = ThreadPoolExecutor(2), [None, None], q["a0"].shape[1] // 2
    half = lambda s: {k: v if k == "parameters" else v[:, s].copy("K") for k, v in q.items()}
    parts = [half(slice(None, m)), half(slice(m, None))]

    def run():
        one, two = pool.map(there_and_back, parts, (tapes, tapes), (0, 1))
        return {k: one[k] + two[k] if k[:2] in ("dW", "db") else (one[k], two[k]) for k in one}

    def check():
        "What run does, the halves side by side."
        return {k: np.concatenate(v, 1) if isinstance(v, tuple) else v for k, v in run().items()}
    return run, check


def answer(name, state, ask):
    "One request: load a problem and compare the two ways, or time one of them."
    if ask["do"] == "load":
        import numpy as np
        q = in_type(draw(*ask["size"]), ask["dtype"])
        state["whole"], (state["halves"], check) = whole(q), halves(q)
        one, two = state["whole"](), check()
        return max(float(abs(one[k] - two[k]).max() / abs(one[k]).max() / np.finfo(ask["dtype"]).eps) for k in one)
    return timed(state[ask["way"]], ask["seconds"])[0]


def measure(workers, size, dtype, rounds, seconds):
    "One row: for every number of BLAS threads the medians of the two ways."
    eps = max(w.ask(do="load", size=size, dtype=dtype) for w in workers)
    if eps > 1e4: raise SystemExit(f"the halves give something else: {eps:.0f} eps")
    ms = {w.name: {way: [] for way in ways} for w in workers}
    for _ in range(rounds):
        for way in ways:
            for w in workers: ms[w.name][way].append(w.time(way=way, seconds=seconds))
    return rounded({"size": list(size), "dtype": dtype} | {n: [statistics.median(v[way]) for way in ways] for n, v in ms.items()})


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one short round of the smallest size; writes only where --out says")
    parser.add_argument("--out", type=Path)
    a = parser.parse_args()
    rounds, seconds, chosen = (1, .02, [(3, 5, 10, 7)]) if a.quick else (5, .3, sizes)
    rows = []
    with ExitStack() as stack:
        workers = [stack.enter_context(Worker("halves.py", str(n), threads=n)) for n in (2, 1)]
        for size in chosen:
            for dtype in ("float32", "float64"):
                rows.append(measure(workers, size, dtype, rounds, seconds))
                print(*(f"{k} {v}" for k, v in rows[-1].items()), flush=True)
    out = a.out or (None if a.quick else here/"records/halves.json")
    notes = Notes(out, "halves.json", {"rounds": rounds, "seconds": seconds})
    notes.rows = rows
    notes.finish(machine=machine())


if __name__ == "__main__":
    if sys.argv[1:2] in (["1"], ["2"]):
        serve(answer)
    else: main()
