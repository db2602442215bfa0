"The plainest forward passes of the variants, written apart from the package, for any module `xp` that speaks NumPy."
import numpy as np

activations = {
    "Sigmoid": lambda xp, z: 1 / (1 + xp.exp(-z)),
    "Tanh": lambda xp, z: xp.tanh(z),
    "ScaledTanh": lambda xp, z, alpha=1., beta=1.: alpha * xp.tanh(beta * z),
    "Affine": lambda xp, z, alpha=1., beta=0.: alpha * z + beta,
    "Softsign": lambda xp, z: z / (1 + xp.abs(z)),
    "Softplus": lambda xp, z: xp.log(1 + xp.exp(z)),
    "Relu": lambda xp, z: xp.where(z > 0, z, 0*z),
    "LeakyRelu": lambda xp, z, alpha=0.01: xp.where(z > 0, z, alpha * z),
    "ThresholdedRelu": lambda xp, z, alpha=1.: xp.where(z > alpha, z, 0*z),
    "Elu": lambda xp, z, alpha=1.: xp.where(z > 0, z, alpha * (xp.exp(xp.where(z > 0, 0*z, z)) - 1)),
    "HardSigmoid": lambda xp, z, alpha=0.2, beta=0.5: cut(xp, alpha * z + beta, 0., 1.)}


def cut(xp, z, low, high):
    one = 0*z + 1
    return xp.where(z > high, high * one, xp.where(z < low, low * one, z))


def bounded(xp, z, bound): return z if bound is None else cut(xp, z, -bound, bound)


def act(xp, spec, z):
    name, *constants = (spec,) if isinstance(spec, str) else spec
    return activations[name](xp, z, *constants)


def normal(xp, y, epsilon):
    mean = sum(y[r:r+1] for r in range(len(y))) / len(y)
    variance = sum((y[r:r+1] - mean)**2 for r in range(len(y))) / len(y)
    return (y - mean) / xp.sqrt(variance + epsilon)


def lstm(xp, v, coupled=None, clip=None, cell_clip=None, activations=("Sigmoid", "Tanh", "Tanh"), epsilon=1e-5, mask=None):
    "Every hidden and every memory state; `v` has x, a0, c0 and the parameters."
    f, g, h = activations
    a, c, steps = v["a0"], v["c0"], []

    def gate(k, activation, stack, c):
        y = xp.matmul(v[f"W{k}"], stack)
        if f"g{k}" in v: y = v[f"g{k}"] * normal(xp, y, epsilon)
        z = y + v[f"b{k}"] + (v[f"P{k}"] * c if f"P{k}" in v else 0)
        return act(xp, activation, bounded(xp, z, clip))
    for t in range(v["x"].shape[2]):
        stack = xp.concatenate([a if mask is None else a * mask, v["x"][:, :, t]])
        if coupled != "i": forget = gate("f", f, stack, c)
        if coupled != "f": write = gate("i", f, stack, c)
        if coupled == "i": forget = 1 - write
        if coupled == "f": write = 1 - forget
        c = bounded(xp, forget * c + write * gate("c", g, stack, c), cell_clip)
        seen = c if "gh" not in v else v["gh"] * normal(xp, c, epsilon) + v["bh"]
        a = gate("o", f, stack, c) * act(xp, h, seen)
        if "Wp" in v: a = xp.matmul(v["Wp"], a)
        steps.append((a, c))
    return {k: xp.stack(s, 2) for k, s in zip("ac", zip(*steps))}


def gru(xp, v, reset_after=False, clip=None, activations=("Sigmoid", "Tanh"), mask=None):
    "Every hidden state; `v` has x, a0 and the parameters."
    (f, g), a, n, steps = activations, v["a0"], len(v["a0"]), []
    squash = lambda activation, z: act(xp, activation, bounded(xp, z, clip))
    for t in range(v["x"].shape[2]):
        xt, a = v["x"][:, :, t], a if mask is None else a * mask
        update, reset = (squash(f, xp.matmul(v[f"W{k}"], xp.concatenate([a, xt])) + v[f"b{k}"]) for k in "zr")
        W, U = v["Wc"][:, n:], v["Wc"][:, :n]
        if reset_after: state = reset * (xp.matmul(U, a) + (v["bca"] if "bca" in v else 0))
        else: state = xp.matmul(U, reset * a)
        a = (1 - update) * squash(g, xp.matmul(W, xt) + state + v["bc"]) + update * a
        steps.append(a)
    return {"a": xp.stack(steps, 2)}


