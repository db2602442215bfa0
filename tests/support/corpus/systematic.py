"Mistakes made by machine: every factor of (7) to (10) and (16) dropped, doubled and replaced, and everything after them."
from . import base, part

arrays = ("da_next dc_next ft it cct ot c_prev c_next a_prev a_next tanh_c (1-ft) (1-it) (1-ot) (1-cct**2) "
          "(1-tanh_c**2) (1-tanh_c) (1-np.tanh(cct)**2) (1-c_next**2)").split()
products = {"7": ("dot", [], ["da_next", "tanh_c", "ot", "(1-ot)"]),
            "8": ("dcct", ["dc_next", "it", "(1-cct**2)"], ["da_next", "ot", "(1-tanh_c**2)", "it", "(1-cct**2)"]),
            "9": ("dit", ["dc_next", "cct", "it", "(1-it)"], ["da_next", "ot", "(1-tanh_c**2)", "cct", "it", "(1-it)"]),
            "10": ("dft", ["dc_next", "c_prev", "ft", "(1-ft)"], ["da_next", "ot", "(1-tanh_c**2)", "c_prev", "ft", "(1-ft)"]),
            "16": ("dc_prev", ["dc_next", "ft"], ["da_next", "ot", "(1-tanh_c**2)", "ft"])}
gates = {"f": ("dft", "11"), "i": ("dit", "12"), "c": ("dcct", "13"), "o": ("dot", "14")}


def line(start):
    "The line of lstm_cell_backward that starts so."
    return next(s.strip() for s in part(base, "lstm_cell_backward").split("\n") if s.strip().startswith(start))


def changed(factors):
    "A product with one factor dropped, doubled or replaced, or with another sign."
    for i, was in enumerate(factors):
        yield factors[:i] + factors[i + 1:] or ["1"]
        yield factors + [was]
        yield from (factors[:i] + [new] + factors[i + 1:] for new in arrays if new != was)
    if factors: yield ["-1"] + factors


def wrong_products():
    "(equation, old line, new line) for (7) to (10) and (16)."
    for equation, (name, A, B) in products.items():
        def made(a, b, sign=" + "): return f"{name} = " + (sign.join("*".join(p) for p in (a, b) if p) or "0*da_next")
        ways = [made(A, b) for b in changed(B)] + [made(a, B) for a in changed(A)]
        if A:
            ways += [made([], B), made(A, []), made(A, B, " - ")]
            for was in sorted(set(A) & set(B)):
                ways += [made([new if f == was else f for f in A], [new if f == was else f for f in B]) for new in arrays if new != was]
        yield from ((equation, line(name + " ="), way) for way in ways)


def wrong_rest():
    "(equation, old line, new line) for (11) to (15), (17) and the biases."
    for k, (z, w) in gates.items():
        W, b = line(f"dW{k} ="), line(f"db{k} =")
        for other in {v for v, _ in gates.values()} - {z} | {"ft", "it", "cct", "ot"}:
            yield w, W, W.replace(f"{z},", f"{other},")
            yield f"{w}b", b, b.replace(f"({z}", f"({other}")
        for top, below in (("xt", "a_prev"), ("a_next", "xt"), ("c_prev", "xt"), ("c_next", "xt")):
            yield w, W, W.replace("concat", f"np.concatenate(({top}, {below}))")
        for f in ("-", "2*", "(1/m)*"):
            yield w, W, W.replace("= ", f"= {f}")
            yield f"{w}b", b, b.replace("= ", f"= {f}")
        for new in ("np.sum({}, axis=1)", "np.sum({}, axis=0, keepdims=True)", "{}"): yield "shape", b, f"db{k} = {new.format(z)}"
        for equation, name, cut in (("15", "da_prev", ":n_a"), ("17", "dxt", "n_a:")):
            whole, term = line(f"{name} = np.dot(Wf"), f"np.dot(W{k}[:, {cut}].T, {z})"
            ways = ["0", f"-{term}", f"2*{term}", f"W{k}[:, {'-n_a:' if equation == '15' else ':-n_a'}].T @ {z}"]
            ways += [term.replace(f"W{k}", f"W{j}") for j in gates if j != k] + [term.replace(f" {z}", f" {v}") for v, _ in gates.values() if v != z]
            if equation == "15": ways.append(term.replace(".T", ""))
            yield from ((equation, whole, whole.replace(term, way)) for way in ways)


cases = [c for c in (*wrong_products(), *wrong_rest()) if c[1] != c[2]]
