# examples in rows, z and r from one product, the sequence is a recursion; written out
import numpy as np


def sigmoid(z):
    return 0.5 + 0.5 * np.tanh(z / 2)


def softmax(z):
    z = np.exp(z - z.max(axis=-1, keepdims=True))
    return z / z.sum(axis=-1, keepdims=True)


def gru_cell_forward(xt, a_prev, parameters):
    X, H = xt.T, a_prev.T
    n = H.shape[1]
    Wzr = np.vstack([parameters["Wz"], parameters["Wr"]]).T
    bzr = np.vstack([parameters["bz"], parameters["br"]]).T
    z, r = np.hsplit(sigmoid(np.hstack([H, X]) @ Wzr + bzr), 2)
    Uc, Wc = np.split(parameters["Wc"].T, [n])
    if "bca" in parameters:
        c = np.tanh(X @ Wc + parameters["bc"].T + r * (H @ Uc + parameters["bca"].T))
    else:
        c = np.tanh(X @ Wc + parameters["bc"].T + (r * H) @ Uc)
    new = c - z * c + z * H
    y = softmax(new @ parameters["Wy"].T + parameters["by"].T)
    return new.T, y.T, (new.T, a_prev, z.T, r.T, c.T, xt, parameters)


def gru_cell_backward(da_next, cache):
    _, H, z, r, c, X = (v.T for v in cache[:6])
    parameters = cache[6]
    n = H.shape[1]
    D = da_next.T
    stack = np.hstack([H, X])
    Uc, Wc = np.split(parameters["Wc"].T, [n])
    dc = D * (1 - z) * (1 - c) * (1 + c)
    dz = D * (H - c) * z * (1 - z)
    out = {}
    if "bca" in parameters:
        dv = dc * r
        dr = dc * (H @ Uc + parameters["bca"].T) * r * (1 - r)
        dUc, dH = H.T @ dv, dv @ Uc.T
        out["dbca"] = dv.sum(axis=0)[:, None]
    else:
        e = dc @ Uc.T
        dr = e * H * r * (1 - r)
        dUc, dH = (r * H).T @ dc, e * r
    both = np.hstack([dz, dr])
    Wzr = np.vstack([parameters["Wz"], parameters["Wr"]])
    back = both @ Wzr
    dWzr = both.T @ stack
    out["dWz"], out["dWr"] = dWzr[:n], dWzr[n:]
    out["dbz"], out["dbr"] = dz.sum(axis=0)[:, None], dr.sum(axis=0)[:, None]
    out["dWc"] = np.vstack([dUc, X.T @ dc]).T
    out["dbc"] = dc.sum(axis=0)[:, None]
    out["da_prev"] = (dH + D * z + back[:, :n]).T
    out["dxt"] = (dc @ Wc.T + back[:, n:]).T
    return out


def gru_forward(x, a0, parameters):
    n = len(a0)
    Wzr = np.vstack([parameters["Wz"], parameters["Wr"]]).T
    bzr = np.vstack([parameters["bz"], parameters["br"]]).T
    Uc, Wc = np.split(parameters["Wc"].T, [n])
    inner = parameters["bca"].T if "bca" in parameters else None

    def go(steps, H):
        if not steps:
            return []
        X = steps[0].T
        z, r = np.hsplit(sigmoid(np.hstack([H, X]) @ Wzr + bzr), 2)
        if inner is None:
            c = np.tanh(X @ Wc + parameters["bc"].T + (r * H) @ Uc)
        else:
            c = np.tanh(X @ Wc + parameters["bc"].T + r * (H @ Uc + inner))
        new = c - z * c + z * H
        y = softmax(new @ parameters["Wy"].T + parameters["by"].T)
        return [(y.T, (new.T, H.T, z.T, r.T, c.T, steps[0], parameters))] + go(steps[1:], new)

    run = go([x[..., t] for t in range(x.shape[-1])], a0.T)
    return np.dstack([cache[0] for _, cache in run]), np.dstack([y for y, _ in run]), ([cache for _, cache in run], x)


def gru_backward(da, caches):
    tape, x = caches
    n, m, T = da.shape
    p = tape[0][6]
    Wzr = np.vstack([p["Wz"], p["Wr"]])
    Uc, Wc = np.split(p["Wc"].T, [n])
    after = "bca" in p
    grads = {"d" + k: np.zeros(p[k].shape) for k in p if k not in ("Wy", "by")}
    dx = np.zeros((x.shape[0], m, T))

    def back(t, D):
        D = D + da[..., t].T
        _, H, z, r, c, X = (v.T for v in tape[t][:6])
        dc = D * (1 - z) * (1 - c * c)
        dz = D * (H - c) * z * (1 - z)
        if after:
            dv = dc * r
            dr = dc * (H @ Uc + p["bca"].T) * r * (1 - r)
            dUc, dH = H.T @ dv, dv @ Uc.T
            grads["dbca"] += dv.sum(axis=0)[:, None]
        else:
            e = dc @ Uc.T
            dr = e * H * r * (1 - r)
            dUc, dH = (r * H).T @ dc, e * r
        both = np.hstack([dz, dr])
        back_zr = both @ Wzr
        dWzr = both.T @ np.hstack([H, X])
        grads["dWz"] += dWzr[:n]
        grads["dWr"] += dWzr[n:]
        grads["dWc"] += np.vstack([dUc, X.T @ dc]).T
        grads["dbz"] += dz.sum(axis=0)[:, None]
        grads["dbr"] += dr.sum(axis=0)[:, None]
        grads["dbc"] += dc.sum(axis=0)[:, None]
        dx[..., t] = (dc @ Wc.T + back_zr[:, n:]).T
        dH = dH + D * z + back_zr[:, :n]
        return dH if t == 0 else back(t - 1, dH)

    da0 = back(T - 1, np.zeros((m, n)))
    return {"dx": dx, "da0": da0.T, **grads}
