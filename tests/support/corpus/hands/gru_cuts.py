"""Weights cut once into U (state) and W (input); sequences are written out, the input's part of all steps
comes first and the weights' gradients of all steps come last."""
import numpy as np
from numpy import einsum


def sigma(v):
    return 1 / (1 + np.exp(-v))


def cut(parameters, n):
    U = {k: parameters["W" + k][:, :n] for k in "zrc"}
    W = {k: parameters["W" + k][:, n:] for k in "zrc"}
    b = {k: parameters["b" + k] for k in "zrc"}
    return U, W, b, parameters.get("bca")


def output(h, parameters):
    s = parameters["Wy"] @ h + parameters["by"]
    e = np.exp(s - s.max(0))
    return e / e.sum(0)


def gru_cell_forward(xt, a_prev, parameters):
    U, W, b, inner = cut(parameters, len(a_prev))
    z = sigma(U["z"] @ a_prev + W["z"] @ xt + b["z"])
    r = sigma(U["r"] @ a_prev + W["r"] @ xt + b["r"])
    if inner is None:
        from_state = U["c"] @ (r * a_prev)
    else:
        from_state = r * (U["c"] @ a_prev + inner)
    g = np.tanh(W["c"] @ xt + b["c"] + from_state)
    h = z * a_prev + (1 - z) * g
    return h, output(h, parameters), (h, a_prev, z, r, g, xt, parameters)


def gru_cell_backward(da_next, cache):
    _, h, z, r, g, x, parameters = cache
    U, W, b, inner = cut(parameters, len(h))
    q = {"c": da_next * (1 - z) * (1 - g * g), "z": da_next * (h - g) * z * (1 - z)}
    extra = {}
    if inner is None:
        e = U["c"].T @ q["c"]
        q["r"] = e * h * r * (1 - r)
        gU = {"c": q["c"] @ (r * h).T}
        back = e * r
    else:
        inside = q["c"] * r
        q["r"] = q["c"] * (U["c"] @ h + inner) * r * (1 - r)
        gU = {"c": inside @ h.T}
        back = U["c"].T @ inside
        extra["dbca"] = inside.sum(1, keepdims=True)
    gU["z"], gU["r"] = q["z"] @ h.T, q["r"] @ h.T
    gW = {k: q[k] @ x.T for k in q}
    back = back + da_next * z + U["z"].T @ q["z"] + U["r"].T @ q["r"]
    res = {"dW" + k: np.hstack((gU[k], gW[k])) for k in q} | {"db" + k: q[k].sum(1, keepdims=True) for k in q}
    return res | extra | {"dxt": W["z"].T @ q["z"] + W["r"].T @ q["r"] + W["c"].T @ q["c"], "da_prev": back}


def gru_forward(x, a0, parameters):
    U, W, b, inner = cut(parameters, len(a0))
    T = x.shape[2]
    X = {k: einsum("ij,jmt->tim", W[k], x) + b[k] for k in "zrc"}
    h, H, Y, K = a0, [], [], []
    for t in range(T):
        old = h
        z = sigma(X["z"][t] + U["z"] @ old)
        r = sigma(X["r"][t] + U["r"] @ old)
        part = U["c"] @ (r * old) if inner is None else r * (U["c"] @ old + inner)
        g = np.tanh(X["c"][t] + part)
        h = z * old + (1 - z) * g
        H.append(h)
        Y.append(output(h, parameters))
        K.append((h, old, z, r, g, x[:, :, t], parameters))
    return np.stack(H, axis=-1), np.stack(Y, axis=-1), (K, x)


def gru_backward(da, caches):
    K, x = caches
    n, m, T = da.shape
    U, W, b, inner = cut(K[0][6], n)
    Q = {k: np.zeros((n, m, T)) for k in "zrc"}
    dh = np.zeros((n, m))
    for t in reversed(range(T)):
        _, h, z, r, g, _, _ = K[t]
        up = da[:, :, t] + dh
        qc = up * (1 - z) * (1 - g * g)
        qz = up * (h - g) * z * (1 - z)
        if inner is None:
            e = U["c"].T @ qc
            qr = e * h * r * (1 - r)
            dh = e * r
        else:
            qr = qc * (U["c"] @ h + inner) * r * (1 - r)
            dh = U["c"].T @ (qc * r)
        dh = dh + up * z + U["z"].T @ qz + U["r"].T @ qr
        Q["z"][:, :, t], Q["r"][:, :, t], Q["c"][:, :, t] = qz, qr, qc
    H = np.stack([K[t][1] for t in range(T)], axis=-1)
    R = np.stack([K[t][3] for t in range(T)], axis=-1)
    X = x[:, :, :T]
    res = {"da0": dh, "dx": sum(einsum("ij,imt->jmt", W[k], Q[k]) for k in "zrc")}
    gU = {k: einsum("imt,jmt->ij", Q[k], H) for k in "zr"}
    if inner is None:
        gU["c"] = einsum("imt,jmt->ij", Q["c"], R * H)
    else:
        gU["c"] = einsum("imt,jmt->ij", Q["c"] * R, H)
        res["dbca"] = (Q["c"] * R).sum(axis=(1, 2))[:, None]
    for k in "zrc":
        res["dW" + k] = np.concatenate([gU[k], einsum("imt,jmt->ij", Q[k], X)], axis=1)
        res["db" + k] = Q[k].sum(axis=(1, 2))[:, None]
    return res
