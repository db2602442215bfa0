# everything with for loops over units and examples, to see what happens
import math

import numpy as np


def sig(v):
    return 1.0 / (1.0 + math.exp(-v))


def soft(col):
    top = max(col)
    e = [math.exp(v - top) for v in col]
    return [v / sum(e) for v in e]


def rnn_cell_forward(xt, a_prev, parameters):
    Wax, Waa, Wya = parameters["Wax"], parameters["Waa"], parameters["Wya"]
    ba, by = parameters["ba"], parameters["by"]
    n_x, m = xt.shape
    n_a, n_y = Waa.shape[0], Wya.shape[0]
    a_next = np.zeros((n_a, m))
    yt_pred = np.zeros((n_y, m))
    for j in range(m):
        for i in range(n_a):
            z = ba[i, 0]
            for k in range(n_a):
                z += Waa[i, k] * a_prev[k, j]
            for k in range(n_x):
                z += Wax[i, k] * xt[k, j]
            a_next[i, j] = math.tanh(z)
        logits = []
        for i in range(n_y):
            s = by[i, 0]
            for k in range(n_a):
                s += Wya[i, k] * a_next[k, j]
            logits.append(s)
        yt_pred[:, j] = soft(logits)
    return a_next, yt_pred, (a_next, a_prev, xt, parameters)


def rnn_forward(x, a0, parameters):
    n_x, m, T = x.shape
    n_a = a0.shape[0]
    n_y = parameters["by"].shape[0]
    a = np.zeros((n_a, m, T))
    y = np.zeros((n_y, m, T))
    caches = []
    state = a0
    for t in range(T):
        state, y[:, :, t], cache = rnn_cell_forward(x[:, :, t], state, parameters)
        for i in range(n_a):
            for j in range(m):
                a[i, j, t] = state[i, j]
        caches.append(cache)
    return a, y, (caches, x)


def rnn_cell_backward(da_next, cache):
    a_next, a_prev, xt, parameters = cache
    Wax, Waa = parameters["Wax"], parameters["Waa"]
    n_a, m = a_next.shape
    n_x = xt.shape[0]
    dWax, dWaa, dba = np.zeros((n_a, n_x)), np.zeros((n_a, n_a)), np.zeros((n_a, 1))
    dxt, da_prev = np.zeros((n_x, m)), np.zeros((n_a, m))
    for j in range(m):
        for i in range(n_a):
            dz = da_next[i, j] * (1 - a_next[i, j] ** 2)
            dba[i, 0] += dz
            for k in range(n_x):
                dWax[i, k] += dz * xt[k, j]
                dxt[k, j] += Wax[i, k] * dz
            for k in range(n_a):
                dWaa[i, k] += dz * a_prev[k, j]
                da_prev[k, j] += Waa[i, k] * dz
    return {"dxt": dxt, "da_prev": da_prev, "dWax": dWax, "dWaa": dWaa, "dba": dba}


def rnn_backward(da, caches):
    steps, x = caches
    n_a, m, T = da.shape
    n_x = x.shape[0]
    total = {"dWax": np.zeros((n_a, n_x)), "dWaa": np.zeros((n_a, n_a)), "dba": np.zeros((n_a, 1))}
    dx = np.zeros((n_x, m, T))
    later = np.zeros((n_a, m))
    t = T - 1
    while t >= 0:
        here = np.zeros((n_a, m))
        for i in range(n_a):
            for j in range(m):
                here[i, j] = da[i, j, t] + later[i, j]
        g = rnn_cell_backward(here, steps[t])
        later = g["da_prev"]
        for i in range(n_x):
            for j in range(m):
                dx[i, j, t] = g["dxt"][i, j]
        for key in total:
            total[key] += g[key]
        t -= 1
    return {"dx": dx, "da0": later, "dWax": total["dWax"], "dWaa": total["dWaa"], "dba": total["dba"]}


