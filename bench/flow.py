"""Trains the four networks that the page of the flow looks into: an LSTM and a plain RNN on the adding problem with T = 100, and both on a text.
Writes their weights, bench/records/flow.safetensors, and what they can do, bench/records/flow.json.

The text is Python's own documentation as the standard library has it, `pydoc_data.topics`, under the licence of Python.
`--seconds` stops after about so long; the next call goes on."""
import argparse
import hashlib
import json
import platform
import time
from functools import partial
from pathlib import Path

import numpy as np
from workers import code_of, here

units = {"adding": 16, "text": 96}
window, size, forget_bias = 64, {"adding": 20, "text": 32}, {"adding": 4., "text": 1.}
steps = {("adding", "lstm"): 2500, ("adding", "rnn"): 2500, ("text", "lstm"): 8000, ("text", "rnn"): 8000}
rate = {("adding", "lstm"): .01, ("adding", "rnn"): .003, ("text", "lstm"): .004, ("text", "rnn"): .002}
tested = 2560
kept_out = 0.05                                                     # of the text, its end


def letters():
    "The text in one line, without its rarest letters, and all letters in it."
    from pydoc_data.topics import topics
    text = " ".join(" ".join(topics[k] for k in sorted(topics)).split())
    vocabulary = "".join(sorted(c for c in set(text) if text.count(c) >= 30))
    return "".join(c for c in text if c in vocabulary), vocabulary


def init(task, net, n_x, n_y):
    "The network that training starts from."
    from lstm_nb import init_lstm_parameters, init_network, init_rnn_parameters
    kind = init_rnn_parameters if net == "rnn" else partial(init_lstm_parameters, forget_bias=forget_bias[task])
    return init_network(n_x, units[task], n_y=n_y, init=kind, rng=0, dtype=np.float32)


engines = {"lstm": "numba", "rnn": "rnn"}                           # what runs the layer: ours, compiled, or the functions of page 03


def adding(net):
    "Network, batch, loss, and what it can do."
    from lstm_nb import network_backward, network_forward
    from lstm_nb.training.adding import adding_problem
    from lstm_nb.training.network import squared_error

    def batch(step): return adding_problem(100, size["adding"], [0, step])

    def answers(p, b):
        "At the end of every sequence. Padding comes after it and is not looked at."
        z, _, _, tape = network_forward(b[0].astype(np.float32), p, engine=engines[net])
        return z, (np.arange(len(b[1])), b[1] - 1), tape

    def loss(p, b):
        z, (m, last), tape = answers(p, b)
        value, d = squared_error(z[:, m, last][:, :, None], b[2].astype(np.float32))
        dz = np.zeros_like(z)
        dz[:, m, last] = d[:, :, 0]
        return value, network_backward(dz, tape)

    def can(p):
        b = adding_problem(100, tested, [1, 0])
        z, (m, last), _ = answers(p, b)
        errors = abs(z[:, m, last] - b[2][:, :, 0])
        return {"error": float(errors.mean()), f"wrong of {tested}": int((errors >= .04).sum())}
    return init("adding", net, 2, 1), batch, loss, can


def text(net):
    "Network, batch, loss, and what it can do."
    from lstm_nb import cross_entropy, network_backward, network_forward
    from lstm_nb.training.text import one_hot
    all_letters, vocabulary = letters()
    ids = np.array([vocabulary.index(c) for c in all_letters])
    learned, rest = np.split(ids, [round(len(ids) * (1 - kept_out))])

    def batch(step):
        at = np.random.default_rng([0, step]).integers(len(learned) - window, size=(size["text"], 1)) + np.arange(window + 1)
        return learned[at]

    def loss(p, b):
        z, _, _, tape = network_forward(one_hot(b[:, :-1], len(vocabulary), np.float32), p, engine=engines[net])
        value, dz = cross_entropy(z, b[:, 1:])
        return value, network_backward(dz, tape)

    def can(p):
        n = min((len(rest) - 1) // 16, tested)
        z = network_forward(one_hot(rest[:16*n].reshape(16, n), len(vocabulary), np.float32), p, engine=engines[net])[0]
        return {"bits per letter": float(cross_entropy(z, rest[1:16*n+1].reshape(16, n))[0] / np.log(2))}
    return init("text", net, len(vocabulary), len(vocabulary)), batch, loss, can


def needed(p, vocabulary, shown):
    "What the prediction loses without each unit of the LSTM, in bits: per letter, and per closing quotation mark."
    from lstm_nb import cross_entropy, network_forward
    from lstm_nb.training.text import one_hot
    ids = np.array([vocabulary.index(c) for c in shown]).reshape(12, 500)
    quoted = (np.cumsum([c == '"' for c in shown]) % 2).reshape(12, 500)
    closing = (ids == vocabulary.index('"')) & (quoted == 0)

    def bits(layer):
        z = network_forward(one_hot(ids[:, :-1], len(vocabulary)), p | {"layers": [layer]})[0]
        return np.array([cross_entropy(z, ids[:, 1:], w)[0] for w in (None, closing[:, 1:])]) / np.log(2)
    layer = {k: v.astype(float) for k, v in p["layers"][0].items()}
    whole = bits(layer)
    shut = [layer | {"bo": layer["bo"] - 1000 * np.eye(units["text"])[:, u:u+1]} for u in range(min(units["text"], tested))]
    return {"whole": whole.tolist(), "without": [(bits(q) - whole).round(6).tolist() for q in shut]}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=np.inf)
    parser.add_argument("--out", type=Path, default=here/"records/flow.json")
    parser.add_argument("--quick", action="store_true", help="a few steps of each, for the test")
    options = parser.parse_args()
    from lstm_nb import fit, save_tree
    from lstm_nb.training.updates import cosine_schedule
    global tested
    if options.quick: tested = 4
    end, nets, rows = time.monotonic() + options.seconds, {}, []
    for (task, net), n in steps.items():
        n, part = 3 if options.quick else n, options.out.with_name(f"flow-{task}-{net}.part")
        p, batch, loss, can = (adding if task == "adding" else text)(net)
        before = can(p)
        run = fit(loss, p, batch, n, lr=lambda s: cosine_schedule(s, n, rate[task, net], 100 if n > 100 else 0), clip=1., stop=lambda run: time.monotonic() > end,
                  path=part, every=250, progress=False)
        if run.step < n: return print(f"{task}, {net}: {run.step} of {n} steps; call again to go on")
        rows.append({"task": task, "net": net, "units": units[task], "steps": n, "rate": rate[task, net], "sequences": n * size[task], "before": before, "after": can(run.parameters)})
        nets.setdefault(task, {})[net] = run.parameters
        print(rows[-1], flush=True)
    all_letters, vocabulary = letters()
    shown = all_letters[-14_000:-8_000]                             # of what was kept out
    about = {"python": platform.python_version(), "letters": len(all_letters), "sha256": hashlib.sha256(all_letters.encode()).hexdigest(), "vocabulary": vocabulary, "kept out": shown,
             "needed": needed(nets["text"]["lstm"], vocabulary, shown)}
    options.out.write_text(json.dumps({"code": code_of("bench/records/flow.json"), "text": about, "rows": rows}, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    save_tree(options.out.with_suffix(".safetensors"), nets)
    for file in options.out.parent.glob("flow-*.part"): file.unlink()


if __name__ == "__main__": main()
