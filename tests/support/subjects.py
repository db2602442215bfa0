"Every public function with valid arguments, and what a call with any other arguments must end in, from the shapes alone."
import numbers
import operator
import random
from collections.abc import Mapping
from typing import Callable, NamedTuple

import lstm_nb as nb
from everything import book
import numpy as np
from hostile import is_numbers
from problems import draw

Missing, Shape, Type, Value, Failed = nb.MissingParameter, nb.ShapeError, TypeError, ValueError, AssertionError
rnn_fields, lstm_fields = (tuple(kind._fields) for kind in (book.RNNCache, book.LSTMCache))
shapes = {"rnn": book.RNN_SHAPES, "lstm": book.LSTM_SHAPES}
fields = {"rnn": rnn_fields, "lstm": lstm_fields}


def dtype_of(v):
    "The type that `v` counts as: native, integers as float64."
    dtype = np.asarray(v).dtype
    return np.dtype(np.float64) if dtype.kind in "biu" else dtype.newbyteorder("=")


def floats(v): return np.array(np.asarray(v), dtype_of(v), order="C")


class Verdict:
    "What a call must end in: one of the errors in `must`, if there are any; for what it need not read, one of `may` or a result."
    def __init__(self, sizes=None): self.sizes, self.must, self.may = dict(sizes or {}), [], []

    def wrong(self, name, *errors): self.must.append((name, errors))

    def array(self, name, value, shape):
        "An array of numbers of a shape in symbols; the first to use a symbol settles it."
        if not is_numbers(value): return self.wrong(name, Type)
        symbols, lengths = shape.split(", "), np.asarray(value).shape
        if len(symbols) != len(lengths) or not all([self.fits(s, n) for s, n in zip(symbols, lengths)]): self.wrong(name, Shape)

    def fits(self, symbol, n):
        *known, last = symbol.split(" + ")
        rest = n - sum(self.sizes.get(k, 0) for k in known)
        return rest >= 1 and rest == (int(last) if last.isdigit() else self.sizes.setdefault(last, rest))

    def any_shape(self, name, value):
        if not is_numbers(value): self.wrong(name, Type)

    def number(self, name, value):
        if not is_numbers(value): return self.wrong(name, Type)
        if np.asarray(value).shape: self.wrong(name, Shape)
        elif dtype_of(value).kind == "c": self.wrong(name, Type)

    def columns(self, name, value):
        if not is_numbers(value): return self.wrong(name, Type)
        shape = np.asarray(value).shape
        if not shape or 0 in shape: self.wrong(name, Shape)

    def parameters(self, name, value, net, output=False):
        if not isinstance(value, Mapping): return self.wrong(name, Type)
        output = output or any("n_y" in s and k in value for k, s in shapes[net].items())
        for k, s in shapes[net].items():
            if "n_y" in s and not output: continue
            if k in value: self.array(f'"{k}"', value[k], s)
            else: self.wrong(f'"{k}"', Missing)

    def labels(self, name, value):
        self.array(name, value, "m, T_x")
        if not is_numbers(value): return
        if np.asarray(value).dtype.kind not in "iu": self.wrong(name, Type)
        elif not self.must and not (0 <= floats(value).min() and floats(value).max() < self.sizes["n_y"]): self.wrong(name, Value)

    def weights(self, name, value, dtype):
        if value is None: return
        self.array(name, value, "m, T_x")
        if self.must: return
        array = floats(value)
        if array.dtype.kind == "c": return self.wrong(name, Type)
        with np.errstate(all="ignore"): total = array.astype(dtype).sum()
        if not 0 < total < np.inf: self.wrong(name, Value)

    def step(self, cache, net):
        "All that one step's cache holds; an LSTM step does not read `a_next`."
        held = dict(zip(fields[net], cache))
        self.parameters("parameters", held.pop("parameters"), net)
        if net == "lstm": self.unread(lambda v: v.array("a_next", held.pop("a_next"), "n_a, m"))
        for k, v in held.items(): self.array(k, v, "n_x, m" if k == "xt" else "n_a, m")

    def unread(self, look):
        "What `look` finds wrong may be an error, and need not."
        other = Verdict(self.sizes)
        look(other)
        self.may += other.must + other.may

    def cache(self, name, value, net):
        if not is_step(value, net): self.wrong("", Type, Shape)
        else: self.step(value, net)

    def caches(self, name, value, net, **upstream):
        "(list of caches, x), where x is not read, nor are the insides of steps after the last that has an upstream gradient."
        if not isinstance(value, (tuple, list)) or len(value) != 2 or not isinstance(value[0], (tuple, list)): return self.wrong("", Type, Shape)
        steps = value[0]
        if not steps: self.wrong("", Shape)
        if not all(is_step(s, net) for s in steps): self.wrong("", Type, Shape)
        if self.must: return
        for s in steps:
            self.array("xt", s[fields[net].index("xt")], "n_x, m")
            self.array("a_next", s[0], "n_a, m")
        if self.must: return
        for k, d in upstream.items(): self.upstream(k, d, len(steps))
        if self.must: return
        used = max([np.asarray(d).shape[2] for d in upstream.values() if d is not None], default=0)
        for t, s in enumerate(steps):
            if t >= used: self.unread(lambda v: v.step(s, net))
            else:
                inside = Verdict(self.sizes)
                inside.step(s, net)
                self.must, self.may = self.must + inside.must, self.may + inside.may

    def upstream(self, name, value, T_x):
        if name == "dc" and value is None: return
        if not is_numbers(value): return self.wrong(name, Type)
        shape = np.asarray(value).shape
        if len(shape) != 3 or shape[:2] != (self.sizes["n_a"], self.sizes["m"]) or not 1 <= shape[2] <= T_x: self.wrong(name, Shape)


def is_step(cache, net): return isinstance(cache, (tuple, list)) and len(cache) == len(fields[net])


class Subject(NamedTuple):
    "A function, how to make valid arguments from a problem `q`, and what arguments call for."
    call: Callable
    make: Callable
    judge: Callable         # (verdict, arguments) -> None
    fixed: tuple = ()       # arguments that stay as they are
    endless: bool = True    # whether arrays without end are tried: not where every shape is right


def forward_and_back(forward, backward, states):
    "Forward, then backward with ones from above: what the cache holds is checked with the rest."
    def call(**args):
        *out, cache = forward(**args)
        return out, backward(*map(np.ones_like, out[:states]), cache)
    return call


def call_rnn(**args):
    a, y, caches = nb.rnn_forward(**args)
    return a, y, nb.rnn_backward(np.ones_like(a), caches)


def call_lstm(**args):
    a, y, c, caches = nb.lstm_forward(**args)
    return a, y, c, nb.lstm_backward(np.ones_like(a), caches, np.ones_like(c))