def lstm_cell_forward(xt, a_prev, c_prev, parameters):
    p = parameters
    n_a, m = a_prev.shape
    n_x = xt.shape[0]
    n_y = p["Wy"].shape[0]
    ft, it, cct, ot = [np.zeros((n_a, m)) for _ in range(4)]
    c_next, a_next = np.zeros((n_a, m)), np.zeros((n_a, m))
    yt_pred = np.zeros((n_y, m))
    for j in range(m):
        both = [a_prev[k, j] for k in range(n_a)] + [xt[k, j] for k in range(n_x)]
        for u in range(n_a):
            zf, zi, zc, zo = p["bf"][u, 0], p["bi"][u, 0], p["bc"][u, 0], p["bo"][u, 0]
            for k in range(n_a + n_x):
                zf += p["Wf"][u, k] * both[k]
                zi += p["Wi"][u, k] * both[k]
                zc += p["Wc"][u, k] * both[k]
                zo += p["Wo"][u, k] * both[k]
            ft[u, j] = sig(zf)
            it[u, j] = sig(zi)
            cct[u, j] = math.tanh(zc)
            ot[u, j] = sig(zo)
            c_next[u, j] = ft[u, j] * c_prev[u, j] + it[u, j] * cct[u, j]
            a_next[u, j] = ot[u, j] * math.tanh(c_next[u, j])
        yt_pred[:, j] = soft([p["by"][q, 0] + sum(p["Wy"][q, k] * a_next[k, j] for k in range(n_a)) for q in range(n_y)])
    cache = (a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt, parameters)
    return a_next, c_next, yt_pred, cache


def lstm_forward(x, a0, parameters):
    n_a, m = a0.shape
    T = x.shape[2]
    n_y = parameters["by"].shape[0]
    a = np.zeros((n_a, m, T))
    c = np.zeros((n_a, m, T))
    y = np.zeros((n_y, m, T))
    caches = []
    h, mem = a0, np.zeros((n_a, m))
    t = 0
    while t < T:
        h, mem, yt, cache = lstm_cell_forward(x[:, :, t], h, mem, parameters)
        for u in range(n_a):
            a[u, :, t] = h[u]
            c[u, :, t] = mem[u]
        y[:, :, t] = yt
        caches.append(cache)
        t += 1
    return a, y, c, (caches, x)


def lstm_cell_backward(da_next, dc_next, cache):
    a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt, p = cache
    n_a, m = a_next.shape
    n_x = xt.shape[0]
    g = {}
    for k in "fico":
        g["dW" + k] = np.zeros((n_a, n_a + n_x))
        g["db" + k] = np.zeros((n_a, 1))
    g["dxt"], g["da_prev"], g["dc_prev"] = np.zeros((n_x, m)), np.zeros((n_a, m)), np.zeros((n_a, m))
    for j in range(m):
        for u in range(n_a):
            f, i, cc, o = ft[u, j], it[u, j], cct[u, j], ot[u, j]
            th = math.tanh(c_next[u, j])
            dc = dc_next[u, j] + da_next[u, j] * o * (1 - th * th)
            do = da_next[u, j] * th * o * (1 - o)
            dcc = dc * i * (1 - cc * cc)
            di = dc * cc * i * (1 - i)
            df = dc * c_prev[u, j] * f * (1 - f)
            g["dc_prev"][u, j] = dc * f
            g["dbf"][u, 0] += df
            g["dbi"][u, 0] += di
            g["dbc"][u, 0] += dcc
            g["dbo"][u, 0] += do
            for k in range(n_a):
                g["dWf"][u, k] += df * a_prev[k, j]
                g["dWi"][u, k] += di * a_prev[k, j]
                g["dWc"][u, k] += dcc * a_prev[k, j]
                g["dWo"][u, k] += do * a_prev[k, j]
                g["da_prev"][k, j] += p["Wf"][u, k] * df + p["Wi"][u, k] * di + p["Wc"][u, k] * dcc + p["Wo"][u, k] * do
            for k in range(n_x):
                g["dWf"][u, n_a + k] += df * xt[k, j]
                g["dWi"][u, n_a + k] += di * xt[k, j]
                g["dWc"][u, n_a + k] += dcc * xt[k, j]
                g["dWo"][u, n_a + k] += do * xt[k, j]
                g["dxt"][k, j] += (p["Wf"][u, n_a + k] * df + p["Wi"][u, n_a + k] * di
                                   + p["Wc"][u, n_a + k] * dcc + p["Wo"][u, n_a + k] * do)
    return g


def lstm_backward(da, caches):
    steps, x = caches
    n_a, m, T = da.shape
    dx = np.zeros((x.shape[0], m, T))
    dh = np.zeros((n_a, m))
    dmem = np.zeros((n_a, m))
    out = {}
    for k in range(1, T + 1):
        g = lstm_cell_backward(da[:, :, T - k] + dh, dmem, steps[T - k])
        dh, dmem = g["da_prev"], g["dc_prev"]
        for i in range(dx.shape[0]):
            for j in range(m):
                dx[i, j, T - k] = g["dxt"][i, j]
        for key in ("dWf", "dbf", "dWi", "dbi", "dWc", "dbc", "dWo", "dbo"):
            if key not in out:
                out[key] = g[key]
            else:
                out[key] = out[key] + g[key]
    out["dx"], out["da0"] = dx, dh
    return out
