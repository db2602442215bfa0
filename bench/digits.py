"""Handwritten digits, read row by row: settings are chosen on folds of the training part, then five networks are trained on all of it
and tested once, and PyTorch trains the same five by the same schedule. Writes bench/records/digits.json and, of seed 0, bench/records/digits.safetensors.

A test set of 360 of scikit-learn's 1,797 digits is drawn by a seed before anything else, and takes no part in any choice."""
import argparse
import time
from functools import partial
from pathlib import Path

import numpy as np
from workers import Notes, here, machine, rounded

base = {"units": 64, "layers": 1, "both": False, "drop": .1, "peak": .01, "size": 32, "epochs": 60}
tried = [{}, {"drop": 0.}, {"drop": .2}, {"units": 32}, {"units": 128}, {"layers": 2}, {"both": True}, {"peak": .003}, {"epochs": 120}]
clip, folds, seeds, n_test = 1., 4, 5, 360


def digits():
    "Images as sequences `(8, 1797, 8)`, a row of pixels a step, from 0 to 1, and their labels."
    from sklearn.datasets import load_digits
    found = load_digits()
    return found.images.transpose(2, 0, 1).astype(np.float32) / 16, found.target


def split():
    "Numbers of the images for training and for the test."
    order = np.random.default_rng(0).permutation(1797)
    return order[n_test:], order[:n_test]


