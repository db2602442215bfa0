"""A character model on the help topics of CPython (the module pydoc_data.topics, PSF licence), its bits per character on a held-out tail
beside those of gzip and of tables of n-grams, and what it writes. Writes bench/records/text.json and bench/records/text.safetensors.

`--seconds` stops after about so long; the next call goes on, in the middle of the training too."""
import argparse
import gzip
import hashlib
import lzma
import platform
import time
from collections import Counter
from functools import partial
from pathlib import Path

import numpy as np
from workers import code_of, compact, here, machine, rounded

settings = {"units": 128, "length": 64, "size": 16, "peak": .01, "drop": .1, "steps": 16_000, "every": 500, "clip": 1., "seed": 0, "copied": .2, "warm": 2000}
parts = .8, .9                                  # training up to here, validation up to here, the tail is the test
priors = (.3, 1, 3, 10, 30, 100)
temperatures, start, shown = (.3, .7, 1., 1.3), "\n\nThe ", 400


def load(copied):
    """The text, and where it is from. Topics repeat each other, so a paragraph of which more than a share `copied` stands in lines that
    came before is left out: else the tail would not be held out."""
    from pydoc_data.topics import topics
    seen, kept = set(), []
    for k in sorted(topics):
        for paragraph in topics[k].split("\n\n"):
            lines = [line for line in (" ".join(line.split()) for line in paragraph.split("\n")) if line]
            old = sum(len(line) for line in lines if line in seen)
            if lines and old <= copied * sum(map(len, lines)): kept.append(paragraph.strip("\n"))
            seen.update(lines)
    text = "\n\n".join(kept)
    return text, {"module": "pydoc_data.topics", "licence": "PSF", "python": platform.python_version(), "topics": len(topics), "characters": len(text),
                  "sha256": hashlib.sha256(text.encode()).hexdigest()}


def split(text): return [text[int(a * len(text)):int(b * len(text))] for a, b in zip((0, *parts), (*parts, 1))]


# what the network is compared with

def ngram_bits(before, text, order, strength, letters):
    """Bits per character of a table of n-grams that was counted on `before`. The probability of a letter after its last k is its share there,
    with the probability after the last k - 1 added `strength` times."""
    counts = [Counter(before[i - k:i + 1] for i in range(k, len(before))) for k in range(order)]
    totals = [Counter(before[i - k:i] for i in range(k, len(before))) for k in range(order)]
    whole, bits = before[-order:] + text, 0
    for i in range(len(whole) - len(text), len(whole)):
        p = 1 / letters
        for k in range(order):
            p = (counts[k][whole[i - k:i + 1]] + strength*p) / (totals[k][whole[i - k:i]] + strength)
        bits -= np.log2(p)
    return float(bits / len(text))


def tables(train, validation, test, letters):
    "For every order the strength that is best on the validation part, and the bits on the test."
    found = []
    for order in range(1, 6 if len(train) > 100_000 else 4):
        tried = {s: ngram_bits(train, validation, order, s, letters) for s in priors}
        best = min(tried, key=tried.get)
        found.append({"order": order, "strength": best, "validation": tried[best], "test": ngram_bits(train + validation, test, order, best, letters)})
    return found


def compressed(before, text):
    "Bits per character of the text alone, and of what it adds to all that came before."
    size = {"gzip": lambda v: len(gzip.compress(v.encode(), 9, mtime=0)), "xz": lambda v: len(lzma.compress(v.encode(), preset=9))}
    return {k: {"alone": 8 * f(text) / len(text), "after": 8 * (f(before + text) - f(before)) / len(text)} for k, f in size.items()}


# the network

def network_bits(parameters, codes, warm, engine="numba"):
    "Bits per character after the first `warm`, which are read to begin with; the state is carried through all of it."
    from lstm_nb import cross_entropy, network_forward
    from lstm_nb.training.text import one_hot
    z = network_forward(one_hot(codes[None, :-1], len(parameters["Wy"]), np.float32), parameters, engine=engine)[0]
    return float(cross_entropy(z[:, :, warm - 1:], codes[None, warm:])[0] / np.log(2))


