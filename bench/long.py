"""Long sequences: peak memory and time of the plain engine, of checkpoints and of PyTorch. Writes bench/records/long.json, which page E6 shows.

Every measurement is a process of its own: it draws the inputs, runs a few steps to have everything loaded and compiled, and then forward
and backward. Memory is what the peak of the resident set rises above where it stood before. Time is the best of the runs in a process;
programs take turns, and every round is written down."""
import argparse
import fcntl
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from programs import into_torch, versions
from workers import code_of, here, machine, pools

goal = dict(n_x=64, n_a=128, m=32, T_x=4096)            # the size of the issue
wide = dict(n_x=32, n_a=64, m=128)                      # states and tapes large beside the weights
small = dict(n_x=8, n_a=32, m=4)
lengths = [256, 512, 1024, 2048, 4096, 8192]


def resident(field):
    "MiB that this process has in memory now (`VmRSS`), or had at most (`VmHWM`)."
    return next(int(line.split()[1]) / 1024 for line in open("/proc/self/status") if line.startswith(field))


def draw(n_x, n_a, m, T_x, dtype):
    "A problem with time first in memory; x and da of `T_x` steps."
    from lstm_nb import init_lstm_parameters
    rng = np.random.default_rng(0)
    def array(T, n):
        v = np.empty((T, n, m), dtype)
        for part in v: part[...] = rng.standard_normal((n, m), np.float32)
        return v.transpose(1, 2, 0)
    return {"x": array(T_x, n_x), "a0": array(1, n_a)[:, :, 0], "da": array(T_x, n_a), "parameters": init_lstm_parameters(n_x, n_a, rng=rng, dtype=dtype)}


def first(q, T): return q | {k: q[k][:, :, :T] for k in ("x", "da")}


def plain(q, engine):
    "The tape is handed on to the next run, as a training loop would."
    from lstm_nb.engines.calls import fused_lstm_backward, fused_lstm_forward
    *_, q["tape"] = fused_lstm_forward(q["x"], q["a0"], q["parameters"], engine=engine, tape=q.get("tape"))
    return fused_lstm_backward(q["da"], q["tape"])


def forward(q, engine):
    "The plain engine's way forward alone: what is done twice with checkpoints."
    from lstm_nb.engines.calls import fused_lstm_forward
    *_, q["tape"] = fused_lstm_forward(q["x"], q["a0"], q["parameters"], engine=engine, tape=q.get("tape"))


def checkpointed(q, engine, every=None, only_last=True):
    "The same gradients of the same arrays."
    from lstm_nb.engines.checkpoint import checkpointed_lstm_backward, checkpointed_lstm_forward
    *states, tape = checkpointed_lstm_forward(q["x"], q["a0"], q["parameters"], engine=engine, every=every, only_last=only_last)
    return checkpointed_lstm_backward(q["da"], tape)


def least(q, engine):
    "With the segments of least memory: more of them, so more set-up."
    from lstm_nb.engines.checkpoint import best_every
    return checkpointed(q, engine, every=best_every(q["x"].shape[2], len(q["x"]), len(q["a0"])))


def all_states(q, engine): return checkpointed(q, engine, only_last=False)


def streamed(q, engine):
    "Nothing that is made is as long as the sequence: dx is handed on, to nobody."
    from lstm_nb.engines.checkpoint import checkpointed_lstm_backward, checkpointed_lstm_forward
    tape = checkpointed_lstm_forward(q["x"], q["a0"], q["parameters"], engine=engine, only_last=True)[2]
    return checkpointed_lstm_backward(lambda a, start, stop: q["da"][:, :, start:stop], tape, dx=lambda part, start, stop: None)


def made(q, engine, T_x=1_000_000):
    "Nor is anything that goes in: x is made segment by segment, with its first step as the seed, and da out of a."
    from lstm_nb.engines.checkpoint import checkpointed_lstm_backward, checkpointed_lstm_forward
    (n_x, m, _), dtype = q["x"].shape, q["x"].dtype
    def make(start, stop): return np.random.default_rng(start).standard_normal((stop - start, n_x, m), dtype).transpose(1, 2, 0)
    tape = checkpointed_lstm_forward(make, q["a0"], q["parameters"], engine=engine, T_x=min(T_x, q.get("T_x", T_x)), only_last=True)[2]
    return checkpointed_lstm_backward(lambda a, start, stop: a / T_x, tape, dx=lambda part, start, stop: None)


def torch_lstm(q):
    "PyTorch's nn.LSTM, its own way round: time first, one tensor of all gates."
    import torch
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    lstm = torch.nn.LSTM(len(q["x"]), len(q["a0"]), dtype=getattr(torch, q["x"].dtype.name))
    into_torch(lstm, q["parameters"])
    first = lambda v: torch.tensor(np.ascontiguousarray(v.T))
    x, da, a0 = first(q["x"]).requires_grad_(), first(q["da"]), first(q["a0"])[None].requires_grad_()
    q.clear()

    def run(T=None):
        grads = torch.autograd.grad(lstm(x[:T], (a0, torch.zeros_like(a0)))[0], [x, a0, *lstm.parameters()], da[:T])
        return {"da0": grads[1][0].numpy().T, "dW": np.concatenate([grads[3].numpy(), grads[2].numpy()], 1)}
    return run


