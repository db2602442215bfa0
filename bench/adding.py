"""The adding problem of the LSTM paper: how many sequences an LSTM needs, that the plain RNN of page 03 does not get there, and
how many sequences a second are learned from, beside PyTorch. Writes bench/records/adding.json.

`--seconds` stops after about so long; the next call goes on, in the middle of a run too."""
import argparse
import sys
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import numpy as np
from programs import serve, threads, time_first, timed, versions
from workers import Failed, Notes, Worker, here, machine, rounded

units, size, clip, tested = 8, 20, 1., 2560
rates = {"lstm": (.01,), "lstm, forget bias 1": (.01,), "rnn": (.01, .003, .001)}
plan = [("lstm", 100, .01, s) for s in range(5)] + [("lstm", 500, .01, s) for s in range(3)] + [("lstm", 1000, .01, s) for s in range(3)]
plan += [("lstm, forget bias 1", 100, .01, s) for s in range(3)] + [("rnn", 100, lr, s) for lr in (.01, .003, .001) for s in range(3)] + [("rnn", 500, .003, 0)]
most = {100: 74_000, 500: 209_000, 1000: 853_000}       # what the paper needed is what we allow
most_rnn = {100: 74_000, 500: 40_000}


def init(net, T, seed):
    "A network of either kind in float32."
    from lstm_nb import init_lstm_parameters, init_network, init_rnn_parameters
    from lstm_nb.training.adding import chrono_init
    kind = init_rnn_parameters if net == "rnn" else init_lstm_parameters
    p = init_network(2, units, n_y=1, init=kind, rng=seed, dtype=np.float32)
    return p | {"layers": [chrono_init(p["layers"][0], T, rng=[seed, T])]} if net == "lstm" else p


def read(parameters, batch, engine):
    "The answers at the ends of the sequences `(1, m, 1)`, and the tape. Padding comes after the end, so it changes no answer."
    from lstm_nb import last_step, network_forward
    x, lengths, _ = batch
    z, _, _, tape = network_forward(x.astype(np.float32), parameters, engine=engine)
    return last_step(z, lengths)[:, :, None], (tape, z.shape[2])


def loss_and_gradients(parameters, batch, engine):
    "The squared error, its gradients, and the absolute error of every sequence."
    from lstm_nb import network_backward
    from lstm_nb.networks.lengths import last_step_backward
    from lstm_nb.training.network import squared_error
    z, (tape, T_x) = read(parameters, batch, engine)
    loss, dz = squared_error(z, batch[2].astype(np.float32))
    return loss, network_backward(last_step_backward(dz[:, :, 0], T_x, batch[1]), tape), {"errors": abs(z - batch[2])[0, :, 0]}