def learn(codes, bounds, letters, s, path=None, deadline=np.inf):
    "The run, as far as it has come by the deadline."
    from lstm_nb import cross_entropy, dropout_masks, fit, init_network
    from lstm_nb.training.network import network_loss
    from lstm_nb.training.text import one_hot
    from lstm_nb.training.updates import cosine_schedule
    first = init_network(letters, s["units"], n_y=letters, rng=s["seed"], dtype=np.float32)

    def batch(step):
        rng = np.random.default_rng([s["seed"], step])
        places = rng.integers(0, bounds[0] - s["length"] - 1, s["size"])
        windows = codes[places[:, None] + np.arange(s["length"] + 1)]
        masks = dropout_masks(first["layers"], s["size"], state_rate=s["drop"], rng=rng)
        return one_hot(windows[:, :-1], letters, np.float32), windows[:, 1:], masks
    held = codes[bounds[0] - s["warm"]:bounds[1]]
    return fit(partial(network_loss, loss=cross_entropy, engine="numba"), first, batch, s["steps"], lr=partial(cosine_schedule, steps=s["steps"], peak=s["peak"], warmup=100), clip=s["clip"],
               validate=lambda p: network_bits(p, held, s["warm"]), every=s["every"], stop=lambda run: time.perf_counter() > deadline, path=path,
               progress=False)


def rounded_weights(tree, dtype=np.float16):
    "The same in half precision."
    if isinstance(tree, dict): return {k: rounded_weights(v, dtype) for k, v in tree.items()}
    return [rounded_weights(v, dtype) for v in tree] if isinstance(tree, list) else tree.astype(dtype)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a few steps; writes only where --out says")
    parser.add_argument("--seconds", type=float, default=np.inf)
    parser.add_argument("--out", type=Path)
    a = parser.parse_args()
    out, deadline = a.out or (None if a.quick else here/"records/text.json"), time.perf_counter() + a.seconds
    s = settings | ({"units": 8, "steps": 6, "every": 3, "size": 2} if a.quick else {})
    text, source = load(s["copied"])
    if a.quick: text = text[:30_000]
    letters = "".join(sorted(set(text)))
    code = {c: n for n, c in enumerate(letters)}
    codes, bounds = np.array([code[c] for c in text]), [int(p * len(text)) for p in parts]
    path = out and out.with_suffix(".run")
    run = learn(codes, bounds, len(letters), s, path, deadline)
    if run.step < s["steps"]: print(f"not finished: step {run.step}, validation {run.history.get('validation', [])[-1:]}"); return
    from lstm_nb import save_tree
    from lstm_nb.training.text import sample
    train, validation, test = split(text)
    tail, best = codes[bounds[1] - s["warm"]:], run.best["parameters"]
    half = rounded_weights(best)
    back = rounded_weights(half, np.float32)
    bits = {"letters": len(letters), "uniform": float(np.log2(len(letters))), "network": network_bits(best, tail, s["warm"]),
            "network in half precision": network_bits(back, tail, s["warm"]), "compressed": compressed(train + validation, test),
            "tables": tables(train, validation, test, len(letters))}
    texts = {str(t): "".join(letters[k] for k in sample(back, [code[c] for c in start], 20 if a.quick else shown, temperature=t, rng=0)) for t in temperatures}
    found = {"code": code_of("bench/records/text.json"), "settings": s, "source": source, "machine": machine(), "parts": [len(train), len(validation), len(test)],
             "best": {"step": run.best["step"], "validation": run.best["validation"]}, "validation": [float(v) for v in run.history["validation"]],
             "loss": [float(v) for v in run.history["loss"][:run.step // 100 * 100].reshape(-1, 100).mean(1) / np.log(2)], "bits": bits, "start": start, "texts": texts}
    print(rounded(bits))
    if not out: return
    import json
    out.write_text(compact(json.dumps(rounded(found), indent=1, ensure_ascii=False)) + "\n", encoding="utf-8")
    if not a.quick: save_tree(out.with_suffix(".safetensors"), {"parameters": half, "letters": letters})
    path.unlink()


if __name__ == "__main__": main()
