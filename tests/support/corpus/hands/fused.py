# LSTM with ONE matrix product for the four gates (order f i o g), the way the fast libraries do it
import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x):
    e = np.exp(x - np.max(x, axis=0))
    return e / np.sum(e, axis=0)


def pack(parameters):
    W = np.concatenate([parameters["W" + k] for k in "fioc"], axis=0)
    b = np.concatenate([parameters["b" + k] for k in "fioc"], axis=0)
    return W, b


def lstm_cell_forward(xt, a_prev, c_prev, parameters):
    n_a = a_prev.shape[0]
    W, b = pack(parameters)
    Z = W @ np.concatenate([a_prev, xt], axis=0) + b
    gates = sigmoid(Z[:3 * n_a])
    ft, it, ot = gates[:n_a], gates[n_a:2 * n_a], gates[2 * n_a:]
    cct = np.tanh(Z[3 * n_a:])
    c_next = ft * c_prev + it * cct
    a_next = ot * np.tanh(c_next)
    yt_pred = softmax(parameters["Wy"] @ a_next + parameters["by"])
    return a_next, c_next, yt_pred, (a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt, parameters)


def lstm_cell_backward(da_next, dc_next, cache):
    (a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt, parameters) = cache
    n_a, m = a_next.shape
    W, b = pack(parameters)
    stacked = np.concatenate([a_prev, xt], axis=0)
    tc = np.tanh(c_next)
    dc = dc_next + da_next * ot * (1 - tc ** 2)
    dZ = np.concatenate([
        dc * c_prev * ft * (1 - ft),
        dc * cct * it * (1 - it),
        da_next * tc * ot * (1 - ot),
        dc * it * (1 - cct ** 2),
    ], axis=0)
    dW = dZ @ stacked.T
    db = dZ.sum(axis=1, keepdims=True)
    dstack = W.T @ dZ
    dWf, dWi, dWo, dWc = np.split(dW, 4, axis=0)
    dbf, dbi, dbo, dbc = np.split(db, 4, axis=0)
    return {"dxt": dstack[n_a:], "da_prev": dstack[:n_a], "dc_prev": dc * ft,
            "dWf": dWf, "dbf": dbf, "dWi": dWi, "dbi": dbi, "dWc": dWc, "dbc": dbc, "dWo": dWo, "dbo": dbo}


def lstm_forward(x, a0, parameters):
    n_a, m = a0.shape
    n_x, _, T_x = x.shape
    W, b = pack(parameters)
    a, c = np.empty((n_a, m, T_x)), np.empty((n_a, m, T_x))
    y = np.empty((parameters["Wy"].shape[0], m, T_x))
    caches = []
    a_prev, c_prev = a0, np.zeros((n_a, m))
    for t in range(T_x):
        xt = x[:, :, t]
        Z = W @ np.concatenate([a_prev, xt], axis=0) + b
        gates = sigmoid(Z[:3 * n_a])
        ft, it, ot = gates[:n_a], gates[n_a:2 * n_a], gates[2 * n_a:]
        cct = np.tanh(Z[3 * n_a:])
        c_next = ft * c_prev + it * cct
        a_next = ot * np.tanh(c_next)
        caches.append((a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt, parameters))
        a[:, :, t], c[:, :, t] = a_next, c_next
        y[:, :, t] = softmax(parameters["Wy"] @ a_next + parameters["by"])
        a_prev, c_prev = a_next, c_next
    return a, y, c, (caches, x)


def lstm_backward(da, caches):
    (steps, x) = caches
    n_a, m, T_x = da.shape
    n_x = x.shape[0]
    parameters = steps[0][9]
    W, b = pack(parameters)
    dW = np.zeros((4 * n_a, n_a + n_x))
    db = np.zeros((4 * n_a, 1))
    dx = np.zeros((n_x, m, T_x))
    da_next = np.zeros((n_a, m))
    dc_next = np.zeros((n_a, m))
    dZ = np.zeros((4 * n_a, m))
    for t in reversed(range(T_x)):
        a_t, c_t, a_prev, c_prev, ft, it, cct, ot, xt, _ = steps[t]
        d = da[:, :, t] + da_next
        tc = np.tanh(c_t)
        dc = dc_next + d * ot * (1 - tc ** 2)
        dZ[:n_a] = dc * c_prev * ft * (1 - ft)
        dZ[n_a:2 * n_a] = dc * cct * it * (1 - it)
        dZ[2 * n_a:3 * n_a] = d * tc * ot * (1 - ot)
        dZ[3 * n_a:] = dc * it * (1 - cct ** 2)
        stacked = np.concatenate([a_prev, xt], axis=0)
        dW += dZ @ stacked.T
        db += dZ.sum(axis=1, keepdims=True)
        dstack = W.T @ dZ
        da_next = dstack[:n_a]
        dx[:, :, t] = dstack[n_a:]
        dc_next = dc * ft
    gradients = {"dx": dx, "da0": da_next}
    for n, k in enumerate("fioc"):
        gradients["dW" + k] = dW[n * n_a:(n + 1) * n_a]
        gradients["db" + k] = db[n * n_a:(n + 1) * n_a]
    return gradients
