"""What memory that is used again is worth, and where the time of a tiny call goes. Writes bench/records/memory.json and
bench/records/tiny.json, which pages E9 and E8 show.

Three programs per engine, each in a process of its own and in turn, as in run.py: all memory new in every call, the plain call, and
the tape handed on by hand. The parts of a tiny call are timed one by one in one process, each some thousand times."""
import argparse
import json
import statistics
import sys
import time
from contextlib import ExitStack
from functools import partial

import numpy as np
import programs
from programs import draw, in_type
from workers import Notes, Worker, code_of, compact, here, machine, rounded

sizes = [(3, 5, 10, 7), (16, 32, 1, 200), (32, 64, 16, 50), (64, 128, 32, 100), (128, 256, 64, 50)]
dtypes, ways, engines = ("float32", "float64"), ("new", "plain", "tape"), ("numpy", "numba")


def program(q, engine, way):
    "A call whose memory is new, used again, or handed on."
    from lstm_nb.engines import arrays
    if way == "new": arrays.give_back = lambda memory: None
    return programs.fused(q, engine, tape=way == "tape")


def measure(workers, size, dtype, rounds, seconds):
    "One row: the milliseconds of every program in every round."
    ms = {w.name: [] for w in workers}
    for w in workers: w.ask(do="load", size=size, dtype=dtype)
    for r in range(rounds):
        k = r % len(workers)
        for w in workers[k:] + workers[:k]: ms[w.name].append(w.time(mode="both", seconds=seconds)[0])
    return rounded({"size": list(size), "dtype": dtype, "ms": ms})


def parts(dtype):
    "Pieces of a plain call at the course's own size, and the whole, as functions."
    from lstm_nb.engines import arrays, calls
    q = in_type(draw(*sizes[0]), dtype)
    p, x, a0, c0, da = (q[k] for k in ("parameters", "x", "a0", "c0", "da"))
    forward = partial(calls.fused_lstm_forward, x, a0, p, c0)
    tape = forward()[2]
    r, s, up = tape.memory, arrays.Scratch(*tape.memory.sizes), np.ascontiguousarray(da.transpose(2, 0, 1))
    dW, dx = (np.ones(n, r.sizes.dtype) for n in ((20, 9), (3, 70)))
    calls.fused_lstm_backward(da, tape)
    s.carried[:] = 0

    def again():
        memory = arrays.memory_for(r.sizes)
        arrays.give_back(memory)

    def weights():
        arrays.turn_weights(r.Wa, s.signs, s.WaT)
        arrays.turn_weights(r.Wx[:, :-1], s.signs, s.WxT)

    def backward_loop():
        s.carried[:2] = 0
        arrays.backward_steps(r, s, slice(0, sizes[0][3]), up, None, None)

    def backward_rest():
        _, S, *_ = arrays.product_matrices(r, s, sizes[0][3])
        np.dot(s.dZ.reshape(20, -1), S.T), np.dot(s.WxT, s.dZ.reshape(20, -1))
        arrays.turn(s.k[:7], s.dZ.reshape(4, 5, 7, 10))

    def whole():
        a, _, tape = forward()
        return calls.fused_lstm_backward(da, tape)

    def usual():
        import usual
        return usual.backward(da, usual.forward(x, a0, p, c0)[2])
    found = {"checks of the arguments": partial(calls._checked, p, x, a0, c0, None), "a memory, and giving it back": again, "copies of arguments": partial(arrays.fill, r, p, x, a0, c0),
             "product of the inputs": partial(arrays.input_product, r), "seven steps forward": partial(arrays.forward_steps, r, None), "results, and noting them": r.results,
             "weights for the way back": weights, "factors and seven steps backward": backward_loop, "products after the loop": backward_rest,
             "names of the gradients": partial(arrays.named_gradients, dW, dx, s.carried), "whole": whole, "usual NumPy, whole": usual}

    def calm(f):
        with np.errstate(all="ignore"): return microseconds(f)
    return {k: calm(f) for k, f in found.items()}


def microseconds(f, n=2000):
    "The median of many calls, without the fastest and the slowest."
    clock, times = time.perf_counter, []
    for _ in range(100): f()
    for _ in range(n):
        start = clock()
        f()
        times.append(clock() - start)
    return 1e6*statistics.median(times)


def answer(name, state, ask):
    "One request."
    if ask["do"] == "parts": return parts(ask["dtype"])
    if ask["do"] == "time": return programs.timed(state["both"], ask["seconds"])
    engine, way = name.split(", ")
    state["both"] = program(in_type(draw(*ask["size"]), ask["dtype"]), engine, way)[1]
    state["both"]()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one short round of the smallest size; writes only where --out says")
    parser.add_argument("--out", help="a folder for the two files")
    a = parser.parse_args()
    points, rounds, seconds = (sizes[:1], 1, .02) if a.quick else (sizes, 5, .2)
    folder = a.out and type(here)(a.out) or (None if a.quick else here/"records")
    notes = Notes(folder and folder/"memory.json", "memory.json", {"threads": 2, "rounds": rounds, "seconds": seconds})
    with ExitStack() as stack:
        workers = [stack.enter_context(Worker("memory.py", f"{e}, {w}")) for e in engines for w in ways]
        found = {d: rounded(workers[1].ask(do="parts", dtype=d)) for d in dtypes}
        print(*(f"{k} {v}" for k, v in found["float32"].items()), sep="\n")
        for size in points:
            for dtype in dtypes:
                if notes.done(size=list(size), dtype=dtype): continue
                notes.add(measure(workers, size, dtype, rounds, seconds))
                print(size, dtype, *(f"{k} {statistics.median(v):.3g}" for k, v in notes.rows[-1]["ms"].items()), flush=True)
    notes.finish(machine=machine())
    if folder:
        text = json.dumps({"code": code_of("bench/records/tiny.json"), "machine": machine(), "size": list(sizes[0]), "microseconds": found}, indent=1)
        (folder/"tiny.json").write_text(compact(text) + "\n", encoding="utf-8")


if __name__ == "__main__": programs.serve(answer) if sys.argv[1:2] and sys.argv[1] in {f"{e}, {w}" for e in engines for w in ways} else main()
