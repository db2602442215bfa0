"""Two layers, both directions, with lengths: our layers on both engines against PyTorch's. Writes bench/records/layers.json.

`torch` does what ours does: sequences with padding in and out, so it packs and unpacks. `torch packed` is given packed sequences
and leaves the result packed. Without lengths there is nothing to pack."""
import argparse
import statistics
import sys
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import numpy as np
from programs import errors, in_type, into_torch, serve, split, threads, time_first, timed, versions, without_mkl
from workers import Failed, Notes, Worker, here, machine, rounded

sizes = [(16, 32, 8, 50), (64, 128, 32, 100), (128, 256, 64, 100)]
dtypes, modes, tolerance = ("float32", "float64"), ("forward", "both"), {"float32": 1e-4, "float64": 1e-11}


def draw(n_x, n_a, m, T_x, lengths):
    "A problem by name. With lengths, the examples have a quarter of the steps to all of them."
    from lstm_nb.networks.lengths import zero_padding
    from lstm_nb.networks.nesting import init_layers
    rng = np.random.default_rng([n_x, n_a, m, T_x])
    normal = lambda *shape: rng.standard_normal(shape, np.float32)
    net = init_layers(n_x, n_a, n_layers=2, bidirectional=True, rng=rng, dtype=np.float32)
    states = lambda: [tuple(normal(n_a, m) for _ in range(2)) for _ in range(2)]
    q = {"x": normal(T_x, n_x, m).transpose(1, 2, 0), "a0": states(), "c0": states(), "da": normal(T_x, 2*n_a, m).transpose(1, 2, 0), "parameters": net}
    n = rng.integers(-(-T_x // 4), T_x + 1, m) if lengths else None
    return q | {"da": zero_padding(q["da"], n), "lengths": n}


def flat(found):
    "All arrays by name."
    if isinstance(found, np.ndarray): return {"": found}
    items = found.items() if isinstance(found, dict) else enumerate(found)
    return {f"{k} {rest}".strip(): v for k, x in items for rest, v in flat(x).items()}


def ours(q, engine):
    "A plain call of a plain install."
    if engine == "numba": without_mkl()
    from lstm_nb.networks.layers import layers_backward, layers_forward
    run = partial(layers_forward, q["x"], q["parameters"], q["a0"], q["c0"], lengths=q["lengths"], engine=engine)

    def both():
        a, _, _, tape = run()
        return {"a": a} | layers_backward(q["da"], tape)
    return lambda: run()[0], both, flat


def torch_layers(q, packed):
    import torch
    from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
    torch.set_num_threads(threads())
    (n_x, _, T_x), n = q["x"].shape, len(q["a0"][0][0])
    lstm = torch.nn.LSTM(n_x, n, 2, bidirectional=True).to(getattr(torch, q["x"].dtype.name))
    for layer, pair in enumerate(q["parameters"]):
        for end, p in zip(("", "_reverse"), pair): into_torch(lstm, p, f"_l{layer}{end}")
    stack = lambda v: torch.tensor(np.stack([s.T for pair in v for s in pair]), requires_grad=True)
    x, a0, c0, da = torch.tensor(time_first(q["x"]), requires_grad=True), stack(q["a0"]), stack(q["c0"]), torch.tensor(time_first(q["da"]))
    pack = partial(pack_padded_sequence, lengths=torch.tensor(q["lengths"]), enforce_sorted=False) if q["lengths"] is not None else None
    if packed:
        sent, da = pack(x.detach()), pack(da).data
        sent.data.requires_grad_()
    wanted = [sent.data if packed else x, a0, c0, *lstm.parameters()]

    def run():
        if packed: return lstm(sent, (a0, c0))[0].data
        a = lstm(x if pack is None else pack(x), (a0, c0))[0]
        return a if pack is None else pad_packed_sequence(a, total_length=T_x)[0]

    def forward():
        with torch.inference_mode(): return run()

    def both():
        a = run()
        return a, torch.autograd.grad(a, wanted, da)

    def gradients(out):
        a, (dx, da0, dc0, *rest) = out[0].detach(), [g for g in out[1]]
        if packed:
            loose = lambda v: pad_packed_sequence(sent._replace(data=v), total_length=T_x)[0]
            a, dx = loose(a), loose(dx)
        nest = lambda v: [tuple(v.numpy()[2*layer + d].T for d in range(2)) for layer in range(2)]
        grads = {k: g.numpy() for (k, _), g in zip(lstm.named_parameters(), rest)}

        def place(layer, end):
            W = np.concatenate([grads[f"weight_hh_l{layer}{end}"], grads[f"weight_ih_l{layer}{end}"]], 1)
            return split(W, grads[f"bias_ih_l{layer}{end}"][:, None], "ifco")
        return flat({"a": a.numpy().transpose(2, 1, 0), "dx": dx.numpy().transpose(2, 1, 0), "da0": nest(da0), "dc0": nest(dc0),
                     "dparameters": [tuple(place(layer, end) for end in ("", "_reverse")) for layer in range(2)]})
    return forward, both, gradients


programs = {"numpy": partial(ours, engine="numpy"), "numba": partial(ours, engine="numba"),
            "torch": partial(torch_layers, packed=False), "torch packed": partial(torch_layers, packed=True)}


def answer(name, state, ask):
    "One request."
    if ask["do"] == "versions": return versions(name)
    if ask["do"] == "time": return timed(state[ask["mode"]], ask["seconds"])[0]
    state.clear()
    q = draw(*ask["size"], ask["lengths"])
    _, both, gradients = ours(in_type(q, np.float64), "numpy")
    reference = gradients(both())
    state["forward"], state["both"], gradients = programs[name](in_type(q, ask["dtype"]))
    state["forward"]()
    return max(e[0] for e in errors(gradients(state["both"]()), reference).values())


def measure(workers, size, dtype, lengths, rounds, seconds):
    "One row: the milliseconds of every program in every round, and how far its results are from the first one's in float64."
    error, failed = {}, {}
    for w in workers:
        if w.name == "torch packed" and not lengths: continue
        try: error[w.name] = w.ask(do="load", size=size, dtype=dtype, lengths=lengths)
        except Failed as e: failed[w.name] = str(e); continue
        if error[w.name] > tolerance[dtype]: sys.exit(f"{w.name} is wrong: a relative error of {error[w.name]:.0e}")
    able = [w for w in workers if w.name in error]
    ms = {mode: {w.name: [] for w in able} for mode in modes}
    for r in range(rounds):
        for w in able[r % len(able):] + able[:r % len(able)]:
            for mode in modes: ms[mode][w.name].append(w.time(tries=5 if rounds > 1 else 1, mode=mode, seconds=seconds))
    return rounded({"size": list(size), "dtype": dtype, "lengths": lengths, "ms": ms, "errors": error, "failed": failed})


def report(row):
    for mode, ms in row["ms"].items():
        figures = "  ".join(f"{k} {statistics.median(v):.3g}" for k, v in ms.items())
        print("/".join(map(str, row["size"])), row["dtype"], "lengths" if row["lengths"] else "no lengths", mode, "ms ", figures, flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one short round; writes only where --out says")
    parser.add_argument("--only", nargs="+", default=[], help="programs; writes only where --out says")
    parser.add_argument("--out", type=Path)
    a = parser.parse_args()
    rounds, seconds, chosen = (1, .02, sizes[:1]) if a.quick else (3, .2, sizes)
    out = a.out or (None if a.quick or a.only else here/"records/layers.json")
    notes = Notes(out, "layers.json", {"threads": 2, "rounds": rounds, "seconds": seconds, "tolerance": tolerance})
    with ExitStack() as stack:
        workers = [stack.enter_context(Worker("layers.py", name)) for name in programs if not a.only or name in a.only]
        found = {}
        for w in workers:
            try: found |= w.ask(do="versions")
            except Failed: pass
        for size in chosen:
            for lengths in (True, False):
                for dtype in dtypes:
                    if notes.done(size=list(size), dtype=dtype, lengths=lengths): continue
                    notes.add(measure(workers, size, dtype, lengths, rounds, seconds))
                    report(notes.rows[-1])
    notes.finish(machine=machine(), versions=found)


if __name__ == "__main__": serve(answer) if sys.argv[1:2] and sys.argv[1] in programs else main()
