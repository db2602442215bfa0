"""Ours and others on eight sizes: part of `make speed`, about ten minutes, writes bench/records/results.json, which page E8 shows.

Default first: a plain install and the call that a user makes. Then the same with tapes handed on, with MKL where it is installed, and
programs that are slow on purpose, at three sizes. `torch compiled` is timed only where --only names it. Every program lives in a process of its own. For every size and type they first
compute outputs and gradients, which are compared with our per-step numbers in float64; then they are timed in turn, round after
round, each once a round. A program that is missing or fails has no figure, and the reason is noted. A run that was broken off goes on where it was."""
import argparse
import math
import statistics
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from programs import programs
from workers import Failed, Notes, Worker, here, machine, rounded

sizes = [(3, 5, 10, 7), (16, 32, 1, 200), (32, 64, 16, 50), (64, 128, 32, 100), (128, 256, 64, 100), (128, 512, 32, 50), (256, 512, 64, 50), (512, 1024, 64, 20)]
modes = "forward", "both"
dtypes, tolerance = ("float32", "float64"), {"float32": 1e-4, "float64": 1e-11}
few = [(32, 64, 16, 50), (64, 128, 32, 100), (256, 512, 64, 50)]
slow = {"per step": few, "checkpointed": few}           # timed at these sizes only
on_request = "torch compiled",                          # it unrolls the loop, and compiles for most of a second per step
goals = {("numpy", "float32"): {"torch": .9, "jax": 1., "usual": 1.6}, ("numpy", "float64"): {"torch": 2., "jax": 1.1, "usual": 1.6},
         ("numba", "float32"): {"torch": 1.2, "jax": 1.4, "usual": 2.2}, ("numba", "float64"): {"torch": 2.6, "jax": 1.5, "usual": 2.2}}
floors = {("numpy", "float32", "usual"): 1., ("numpy", "float64", "usual"): 1., ("numpy", "float64", "torch"): 1.,
          ("numba", "float32", "usual"): 1.2, ("numba", "float64", "usual"): 1.2}


def label(size): return "/".join(map(str, size))


def load(worker, size, dtype, reference):
    "Let a program prepare a problem and check what it computes; what it told, or why it has no figure."
    if worker.name in slow and size in sizes and size not in slow[worker.name]: return {"failed": "not timed at this size"}
    try: told = worker.ask(do="load", size=size, dtype=dtype, reference=reference)
    except Failed as e: return {"failed": str(e)}
    worst = max((e[0] for e in told.get("errors", {}).values()), default=0)
    return told if worst <= tolerance[dtype] else {"failed": f"wrong: a relative error of {worst:.0e}"}


def measure(workers, size, dtype, rounds, seconds, reference):
    "One row: errors, and the milliseconds of every program in every round."
    before = [sum(getattr(w, k) for w in workers) for k in ("repeated", "disturbed")]
    told = {w.name: load(w, size, dtype, reference) for w in workers}
    able = [w for w in workers if "failed" not in told[w.name]]
    ms = {mode: {w.name: [] for w in able} for mode in modes}
    for r in range(rounds):
        for w in able[r % len(able):] + able[:r % len(able)]:
            for mode in ms: ms[mode][w.name].append(w.time(tries=5 if rounds > 1 else 1, mode=mode, seconds=seconds)[0])
    repeated, disturbed = (sum(getattr(w, k) for w in workers) - n for k, n in zip(("repeated", "disturbed"), before))
    row = {"repeated": repeated, "disturbed": disturbed, "size": list(size), "dtype": dtype, "ms": ms, "first_s": {w.name: told[w.name]["first"] for w in able},
           "errors": {w.name: told[w.name]["errors"] for w in able if "errors" in told[w.name]}} | {
           "failed": {n: t["failed"] for n, t in told.items() if "failed" in t}}
    return rounded(row)


def report(row):
    "One row for the screen."
    for mode, ms in row["ms"].items():
        figures = "  ".join(f"{name} {statistics.median(v):.3g}" for name, v in ms.items())
        print(f"{label(row['size']):15} {row['dtype']} {mode:7} ms  {figures}", flush=True)
    if row["repeated"]: print(f"      turns repeated, as something else ran: {row['repeated']}", flush=True)
    for name, why in row["failed"].items(): print(f"      {name}: {why[:150]}", flush=True)