def inputs(net, output=False, **arrays):
    "What a forward pass calls for."
    def judge(v, a):
        v.parameters("parameters", a["parameters"], net, output)
        for k, shape in arrays.items():
            if a[k] is not None or k not in optional: v.array(k, a[k], shape)
    return judge


optional = ("c0", "weights", "dc")


def each_array(*names): return lambda v, a: [v.any_shape(k, a[k]) for k in names]


def judge_softmax_backward(v, a):
    v.any_shape("dy", a["dy"])
    v.columns("y", a["y"])
    if not v.must and np.asarray(a["dy"]).shape != np.asarray(a["y"]).shape: v.wrong("dy", Shape)


def judge_cross_entropy(v, a):
    v.array("z", a["z"], "n_y, m, T_x")
    v.labels("labels", a["labels"])
    v.weights("weights", a["weights"], real_type(dtype_of(a["z"])) if not v.must else np.float64)


def real_type(dtype): return np.empty(0, dtype).real.dtype


def judge_loss(v, a):
    inputs("lstm", output=True, x="n_x, m, T_x")(v, a)
    for k in ("a0", "c0"):
        if a[k] is not None: v.array(k, a[k], "n_a, m")
    fine = not v.must
    v.labels("labels", a["labels"])
    used = [a["x"], *[a[k] for k in ("a0", "c0") if a[k] is not None], *[a["parameters"][k] for k in book.LSTM_SHAPES]] if fine else [1.]
    v.weights("weights", a["weights"], real_type(np.result_type(*map(dtype_of, used))))


def judge_cell_backward(net, *names):
    def judge(v, a):
        v.cache("cache", a["cache"], net)
        if not v.must: [v.array(k, a[k], "n_a, m") for k in names]
        else: [v.wrong(k, Type, Shape) for k in names]
    return judge


def same_shape(v, a, error=Shape):
    for k in ("actual", "expected"):
        if not is_numbers(a[k]): v.wrong("" if error is Failed else k, Type)
    if not v.must and np.asarray(a["actual"]).shape != np.asarray(a["expected"]).shape: v.wrong("", error)


def close(actual, expected):
    "Whether all entries agree to 1e-12 of themselves or of a hundredth of the largest; what is not finite agrees with nothing."
    actual, expected = floats(actual), floats(expected)
    with np.errstate(all="ignore"):
        off, scale = abs(actual - expected), np.maximum(abs(expected), 0.01 * abs(expected).max(initial=0))
        return bool(np.all((off == 0) | (off / scale <= 1e-12) & np.isfinite(off)))


def judge_assert_close(v, a):
    if not isinstance(a["expected"], dict): same_shape(v, a, Failed)
    elif not isinstance(a["actual"], Mapping): return v.wrong("", Type)
    else: return a["actual"].keys() == a["expected"].keys() or v.wrong("", Failed)
    if not v.must and not close(a["actual"], a["expected"]): v.wrong("", Failed)


def digits(values): return " ".join(f"{w:.3f}" for w in values)


def judge_printed(v, a):
    if not is_numbers(a["actual"]): v.wrong("", Type)
    if not isinstance(a["printed"], str): v.wrong("printed", Type)
    if not v.must and a["printed"].split() != [f"{w:.{len(p.partition('.')[2])}f}" for w, p in zip(floats(a["actual"]).ravel(), a["printed"].split())]:
        v.wrong("", Failed)
    elif not v.must and len(a["printed"].split()) != floats(a["actual"]).size: v.wrong("", Failed)


def squares(p):
    "A loss with a known gradient, for dictionaries; of arrays of any shape."
    with np.errstate(all="ignore"): return sum((w**2).sum() for w in p.values())


def square(w):
    with np.errstate(all="ignore"): return (w**2).sum()


def judge_check_gradients(v, a):
    for k in ("inputs", "gradients"):
        if not isinstance(a[k], Mapping): v.wrong(k, Type)
    if v.must: return
    for k in a["inputs"]:
        if f"d{k}" not in a["gradients"]: v.wrong(f"d{k}", Missing)
    for k in a["gradients"]:
        if not isinstance(k, str) or k[1:] not in a["inputs"]: v.wrong("", Missing)
    if v.must: return
    for k, w in a["inputs"].items():
        if not is_numbers(w) or dtype_of(w).kind == "c": v.wrong("", Type)
        elif not is_numbers(a["gradients"][f"d{k}"]): v.wrong(f"d{k}", Type)
        else:
            got, x = floats(a["gradients"][f"d{k}"]), floats(w)
            with np.errstate(all="ignore"): x = x.astype(np.result_type(x, np.float64)); truth = 2*x
            overflows = not np.isfinite(squares({0: x}))
            if got.shape != x.shape or overflows or not close(got, truth): v.wrong("", Failed)


def judge_real(v, a):
    each_array("x")(v, a)
    if not v.must and dtype_of(a["x"]).kind == "c": v.wrong("x", Type)


def judge_stack(v, a):
    if a["s0"] is not None: [v.array(f"step {k[1:]}", w, "n, m") for k, w in a.items()]


def problem(r):
    "A small problem of both nets, with or without an output layer, and labels for it."
    size, n_y = [r.randint(1, 3) for _ in range(4)], r.choice([None, 2, 3])
    q = draw(*size, n_y=n_y, seed=r.randrange(2**32)) | {"rnn": draw(*size, n_y=n_y, net="rnn")["parameters"]}
    q["lstm"] = q.pop("parameters")
    rng, shape = np.random.default_rng(r.randrange(2**32)), q["x"].shape[1:]
    q |= {"z": rng.standard_normal((n_y or 2, *shape)), "labels": rng.integers(n_y or 2, size=shape), "weights": rng.uniform(0.5, 1.5, shape)}
    dtype = r.choice([np.float64]*4 + [np.float32, np.complex128])
    cast = lambda v: {k: cast(w) for k, w in v.items()} if isinstance(v, dict) else v.astype(dtype)
    return {k: v if k in ("labels", "weights") else cast(v) for k, v in q.items()}


def take(net, *names): return lambda q: {k: q[net if k == "parameters" else k] for k in names}


def cell(net): return lambda q: {"xt": q["x"][:, :, 0], "a_prev": q["a0"], "parameters": q[net]} | ({"c_prev": q["c0"]} if net == "lstm" else {})


def rnn_step(q): return nb.rnn_cell_forward(q["x"][:, :, 0], q["a0"], q["rnn"])[-1]


def lstm_step(q): return nb.lstm_cell_forward(q["x"][:, :, 0], q["a0"], q["c0"], q["lstm"])[-1]


def rnn_caches(q): return nb.rnn_forward(q["x"], q["a0"], q["rnn"])[-1]


def lstm_caches(q): return nb.lstm_forward(q["x"], q["a0"], q["lstm"], q["c0"])[-1]


