"""einsum for every product. Sequences are written out: the input's part of all
steps first, the weights' gradients of all steps last."""
import numpy as np
from numpy import einsum


def softmax(v):
    v = np.exp(v - v.max(0))
    return v / v.sum(0)


def sigma(v):
    return 0.5 * (np.tanh(0.5 * v) + 1)


def rnn_cell_forward(xt, a_prev, parameters):
    P = parameters
    pre = einsum("ij,jm->im", P["Waa"], a_prev) + einsum("ij,jm->im", P["Wax"], xt) + P["ba"]
    a_next = np.tanh(pre)
    scores = einsum("yi,im->ym", P["Wya"], a_next) + P["by"]
    return a_next, softmax(scores), (a_next, a_prev, xt, parameters)


def rnn_forward(x, a0, parameters):
    P = parameters
    T = x.shape[-1]
    from_x = einsum("ij,jmt->imt", P["Wax"], x) + P["ba"][:, :, None]
    h = [a0]
    for t in range(T):
        h.append(np.tanh(from_x[:, :, t] + einsum("ij,jm->im", P["Waa"], h[t])))
    a = np.stack(h[1:], -1)
    y = softmax(einsum("yi,imt->ymt", P["Wya"], a) + P["by"][:, :, None])
    caches = [(h[t + 1], h[t], x[:, :, t], parameters) for t in range(T)]
    return a, y, (caches, x)


def rnn_cell_backward(da_next, cache):
    a_next, a_prev, xt, P = cache
    dz = da_next - da_next * a_next * a_next
    return dict(
        dxt=einsum("ij,im->jm", P["Wax"], dz),
        da_prev=einsum("ij,im->jm", P["Waa"], dz),
        dWax=einsum("im,jm->ij", dz, xt),
        dWaa=einsum("im,jm->ij", dz, a_prev),
        dba=einsum("im->i", dz)[:, None],
    )


def rnn_backward(da, caches):
    steps, x = caches
    T = da.shape[-1]
    P = steps[0][3]
    DZ = np.zeros_like(da)
    back = np.zeros_like(da[:, :, 0])
    for t in reversed(range(T)):
        out = steps[t][0]
        DZ[:, :, t] = (da[:, :, t] + back) * (1 - out**2)
        back = einsum("ij,im->jm", P["Waa"], DZ[:, :, t])
    before = np.stack([steps[t][1] for t in range(T)], -1)
    inputs = np.stack([steps[t][2] for t in range(T)], -1)
    return dict(
        dx=einsum("ij,imt->jmt", P["Wax"], DZ),
        da0=back,
        dWax=einsum("imt,jmt->ij", DZ, inputs),
        dWaa=einsum("imt,jmt->ij", DZ, before),
        dba=einsum("imt->i", DZ)[:, None],
    )


def lstm_cell_forward(xt, a_prev, c_prev, parameters):
    P = parameters
    v = np.vstack([a_prev, xt])
    gate = lambda k: einsum("ij,jm->im", P["W" + k], v) + P["b" + k]
    ft = sigma(gate("f"))
    it = sigma(gate("i"))
    cct = np.tanh(gate("c"))
    ot = sigma(gate("o"))
    c_next = einsum("im,im->im", ft, c_prev) + einsum("im,im->im", it, cct)
    a_next = einsum("im,im->im", ot, np.tanh(c_next))
    yt = softmax(einsum("yi,im->ym", P["Wy"], a_next) + P["by"])
    return a_next, c_next, yt, (a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt, parameters)


def lstm_forward(x, a0, parameters):
    P = parameters
    n, m = a0.shape
    T = x.shape[-1]
    from_x = {k: einsum("ij,jmt->imt", P["W" + k][:, n:], x) + P["b" + k][:, :, None] for k in "fico"}
    H, C = np.zeros((n, m, T + 1)), np.zeros((n, m, T + 1))
    H[:, :, 0] = a0
    caches = []
    for t in range(T):
        z = {k: from_x[k][:, :, t] + einsum("ij,jm->im", P["W" + k][:, :n], H[:, :, t]) for k in "fico"}
        f = sigma(z["f"])
        i = sigma(z["i"])
        g = np.tanh(z["c"])
        o = sigma(z["o"])
        C[:, :, t + 1] = f * C[:, :, t] + i * g
        H[:, :, t + 1] = o * np.tanh(C[:, :, t + 1])
        caches.append((H[:, :, t + 1], C[:, :, t + 1], H[:, :, t], C[:, :, t], f, i, g, o, x[:, :, t], parameters))
    y = softmax(einsum("yi,imt->ymt", P["Wy"], H[:, :, 1:]) + P["by"][:, :, None])
    return H[:, :, 1:], y, C[:, :, 1:], (caches, x)


def lstm_cell_backward(da_next, dc_next, cache):
    a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt, P = cache
    n = a_prev.shape[0]
    v = np.vstack([a_prev, xt])
    th = np.tanh(c_next)
    ds = dc_next + einsum("im,im,im->im", da_next, ot, 1 - th * th)
    dz = {
        "f": einsum("im,im,im,im->im", ds, c_prev, ft, 1 - ft),
        "i": einsum("im,im,im,im->im", ds, cct, it, 1 - it),
        "c": einsum("im,im,im->im", ds, it, 1 - cct * cct),
        "o": einsum("im,im,im,im->im", da_next, th, ot, 1 - ot),
    }
    out = {}
    for k in dz:
        out["dW" + k] = einsum("im,jm->ij", dz[k], v)
        out["db" + k] = einsum("im->i", dz[k]).reshape(-1, 1)
    dv = sum(einsum("ij,im->jm", P["W" + k], dz[k]) for k in dz)
    out["da_prev"] = dv[:n]
    out["dxt"] = dv[n:]
    out["dc_prev"] = einsum("im,im->im", ds, ft)
    return out


def lstm_backward(da, caches):
    steps, x = caches
    n, m, T = da.shape
    P = steps[0][-1]
    D = {k: np.zeros((n, m, T)) for k in "fico"}
    dh = np.zeros((n, m))
    dc = np.zeros((n, m))
    for t in range(T - 1, -1, -1):
        _, c, _, c_old, f, i, g, o, _, _ = steps[t]
        th = np.tanh(c)
        dh = dh + da[:, :, t]
        dc = dc + dh * o * (1 - th**2)
        D["o"][:, :, t] = dh * th * o * (1 - o)
        D["c"][:, :, t] = dc * i * (1 - g**2)
        D["i"][:, :, t] = dc * g * i * (1 - i)
        D["f"][:, :, t] = dc * c_old * f * (1 - f)
        dc = dc * f
        dh = sum(einsum("ij,im->jm", P["W" + k][:, :n], D[k][:, :, t]) for k in "fico")
    S = np.stack([np.concatenate([s[2], s[8]]) for s in steps[:T]], axis=-1)
    res = {"dx": sum(einsum("ij,imt->jmt", P["W" + k][:, n:], D[k]) for k in "fico"), "da0": dh}
    for k in "fico":
        res["dW" + k] = einsum("imt,jmt->ij", D[k], S)
        res["db" + k] = einsum("imt->i", D[k])[:, None]
    return res
