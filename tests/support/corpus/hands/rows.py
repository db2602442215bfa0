# Examples in ROWS inside (as in PyTorch and Keras); everything is turned at the door and turned back at the end
import numpy as np


def sigmoid(z):
    return np.reciprocal(1 + np.exp(-z))


def softmax_rows(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def rnn_cell_forward(xt, a_prev, parameters):
    X, H = xt.T, a_prev.T
    H_new = np.tanh(X @ parameters["Wax"].T + H @ parameters["Waa"].T + parameters["ba"].T)
    Y = softmax_rows(H_new @ parameters["Wya"].T + parameters["by"].T)
    a_next = H_new.T
    return a_next, Y.T, (a_next, a_prev, xt, parameters)


def rnn_cell_backward(da_next, cache):
    a_next, a_prev, xt, parameters = cache
    D = da_next.T * (1 - a_next.T ** 2)
    dX = D @ parameters["Wax"]
    dH = D @ parameters["Waa"]
    return {"dxt": dX.T, "da_prev": dH.T, "dWax": D.T @ xt.T, "dWaa": D.T @ a_prev.T, "dba": D.sum(axis=0)[:, None]}


def rnn_forward(x, a0, parameters):
    X = x.transpose(2, 1, 0)
    T, m, _ = X.shape
    Kx, Kh, Ky = parameters["Wax"].T, parameters["Waa"].T, parameters["Wya"].T
    bh, by = parameters["ba"].ravel(), parameters["by"].ravel()
    H = np.zeros((T + 1, m, Kh.shape[0]))
    H[0] = a0.T
    Y = np.zeros((T, m, Ky.shape[1]))
    for t in range(T):
        H[t + 1] = np.tanh(X[t] @ Kx + H[t] @ Kh + bh)
        Y[t] = softmax_rows(H[t + 1] @ Ky + by)
    caches = [(H[t + 1].T, H[t].T, X[t].T, parameters) for t in range(T)]
    return H[1:].transpose(2, 1, 0), Y.transpose(2, 1, 0), (caches, x)


def rnn_backward(da, caches):
    steps, x = caches
    dA = da.transpose(2, 1, 0)
    T, m, n_a = dA.shape
    parameters = steps[0][3]
    Kx, Kh = parameters["Wax"].T, parameters["Waa"].T
    dKx, dKh, dbh = np.zeros(Kx.shape), np.zeros(Kh.shape), np.zeros(n_a)
    dX = np.zeros((T, m, Kx.shape[0]))
    dH = np.zeros((m, n_a))
    for t in reversed(range(T)):
        h, h_old, xt, _ = steps[t]
        D = (dA[t] + dH) * (1 - h.T * h.T)
        dKx += xt @ D
        dKh += h_old @ D
        dbh += D.sum(axis=0)
        dX[t] = D @ Kx.T
        dH = D @ Kh.T
    return {"dx": dX.transpose(2, 1, 0), "da0": dH.T, "dWax": dKx.T, "dWaa": dKh.T, "dba": dbh.reshape(n_a, 1)}


def kernels(parameters, n_a):
    K = {k: parameters["W" + k].T[n_a:] for k in "ifco"}
    R = {k: parameters["W" + k].T[:n_a] for k in "ifco"}
    b = {k: parameters["b" + k].T for k in "ifco"}
    return K, R, b


def lstm_cell_forward(xt, a_prev, c_prev, parameters):
    K, R, b = kernels(parameters, a_prev.shape[0])
    X, H, C = xt.T, a_prev.T, c_prev.T
    i = sigmoid(X @ K["i"] + H @ R["i"] + b["i"])
    f = sigmoid(X @ K["f"] + H @ R["f"] + b["f"])
    g = np.tanh(X @ K["c"] + H @ R["c"] + b["c"])
    o = sigmoid(X @ K["o"] + H @ R["o"] + b["o"])
    C_new = f * C + i * g
    H_new = o * np.tanh(C_new)
    Y = softmax_rows(H_new @ parameters["Wy"].T + parameters["by"].T)
    return H_new.T, C_new.T, Y.T, (H_new.T, C_new.T, a_prev, c_prev, f.T, i.T, g.T, o.T, xt, parameters)


def lstm_cell_backward(da_next, dc_next, cache):
    n_a = cache[2].shape[0]
    H_new, C_new, H, C, f, i, g, o, X = (v.T for v in cache[:9])
    K, R, b = kernels(cache[9], n_a)
    dH, dC = da_next.T, dc_next.T
    dC = dC + dH * o * (1 - np.tanh(C_new) ** 2)
    D = {"f": dC * C * f * (1 - f), "i": dC * g * i * (1 - i), "c": dC * i * (1 - g ** 2),
         "o": dH * np.tanh(C_new) * o * (1 - o)}
    out = {}
    for k in D:
        out["dW" + k] = np.vstack([H.T @ D[k], X.T @ D[k]]).T
        out["db" + k] = D[k].sum(axis=0, keepdims=True).T
    out["dxt"] = (D["f"] @ K["f"].T + D["i"] @ K["i"].T + D["c"] @ K["c"].T + D["o"] @ K["o"].T).T
    out["da_prev"] = (D["f"] @ R["f"].T + D["i"] @ R["i"].T + D["c"] @ R["c"].T + D["o"] @ R["o"].T).T
    out["dc_prev"] = (dC * f).T
    return out


def lstm_forward(x, a0, parameters):
    K, R, b = kernels(parameters, a0.shape[0])
    X = np.moveaxis(x, 2, 0).swapaxes(1, 2)
    H, C = a0.T, np.zeros(a0.T.shape)
    hs, cs, ys, caches = [], [], [], []
    for Xt in X:
        H_old, C_old = H, C
        i = sigmoid(Xt @ K["i"] + H_old @ R["i"] + b["i"])
        f = sigmoid(Xt @ K["f"] + H_old @ R["f"] + b["f"])
        g = np.tanh(Xt @ K["c"] + H_old @ R["c"] + b["c"])
        o = sigmoid(Xt @ K["o"] + H_old @ R["o"] + b["o"])
        C = f * C_old + i * g
        H = o * np.tanh(C)
        hs.append(H.T)
        cs.append(C.T)
        ys.append(softmax_rows(H @ parameters["Wy"].T + parameters["by"].T).T)
        caches.append((H.T, C.T, H_old.T, C_old.T, f.T, i.T, g.T, o.T, Xt.T, parameters))
    return np.stack(hs, 2), np.stack(ys, 2), np.stack(cs, 2), (caches, x)


def lstm_backward(da, caches):
    steps, x = caches
    dA = da.transpose(2, 1, 0)
    T, m, n_a = dA.shape
    K, R, b = kernels(steps[0][9], n_a)
    dK = {k: np.zeros(K[k].shape) for k in K}
    dR = {k: np.zeros(R[k].shape) for k in R}
    dbias = {k: np.zeros((1, n_a)) for k in b}
    dX = []
    dH, dC = np.zeros((m, n_a)), np.zeros((m, n_a))
    for t in range(T)[::-1]:
        H_new, C_new, H, C, f, i, g, o, Xt = (v.T for v in steps[t][:9])
        dH = dH + dA[t]
        th = np.tanh(C_new)
        dC = dC + dH * o * (1 - th ** 2)
        D = {"f": dC * C * f * (1 - f), "i": dC * g * i * (1 - i), "c": dC * i * (1 - g ** 2), "o": dH * th * o * (1 - o)}
        for k in D:
            dK[k] += Xt.T @ D[k]
            dR[k] += H.T @ D[k]
            dbias[k] += D[k].sum(axis=0)
        dX.append((D["f"] @ K["f"].T + D["i"] @ K["i"].T + D["c"] @ K["c"].T + D["o"] @ K["o"].T).T)
        dH = D["f"] @ R["f"].T + D["i"] @ R["i"].T + D["c"] @ R["c"].T + D["o"] @ R["o"].T
        dC = dC * f
    out = {"dx": np.stack(dX[::-1], axis=2), "da0": dH.T}
    for k in "fico":
        out["dW" + k] = np.vstack([dR[k], dK[k]]).T
        out["db" + k] = dbias[k].T
    return out