def with_output(q): return q | {"lstm": q["lstm"] | {"Wy": q["z"][:, 0, :1] @ q["a0"][:, :1].T, "by": q["z"][:, -1, :1]}}


def probabilities(q): return {"dy": q["z"] + 1, "y": nb.softmax(q["z"])}


def judge_init(v, a):
    for k in ("n_x", "n_a", "n_y"):
        if k == "n_y" and a[k] is None: continue
        try: n = operator.index(a[k])
        except TypeError: v.wrong(k, Type)
        else:
            if n < 1: v.wrong(k, Shape)
    if "forget_bias" in a: v.number("forget_bias", a["forget_bias"])


S, any_array = Subject, each_array
subjects = {
    "as_array": S(lambda value: book.as_array("value", value), lambda q: {"value": q["x"]}, any_array("value"), endless=False),
    "check_shapes": S(lambda **a: book.check_shapes({k: (v, shape) for (k, v), shape in zip(a.items(), ["n_a, m", "n_x, m, T_x", "n_a, n_a + n_x"])}),
                      lambda q: {"u": q["a0"], "v": q["x"], "w": q["lstm"]["Wf"]},
                      lambda v, a: [v.array(k, w, shape) for (k, w), shape in zip(a.items(), ["n_a, m", "n_x, m, T_x", "n_a, n_a + n_x"])]),
    "check_inputs": S(lambda parameters, x: book.check_inputs(parameters, book.LSTM_SHAPES, x=(x, "n_x, m, T_x")), take("lstm", "parameters", "x"),
                      inputs("lstm", x="n_x, m, T_x")),
    "init_rnn_parameters": S(nb.init_rnn_parameters, lambda q: {"n_x": 2, "n_a": np.int8(3), "n_y": 1, "rng": 0}, judge_init, fixed=("rng",), endless=False),
    "init_lstm_parameters": S(nb.init_lstm_parameters, lambda q: {"n_x": 2, "n_a": np.int8(3), "n_y": 1, "rng": 0, "forget_bias": np.array(1.5)}, judge_init, fixed=("rng",), endless=False),
    **{k: S(getattr(book, k), lambda q, name=name: {name: q["x"]}, any_array(name), endless=False)
       for k, name in (("sigmoid", "z"), ("sigmoid_derivative", "s"), ("tanh", "z"), ("tanh_derivative", "t"))},
    "softmax": S(nb.softmax, take("", "z"), lambda v, a: v.columns("z", a["z"]), endless=False),
    "softmax_backward": S(book.softmax_backward, probabilities, judge_softmax_backward, endless=False),
    "cross_entropy": S(nb.cross_entropy, take("", "z", "labels", "weights"), judge_cross_entropy),
    "loss_and_gradients": S(nb.loss_and_gradients, lambda q: take("lstm", "x", "labels", "parameters", "a0", "c0", "weights")(with_output(q)), judge_loss),
    "central_difference": S(lambda x: book.central_difference(square, x), take("", "x"), any_array("x"), endless=False),
    "complex_step": S(lambda x: nb.complex_step(square, x), take("", "x"), judge_real, endless=False),
    "relative_error": S(nb.relative_error, lambda q: {"actual": q["x"], "expected": q["x"] * (1 + 1e-9)}, same_shape, endless=False),
    "assert_close": S(nb.assert_close, lambda q: {"actual": q["x"], "expected": q["x"] * (1 + 1e-15)}, judge_assert_close, endless=False),
    "assert_printed": S(book.assert_printed, lambda q: {"actual": q["x"].real, "printed": digits(q["x"].real.ravel())}, judge_printed, endless=False),
    "check_gradients": S(lambda inputs, gradients: nb.check_gradients(squares, inputs, gradients),
                         lambda q: {"inputs": {"x": q["x"].real, "y": q["a0"].real}, "gradients": {"dx": 2*q["x"].real, "dy": 2*q["a0"].real}}, judge_check_gradients, endless=False),
    "rnn_cell_forward": S(forward_and_back(nb.rnn_cell_forward, nb.rnn_cell_backward, 1), cell("rnn"), inputs("rnn", xt="n_x, m", a_prev="n_a, m")),
    "lstm_cell_forward": S(forward_and_back(nb.lstm_cell_forward, nb.lstm_cell_backward, 2), cell("lstm"), inputs("lstm", xt="n_x, m", a_prev="n_a, m", c_prev="n_a, m")),
    "rnn_forward": S(call_rnn, take("rnn", "x", "a0", "parameters"), inputs("rnn", x="n_x, m, T_x", a0="n_a, m")),
    "lstm_forward": S(call_lstm, take("lstm", "x", "a0", "parameters", "c0"), inputs("lstm", x="n_x, m, T_x", a0="n_a, m", c0="n_a, m")),
    "as_cache": S(lambda cache: book.as_cache(cache, book.RNNCache), lambda q: {"cache": rnn_step(q)}, lambda v, a: is_step(a["cache"], "rnn") or v.wrong("cache", Type)),
    "check_caches": S(lambda caches: book.check_caches(caches, book.LSTMCache), lambda q: {"caches": lstm_caches(q)}, lambda v, a: v.caches("caches", a["caches"], "lstm")),
    "check_upstream": S(lambda da, steps: book.check_upstream("da", da, steps), lambda q: {"da": q["da"], "steps": lstm_caches(q)[0]},
                        lambda v, a: v.caches("", (a["steps"], 0), "lstm", da=a["da"]), fixed=("steps",)),
    "stack_steps": S(lambda **a: book.stack_steps([*a.values()]), lambda q: {"s0": q["a0"], "s1": q["c0"], "s2": q["a0"]}, judge_stack),
    "rnn_cell_backward": S(nb.rnn_cell_backward, lambda q: {"cache": rnn_step(q), "da_next": q["da"][:, :, 0]}, judge_cell_backward("rnn", "da_next")),
    "lstm_cell_backward": S(nb.lstm_cell_backward, lambda q: {"cache": lstm_step(q), "da_next": q["da"][:, :, 0], "dc_next": q["dc"][:, :, 0]},
                            judge_cell_backward("lstm", "da_next", "dc_next")),
    "rnn_backward": S(nb.rnn_backward, lambda q: {"da": q["da"], "caches": rnn_caches(q)}, lambda v, a: v.caches("caches", a["caches"], "rnn", da=a["da"])),
    "lstm_backward": S(nb.lstm_backward, lambda q: {"da": q["da"], "caches": lstm_caches(q), "dc": q["dc"]},
                       lambda v, a: v.caches("caches", a["caches"], "lstm", da=a["da"], dc=a["dc"])),
}


# networks of layers: what is nested like the parameters, and what each place calls for

