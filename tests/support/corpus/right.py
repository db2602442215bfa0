"Right solutions, however they are written: what is put after base.py, by (function, what)."

inside = {}     # sequences that are written out, also as the ground for mistakes

inside["lstm_backward"] = '''
def lstm_backward(da, caches):
    steps, x = caches
    n_a, m, T_x = da.shape
    n_x = x.shape[0]
    grads = {f"d{n}{k}": 0 for n in "Wb" for k in "fico"}
    dx = np.empty((n_x, m, T_x))
    da_next, dc = np.zeros((n_a, m)), np.zeros((n_a, m))
    for t in range(T_x - 1, -1, -1):
        a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt, p = steps[t]
        da_t = da[:, :, t] + da_next
        tc = np.tanh(c_next)
        dc_t = dc + da_t * ot * (1 - tc * tc)
        d = {"o": da_t * tc * ot * (1 - ot), "c": dc_t * it * (1 - cct * cct),
             "i": dc_t * cct * it * (1 - it), "f": dc_t * c_prev * ft * (1 - ft)}
        stack = np.vstack([a_prev, xt])
        both = 0
        for k in d:
            grads["dW" + k] = grads["dW" + k] + d[k] @ stack.T
            grads["db" + k] = grads["db" + k] + d[k].sum(1, keepdims=True)
            both = both + p["W" + k].T @ d[k]
        da_next, dx[:, :, t], dc = both[:n_a], both[n_a:], dc_t * ft
    return {"dx": dx, "da0": da_next, **grads}
'''
inside["rnn_backward"] = '''
def rnn_backward(da, caches):
    steps, x = caches
    p = steps[0][-1]
    n_a, m, T_x = da.shape
    dx = np.zeros((x.shape[0], m, T_x))
    dWax, dWaa, dba = np.zeros_like(p["Wax"]), np.zeros_like(p["Waa"]), np.zeros_like(p["ba"])
    carry = np.zeros((n_a, m))
    for t in range(T_x - 1, -1, -1):
        a_next, a_prev, xt, _ = steps[t]
        dz = (da[:, :, t] + carry) * (1 - a_next**2)
        dx[:, :, t] = p["Wax"].T @ dz
        dWax += dz @ xt.T
        dWaa += dz @ a_prev.T
        dba += dz.sum(axis=1, keepdims=True)
        carry = p["Waa"].T @ dz
    return {"dx": dx, "da0": carry, "dWax": dWax, "dWaa": dWaa, "dba": dba}
'''
inside["lstm_forward"] = '''
def lstm_forward(x, a0, parameters):
    p, caches = parameters, []
    n_a, (n_x, m, T_x) = a0.shape[0], x.shape
    a, c, y = np.zeros((n_a, m, T_x)), np.zeros((n_a, m, T_x)), np.zeros((p["Wy"].shape[0], m, T_x))
    a_prev, c_prev = a0, np.zeros_like(a0)
    for t in range(T_x):
        xt = x[:, :, t]
        stack = np.concatenate([a_prev, xt])
        ft = sigmoid(p["Wf"] @ stack + p["bf"])
        it = sigmoid(p["Wi"] @ stack + p["bi"])
        cct = np.tanh(p["Wc"] @ stack + p["bc"])
        ot = sigmoid(p["Wo"] @ stack + p["bo"])
        c_next = ft * c_prev + it * cct
        a_next = ot * np.tanh(c_next)
        caches.append((a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt, p))
        a[:, :, t], c[:, :, t], y[:, :, t] = a_next, c_next, softmax(p["Wy"] @ a_next + p["by"])
        a_prev, c_prev = a_next, c_next
    return a, y, c, (caches, x)
'''
inside["rnn_forward"] = '''
def rnn_forward(x, a0, parameters):
    p, caches, states, outputs, a_prev = parameters, [], [], [], a0
    for t in range(x.shape[2]):
        a_next = np.tanh(p["Waa"] @ a_prev + p["Wax"] @ x[:, :, t] + p["ba"])
        caches.append((a_next, a_prev, x[:, :, t], p))
        states.append(a_next)
        outputs.append(softmax(p["Wya"] @ a_next + p["by"]))
        a_prev = a_next
    return np.stack(states, axis=2), np.stack(outputs, axis=2), (caches, x)
'''

