"""What each move of pages E2 and E3 is worth, and what the NumPy engine's time is made of. Writes bench/records/moves.json.

The functions that are timed are those of the pages: their shown cells are run first, checks and all. Then one process times them in turn,
round after round, so that whatever else the machine does is shared by all of them; the medians over the rounds are written. The products keep to one thread: this
compares the moves, and `run.py` the engines with as many threads as they like."""
import argparse
import json
import statistics
import sys
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from programs import serve, timed, versions
from workers import Notes, Worker, here, machine, rounded

sizes, types = [(32, 64, 16, 50), (128, 256, 64, 10)], ("float32", "float64")
moves = ["page 05", "1, one product for four gates", "2, the inputs before the loop", "3, the weight gradients after it", "4, all gate derivatives at once",
         "5, one exponential for three gates", "6, memory laid out for the step", "7, backward in pieces", "the engine, a plain call",
         "the engine, memory handed on", "the engine, compiled"]


def of_page(name, **given):
    "The names that the shown cells of a page make, its library's code aside."
    for cell in json.loads((here.parent/f"nbs/engines/{name}.ipynb").read_text(encoding="utf-8"))["cells"]:
        text = "".join(cell["source"])
        if cell["cell_type"] == "code" and not text.startswith("#|"): exec(compile(text, name, "exec"), given)
    return given


def by_move():
    "(forward, backward) of every move."
    from lstm_nb.engines import arrays
    from lstm_nb.engines.calls import fused_lstm_backward, fused_lstm_forward
    one, two, kept = of_page("02_fused"), of_page("03_arrays", **{k: getattr(arrays, k) for k in arrays.__all__}), {}

    def forward_6(x, a0, p, c0):
        "The memory of page E3 as the tape of page E2."
        a, c, r = two["forward_6"](x, a0, p, c0)
        gates = r.gates[:, :3].reshape(x.shape[2], 3*len(a0), -1)
        return a, c, SimpleNamespace(W=one["stack"](p)[0], x=x, g=gates, cct=r.c_cct[:-1, 1], c=r.c_cct[:, 0], h=r.tanh_c, a=r.a)

    def again(engine, x, a0, p, c0):
        *states, kept[engine] = fused_lstm_forward(x, a0, p, c0, engine, kept.get(engine))
        return *states, kept[engine]
    pages = [(one["per_step"], one["lstm_backward"]), *((one[f"forward_{f}"], one[f"backward_{b}"]) for f, b in [(1, 1), (2, 1), (2, 3), (2, 4), (5, 4)]),
             (forward_6, one["backward_4"]), (two["forward_6"], two["backward_7"])]
    engines = [fused_lstm_forward, partial(again, "numpy"), partial(again, "numba")]
    return dict(zip(moves, pages + [(forward, fused_lstm_backward) for forward in engines], strict=True)), one["forms"]


def both_ways(forward, backward, q):
    "A run forward and backward; page 07's backward wants a `dc`, so all are given one."
    p, x, a0, c0, da, dc = q
    return lambda: backward(da, forward(x, a0, p, c0)[2], dc)


def agree(programs, q):
    "How far the gradients of any are from the first's, relative to their largest entry."
    found = [both_ways(*f, q)() for f in programs.values()]
    return max(float(abs(g[k] - found[0][k]).max() / abs(found[0][k]).max()) for g in found for k in found[0])


def parts(q):
    "What a pass of the NumPy engine is made of, as functions."
    from lstm_nb.engines.arrays import Scratch, backward_steps, forward_steps, turn_weights
    from lstm_nb.engines.calls import fused_lstm_backward, fused_lstm_forward
    p, x, a0, c0, da, _ = q
    kept = [fused_lstm_forward(x, a0, p, c0)[2]]

    def whole():
        *_, kept[0] = fused_lstm_forward(x, a0, p, c0, tape=kept[0])
        fused_lstm_backward(da, kept[0])
    tape = fused_lstm_forward(x, a0, p, c0)[2]
    r = tape.memory                # for as long as the tape is there
    s, (n_x, n, m, T, dtype), dot = Scratch(*r.sizes), r.sizes, np.dot
    s.carried[...], dz = 0, np.ones((4*n, m), dtype)
    turn_weights(r.Wa, s.signs, s.WaT)
    turn_weights(r.Wx[:, :-1], s.signs, s.WxT)
    up, U, S = np.ascontiguousarray(da.transpose(2, 0, 1)), r.gates.copy(), r.stacked.reshape(len(r.stacked), -1)
    dZ, dW, dX = s.dZ.reshape(4*n, -1), np.empty((4*n, len(S)), dtype), np.empty((n_x, T*m), dtype)

    def in_the_loop():
        for t in range(T): dot(r.Wa, r.a[t], r.z); dot(s.WaT, dz, s.carried[0])

    def large(): dot(r.Wx, S[n:], dZ); dot(dZ, S.T, dW); dot(s.WxT, dZ, dX)

    def loops():
        r.gates[...] = U
        forward_steps(r, None)
        for end in range(T, 0, -s.piece):
            e = slice(max(0, end - s.piece), end)
            backward_steps(r, s, e, up[e], None, None)
    return {"whole": whole, "in the loop": in_the_loop, "large": large, "loops": loops, "copy": lambda: np.copyto(r.gates, U)}