def ratio(row, ours, peer, mode="both"):
    "How many times as long the peer takes: the median of the ratios of every round."
    ms = row["ms"][mode]
    return statistics.median(p/o for p, o in zip(ms[peer], ms[ours])) if {ours, peer} <= set(ms) else None


def share(row, name, mode="both"):
    "The time of the products alone over that of a program."
    return 1/ratio(row, "products", name, mode)


def means(rows):
    "For every goal: engine, type, peer, the ratios over the sizes, their geometric mean, the goal, the floor, whether both hold."
    for (ours, dtype), wanted in goals.items():
        for peer, goal in wanted.items():
            ratios = [ratio(row, ours, peer) for row in rows if row["dtype"] == dtype]
            ratios, floor = [r for r in ratios if r], floors.get((ours, dtype, peer), 0)
            if not ratios: continue
            mean = math.exp(sum(map(math.log, ratios)) / len(ratios))
            yield ours, dtype, peer, ratios, mean, goal, floor, mean >= goal and min(ratios) >= floor


def summary(rows):
    "The geometric means beside the goals."
    for ours, dtype, peer, ratios, mean, goal, floor, met in means(rows):
        wanted = f"goal {goal}" + f", never below {floor}"*bool(floor)
        print(f"{ours} engine, {dtype}: {peer} takes {mean:.2f} times as long, worst {min(ratios):.2f}; {wanted}: {'met' if met else 'missed'}")
    for row in rows:
        if row["size"][1] < 512 or "products" not in row["ms"]["both"]: continue
        shares = {n: share(row, n) for n in row["ms"]["both"] if "products" not in n}
        print(f"{label(row['size'])} {row['dtype']}: share of the matrix products", *(f"{n} {v:.2f}" for n, v in shares.items()))


def chosen(words):
    "Which sizes, types and programs the words name; of a kind that no word names, all."
    known = {*dtypes, *programs}
    try: named = [tuple(map(int, w.split("/"))) for w in words if w not in known]
    except ValueError: sys.exit(f"--only: expected sizes as 3/5/10/7, or some of {', '.join(sorted(known))}")
    pick = lambda all_of: [v for v in all_of if v in words] or list(all_of)
    return named or sizes, pick(dtypes), [n for n in pick(programs) if n in words or n not in on_request]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one short round; writes only where --out says")
    parser.add_argument("--only", nargs="+", default=[], help="sizes, types or programs; writes only where --out says")
    parser.add_argument("--out", type=Path, help="the file of the results")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    a = parser.parse_args()
    rounds, seconds = (1, .02) if a.quick else (a.rounds, .2)
    points, types, names = chosen(a.only)
    folder = tempfile.TemporaryDirectory()
    out = a.out or (None if a.quick or a.only else here/"records/results.json")
    notes = Notes(out, "results.json", {"threads": a.threads, "rounds": rounds, "seconds": seconds, "tolerance": tolerance})
    print(f"{a.threads} threads for every program, {rounds} rounds, the median of the calls that fit into {seconds} s")
    with folder, ExitStack() as stack:
        workers = [stack.enter_context(Worker("programs.py", name, a.threads, a.threads)) for name in names]
        judge = stack.enter_context(Worker("programs.py", "per step", a.threads, a.threads))
        versions = {}
        for w in workers:
            try: versions |= w.ask(do="versions")
            except Failed: pass                        # it is not installed; why it has no figure is noted below
        print("  ".join(f"{k} {v}" for k, v in versions.items()))
        for size in points:
            reference = str(Path(folder.name)/"reference.npz")
            if not all(notes.done(size=list(size), dtype=d) for d in types): judge.ask(do="reference", size=size, path=reference)
            for dtype in types:
                if notes.done(size=list(size), dtype=dtype): continue
                notes.add(measure(workers, size, dtype, rounds, seconds, reference))
                report(notes.rows[-1])
        summary(notes.rows)
        notes.finish(machine=machine(), versions=versions, disturbed=sum(row["disturbed"] for row in notes.rows))


if __name__ == "__main__": main()