def network(q):
    "A network on the inputs of the problem `q`, one layer or two, one direction or two, with lengths, states and masks or without."
    r, (n_x, m, T_x), n_a, dtype = random.Random(q["x"].tobytes()), q["x"].shape, len(q["a0"]), q["x"].dtype
    p = nb.init_layers(n_x, n_a, n_layers=r.choice([1, 2]), bidirectional=r.random() < 0.5, rng=r.randrange(99), dtype=dtype)
    rng = np.random.default_rng(r.randrange(99))
    draw = lambda *shape: rng.standard_normal(shape).astype(dtype)
    states = lambda: None if r.random() < 0.3 else [tuple(draw(n_a, m) for _ in layer) if isinstance(layer, tuple) else draw(n_a, m) for layer in p]
    rows = [n_x] + [n_a * (1 + isinstance(layer, tuple)) for layer in p]
    lengths = rng.integers(0, T_x + 1, m)
    lengths[r.randrange(m)] = T_x
    return {"x": q["x"], "parameters": p, "a0": states(), "c0": states(), "lengths": lengths if r.random() < 0.7 else None, "state_masks": states(),
            "masks": None if r.random() < 0.4 else [draw(n, m, r.choice([1, T_x])) if r.random() < 0.7 else None for n in rows[:-1]],
            "da": draw(rows[-1], m, r.randint(1, T_x)), "da_last": states(), "dc_last": states()}


def of_network(*names): return lambda q: {k: v for k, v in network(q).items() if k in names}


def is_pair(v): return isinstance(v, (list, tuple)) and len(v) == 2


def layers_of(v, net):
    "One tuple a layer, of one dictionary or two, or None if that is not a network."
    if not isinstance(net, (list, tuple)) or not net: return v.wrong("parameters", Type)
    layers = [(p,) if isinstance(p, Mapping) else tuple(p) if is_pair(p) else () for p in net]
    for layer in layers:
        if not any(isinstance(p, Mapping) for p in layer) or not all(p is None or isinstance(p, Mapping) for p in layer): return v.wrong("parameters", Type)
    return layers


def spread(v, name, values, layers):
    "The values of every place as one tuple a layer, or None if they are nested in another way."
    if values is None: return [(None,)*len(layer) for layer in layers]
    if not isinstance(values, (list, tuple)): return v.wrong(name, Type)
    if len(values) != len(layers): return v.wrong(name, Shape)
    pairs = [((None, None) if w is None else w) if len(layer) == 2 else (w,) for w, layer in zip(values, layers)]
    if not all(len(layer) == 1 or is_pair(w) for w, layer in zip(pairs, layers)): return v.wrong(name, Type)
    return pairs


def place(v, sizes, look):
    "Look at one place with sizes of its own; returns them."
    inside = Verdict(v.sizes | sizes)
    look(inside)
    v.must, v.may = v.must + inside.must, v.may + inside.may
    return inside.sizes


def judge_lengths(v, lengths, T_x):
    if lengths is None: return
    v.array("lengths", lengths, "m")
    if not is_numbers(lengths): return
    if np.asarray(lengths).dtype.kind not in "iu": v.wrong("lengths", Type)
    elif not v.must and not (0 <= np.asarray(lengths).min() and 0 < np.asarray(lengths).max() <= T_x): v.wrong("lengths", Value)


def judge_layers_forward(v, a):
    v.array("x", a["x"], "n_x, m, T_x")
    layers = layers_of(v, a["parameters"])
    if v.must: return [v.wrong(k, Type, Shape, Value) for k in a]
    rows, T_x, m = v.sizes.pop("n_x"), v.sizes.pop("T_x"), v.sizes["m"]
    judge_lengths(v, a["lengths"], T_x)
    states = {k: spread(v, k, a[k], layers) for k in ("a0", "c0", "state_masks")}
    masks = spread(v, "masks", a["masks"], [(0,)]*len(layers))
    for n, layer in enumerate(layers):
        mask = masks and masks[n][0]
        if mask is not None and not is_numbers(mask): v.wrong(f"masks[{n}]", Type)
        elif mask is not None and rows and np.asarray(mask).shape not in {(rows, m, 1), (rows, m, T_x)}: v.wrong(f"masks[{n}]", Shape)
        shown = []
        for d, p in enumerate(layer):
            if p is None: continue

            def look(inside):
                for k, shape in book.LSTM_SHAPES.items():
                    if "n_y" in shape: continue
                    if k in p: inside.array(f'"{k}"', p[k], shape)
                    else: inside.wrong(f'"{k}"', Missing)
                for k, w in states.items():
                    if w and w[n][d] is not None: inside.array(k, w[n][d], "n_a, m")
            shown.append(place(v, {"n_x": rows} if rows else {}, look).get("n_a"))
        rows = sum(shown) if None not in shown else None
    return rows


def judge_layers_backward(v, a):
    tape = a["tape"]
    if not isinstance(tape, book.LayersTape): return [v.wrong(k, Type, Shape) for k in a]
    rows, m, T_x = tape.shape
    if a["da"] is not None and not is_numbers(a["da"]): v.wrong("da", Type)
    elif a["da"] is not None:
        shape = np.asarray(a["da"]).shape
        if len(shape) != 3 or shape[:2] != (rows, m) or not 1 <= shape[2] <= T_x: v.wrong("da", Shape)
    for k in ("da_last", "dc_last"):
        places = spread(v, k, a[k], tape.net)
        for n, layer in enumerate(tape.net):
            for d, p in enumerate(layer):
                w = places and places[n][d]
                if w is None or p is None: continue
                if not is_numbers(w): v.wrong(k, Type)
                elif np.asarray(w).shape != (len(p["bf"]), m): v.wrong(k, Shape)


def judge_masks(v, a):
    layers = layers_of(v, a["parameters"])
    judge_count(v, "m", a["m"])
    for k in ("rate", "state_rate"):
        v.number(k, a[k])
        if is_numbers(a[k]) and not np.asarray(a[k]).shape and dtype_of(a[k]).kind != "c" and not 0 <= np.asarray(a[k]) < 1: v.wrong(k, Value)
    for p in (p for layer in layers or () for p in layer if p is not None):
        known = [k for k in ("Wp", "Wc", "Waa") if k in p] + [k for k in p if str(k)[:1] == "W" and k not in ("Wy", "Wya")]
        if known: Verdict.array(v, f'"{known[0]}"', p[known[0]], f"r{id(p)}, c{id(p)}")
        else: v.wrong('"Wc"', Missing)


def judge_count(v, name, value):
    try: n = operator.index(value)
    except TypeError: return v.wrong(name, Type)
    if n < 1: v.wrong(name, Shape)


