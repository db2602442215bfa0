# every unit, every example by itself
from math import exp, tanh

import numpy as np


def sg(v):
    return 1 / (1 + exp(-v))


def gru_cell_forward(xt, a_prev, parameters):
    p = parameters
    n_a, m = a_prev.shape
    n_x = xt.shape[0]
    n_y = p["by"].shape[0]
    z, r, cc, a = (np.zeros((n_a, m)) for _ in range(4))
    y = np.zeros((n_y, m))
    for j in range(m):
        for u in range(n_a):
            sz, sr = p["bz"][u, 0], p["br"][u, 0]
            for k in range(n_a):
                sz += p["Wz"][u, k] * a_prev[k, j]
                sr += p["Wr"][u, k] * a_prev[k, j]
            for k in range(n_x):
                sz += p["Wz"][u, n_a + k] * xt[k, j]
                sr += p["Wr"][u, n_a + k] * xt[k, j]
            z[u, j], r[u, j] = sg(sz), sg(sr)
        for u in range(n_a):
            s = p["bc"][u, 0]
            for k in range(n_x):
                s += p["Wc"][u, n_a + k] * xt[k, j]
            if "bca" in p:
                v = p["bca"][u, 0]
                for k in range(n_a):
                    v += p["Wc"][u, k] * a_prev[k, j]
                s += r[u, j] * v
            else:
                for k in range(n_a):
                    s += p["Wc"][u, k] * r[k, j] * a_prev[k, j]
            cc[u, j] = tanh(s)
            a[u, j] = cc[u, j] + z[u, j] * (a_prev[u, j] - cc[u, j])
        e = [exp(p["by"][q, 0] + sum(p["Wy"][q, k] * a[k, j] for k in range(n_a))) for q in range(n_y)]
        for q in range(n_y):
            y[q, j] = e[q] / sum(e)
    return a, y, (a, a_prev, z, r, cc, xt, parameters)


def gru_cell_backward(da_next, cache):
    a, a_prev, z, r, cc, xt, p = cache
    n_a, m = a.shape
    n_x = xt.shape[0]
    g = {"d" + k: np.zeros(v.shape) for k, v in p.items() if k not in ("Wy", "by")}
    g["da_prev"] = np.zeros((n_a, m))
    g["dxt"] = np.zeros((n_x, m))
    for j in range(m):
        dc, dr = np.zeros(n_a), np.zeros(n_a)
        for u in range(n_a):
            dc[u] = da_next[u, j] * (1 - z[u, j]) * (1 - cc[u, j] ** 2)
        for u in range(n_a):
            if "bca" in p:
                v = p["bca"][u, 0] + sum(p["Wc"][u, k] * a_prev[k, j] for k in range(n_a))
                dr[u] = dc[u] * v * r[u, j] * (1 - r[u, j])
            else:
                e = sum(p["Wc"][k, u] * dc[k] for k in range(n_a))
                dr[u] = e * a_prev[u, j] * r[u, j] * (1 - r[u, j])
                g["da_prev"][u, j] += e * r[u, j]
        for u in range(n_a):
            dz = da_next[u, j] * (a_prev[u, j] - cc[u, j]) * z[u, j] * (1 - z[u, j])
            g["da_prev"][u, j] += da_next[u, j] * z[u, j]
            g["dbz"][u, 0] += dz
            g["dbr"][u, 0] += dr[u]
            g["dbc"][u, 0] += dc[u]
            if "bca" in p:
                g["dbca"][u, 0] += dc[u] * r[u, j]
            for k in range(n_a):
                g["dWz"][u, k] += dz * a_prev[k, j]
                g["dWr"][u, k] += dr[u] * a_prev[k, j]
                g["da_prev"][k, j] += p["Wz"][u, k] * dz + p["Wr"][u, k] * dr[u]
                if "bca" in p:
                    g["dWc"][u, k] += dc[u] * r[u, j] * a_prev[k, j]
                    g["da_prev"][k, j] += p["Wc"][u, k] * dc[u] * r[u, j]
                else:
                    g["dWc"][u, k] += dc[u] * r[k, j] * a_prev[k, j]
            for k in range(n_x):
                g["dWz"][u, n_a + k] += dz * xt[k, j]
                g["dWr"][u, n_a + k] += dr[u] * xt[k, j]
                g["dWc"][u, n_a + k] += dc[u] * xt[k, j]
                g["dxt"][k, j] += p["Wz"][u, n_a + k] * dz + p["Wr"][u, n_a + k] * dr[u] + p["Wc"][u, n_a + k] * dc[u]
    return g


def gru_forward(x, a0, parameters):
    states, outputs, caches = [a0], [], []
    t = 0
    while t < x.shape[2]:
        h, y, cache = gru_cell_forward(x[:, :, t], states[-1], parameters)
        states.append(h)
        outputs.append(y)
        caches.append(cache)
        t += 1
    return np.stack(states[1:], 2), np.stack(outputs, 2), (caches, x)


def gru_backward(da, caches):
    tape, x = caches
    T = da.shape[2]
    dh = 0
    dx = [None] * T
    out = None
    for t in range(T - 1, -1, -1):
        g = gru_cell_backward(da[:, :, t] + dh, tape[t])
        dh, dx[t] = g["da_prev"], g["dxt"]
        if out is None:
            out = {k: v for k, v in g.items() if k not in ("da_prev", "dxt")}
        else:
            for k in out:
                out[k] = out[k] + g[k]
    return {"dx": np.stack(dx, axis=2), "da0": dh, **out}