def solved(run):
    "The paper's criterion, on the errors made before each update."
    from lstm_nb.training.adding import adding_solved
    last = run.history.get("errors", [])[-2000 // size:]
    return len(last) * size >= 2000 and adding_solved(np.concatenate(last))


def learn(net, T, lr, seed, path=None, deadline=np.inf):
    "One run, or `None` where the deadline came first."
    from lstm_nb import fit
    from lstm_nb.training.adding import adding_problem
    e, steps = "rnn" if net == "rnn" else "numba", (most_rnn if net == "rnn" else most)[T] // size
    resumed = path is not None and path.exists()
    start, late = time.perf_counter(), lambda: time.perf_counter() > deadline
    run = fit(lambda p, batch: loss_and_gradients(p, batch, e), init(net, T, seed), lambda step: adding_problem(T, size, [seed, step]), steps,
              lr=lr, clip=clip, stop=lambda run: solved(run) or late(), path=path, every=1000, progress=False)
    done = solved(run._replace(history={"errors": [*run.history["errors"]]}))
    if late() and not done and run.step < steps: return None
    test = adding_problem(T, tested, [seed, 10**9])
    errors = abs(read(run.parameters, test, e)[0] - test[2])[0, :, 0]
    curve = run.history["errors"][:len(run.history["errors"]) // 50 * 50].reshape(-1, 50 * size).mean(1)
    row = {"net": net, "T": T, "lr": lr, "seed": seed, "sequences": run.step * size, "solved": bool(done), "wrong": int((errors >= .04).sum()),
           "error": float(errors.mean()), "seconds": None if resumed else time.perf_counter() - start, "curve": [float(v) for v in curve]}
    return rounded(row), run.parameters


# speed: one update, data and Adam included, in a process of its own

def ours(T, name):
    from lstm_nb import adam
    from lstm_nb.training.adding import adding_problem
    from lstm_nb.trees import parameter_gradients
    from lstm_nb.training.updates import clip_by_norm
    kept = {"p": init("lstm", T, 0), "state": None, "step": 0}

    def update():
        _, g, _ = loss_and_gradients(kept["p"], adding_problem(T, size, [0, kept["step"]]), name)
        g, _ = clip_by_norm(parameter_gradients(kept["p"], g), clip)
        kept["p"], kept["state"] = adam(kept["p"], g, kept["state"], lr=.01)
        kept["step"] += 1
    return update


def torch_module(T, seed=0):
    "PyTorch's LSTM and output with the same weights."
    import torch
    p = init("lstm", T, seed)
    lstm, out, order = torch.nn.LSTM(2, units), torch.nn.Linear(units, 1), "ifco"
    W, b = (np.concatenate([p["layers"][0][kind + k] for k in order]) for kind in "Wb")
    with torch.no_grad():
        for k, v in {"weight_hh_l0": W[:, :units], "weight_ih_l0": W[:, units:], "bias_ih_l0": b[:, 0], "bias_hh_l0": 0*b[:, 0]}.items():
            getattr(lstm, k).copy_(torch.tensor(v))
        out.weight.copy_(torch.tensor(p["Wy"]))
        out.bias.copy_(torch.tensor(p["by"][:, 0]))
    return lstm, out


def theirs(T, packed):
    import torch
    from lstm_nb.training.adding import adding_problem
    torch.set_num_threads(threads())
    lstm, out = torch_module(T)
    both = [*lstm.parameters(), *out.parameters()]
    adam, step = torch.optim.Adam(both, lr=.01), [0]

    def update():
        x, n, y = adding_problem(T, size, [0, step[0]])
        x, y, n = torch.tensor(time_first(x).astype(np.float32)), torch.tensor(y[0, :, 0].astype(np.float32)), torch.tensor(n)
        if packed: a = lstm(torch.nn.utils.rnn.pack_padded_sequence(x, n, enforce_sorted=False))[1][0][0]
        else: a = lstm(x)[0][n - 1, torch.arange(size)]
        adam.zero_grad()
        ((out(a)[:, 0] - y)**2).mean().backward()
        torch.nn.utils.clip_grad_norm_(both, clip)
        adam.step()
        step[0] += 1
    return update


programs = {"numpy": partial(ours, name="numpy"), "numba": partial(ours, name="numba"), "torch": partial(theirs, packed=False),
            "torch packed": partial(theirs, packed=True)}


def answer(name, state, ask):
    "One request."
    if ask["do"] == "versions": return versions(name)
    if ask["do"] == "time": return timed(state["update"], ask["seconds"])[0]
    state["update"] = programs[name](ask["T"])
    for _ in range(5): state["update"]()
    return {}


def speed(lengths=(100, 500), rounds=3, seconds=1., only=()):
    "Sequences a second of every program, round by round, and what ran."
    with ExitStack() as stack:
        workers = [stack.enter_context(Worker("adding.py", name, threads=1)) for name in programs if not only or name in only]
        found, rows = {}, []
        for T in lengths:
            able = []
            for w in workers:
                try: w.ask(do="load", T=T); found |= w.ask(do="versions"); able.append(w)
                except Failed as e: print(w.name, e, flush=True)
            rate = {w.name: [] for w in able}
            for r in range(rounds):
                for w in able[r % len(able):] + able[:r % len(able)]: rate[w.name].append(1000 * size / w.time(seconds=seconds))
            rows.append(rounded({"T": T, "sequences_per_second": rate, "disturbed": sum(w.disturbed for w in able)}))
            print(rows[-1], flush=True)
    return rows, found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a few steps of each kind; writes only where --out says")
    parser.add_argument("--seconds", type=float, default=np.inf)
    parser.add_argument("--net", nargs="+", default=[*rates], help="the kinds to run now")
    parser.add_argument("--out", type=Path)
    a = parser.parse_args()
    deadline, out = time.perf_counter() + a.seconds, a.out or (None if a.quick else here/"records/adding.json")
    if a.quick: most.update({20: 40}), most_rnn.update({20: 40})
    chosen = [(net, 20, .01, 0) for net in rates] if a.quick else plan
    notes = Notes(out, "adding.json", {"units": units, "size": size, "clip": clip, "tested": tested, "allowed": {str(T): n for T, n in most.items()},
                        "allowed_rnn": {str(T): n for T, n in most_rnn.items()}})
    for net, T, lr, seed in chosen:
        key = {"net": net, "T": T, "lr": lr, "seed": seed}
        if net not in a.net or notes.done(**key): continue
        path = None if out is None else out.with_suffix("." + "-".join(map(str, key.values())).replace(", ", "-").replace(" ", "-") + ".run")
        found = learn(net, T, lr, seed, path, deadline)
        if found is None: print("not finished:", key); return
        if path is not None:
            path.unlink()
            if net == "lstm" and T == 100 and seed == 0 and not a.quick:
                from lstm_nb import save_tree
                save_tree(here/"records/adding.safetensors", found[1])
        notes.add(found[0])
        print({k: v for k, v in found[0].items() if k != "curve"}, flush=True)
        if time.perf_counter() > deadline: print("not finished"); return
    if any(not notes.done(net=n, T=T, lr=lr, seed=s) for n, T, lr, s in chosen): return
    rows, found = speed((20,), 1, .02, ("numpy",)) if a.quick else speed()
    notes.finish(machine=machine(), versions=found, speed=rows)


if __name__ == "__main__": serve(answer) if sys.argv[1:2] and sys.argv[1] in programs else main()
