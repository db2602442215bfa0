"""Whole training steps beside PyTorch: the batch, forward, loss, backward, clipping and Adam, in sequences per second. Writes
bench/records/loop.json, which page E8 shows.

The tasks are those of the pages of training: handwritten digits, the adding problem at 100 and at 500 steps, and characters of a text.
Ours are steps of `fit`, by both engines; PyTorch's are the same steps written by hand, eager, from the same weights and the same batches.
Each program is a process of its own, and they take turns. Before anything is timed, the losses of the first steps are compared."""
import argparse
import statistics
import sys
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import numpy as np
from programs import serve, threads, timed, versions, without_mkl
from workers import Failed, Notes, Worker, here, machine, rounded

tasks, clip, compared = ("digits", "adding 100", "adding 500", "text"), 1., 5


def digits():
    "Rows of pixels, the last state is read: 64 units, 8 steps, batches of 32."
    from digits import base, recipe
    first, batch, rate, _ = recipe(np.arange(1437), base)

    def with_step(step):
        x, labels = batch(step)
        return x, labels[:, None], {}
    return first, with_step, rate


def adding(T):
    "The adding problem of the LSTM paper: 8 units, batches of 20, the state at the end of each sequence is read."
    from adding import init, size
    from lstm_nb.training.adding import adding_problem

    def batch(step):
        x, lengths, y = adding_problem(T, size, [0, step])
        return x.astype(np.float32), y.astype(np.float32), {"ends": lengths}
    return init("lstm", T, 0), batch, lambda step: .01


def text():
    "Windows of 64 characters of 96 kinds, batches of 16, 128 units, an answer at every step. The characters are random: only time counts."
    from lstm_nb import init_network
    from lstm_nb.training.text import one_hot
    codes = np.random.default_rng(0).integers(0, 96, 100_000)

    def batch(step):
        places = np.random.default_rng([0, step]).integers(0, len(codes) - 65, 16)
        windows = codes[places[:, None] + np.arange(65)]
        return one_hot(windows[:, :-1], 96, np.float32), windows[:, 1:], {}
    return init_network(96, 128, n_y=96, rng=0, dtype=np.float32), batch, lambda step: .01


made = {"digits": digits, "adding 100": partial(adding, 100), "adding 500": partial(adding, 500), "text": text}


def once(batch):
    "Every batch is made once per step, however often it is asked for."
    kept = {}

    def get(step):
        if step not in kept: kept.clear(), kept.update({step: batch(step)})
        return kept[step]
    return get


def loss_of(parameters, batch, engine):
    "Loss and gradients of a step."
    from lstm_nb import cross_entropy, last_step, network_backward, network_forward
    from lstm_nb.networks.lengths import last_step_backward
    from lstm_nb.training.network import network_loss, squared_error
    x, y, more = batch
    if "ends" not in more: return network_loss(parameters, (x, y), loss=cross_entropy, engine=engine)
    z, *_, tape = network_forward(x, parameters, engine=engine)
    loss, dz = squared_error(last_step(z, more["ends"])[:, :, None], y)
    return loss, network_backward(last_step_backward(dz[:, :, 0], z.shape[2], more["ends"]), tape)


def ours(task, engine):
    "`steps(n)` trains for n steps and gives the losses; how many sequences a step has."
    if engine == "numba": without_mkl()
    from lstm_nb import fit
    first, batch, rate = made[task]()
    batch = once(batch)

    def steps(n): return fit(partial(loss_of, engine=engine), first, batch, n, lr=rate, clip=clip, progress=False).history["loss"]
    return steps, batch(0)[0].shape[1]


def theirs(task):
    "The same in PyTorch."
    import torch
    from digits import Torch
    torch.set_num_threads(threads())
    first, batch, rate = made[task]()
    batch = once(batch)

    def forward(net, x, more):
        a, (last, _) = net.lstm(torch.tensor(np.ascontiguousarray(x.transpose(2, 1, 0))))
        if task == "digits": return net.out(last[-1])
        if "ends" in more: return net.out(a[torch.tensor(more["ends"]) - 1, torch.arange(x.shape[1])])
        return net.out(a)

    def loss_of(z, y):
        if task == "digits": return torch.nn.functional.cross_entropy(z, torch.tensor(y[:, 0]))
        if task == "text": return torch.nn.functional.cross_entropy(z.flatten(0, 1), torch.tensor(y.T.copy()).flatten())
        return ((z[:, 0] - torch.tensor(y[0, :, 0]))**2).mean()

    def steps(n):
        net, losses = Torch(first), []
        for step in range(n):
            x, y, more = batch(step)
            for group in net.adam.param_groups: group["lr"] = rate(step)
            net.adam.zero_grad()
            loss = loss_of(forward(net, x, more), y)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(net.learn, clip)
            net.adam.step()
            losses.append(loss.item())
        return losses
    return steps, batch(0)[0].shape[1]


programs = {"numpy": partial(ours, engine="numpy"), "numba": partial(ours, engine="numba"), "torch": theirs}


def answer(name, state, ask):
    "One request."
    if ask["do"] == "versions": return versions(name)
    if ask["do"] == "load":
        state["steps"], state["m"] = programs[name](ask["task"])
        return [float(v) for v in state["steps"](compared)]
    ms, _ = timed(partial(state["steps"], ask["n"]), ask["seconds"])
    return 1000*state["m"]*ask["n"]/ms


def measure(workers, task, rounds, seconds, n):
    "One row: sequences per second of every program in every round."
    losses, failed = {}, {}
    for w in workers:
        try: losses[w.name] = w.ask(do="load", task=task)
        except Failed as e: failed[w.name] = str(e)
    first = next(iter(losses.values()))
    for name, found in losses.items():
        if not np.allclose(found, first, rtol=1e-2): sys.exit(f"{task}: {name} has other losses, {found} and not {first}")
    able = [w for w in workers if w.name in losses]
    rates = {w.name: [] for w in able}
    for r in range(rounds):
        for w in able[r % len(able):] + able[:r % len(able)]: rates[w.name].append(w.time(seconds=seconds, n=n))
    return rounded({"task": task, "sequences_per_second": rates, "failed": failed})


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one short round; writes only where --out says")
    parser.add_argument("--only", nargs="+", default=[], help="programs or tasks; writes only where --out says")
    parser.add_argument("--out", type=Path)
    a = parser.parse_args()
    rounds, seconds, n = (1, .02, 2) if a.quick else (15, .4, 20)
    out = a.out or (None if a.quick or a.only else here/"records/loop.json")
    notes = Notes(out, "loop.json", {"threads": 2, "rounds": rounds, "seconds": seconds, "steps": n, "clip": clip})
    pick = lambda every: [v for v in every if v in a.only] or list(every)
    with ExitStack() as stack:
        workers = [stack.enter_context(Worker("loop.py", name)) for name in pick(programs)]
        found = {}
        for w in workers:
            try: found |= w.ask(do="versions")
            except Failed: pass
        for task in pick(tasks):
            if notes.done(task=task): continue
            notes.add(measure(workers, task, rounds, seconds, n))
            row = notes.rows[-1]
            print(task, "  ".join(f"{k} {statistics.median(v):.0f}" for k, v in row["sequences_per_second"].items()), row["failed"] or "", flush=True)
    notes.finish(machine=machine(), versions=found)


if __name__ == "__main__": serve(answer) if sys.argv[1:2] and sys.argv[1] in programs else main()