right = {(name, "written out"): text for name, text in inside.items()} | {
("lstm_cell_backward", "einsum"): '''
def lstm_cell_backward(da_next, dc_next, cache):
    _, c_next, a_prev, c_prev, ft, it, cct, ot, xt, p = cache
    dc = dc_next + np.einsum("ij,ij,ij->ij", da_next, ot, 1 - np.tanh(c_next)**2)
    d = dict(f=dc*c_prev*ft*(1 - ft), i=dc*cct*it*(1 - it), c=dc*it*(1 - cct**2), o=da_next*np.tanh(c_next)*ot*(1 - ot))
    stack, n_a = np.r_[a_prev, xt], len(a_prev)
    g = {"dc_prev": dc*ft}
    for k in d:
        g["dW" + k] = np.einsum("aj,sj->as", d[k], stack)
        g["db" + k] = np.einsum("aj->a", d[k])[:, None]
    g["da_prev"] = sum(np.einsum("ab,aj->bj", p["W" + k][:, :n_a], d[k]) for k in d)
    g["dxt"] = sum(np.einsum("ab,aj->bj", p["W" + k][:, n_a:], d[k]) for k in d)
    return g
''',
("lstm_cell_backward", "loops"): '''
def lstm_cell_backward(da_next, dc_next, cache):
    a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt, p = cache
    n_a, m = a_next.shape
    n_x = xt.shape[0]
    g = {"dxt": np.zeros((n_x, m)), "da_prev": np.zeros((n_a, m)), "dc_prev": np.zeros((n_a, m))}
    for k in "fico":
        g["dW" + k], g["db" + k] = np.zeros((n_a, n_a + n_x)), np.zeros((n_a, 1))
    for j in range(m):
        for r in range(n_a):
            tc = np.tanh(c_next[r, j])
            dc = dc_next[r, j] + da_next[r, j]*ot[r, j]*(1 - tc*tc)
            g["dc_prev"][r, j] = dc*ft[r, j]
            d = {"f": dc*c_prev[r, j]*ft[r, j]*(1 - ft[r, j]), "i": dc*cct[r, j]*it[r, j]*(1 - it[r, j]),
                 "c": dc*it[r, j]*(1 - cct[r, j]**2), "o": da_next[r, j]*tc*ot[r, j]*(1 - ot[r, j])}
            for k in d:
                g["db" + k][r, 0] += d[k]
                for q in range(n_a):
                    g["dW" + k][r, q] += d[k]*a_prev[q, j]
                    g["da_prev"][q, j] += d[k]*p["W" + k][r, q]
                for q in range(n_x):
                    g["dW" + k][r, n_a + q] += d[k]*xt[q, j]
                    g["dxt"][q, j] += d[k]*p["W" + k][r, n_a + q]
    return g
''',
("lstm_cell_backward", "fused"): '''
def lstm_cell_backward(da_next, dc_next, cache):
    a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt, p = cache
    n_a = a_next.shape[0]
    W = np.concatenate([p["Wf"], p["Wi"], p["Wc"], p["Wo"]])
    t = np.tanh(c_next)
    dc = dc_next + da_next*ot*(1 - t**2)
    d = np.concatenate([dc*c_prev*ft*(1 - ft), dc*cct*it*(1 - it), dc*it*(1 - cct**2), da_next*t*ot*(1 - ot)])
    dW, db, ds = d @ np.concatenate([a_prev, xt]).T, d.sum(1)[:, None], W.T @ d
    out = {"dxt": ds[n_a:], "da_prev": ds[:n_a], "dc_prev": dc*ft}
    for i, k in enumerate("fico"):
        out["dW" + k], out["db" + k] = dW[i*n_a:(i + 1)*n_a], db[i*n_a:(i + 1)*n_a]
    return out
''',
("lstm_cell_backward", "cosh"): '''
def lstm_cell_backward(da_next, dc_next, cache):
    (a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt, p) = cache
    n_a = len(a_next)
    dc = dc_next + da_next * ot / np.cosh(c_next)**2
    zc = p["Wc"] @ np.concatenate([a_prev, xt]) + p["bc"]
    dcct = dc * it / np.cosh(zc)**2
    dot, dit, dft = da_next*np.tanh(c_next)*(ot - ot**2), dc*cct*(it - it**2), dc*c_prev*(ft - ft**2)
    S = np.concatenate([a_prev, xt]).T
    g = dict(dWf=dft @ S, dWi=dit @ S, dWc=dcct @ S, dWo=dot @ S)
    for k, d in zip("fico", (dft, dit, dcct, dot)): g["db" + k] = np.sum(d, 1, keepdims=True)
    whole = p["Wf"].T @ dft + p["Wi"].T @ dit + p["Wc"].T @ dcct + p["Wo"].T @ dot
    g.update(da_prev=whole[:n_a], dxt=whole[n_a:], dc_prev=ft*dc, loss=None, note="extra keys do no harm")
    return g
''',
("lstm_cell_backward", "float32 inside"): '''
right_one = lstm_cell_backward
def lstm_cell_backward(da_next, dc_next, cache):
    f = np.float32
    cache = [v.astype(f) for v in cache[:9]] + [{k: v.astype(f) for k, v in cache[9].items()}]
    return {k: v.astype(float) for k, v in right_one(da_next.astype(f), dc_next.astype(f), cache).items()}
''',
("lstm_cell_backward", "returns float32"): '''
right_one = lstm_cell_backward
def lstm_cell_backward(da_next, dc_next, cache):
    return {k: v.astype(np.float32) for k, v in right_one(da_next, dc_next, cache).items()}
''',
("lstm_cell_backward", "returns float16"): '''
right_one = lstm_cell_backward
def lstm_cell_backward(da_next, dc_next, cache):
    return {k: v.astype(np.float16) for k, v in right_one(da_next, dc_next, cache).items()}
''',
("lstm_cell_backward", "in place on arrays of its own"): '''
def lstm_cell_backward(da_next, dc_next, cache):
    a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt, p = cache
    n_a = a_next.shape[0]
    t = np.tanh(c_next)
    s = 1 - t**2
    s *= ot
    s *= da_next
    s += dc_next
    dot = da_next * t; dot *= ot; dot *= 1 - ot
    dft = s * c_prev; dft *= ft; dft *= 1 - ft
    dit = s * cct; dit *= it; dit *= 1 - it
    dcct = s * it; dcct *= 1 - cct**2
    s *= ft
    g, S = {"dc_prev": s}, np.vstack((a_prev, xt)).T
    da, dx = np.zeros_like(a_prev), np.zeros_like(xt)
    for k, d in (("o", dot), ("c", dcct), ("i", dit), ("f", dft)):
        g["dW" + k] = np.matmul(d, S)
        g["db" + k] = d.sum(axis=1).reshape(-1, 1)
        da += p["W" + k].T[:n_a] @ d
        dx += p["W" + k].T[n_a:] @ d
    g["da_prev"], g["dxt"] = da, dx
    return g
''',
("lstm_cell_backward", "gates computed again, another sigmoid"): '''
def lstm_cell_backward(da_next, dc_next, cache):
    a_next, c_next, a_prev, c_prev, _, _, _, _, xt, p = cache
    n_a, S = len(a_prev), np.concatenate([a_prev, xt])
    sig = lambda z: 0.5 * (1 + np.tanh(z / 2))
    ft, it, ot = (sig(p["W" + k] @ S + p["b" + k]) for k in "fio")
    cct = np.tanh(p["Wc"] @ S + p["bc"])
    th = np.tanh(c_next)
    dc = dc_next + da_next * ot * (1 - th) * (1 + th)
    d = {"f": dc * c_prev * ft * (1 - ft), "i": dc * cct * it * (1 - it), "c": dc * it * (1 - cct) * (1 + cct), "o": a_next * da_next * (1 - ot)}
    g = {n + k: v for k in d for n, v in (("dW", d[k] @ S.T), ("db", d[k] @ np.ones((d[k].shape[1], 1))))}
    return g | {"da_prev": sum(p["W" + k][:, :n_a].T @ d[k] for k in d), "dxt": sum(p["W" + k][:, n_a:].T @ d[k] for k in d), "dc_prev": dc * ft}
''',
("lstm_cell_backward", "one example after the other, and prints"): '''
right_one = lstm_cell_backward
def lstm_cell_backward(da_next, dc_next, cache):
    total = None
    for j in range(da_next.shape[1]):
        print("example", j)
        one = tuple(v[:, j:j + 1] for v in cache[:9]) + (cache[9],)
        g = right_one(da_next[:, j:j + 1], dc_next[:, j:j + 1], one)
        if total is None: total = g
        else: total = {k: total[k] + g[k] if k[1] in "Wb" else np.hstack([total[k], g[k]]) for k in g}
    return total
''',
("lstm_cell_backward", "another order of keys, lists"): '''
right_one = lstm_cell_backward
def lstm_cell_backward(da_next, dc_next, cache):
    g = right_one(da_next, dc_next, cache)
    return {k: g[k].tolist() for k in sorted(g, reverse=True)}
''',
("lstm_cell_forward", "sliced, stable sigmoid"): '''
def sig(z):
    return np.where(z >= 0, 1 / (1 + np.exp(-np.abs(z))), np.exp(-np.abs(z)) / (1 + np.exp(-np.abs(z))))
def lstm_cell_forward(xt, a_prev, c_prev, parameters):
    p, n_a = parameters, a_prev.shape[0]
    z = {k: p["W" + k][:, :n_a] @ a_prev + p["W" + k][:, n_a:] @ xt + p["b" + k] for k in "fico"}
    ft, it, ot, cct = sig(z["f"]), sig(z["i"]), sig(z["o"]), 2 * sig(2 * z["c"]) - 1
    c_next = np.multiply(ft, c_prev) + np.multiply(it, cct)
    a_next = ot * np.tanh(c_next)
    logits = p["Wy"] @ a_next + p["by"]
    yt = np.exp(logits - np.log(np.exp(logits).sum(0)))
    return a_next, c_next, yt, [a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt, parameters]
''',
("lstm_cell_forward", "fused, a cache by names"): '''
from collections import namedtuple
Kept = namedtuple("Kept", "a_next c_next a_prev c_prev ft it cct ot xt parameters z")
def lstm_cell_forward(xt, a_prev, c_prev, parameters):
    p = parameters
    W, b = np.vstack([p[f"W{k}"] for k in "fioc"]), np.vstack([p[f"b{k}"] for k in "fioc"])
    z = W @ np.vstack([a_prev, xt]) + b
    f, i, o, g = np.split(z, 4)
    f, i, o, g = sigmoid(f), sigmoid(i), sigmoid(o), np.tanh(g)
    c = f*c_prev + i*g
    a = o*np.tanh(c)
    return a, c, softmax(p["Wy"] @ a + p["by"]), Kept(a, c, a_prev, c_prev, f, i, g, o, xt, p, z)
''',
("lstm_cell_forward", "a cache that is a dictionary"): '''
right_one = lstm_cell_forward
def lstm_cell_forward(xt, a_prev, c_prev, parameters):
    a, c, y, k = right_one(xt, a_prev, c_prev, parameters)
    return a, c, y, {"gates": k[4:8], "in": (xt, a_prev, c_prev), "p": parameters}
''',
("lstm_cell_forward", "float32"): '''
right_one = lstm_cell_forward
def lstm_cell_forward(xt, a_prev, c_prev, parameters):
    f = np.float32
    return right_one(xt.astype(f), a_prev.astype(f), c_prev.astype(f), {k: v.astype(f) for k, v in parameters.items()})
''',
("rnn_cell_forward", "one product, clipped softmax"): '''
def rnn_cell_forward(xt, a_prev, parameters):
    p = parameters
    z = np.hstack([p["Waa"], p["Wax"]]) @ np.vstack([a_prev, xt]) + p["ba"]
    a_next = (np.exp(2*z) - 1) / (np.exp(2*z) + 1)
    e = np.exp(p["Wya"] @ a_next + p["by"])
    return a_next, e / e.sum(axis=0), {"a_next": a_next, "a_prev": a_prev, "xt": xt, "parameters": parameters}
''',
("rnn_cell_backward", "einsum, from the pre-activation"): '''
def rnn_cell_backward(da_next, cache):
    _, a_prev, xt, p = cache
    z = p["Waa"] @ a_prev + p["Wax"] @ xt + p["ba"]
    dz = da_next / np.cosh(z)**2
    return {"dba": dz.sum(1)[:, np.newaxis], "dWaa": np.einsum("ij,kj->ik", dz, a_prev), "dWax": np.einsum("ij,kj->ik", dz, xt),
            "da_prev": (dz.T @ p["Waa"]).T, "dxt": (dz.T @ p["Wax"]).T}
''',
("rnn_cell_backward", "loops and outer products"): '''
def rnn_cell_backward(da_next, cache):
    a_next, a_prev, xt, p = cache
    dz = da_next - da_next * a_next * a_next
    dWax, dWaa, dba = 0, 0, 0
    for j in range(dz.shape[1]):
        dWax = dWax + np.outer(dz[:, j], xt[:, j])
        dWaa = dWaa + np.outer(dz[:, j], a_prev[:, j])
        dba = dba + dz[:, [j]]
    return dict(dxt=p["Wax"].T.dot(dz), da_prev=p["Waa"].T.dot(dz), dWax=dWax, dWaa=dWaa, dba=dba)
''',
("rnn_backward", "lists, summed at the end"): '''
def rnn_backward(da, caches):
    (steps, x), g, carry = caches, [], 0
    for t in list(range(da.shape[2]))[::-1]:
        g.append(rnn_cell_backward(da_next=da[:, :, t] + carry, cache=steps[t]))
        carry = g[-1]["da_prev"]
    out = {k: np.sum([s[k] for s in g], axis=0) for k in ("dWax", "dWaa", "dba")}
    return {**out, "dx": np.stack([s["dxt"] for s in g][::-1], axis=-1), "da0": g[-1]["da_prev"]}
''',
("lstm_backward", "keywords, lists, an argument dc"): '''
def lstm_backward(da, caches, dc=None):
    (steps, x), g = caches, []
    n_a, m, T_x = da.shape
    da_next, dc_next = np.zeros((n_a, m)), np.zeros((n_a, m))
    while len(g) < T_x:
        t = T_x - 1 - len(g)
        now = dc_next if dc is None else dc_next + dc[:, :, t]
        g.append(lstm_cell_backward(dc_next=now, da_next=da_next + da[:, :, t], cache=steps[t]))
        da_next, dc_next = g[-1]["da_prev"], g[-1]["dc_prev"]
    out = {k: sum(s[k] for s in g) for k in g[0] if k[1] in "Wb"}
    return out | {"dx": np.dstack([s["dxt"] for s in g[::-1]]), "da0": da_next, "dc0": dc_next}
''',
("lstm_backward", "a cell of another name, in place"): '''
one_step = lstm_cell_backward
def lstm_backward(da, caches):
    steps, x = caches
    T = len(steps)
    total = {}
    dx = np.zeros_like(x)
    da_c, dc_c = np.zeros_like(da[:, :, 0]), np.zeros_like(da[:, :, 0])
    for t in range(T - 1, -1, -1):
        g = one_step(da_c + da[:, :, t], dc_c, steps[t])
        da_c, dc_c = g.pop("da_prev"), g.pop("dc_prev")
        dx[..., t] = g.pop("dxt")
        for k in g:
            if k in total: total[k] += g[k]
            else: total[k] = g[k]
    return {"dx": dx, "da0": da_c, **total}
''',
("lstm_backward", "recursion"): '''
def lstm_backward(da, caches):
    steps, x = caches
    n_a, m, T = da.shape
    def back(t, da_c, dc_c):
        g = lstm_cell_backward(da[:, :, t] + da_c, dc_c, steps[t])
        own = {k: v for k, v in g.items() if k[1] in "Wb"}
        if t == 0: return own, [g["dxt"]], g["da_prev"]
        rest, dx, da0 = back(t - 1, g["da_prev"], g["dc_prev"])
        return {k: own[k] + rest[k] for k in own}, dx + [g["dxt"]], da0
    sums, dx, da0 = back(T - 1, 0 * da[:, :, 0], 0 * da[:, :, 0])
    return {"dx": np.stack(dx, 2), "da0": da0} | sums
''',
("lstm_backward", "inside a decorator"): '''
import functools
def loud(f):
    @functools.wraps(f)
    def g(*args):
        print("called")
        return f(*args)
    return g
lstm_backward = loud(lstm_backward)
''',
("lstm_cell_backward", "caches of its own"): '''
right_forward, right_backward = lstm_cell_forward, lstm_cell_backward
def lstm_cell_forward(xt, a_prev, c_prev, parameters):
    a, c, y, kept = right_forward(xt, a_prev, c_prev, parameters)
    return a, c, y, {"kept": kept, "z": None}
def lstm_cell_backward(da_next, dc_next, cache): return right_backward(da_next, dc_next, cache["kept"])
''',
("lstm_backward", "caches of its own"): '''
right_forward, right_backward = lstm_cell_forward, lstm_cell_backward
def lstm_cell_forward(xt, a_prev, c_prev, parameters):
    a, c, y, kept = right_forward(xt, a_prev, c_prev, parameters)
    return a, c, y, {"kept": kept, "z": None}
def lstm_cell_backward(da_next, dc_next, cache): return right_backward(da_next, dc_next, cache["kept"])
def lstm_backward(da, caches):
    (steps, x), carry, sums, dx = caches, [0 * da[:, :, 0]] * 2, {}, []
    for t in reversed(range(da.shape[2])):
        g = lstm_cell_backward(da[:, :, t] + carry[0], carry[1], steps[t])
        carry = g["da_prev"], g["dc_prev"]
        dx.insert(0, g["dxt"])
        for k in g:
            if k[1] in "Wb": sums[k] = sums.get(k, 0) + g[k]
    return {"dx": np.stack(dx, axis=2), "da0": carry[0], **sums}
''',
("rnn_cell_backward", "caches of its own"): '''
right_forward, right_backward = rnn_cell_forward, rnn_cell_backward
def rnn_cell_forward(xt, a_prev, parameters):
    a, y, kept = right_forward(xt, a_prev, parameters)
    return a, y, {"kept": kept}
def rnn_cell_backward(da_next, cache): return right_backward(da_next, cache["kept"])
''',
("lstm_cell_backward", "matrices"): '''
right_one = lstm_cell_backward
def lstm_cell_backward(da_next, dc_next, cache):
    return {k: np.asmatrix(v) for k, v in right_one(da_next, dc_next, cache).items()}
''',
("rnn_backward", "a method"): '''
class Net:
    def cell(self, da, cache): return rnn_cell_backward(da, cache)
    def back(self, da, caches):
        steps, x = caches
        g, carry = [], 0 * da[:, :, 0]
        for t in range(da.shape[2] - 1, -1, -1):
            g.insert(0, self.cell(da[:, :, t] + carry, steps[t]))
            carry = g[0]["da_prev"]
        out = {k: sum(s[k] for s in g) for k in ("dWax", "dWaa", "dba")}
        return {"dx": np.stack([s["dxt"] for s in g], axis=2), "da0": carry, **out}
rnn_backward = Net().back
''',
("lstm_forward", "lists"): '''
def lstm_forward(x, a0, parameters):
    out, a, c = [], a0, np.zeros_like(a0)
    for xt in np.moveaxis(x, 2, 0):
        out.append(lstm_cell_forward(xt, a, c, parameters))
        a, c = out[-1][:2]
    a, c, y, caches = zip(*out)
    return np.stack(a, 2), np.stack(y, 2), np.stack(c, 2), (list(caches), x)
''',
("rnn_forward", "the states on another axis first"): '''
def rnn_forward(x, a0, parameters):
    T = x.shape[-1]
    a = np.zeros((T + 1,) + a0.shape)
    a[0] = a0
    y, caches = [], []
    for t in range(T):
        a[t + 1], yt, k = rnn_cell_forward(x[..., t], a[t], parameters)
        y.append(yt); caches.append(k)
    return np.moveaxis(a[1:], 0, -1), np.moveaxis(np.array(y), 0, -1), (caches, x)
''',
}