def recipe(chosen, s, seed=0, dtype=np.float32):
    "All that a training run is made of: first weights, batches with their masks, step sizes and how many steps, for the images `chosen`."
    from lstm_nb import init_network
    from lstm_nb.training.updates import cosine_schedule, minibatch
    x, labels = digits()
    steps = s["epochs"] * -(-len(chosen) // s["size"])

    def batch(step):
        b = chosen[minibatch(step, len(chosen), s["size"], seed)]
        mask = np.random.default_rng([seed, step, 1]).random((8, len(b), 8)) >= s["drop"]
        return (x[:, b] * mask / (1 - s["drop"])).astype(dtype), labels[b]
    first = init_network(8, s["units"], n_y=10, n_layers=s["layers"], bidirectional=s["both"], rng=seed, dtype=dtype)
    return first, batch, partial(cosine_schedule, steps=steps, peak=s["peak"], warmup=steps // 20), steps


def loss_and_gradients(parameters, batch):
    "Cross-entropy of the last states."
    from lstm_nb import cross_entropy, network_backward, network_forward
    x, labels = batch
    z, _, _, tape = network_forward(x, parameters, last=True)
    loss, dz = cross_entropy(z, labels[:, None])
    return loss, network_backward(dz, tape)


def said(parameters, chosen):
    "What a network says about images."
    from lstm_nb import network_forward
    return network_forward(digits()[0][:, chosen], parameters, last=True)[0][:, :, 0].argmax(0)


def ours(chosen, s, seed, **more):
    "The run of one training."
    from lstm_nb import fit
    first, batch, rate, steps = recipe(chosen, s, seed)
    return fit(loss_and_gradients, first, batch, steps, lr=rate, clip=clip, progress=False, **more)


class Torch:
    "The same network, the same loss and the same updates in PyTorch, from the same weights. One layer, one direction."
    def __init__(self, first):
        import torch
        self.torch, p, order = torch, first["layers"][0], "ifco"
        (n, columns), kind = p["Wf"].shape, getattr(torch, p["Wf"].dtype.name)
        W, b = (np.concatenate([p[name + k] for k in order]) for name in "Wb")
        self.lstm, self.out = torch.nn.LSTM(columns - n, n, dtype=kind), torch.nn.Linear(n, len(first["Wy"]), dtype=kind)
        self.lstm.bias_hh_l0.requires_grad_(False)          # one bias, as here: two would learn twice as fast
        with torch.no_grad():
            for to, v in ((self.lstm.weight_hh_l0, W[:, :n]), (self.lstm.weight_ih_l0, W[:, n:]), (self.lstm.bias_ih_l0, b[:, 0]),
                          (self.lstm.bias_hh_l0, 0*b[:, 0]), (self.out.weight, first["Wy"]), (self.out.bias, first["by"][:, 0])): to.copy_(torch.tensor(v))
        self.learn = [v for v in [*self.lstm.parameters(), *self.out.parameters()] if v.requires_grad]
        self.adam = torch.optim.Adam(self.learn)

    def logits(self, x): return self.out(self.lstm(self.torch.tensor(np.ascontiguousarray(x.transpose(2, 1, 0))))[1][0][-1])

    def step(self, batch, rate):
        "One update; returns the loss before it and the norm of the gradients."
        for group in self.adam.param_groups: group["lr"] = rate
        self.adam.zero_grad()
        loss = self.torch.nn.functional.cross_entropy(self.logits(batch[0]), self.torch.tensor(batch[1]))
        loss.backward()
        norm = self.clipped()
        self.adam.step()
        return loss.item(), norm

    def clipped(self): return self.torch.nn.utils.clip_grad_norm_(self.learn, clip).item()


def theirs(chosen, s, seed):
    "What PyTorch's network says about any images after the same training."
    first, batch, rate, steps = recipe(chosen, s, seed)
    net = Torch(first)
    for step in range(steps): net.step(batch(step), rate(step))

    def answers(images):
        with net.torch.no_grad(): return net.logits(digits()[0][:, images]).numpy().argmax(1)
    return answers


def choose(change, steps=None):
    "The validation accuracy on every fold."
    labels, found = digits()[1], []
    parts = np.array_split(split()[0], folds)
    for n, part in enumerate(parts):
        rest = np.concatenate([p for k, p in enumerate(parts) if k != n])
        found.append(float((said(ours(rest, base | change, n).parameters, part) == labels[part]).mean()))
    return found


def final(program, s, seed):
    "One network trained on the whole training part, and tested."
    train, test = split()
    labels, start = digits()[1], time.perf_counter()
    run = ours(train, s, seed) if program == "ours" else theirs(train, s, seed)
    seconds = time.perf_counter() - start
    answers = said(run.parameters, test) if program == "ours" else run(test)
    wrong = [[int(test[k]), int(labels[test[k]]), int(answers[k])] for k in np.flatnonzero(answers != labels[test])]
    return {"accuracy": 1 - len(wrong)/len(test), "errors": len(wrong), "seconds": seconds, "wrong": wrong}, run


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="two epochs; writes only where --out says")
    parser.add_argument("--seconds", type=float, default=np.inf, help="stop after about so long; the next call goes on")
    parser.add_argument("--program", nargs="*", default=["ours", "torch"])
    parser.add_argument("--out", type=Path)
    a = parser.parse_args()
    out, deadline = a.out or (None if a.quick else here/"records/digits.json"), time.perf_counter() + a.seconds
    if a.quick: base.update(epochs=2, units=8), tried.clear(), tried.append({})
    notes = Notes(out, "digits.json", {"base": base, "clip": clip, "folds": folds, "test": n_test, "threads": 1})
    for change in tried:
        if notes.done(part="choose", change=change): continue
        notes.add(rounded({"part": "choose", "change": change, "accuracy": choose(change)}))
        print(notes.rows[-1], flush=True)
        if time.perf_counter() > deadline: return
    best = base | max((r for r in notes.rows if r["part"] == "choose"), key=lambda r: (round(np.mean(r["accuracy"]), 6), r["change"] == {}))["change"]
    for program in a.program:
        for seed in range(1 if a.quick else seeds):
            if notes.done(part="final", program=program, seed=seed): continue
            row, run = final(program, best, seed)
            notes.add({"part": "final", "program": program, "seed": seed} | rounded(row, 5))
            print({k: v for k, v in notes.rows[-1].items() if k != "wrong"}, flush=True)
            if program == "ours" and seed == 0 and not a.quick:
                from lstm_nb import save_tree
                save_tree(here/"records/digits.safetensors", run.parameters)
            if time.perf_counter() > deadline: return
    if all(notes.done(part="final", program=p, seed=s) for p in ("ours", "torch") for s in range(seeds)) or a.quick:
        from importlib.metadata import version
        notes.finish(machine=machine(), chosen=best, versions={k: version(k) for k in ("numpy", "scikit-learn", *(["torch"] if "torch" in a.program else []))})


if __name__ == "__main__": main()
