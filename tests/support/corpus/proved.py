"Whether a solution is right, without the checker: its numbers beside the book's own on one random problem."
import numpy as np
from lstm_nb import lstm_backward, lstm_cell_backward, lstm_cell_forward, lstm_forward, rnn_backward, rnn_cell_backward, rnn_cell_forward, rnn_forward

of_the_book = {f.__name__: f for f in (rnn_cell_forward, rnn_forward, rnn_cell_backward, rnn_backward,
                                       lstm_cell_forward, lstm_forward, lstm_cell_backward, lstm_backward)}
n_x, n_a, n_y, m, T_x = 3, 5, 2, 6, 4
sizes = {"rnn": dict(Wax=(n_a, n_x), Waa=(n_a, n_a), Wya=(n_y, n_a), ba=(n_a, 1), by=(n_y, 1)),
         "lstm": {f"{v}{k}": (n_a, n_a + n_x if v == "W" else 1) for v in "Wb" for k in "fico"} | dict(Wy=(n_y, n_a), by=(n_y, 1))}


def plain(caches):
    "Caches as course code makes them: tuples and lists."
    if isinstance(caches, tuple) and caches and isinstance(caches[0], list): return [tuple(c) for c in caches[0]], caches[1]
    return tuple(caches)


def arguments(name, forward=None, sizes=sizes, seed=0):
    "What the function `name` is called with, drawn anew: no array is shared with another call."
    rng = np.random.default_rng(seed)
    draw = lambda *shape: 0.7 * rng.standard_normal(shape)
    net, *rest = name.split("_")
    p = {k: draw(*shape) for k, shape in sizes[net].items()}
    states = 2 if net == "lstm" else 1
    if "cell" not in rest: call = draw(n_x, m, T_x), draw(n_a, m), p
    else: call = draw(n_x, m), *(draw(n_a, m) for _ in range(states)), p
    if rest[-1] == "forward": return call
    caches = plain((forward or of_the_book[name.replace("backward", "forward")])(*call)[-1])
    return (*(draw(n_a, m) for _ in range(states)), caches) if "cell" in rest else (draw(n_a, m, T_x), caches)


def arrays(tree):
    "All arrays in nested results, with their places."
    if isinstance(tree, dict): return [(f"{k}.{j}", v) for k, part in tree.items() for j, v in arrays(part)]
    if isinstance(tree, list | tuple): return arrays(dict(enumerate(tree)))
    return [("", tree)] if isinstance(tree, np.ndarray) else []


def deviation(got, expected):
    "The largest difference, relative to the largest entry of what is expected; infinite where shapes or names differ."
    got, expected = dict(arrays(got)), dict(arrays(expected))
    expected.pop("dc0.", None)
    if not got.keys() >= expected.keys(): return np.inf
    if any(got[k].shape != v.shape for k, v in expected.items()): return np.inf
    return max(abs(got[k] - v).max() / (abs(v).max() or 1) for k, v in expected.items())


def wrongs(f, name, book=None, forward=None, sizes=sizes):
    "What is wrong with `f`: how far its numbers are off, which arguments it changes, which results share memory."
    args, same = arguments(name, forward, sizes), arguments(name, forward, sizes)
    results = f(*args)
    off = deviation(results, (book or of_the_book[name])(*same))
    changed = [k for (k, v), (_, w) in zip(arrays(args), arrays(same), strict=True) if not np.array_equal(v, w)]
    if isinstance(results, dict): parts = arrays(results)
    else: parts = [(k, v) for k, v in arrays(results) if not k.startswith(f"{len(results) - 1}.")]
    shared = [(k, j) for n, (k, v) in enumerate(parts) for j, w in parts[:n] if np.shares_memory(v, w)]
    given = [v for _, v in arrays(args)]
    shared += [(k, "an argument") for k, v in parts if any(np.shares_memory(v, w) for w in given)]
    if isinstance(results, tuple) and isinstance(results[-1][0], list):
        states = [cache[0] for cache in results[-1][0]]
        shared += [(f"cache {t}", "another") for t, v in enumerate(states) if any(np.shares_memory(v, w) for w in states[:t])]
    return off, changed, shared