def exponentials():
    "The exponential of ten thousand float32 numbers: the C library's in compiled code, NumPy's, and page E4's."
    from lstm_nb.engines import compiled
    import math
    v, out = np.linspace(-5, 5, 10**4, dtype=np.float32), np.empty(10**4, np.float32)

    @compiled._jit
    def library(v, out):
        for j in range(v.size): out[j] = math.exp(v[j])

    @compiled._jit
    def ours(v, out):
        for j in range(v.size):
            q, s = compiled._exp_parts(v[j])
            out[j] = s*q + s
    return {"C library": partial(library, v, out), "NumPy": partial(np.exp, v, out), "page E4": partial(ours, v, out)}


def answer(name, state, ask):
    "One request: what there is to time for a problem, or the time of one of these."
    if ask["do"] == "versions": return versions("numpy")
    if ask["do"] == "time":
        ms, calls = timed(state[ask["what"]], ask["seconds"])
        return ms
    if not state.get("moves"): state["moves"], state["forms"] = by_move()
    if ask["kind"] == "exponentials": found = exponentials()
    elif ask["kind"] == "sigmoids":
        z = np.linspace(-40, 40, 100_001)
        found = {k: partial(f, z) for k, f in state["forms"].items()}
    else:
        from lstm_nb.engines.engine import random_problem
        q = random_problem(*ask["size"], ask["dtype"])
        if ask["kind"] == "moves":
            if (off := agree(state["moves"], q)) > 1e-10: raise ValueError(f"the moves give something else: {off}")
        found = {k: both_ways(*f, q) for k, f in state["moves"].items()} if ask["kind"] == "moves" else parts(q)
    state.update(found)
    return list(found)


def measure(worker, rounds, seconds, **ask):
    "The medians over the rounds of all that is asked for."
    names = worker.ask(do="load", **ask)
    found = {name: [] for name in names}
    for _ in range(rounds):
        for name in names: found[name].append(worker.time(tries=2, what=name, seconds=seconds))
    return {name: statistics.median(v) for name, v in found.items()}


def made_of(ms):
    "The parts of a pass, from the times of what was timed."
    gates = max(0, ms["loops"] - ms["in the loop"] - ms["copy"])
    rest = max(0, ms["whole"] - ms["in the loop"] - ms["large"] - gates)
    return {"products in the loop": ms["in the loop"], "large products": ms["large"], "gates": gates, "copies, checks": rest}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one short round of a tiny size; writes only where --out says")
    parser.add_argument("--out", type=Path)
    a = parser.parse_args()
    rounds, seconds, chosen = (1, .01, [(3, 5, 10, 7)]) if a.quick else (9, .2, sizes)
    notes = Notes(a.out or (None if a.quick else here/"records/moves.json"), "moves.json", {"rounds": rounds, "seconds": seconds, "sizes": chosen, "threads": 1})
    with Worker("moves.py", "all", threads=1, cores=1) as worker:
        time = partial(measure, worker, rounds, seconds)
        notes.rows = [rounded({"size": size, "dtype": "float64", "ms": time(kind="moves", size=size, dtype="float64")}) for size in chosen]
        made = [rounded({"size": size, "dtype": dtype, "ms": made_of(time(kind="parts", size=size, dtype=dtype))}) for size in chosen for dtype in types]
        ns = {kind: rounded({k: 1e6*v/count for k, v in time(kind=kind).items()}) for kind, count in (("sigmoids", 100_001), ("exponentials", 10**4))}
        turns = rounds*(len(moves)*len(chosen) + 5*len(made) + 6)
        notes.finish(machine=machine(), versions=worker.ask(do="versions"), turns=turns, repeated=worker.repeated, disturbed=worker.disturbed, parts=made, **ns)
    print(*notes.rows, *made, ns, f"disturbed: {worker.disturbed} of {turns} turns", sep="\n")


if __name__ == "__main__": serve(answer) if sys.argv[1:2] == ["all"] else main()