def judge_steps(name):
    def judge(v, a):
        v.array(name, a[name], "n, m, T_x")
        if not v.must: judge_lengths(v, a["lengths"], v.sizes["T_x"])
        else: v.wrong("lengths", Type, Shape, Value)
    return judge


def judge_last_step_backward(v, a):
    v.array("da_last", a["da_last"], "n, m")
    judge_count(v, "T_x", a["T_x"])
    if not v.must: judge_lengths(v, a["lengths"], operator.index(a["T_x"]))
    else: v.wrong("lengths", Type, Shape, Value)


def judge_init_layers(v, a):
    for k in ("n_x", "n_a", "n_layers"): judge_count(v, k, a[k])


def run_layers(x, parameters, **options):
    a, a_last, c_last, tape = nb.layers_forward(x, parameters, **options)
    return a, a_last, c_last, nb.layers_backward(np.ones_like(a), tape, a_last)


def layers_tape(q): return nb.layers_forward(**{k: v for k, v in network(q).items() if k[0] != "d"})[3]


def steps(name): return lambda q: {name: q["x"], "lengths": network(q)["lengths"]}


subjects |= {
    "layers_forward": S(run_layers, of_network("x", "parameters", "a0", "c0", "lengths", "masks", "state_masks"), judge_layers_forward, endless=False),
    "layers_backward": S(lambda da, tape, da_last, dc_last: nb.layers_backward(da, tape, da_last, dc_last), lambda q: of_network("da", "da_last", "dc_last")(q) | {"tape": layers_tape(q)},
                         judge_layers_backward),
    "init_layers": S(nb.init_layers, lambda q: {"n_x": 2, "n_a": np.int8(3), "n_layers": 2, "rng": 0}, judge_init_layers, fixed=("rng",), endless=False),
    "dropout_masks": S(nb.dropout_masks, lambda q: {"parameters": network(q)["parameters"], "m": 3, "rate": 0.5, "state_rate": np.array(0.25), "rng": 0}, judge_masks, fixed=("rng",), endless=False),
    "reverse_steps": S(book.reverse_steps, steps("x"), judge_steps("x"), endless=False),
    "zero_padding": S(book.zero_padding, steps("x"), judge_steps("x"), endless=False),
    "last_step": S(nb.last_step, steps("a"), judge_steps("a"), endless=False),
    "last_step_backward": S(book.last_step_backward, lambda q: {"da_last": q["x"][:, :, 0], "T_x": q["x"].shape[2], "lengths": network(q)["lengths"]}, judge_last_step_backward, endless=False),
    **{k: S(getattr(book, k), take("", "x"), lambda v, a: v.array("x", a["x"], "n_x, m, T_x"), endless=False)
       for k in ("as_time_first", "from_time_first", "as_batch_first", "from_batch_first")},
}


# variants: parameters that come and go with what is asked for, and options

def variant(kind):
    "Parameters, inputs and options of `lstm`, `gru` or `rnn` out of the problem `q`, each option now and then."
    def make(q):
        r, (n_x, m, _), n_a, dtype = random.Random(q["x"].tobytes()), q["x"].shape, len(q["a0"]), q["x"].dtype
        rng, there = np.random.default_rng(r.randrange(99)), lambda v: v if r.random() < 0.6 else None
        draw = lambda *shape: rng.standard_normal(shape).astype(dtype)
        o = {"clip": there(1.5), "mask": there(draw(n_a, m))}
        if kind == "lstm":
            o |= {"coupled": r.choice([None, None, "f", "i"]), "cell_clip": there(0.8), "epsilon": 0.1}
            n_r = r.choice([None, n_a, n_a + 1])
            p = nb.init_variant_parameters(n_x, n_a, n_r=n_r, coupled=o["coupled"], peepholes=r.random() < 0.5, layer_norm=r.random() < 0.5, rng=rng, dtype=dtype)
            if n_r == n_a + 1: o["mask"] = there(draw(n_r, m))
        elif kind == "gru":
            after = r.random() < 0.5
            o["reset_after"] = r.choice([None, after])
            p = nb.init_gru_parameters(n_x, n_a, reset_after=after, rng=rng, dtype=dtype)
        else: p = q["rnn"]
        p = {k: w + draw(*w.shape) / 2 if w.shape[1] == 1 else w for k, w in p.items() if "y" not in k}
        o["activations"] = tuple(r.choice(["Sigmoid", "tanh", ("ScaledTanh", np.array(1.2), np.array(0.7)), ("Elu", np.array(0.5)), "Softsign"]) for _ in range(places_of[kind]))
        rows = len(p["Wp"]) if "Wp" in p else n_a
        return {"x": q["x"], "a0": draw(rows, m), "parameters": p} | ({"c0": there(q["c0"])} if kind == "lstm" else {}) | o
    return make


places_of = {"lstm": 3, "gru": 2, "rnn": 1}


def judge_activation(v, name, value):
    several = isinstance(value, (tuple, list)) and len(value)
    label, *constants = value if several else (value,)
    if not isinstance(label, str): return v.wrong(name, Type)
    known = {k.lower(): len(defaults) for k, (_, defaults) in book.ACTIVATIONS.items()}
    if label.lower() not in known or len(constants) > known[label.lower()]: return v.wrong(name, Value)
    for n in constants: v.number(name, n)


def judge_bound(v, name, value, least=None):
    v.number(name, value)
    if is_numbers(value) and not np.asarray(value).shape and dtype_of(value).kind != "c" and not (float(value) > 0 or value == least): v.wrong(name, Value)


def lstm_variant_shapes(keys, coupled):
    "What is switched on is what is there."
    rows = "n_r" if "Wp" in keys else "n_a"
    gates = [k for k in "fico" if coupled in (None, k) or k in "co"]
    shapes = {f"W{k}": f"n_a, {rows} + n_x" for k in gates} | {f"b{k}": "n_a, 1" for k in gates} | {k: "n_a, 1" for k in ("gh", "bh") if "gh" in keys or "bh" in keys}
    shapes |= {n + k: "n_a, 1" for k in gates for n in "Pg" if n + k in keys and n + k != "Pc"}
    return ({"Wp": "n_r, n_a"} if rows == "n_r" else {}) | shapes, f"{rows}, m"