def rnn(xp, v, clip=None, activations=("Tanh",), mask=None):
    "Every hidden state; `v` has x, a0 and the parameters."
    a, steps = v["a0"], []
    for t in range(v["x"].shape[2]):
        a = a if mask is None else a * mask
        a = act(xp, activations[0], bounded(xp, xp.matmul(v["Waa"], a) + xp.matmul(v["Wax"], v["x"][:, :, t]) + v["ba"], clip))
        steps.append(a)
    return {"a": xp.stack(steps, 2)}


def draw(kind, rng, T_x=None, largest=4):
    "A random case of `lstm`, `gru` or `rnn`: everything that goes in, upstream gradients, and options as both programs take them."
    n_x, n_a, m = (int(n) for n in rng.integers(1, largest + 1, 3))
    T_x = T_x or int(rng.integers(1, 5))
    coin = lambda share=0.5: bool(rng.random() < share)
    gates_normalised, memory_normalised = coin(0.4), coin(0.4)
    if gates_normalised or memory_normalised: n_a = max(n_a, 3)     # two normalised units have nearly no gradient left
    places = {"lstm": ["Sigmoid", "Tanh", "Tanh"], "gru": ["Sigmoid", "Tanh"], "rnn": ["Tanh"]}[kind]
    options = {"activations": tuple(random_activation(rng) if coin(1 - 0.2*len(places)) else name for name in places)}
    if coin(): options["clip"] = float(rng.uniform(0.3, 2))
    n_r, W = n_a, {}
    if kind == "lstm":
        if coin(0.4): options["coupled"] = str(rng.choice(["f", "i"]))
        if coin(): options["cell_clip"] = float(rng.uniform(0.2, 1.5))
        n_r = int(rng.integers(1, 4)) if coin(0.4) else n_a
        gates = [k for k in "fico" if options.get("coupled", k) == k or k in "co"]
        W = {f"W{k}": (n_a, n_r + n_x) for k in gates} | {f"b{k}": (n_a, 1) for k in gates}
        W |= {f"P{k}": (n_a, 1) for k in gates if k != "c" and coin(0.4)}
        if gates_normalised: W |= {f"g{k}": (n_a, 1) for k in gates if coin(0.7)}
        if memory_normalised: W |= {"gh": (n_a, 1), "bh": (n_a, 1)}
        if n_r != n_a or coin(0.2): W["Wp"] = (n_r, n_a)
        options["epsilon"] = float(rng.choice([1e-5, 0.3]))
    elif kind == "gru":
        options["reset_after"] = coin()
        W = {n + k: (n_a, n_a + n_x if n == "W" else 1) for k in "zrc" for n in "Wb"}
        if options["reset_after"] and coin(0.7): W["bca"] = (n_a, 1)
    else: W = {"Wax": (n_a, n_x), "Waa": (n_a, n_a), "ba": (n_a, 1)}
    if coin(0.3): options["mask"] = rng.choice([0., 1.5], (n_r, m))
    normal = rng.standard_normal
    p = {k: normal(shape) / (np.sqrt(shape[1]) if k[0] == "W" else 1) for k, shape in W.items()}
    start = {"x": normal((n_x, m, T_x)), "a0": normal((n_r, m))} | ({"c0": normal((n_a, m))} if kind == "lstm" else {})
    upstream = {"a": normal((n_r, m, T_x))} | ({"c": normal((n_a, m, T_x))} if kind == "lstm" else {})
    return start, p, upstream, options


def random_activation(rng):
    name = str(rng.choice([*activations]))
    count = {"ScaledTanh": 2, "Affine": 2, "LeakyRelu": 1, "ThresholdedRelu": 1, "Elu": 1, "HardSigmoid": 2}.get(name, 0)
    given = int(rng.integers(0, count + 1))
    return (name, *(float(n) for n in rng.uniform(-0.6, 1.2, given))) if given else name