s = "da_t * ot * (1 - tc * tc)"
# mistakes in the written-out sequences: (function, what, the findings expected, old text, new text, ...)
mistakes_inside = [
    ("lstm_backward", "overwriting", "accumulate", 'grads["dW" + k] + d', "d", 'grads["db" + k] + d', "d"),
    ("lstm_backward", "no carry of a", "carry_a", "da[:, :, t] + da_next", "da[:, :, t]"),
    ("lstm_backward", "no carry of c", "carry_c", "dc_t = dc + ", "dc_t = "),
    ("lstm_backward", "carries nothing", "carry_a carry_c", "dc_t = dc + ", "dc_t = ", "da[:, :, t] + da_next", "da[:, :, t]"),
    ("lstm_backward", "time runs forward", "order", "range(T_x - 1, -1, -1)", "range(T_x)"),
    ("lstm_backward", "the first cache", "pairing", "steps[t]", "steps[0]"),
    ("lstm_backward", "da forgotten but at the end", "da", "da[:, :, t] +", "(da[:, :, t] if t == T_x - 1 else 0) +"),
    ("lstm_backward", "(9) wrong", "9", "dc_t * cct * it * (1 - it)", "dc_t * cct * (1 - it)"),
    ("lstm_backward", "(16) wrong", "16", "dc_t * ft\n", "dc_t\n"),
    ("lstm_backward", "(8) without the bracket", "8", "dc_t * it * (1 - cct * cct)", f"dc * it + {s} * it * (1 - cct * cct)"),
    ("lstm_backward", "(10) and no carry", "10 carry_a", "dc_t * c_prev * ft", "dc_t * c_next * ft", "da[:, :, t] + da_next", "da[:, :, t]"),
    ("lstm_backward", "dx in reverse", "dx", "dx[:, :, t]", "dx[:, :, -1 - t]"),
    ("lstm_backward", "da0 is zero", "da0", '"da0": da_next', '"da0": 0 * da_next'),
    ("lstm_backward", "the slope of tanh missing", "8 9 10 16", " * (1 - tc * tc)", ""),
    ("rnn_backward", "overwriting", "accumulate", "dWax +=", "dWax ="),
    ("rnn_backward", "no carry", "carry_a", " + carry)", ")"),
    ("rnn_backward", "no slope", "R3", " * (1 - a_next**2)", ""),
    ("rnn_backward", "not transposed", "R7", 'p["Waa"].T @ dz', 'p["Waa"] @ dz'),
    ("rnn_backward", "not transposed, overwriting", "R7 accumulate", 'p["Waa"].T @ dz', 'p["Waa"] @ dz', "dba +=", "dba ="),
    ("lstm_forward", "memory not carried", "carry_c", "a_prev, c_prev = a_next, c_next", "a_prev = a_next"),
    ("lstm_forward", "state not carried", "carry_a", "a_prev, c_prev = a_next, c_next", "c_prev = c_next"),
    ("lstm_forward", "(3) wrong", "3", "cct = np.tanh(", "cct = sigmoid("),
    ("lstm_forward", "(6) wrong", "6", "ot * np.tanh(c_next)", "ot * c_next"),
    ("lstm_forward", "the last input", "pairing", "xt = x[:, :, t]", "xt = x[:, :, -1]"),
    ("rnn_forward", "no bias", "R1", ' + p["ba"])', ")"),
    ("rnn_forward", "state not carried", "carry_a", "        a_prev = a_next\n", ""),
]