def judge_variant(kind):
    def judge(v, a):
        if not isinstance(a["activations"], (tuple, list)): v.wrong("activations", Type)
        elif len(a["activations"]) != places_of[kind]: v.wrong("activations", Value)
        else: [judge_activation(v, f"activations[{n}]", value) for n, value in enumerate(a["activations"])]
        for k in ("clip", "cell_clip"):
            if a.get(k) is not None: judge_bound(v, k, a[k])
        if "epsilon" in a: judge_bound(v, "epsilon", a["epsilon"], least=0)
        if a.get("reset_after") is not None: judge_flag(v, "reset_after", a["reset_after"])
        coupled = a.get("coupled")
        if not (coupled is None or isinstance(coupled, str) and coupled in ("f", "i")): v.wrong("coupled", Value)
        if v.must: return [v.wrong(k, Type, Shape, Value, Missing) for k in a]
        p = a["parameters"]
        if not isinstance(p, Mapping): return [v.wrong("parameters", Type), *[v.wrong(k, Type, Shape) for k in a]]
        shapes, rows = {k: s for k, s in book.RNN_SHAPES.items() if "n_y" not in s}, "n_a, m"
        if kind == "lstm": shapes, rows = lstm_variant_shapes(p, coupled)
        if kind == "gru":
            shapes = {k: s for k, s in book.GRU_SHAPES.items() if k != "bca" or "bca" in p}
            if "bca" in p and a["reset_after"] is not None and not a["reset_after"]: v.wrong("reset_after", Value)
        for k, shape in shapes.items():
            if k in p: v.array(f'"{k}"', p[k], shape)
            else: v.wrong(f'"{k}"', Missing)
        for k, shape in {"x": "n_x, m, T_x", "a0": rows, "c0": "n_a, m", "mask": rows}.items():
            if a.get(k) is not None or k in ("x", "a0"): v.array(k, a[k], shape)
    return judge


def judge_flag(v, name, value):
    if not (isinstance(value, (bool, int, np.bool_)) and value in (0, 1)): v.wrong(name, Type)


def judge_variant_backward(v, a):
    tape = a["tape"]
    if not isinstance(tape, book.VariantTape): return [v.wrong(k, Type, Shape) for k in a]
    for k in ("da", "dc"):
        if k not in a or k == "dc" and a[k] is None: continue
        if not is_numbers(a[k]): v.wrong(k, Type)
        elif len(np.shape(a[k])) != 3 or np.shape(a[k])[:2] != tape.sizes[k][:2] or not 1 <= np.shape(a[k])[2] <= tape.sizes[k][2]: v.wrong(k, Shape)


def judge_init_variant(v, a):
    for k in ("n_x", "n_a", "n_r"):
        if k in a and (k != "n_r" or a[k] is not None): judge_count(v, k, a[k])
    for k in ("peepholes", "layer_norm", "reset_after"):
        if k in a: judge_flag(v, k, a[k])
    if "coupled" in a and not (a["coupled"] is None or isinstance(a["coupled"], str) and a["coupled"] in ("f", "i")): v.wrong("coupled", Value)
    if "forget_bias" in a: v.number("forget_bias", a["forget_bias"])


def run_variant(forward, backward):
    def call(**args):
        a, c, tape = forward(**args)
        return a, c, backward(np.ones_like(a), tape, *([] if c is None else [np.ones_like(c)]))
    return call


def variant_tape(kind, forward):
    def make(q):
        a, c, tape = forward(**variant(kind)(q))
        return {"da": np.ones_like(a), "tape": tape} | ({} if c is None else {"dc": np.ones_like(c)})
    return make


passes = {"lstm": (nb.variant_lstm_forward, nb.variant_lstm_backward), "gru": (nb.gru_forward, nb.gru_backward), "rnn": (nb.variant_rnn_forward, nb.variant_rnn_backward)}
fused = {"x": "n_x, m, T_x", "a0": "n_a, m", "c0": "n_a, m", "mask": "n_a, m"}


def judge_fused(v, a):
    "As lstm_forward, but whatever is there of an output layer is not read."
    p = {k: w for k, w in a["parameters"].items() if k not in ("Wy", "by")} if isinstance(a["parameters"], Mapping) else a["parameters"]
    inputs("lstm", **{k: shape for k, shape in fused.items() if a[k] is not None or k[0] in "xa"})(v, a | {"parameters": p})


def judge_fused_backward(v, a):
    tape = a["tape"]
    if not isinstance(tape, book.Tape): return [v.wrong(k, Type, Shape) for k in a]
    for k in ("da", "dc"):
        if k == "dc" and a[k] is None: continue
        if not is_numbers(a[k]): v.wrong(k, Type)
        elif len(np.shape(a[k])) != 3 or np.shape(a[k])[:2] != tape.memory.sizes[1:3] or not 1 <= np.shape(a[k])[2] <= tape.memory.sizes[3]: v.wrong(k, Shape)


subjects |= {
    "fused_lstm_forward": S(run_variant(nb.fused_lstm_forward, nb.fused_lstm_backward), lambda q: take("lstm", "x", "a0", "parameters", "c0")(q) | {"mask": q["a0"]}, judge_fused),
    "fused_lstm_backward": S(nb.fused_lstm_backward, lambda q: take("", "da", "dc")(q) | {"tape": nb.fused_lstm_forward(q["x"], q["a0"], q["lstm"])[2]}, judge_fused_backward),
    "activate": S(book.activate, lambda q: {"z": q["x"], "activation": ("ScaledTanh", np.array(1.2), np.array(0.7)) if len(q["x"]) > 1 else "softplus"},
                  lambda v, a: [v.any_shape("z", a["z"]), judge_activation(v, "activation", a["activation"])], endless=False),
    **{up.__name__: S(run_variant(up, down), variant(kind), judge_variant(kind)) for kind, (up, down) in passes.items()},
    **{down.__name__: S(down, variant_tape(kind, up), judge_variant_backward) for kind, (up, down) in passes.items()},
    "init_variant_parameters": S(nb.init_variant_parameters, lambda q: {"n_x": 2, "n_a": np.int8(3), "n_r": 2, "coupled": "i", "peepholes": True, "layer_norm": np.True_,
                                                                       "rng": 0, "forget_bias": np.array(1.5)}, judge_init_variant, fixed=("rng",), endless=False),
    "init_gru_parameters": S(nb.init_gru_parameters, lambda q: {"n_x": 2, "n_a": np.int8(3), "reset_after": True, "rng": 0}, judge_init_variant, fixed=("rng",), endless=False),
}


# long sequences: a count for the length of a segment; what can be called counts as a function, which is not tried here

def run_checkpointed(x, a0, parameters, c0, every, mask):
    a, c, tape = nb.checkpointed_lstm_forward(x, a0, parameters, c0, every, mask=mask)
    return a, c, nb.checkpointed_lstm_backward(np.ones_like(a), tape, np.ones_like(c))


def judge_checkpointed_forward(v, a):
    judge_fused(v, a)
    if a["every"] is not None: judge_count(v, "every", a["every"])


def run_checkpointed_backward(da, tape, dc):
    for k, d in (("da", da), ("dc", dc)):
        if callable(d): raise TypeError(f"{k}: expected no function in this test")
    return nb.checkpointed_lstm_backward(da, tape, dc)