programs = {"plain": plain, "forward": forward, "checkpointed": checkpointed, "least": least, "all states": all_states, "streamed": streamed, "made": made}


def one(program, engine, dtype, repeats, options, sizes):
    "What one process measures; to be compared, the mean size of some gradients."
    q = draw(**{"T_x": 8} | sizes, dtype=dtype)
    if program == "torch":
        run = torch_lstm(q)
        run(8)
    else:
        run = lambda: programs[program](q, engine, **options)
        programs[program](first(q, 8) | {"T_x": 8}, engine)
    before, seconds = resident("VmRSS"), []
    Path("/proc/self/clear_refs").write_text("5")           # the peak starts anew
    for _ in range(repeats):
        found = None                                        # or its dx would count twice
        start = time.perf_counter()
        found = run()
        seconds.append(time.perf_counter() - start)
    check = [] if found is None else [found["dW"] if program == "torch" else np.concatenate([found[f"dW{k}"] for k in "ifco"]), found["da0"]]
    return {"MiB": round(resident("VmHWM") - before, 2), "seconds": round(min(seconds), 3), "check": [float(abs(v.astype(np.float64)).mean()) for v in check]}


def ask(a, **request):
    "Measure in a fresh process."
    threads = {f"{pool}_NUM_THREADS": str(a.threads) for pool in pools}
    command = [sys.executable, __file__, "--one", json.dumps(request)]
    out = subprocess.run(command, env=os.environ | threads, capture_output=True, text=True, check=True).stdout
    print({k: v for k, v in request.items() if k not in ("repeats",)}, out.strip(), flush=True)
    return json.loads(out)


def problem(request): return request["sizes"], request["options"].get("T_x")


def rounds(a, n, requests):
    "All requests in turn, `n` times; every round's seconds, the median of the memory, and how far the gradients are from those of the first request with the same problem."
    found, rows = [], []
    for _ in range(n):
        with open(a.lock, "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            found.append([ask(a, **r) for r in requests])
    for r, every in zip(requests, zip(*found)):
        same = next(k for k, other in enumerate(requests) if problem(other) == problem(r))
        off = max((abs(c / w - 1) for c, w in zip(every[0]["check"], found[0][same]["check"])), default=0)
        rows.append({k: r[k] for k in ("program", "engine", "dtype")} | r["sizes"] | r["options"] |
                    {"MiB": statistics.median(e["MiB"] for e in every), "seconds": [e["seconds"] for e in every], "off": off})
    return rows


def request(program, engine="numpy", dtype="float32", repeats=2, options=None, **sizes):
    return {"program": program, "engine": engine, "dtype": dtype, "repeats": repeats, "options": options or {}, "sizes": sizes}


def parts(a):
    "Everything that is measured, by name."
    ours = [(p, e) for e in ("numpy", "numba") for p in ("plain", "checkpointed", "forward")]
    everything = ours + [("all states", "numpy"), ("streamed", "numpy"), ("torch", "oneDNN")]
    alone = argparse.Namespace(**vars(a) | {"threads": 1})
    yield "goal", lambda: [row for dtype in ("float32", "float64") for row in rounds(a, 5, [request(p, e, dtype, **goal) for p, e in everything])]
    yield "least", lambda: [row for d in ("float32", "float64") for row in rounds(a, 3, [request(p, e, d, **goal) for e in ("numpy", "numba") for p in ("plain", "least")])]
    yield "lengths", lambda: rounds(alone, 1, [request(p, e, **wide, T_x=T) for T in lengths for p, e in everything if e != "numba" and p not in ("forward", "all states")])
    yield "million", lambda: rounds(alone, 1, [request("made", e, repeats=1, options={"T_x": T}, **small) for e in ("numpy", "numba") for T in (1_000, 31_000, 1_000_000)])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--one", help="what a process of its own is asked; for the script itself")
    parser.add_argument("--only", nargs="+", help="parts to measure again: goal least lengths million")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--lock", default=os.devnull, help="a file that is locked while the programs take their turns, for other jobs that respect it")
    parser.add_argument("--out", type=Path, default=here/"records/long.json")
    a = parser.parse_args()
    if a.one: return print(json.dumps(one(**json.loads(a.one))))
    found = json.loads(a.out.read_text()) if a.out.exists() else {}
    for name, measure in parts(a):
        if a.only and name not in a.only: continue
        if not a.only: found["code"] = code_of("bench/records/long.json")
        found |= {"machine": machine() | versions("numba") | versions("torch"), "threads": a.threads, name: measure()}
        a.out.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__": main()