def judge_checkpointed_backward(v, a):
    if not isinstance(a["tape"], book.CheckpointTape): return [v.wrong(k, Type, Shape) for k in a]
    v.sizes = a["tape"].sizes
    for k in ("da", "dc"): v.upstream(k, a[k], a["tape"].bounds[-1][1])


def judge_counts(*names): return lambda v, a: [judge_count(v, k, a[k]) for k in names]


subjects |= {
    "best_every": S(book.best_every, lambda q: {"T_x": 100, "n_x": 2, "n_a": np.int8(3)}, judge_counts("T_x", "n_x", "n_a"), endless=False),
    "checkpointed_lstm_forward": S(run_checkpointed, lambda q: take("lstm", "x", "a0", "parameters", "c0")(q) | {"every": 2, "mask": q["da"][:, :, 0]}, judge_checkpointed_forward),
    "checkpointed_lstm_backward": S(run_checkpointed_backward, lambda q: {"da": q["da"], "dc": q["dc"], "tape": nb.checkpointed_lstm_forward(q["x"], q["a0"], q["lstm"], q["c0"], every=2)[2]},
                                    judge_checkpointed_backward),
}


# training: trees of any form, whole numbers with a least one, and networks with an output

def is_array(v):
    "Whether a list or tuple is an array written out, and no branch of a tree."
    if isinstance(v, (numbers.Number, np.generic)): return True
    return isinstance(v, (list, tuple)) and len(v) > 0 and all(map(is_array, v))


def is_branch(v): return isinstance(v, (list, tuple)) and not is_array(v)


def judge_real_array(v, name, value):
    if not is_numbers(value) or dtype_of(value).kind == "c": v.wrong(name, Type)


def judge_tree(v, name, tree):
    "Dictionaries with names, lists and tuples, and at the ends real arrays; `None` in a list is a place that is left out."
    if isinstance(tree, Mapping):
        if not all(isinstance(k, str) for k in tree): return v.wrong(name, Type)
        for k, w in tree.items(): judge_tree(v, f'{name}["{k}"]', w)
    elif is_branch(tree): [judge_tree(v, f"{name}[{n}]", w) for n, w in enumerate(tree) if w is not None]
    else: judge_real_array(v, name, tree)


def judge_like(v, name, tree, like, d="", inside=False):
    "`tree` in the form of the tree `like`, which is in order."
    if like is None and inside: return
    if isinstance(like, Mapping):
        if not isinstance(tree, Mapping): return v.wrong(name, Type)
        for k, w in like.items():
            if d + k in tree: judge_like(v, f'{name}["{d}{k}"]', tree[d + k], w, d)
            else: v.wrong(f'"{d}{k}"', Missing)
    elif is_branch(like):
        if not isinstance(tree, (list, tuple)): v.wrong(name, Type)
        elif len(tree) != len(like): v.wrong(name, Shape)
        else: [judge_like(v, f"{name}[{n}]", t, w, d, True) for n, (t, w) in enumerate(zip(tree, like))]
    else:
        judge_real_array(v, name, tree)
        if is_numbers(tree) and np.asarray(tree).shape != np.asarray(like).shape: v.wrong(name, Shape)


def judge_whole(v, name, value, least=0):
    try: n = operator.index(value)
    except TypeError: return v.wrong(name, Type)
    if n < least: v.wrong(name, Value)


def judge_real_number(v, name, value, least=0, below=np.inf):
    v.number(name, value)
    if is_numbers(value) and not np.asarray(value).shape and dtype_of(value).kind != "c" and not least <= float(np.asarray(value)) < below: v.wrong(name, Value)


def judge_gradients(v, a):
    judge_tree(v, "parameters", a["parameters"])
    if not v.must: judge_like(v, "gradients", a["gradients"], a["parameters"], "d")
    else: v.wrong("gradients", Type, Shape, Missing)


def judge_update(trees, **bounds):
    def judge(v, a):
        judge_gradients(v, a)
        for k, (least, below) in bounds.items(): judge_real_number(v, k, a[k], least, below)
        if a["state"] is None: return
        if not isinstance(a["state"], Mapping): return v.wrong("state", Type)
        fine = not v.must
        for k in trees:
            if k not in a["state"]: v.wrong(f'"{k}"', Missing)
            elif fine: judge_like(v, f'state["{k}"]', a["state"][k], a["parameters"])
            else: v.wrong(k, Type, Shape, Missing)
        if trees == "mv":
            if "t" in a["state"]: judge_whole(v, 'state["t"]', a["state"]["t"], 1)
            else: v.wrong('"t"', Missing)
    return judge


def trees(q):
    "Parameters in one of three forms, real, and gradients for them with some that are not a parameter's."
    r, real = random.Random(q["x"].tobytes()), lambda v: {k: w.real.copy() for k, w in v.items()}
    cells = [real(q["rnn"]), real(q["lstm"])]
    p = r.choice([cells[0], cells, {"layers": [(None, cells[0]), cells[1]], "Wy": q["z"][:, 0].real}])
    d = lambda v: {f"d{k}": d(w) for k, w in v.items()} if isinstance(v, dict) else type(v)(map(d, v)) if isinstance(v, (list, tuple)) else v if v is None else v + 1
    g = d(p)
    return {"parameters": p, "gradients": g | {"dx": q["x"]} if isinstance(g, dict) else g}


def with_state(update, **options):
    def make(q):
        a = trees(q)
        state = update(**a)[1] if q["x"].size % 3 else None
        return a | {"state": state} | {k: np.array(v) for k, v in options.items()}
    return make


def judge_clip(v, a):
    judge_tree(v, "gradients", a["gradients"])
    judge_real_number(v, "most", a["most"], 5e-324, np.longdouble("inf"))
    if is_numbers(a["most"]) and v.must and np.asarray(a["most"]).shape == () and floats(a["most"]) == np.inf: v.must = [w for w in v.must if w[0] != "most"]


def judge_cosine(v, a):
    for k, least in (("step", 0), ("steps", 1), ("warmup", 0)): judge_whole(v, k, a[k], least)
    for k in ("peak", "last"): judge_real_number(v, k, a[k])


def judge_minibatch(v, a):
    for k in ("step", "seed"): judge_whole(v, k, a[k], 0)
    for k in ("m", "size"): judge_count(v, k, a[k])


def judge_network(v, a):
    p = a["parameters"]
    judge_flag(v, "last", a["last_only"])
    if not isinstance(p, Mapping): return v.wrong("parameters", Type)
    for k in ("layers", "Wy", "by"):
        if k not in p: v.wrong(f'"{k}"', Missing)
    if v.must: return [v.wrong(k, Type, Shape, Value, Missing) for k in a]
    rows = judge_layers_forward(v, dict.fromkeys(("a0", "c0", "masks", "state_masks")) | a | {"parameters": p["layers"]})
    if v.must: return v.wrong("parameters", Shape, Type)
    v.sizes |= {"rows": rows}
    v.array('parameters["Wy"]', p["Wy"], "n_y, rows")
    v.array('parameters["by"]', p["by"], "n_y, 1")


def output_network(q):
    p = network(q)
    r = random.Random(q["x"].tobytes())
    n_a, dtype = len(q["a0"]), q["x"].dtype
    p = {"layers": p["parameters"], **{k: v for k, v in p.items() if k in ("x", "lengths")}}
    rows = n_a * (1 + isinstance(p["layers"][-1], tuple))
    Wy = np.random.default_rng(0).standard_normal((2, rows)).astype(dtype)
    return {"x": p["x"], "parameters": {"layers": p["layers"], "Wy": Wy, "by": np.ones((2, 1), dtype)}, "last_only": r.random() < 0.5, "lengths": p["lengths"]}


def run_network(x, parameters, last_only, lengths):
    z, a_last, c_last, tape = nb.network_forward(x, parameters, last_only, lengths=lengths)
    return z, a_last, c_last, nb.network_backward(z, tape)


def network_gradient(q):
    a = output_network(q)
    z, *_, tape = nb.network_forward(a["x"], a["parameters"], a["last_only"], lengths=a["lengths"])
    return {"dz": z, "tape": tape}


def judge_network_backward(v, a):
    t = a["tape"]
    if not isinstance(t, book.NetworkTape): return [v.wrong(k, Type, Shape) for k in a]
    m = t.layers.shape[1]
    if not is_numbers(a["dz"]): v.wrong("dz", Type)
    elif np.asarray(a["dz"]).shape != (len(t.Wy), m, t.shown.shape[1] // m): v.wrong("dz", Shape)


def judge_squared(v, a):
    for k in ("z", "targets"): v.array(k, a[k], "n_y, m, T")


def judge_one_hot(v, a):
    judge_count(v, "n", a["n"])
    v.array("classes", a["classes"], "m, T_x")
    if not is_numbers(a["classes"]): return
    if np.asarray(a["classes"]).dtype.kind not in "iu": v.wrong("classes", Type)
    elif not v.must and not (0 <= floats(a["classes"]).min() and floats(a["classes"]).max() < operator.index(a["n"])): v.wrong("classes", Value)


def judge_errors(v, a):
    judge_real_array(v, "errors", a["errors"])
    if not v.must: v.array("errors", a["errors"], "n")


def judge_chrono(v, a):
    judge_whole(v, "T", a["T"], 3)
    if not isinstance(a["parameters"], Mapping): v.wrong("parameters", Type)
    elif "bf" not in a["parameters"]: v.wrong('"bf"', Missing)
    else: v.array('parameters["bf"]', a["parameters"]["bf"], "n_a, 1")


def judge_adding(v, a):
    for k, least in (("T", 11), ("m", 1)): judge_whole(v, k, a[k], least)


rates = (0, 1)
subjects |= {
    "parameter_gradients": S(book.parameter_gradients, trees, judge_gradients, endless=False),
    "sgd": S(nb.sgd, with_state(nb.sgd, lr=0.1, momentum=0.5), judge_update("v", lr=(0, np.inf), momentum=rates), endless=False),
    "adam": S(nb.adam, with_state(nb.adam, lr=0.1, beta1=0.9, beta2=0.99, epsilon=1e-8), judge_update("mv", lr=(0, np.inf), beta1=rates, beta2=rates, epsilon=(0, np.inf)), endless=False),
    "clip_by_norm": S(book.clip_by_norm, lambda q: {"gradients": trees(q)["parameters"], "most": np.array(0.5)}, judge_clip, endless=False),
    "cosine_schedule": S(book.cosine_schedule, lambda q: {"step": 3, "steps": np.int8(9), "peak": np.array(0.1), "warmup": 2, "last": 0.01}, judge_cosine, endless=False),
    "minibatch": S(book.minibatch, lambda q: {"step": 3, "m": np.int8(9), "size": 2, "seed": 7}, judge_minibatch, endless=False),
    "init_network": S(nb.init_network, lambda q: {"n_x": 2, "n_a": np.int8(3), "n_y": 2, "n_layers": 2, "rng": 0},
                      lambda v, a: [judge_init_layers(v, a), judge_count(v, "n_y", a["n_y"])], fixed=("rng",), endless=False),
    "network_forward": S(run_network, output_network, judge_network, endless=False),
    "network_backward": S(nb.network_backward, network_gradient, judge_network_backward),
    "squared_error": S(book.squared_error, lambda q: {"z": q["z"], "targets": q["z"] + 1}, judge_squared),
    "one_hot": S(book.one_hot, lambda q: {"classes": q["labels"], "n": 4}, judge_one_hot, endless=False),
    "chrono_init": S(book.chrono_init, lambda q: {"parameters": q["lstm"], "T": np.int8(9), "rng": 0}, judge_chrono, fixed=("rng",), endless=False),
    "adding_problem": S(book.adding_problem, lambda q: {"T": 20, "m": np.int8(3), "rng": 0}, judge_adding, fixed=("rng",), endless=False),
    "adding_solved": S(book.adding_solved, lambda q: {"errors": abs(q["x"].ravel().real)}, judge_errors, endless=False),
}


# the flow of the gradient: of either net, told apart by the fields of the first cache

def net_of(caches): return "rnn" if isinstance(caches, (tuple, list)) and len(caches) and isinstance(caches[0], (tuple, list)) and len(caches[0]) and is_step(caches[0][0], "rnn") else "lstm"


def either(q): return random.Random(q["x"].tobytes()).choice(["rnn", "lstm"])


def make_flow(q):
    net = either(q)
    return {"da": q["da"], "caches": (rnn_caches if net == "rnn" else lstm_caches)(q), "dc": q["dc"] if net == "lstm" else None}


def judge_flow(v, a):
    net = net_of(a["caches"])
    v.caches("caches", a["caches"], net, da=a["da"], **({"dc": a["dc"]} if net == "lstm" else {}))
    if net == "rnn" and a["dc"] is not None: v.wrong("dc", Type)


def judge_jacobian(v, a):
    net = "rnn" if is_step(a["cache"], "rnn") else "lstm"
    if not is_step(a["cache"], net): return v.wrong("cache", Type)
    held = dict(zip(fields[net], a["cache"]))
    v.parameters("parameters", held.pop("parameters"), net)
    for k, w in held.items(): v.array(k, w, "n_x, m" if k == "xt" else "n_a, m")


subjects |= {
    "gradient_flow": S(nb.gradient_flow, make_flow, judge_flow),
    "step_jacobian": S(book.step_jacobian, lambda q: {"cache": (rnn_step if either(q) == "rnn" else lstm_step)(q)}, judge_jacobian),
}
