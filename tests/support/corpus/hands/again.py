"""Little memory: of the cache only a_prev, c_prev, xt and the parameters are used, the gates are computed again on the way back.
Weights of state and input are kept apart (U and W)."""
import numpy as np


def sigmoid(z):
    return 1. / (1. + np.exp(-z))


def softmax(z):
    e = np.exp(z - np.max(z, axis=0, keepdims=True))
    return e / np.sum(e, axis=0, keepdims=True)


def gates(xt, h, c, parameters):
    n = h.shape[0]
    pre = {}
    for k in ("f", "i", "c", "o"):
        U, W = parameters["W" + k][:, :n], parameters["W" + k][:, n:]
        pre[k] = np.dot(U, h) + np.dot(W, xt) + parameters["b" + k]
    f, i, g, o = sigmoid(pre["f"]), sigmoid(pre["i"]), np.tanh(pre["c"]), sigmoid(pre["o"])
    return f, i, g, o, f * c + i * g


def rnn_cell_backward(da_next, cache):
    _, a_prev, xt, parameters = cache
    z = np.dot(parameters["Waa"], a_prev) + np.dot(parameters["Wax"], xt) + parameters["ba"]
    dz = da_next / np.cosh(z) ** 2
    return {"dxt": np.dot(parameters["Wax"].T, dz), "da_prev": np.dot(parameters["Waa"].T, dz),
            "dWax": np.dot(dz, xt.T), "dWaa": np.dot(dz, a_prev.T), "dba": np.dot(dz, np.ones((dz.shape[1], 1)))}


def rnn_backward(da, caches):
    steps, x = caches
    parameters = steps[0][3]
    Wax, Waa, ba = parameters["Wax"], parameters["Waa"], parameters["ba"]
    n_a, m, T_x = da.shape
    dz = np.zeros((n_a, m, T_x + 1))
    for t in reversed(range(T_x)):
        h = np.tanh(np.dot(Waa, steps[t][1]) + np.dot(Wax, steps[t][2]) + ba)
        upstream = da[:, :, t] + np.dot(Waa.T, dz[:, :, t + 1])
        dz[:, :, t] = upstream * (1 - h ** 2)
    dx = np.zeros((x.shape[0], m, T_x))
    dWax, dWaa, dba = 0, 0, 0
    for t in range(T_x):
        dWax = dWax + np.dot(dz[:, :, t], steps[t][2].T)
        dWaa = dWaa + np.dot(dz[:, :, t], steps[t][1].T)
        dba = dba + np.sum(dz[:, :, t], axis=1, keepdims=True)
        dx[:, :, t] = np.dot(Wax.T, dz[:, :, t])
    da0 = np.dot(Waa.T, dz[:, :, 0])
    return {"dx": dx, "da0": da0, "dWax": dWax, "dWaa": dWaa, "dba": dba}


def lstm_cell_backward(da_next, dc_next, cache):
    h, c, xt, parameters = cache[2], cache[3], cache[8], cache[9]
    n = h.shape[0]
    f, i, g, o, c_new = gates(xt, h, c, parameters)
    th = np.tanh(c_new)
    delta = dc_next + da_next * o * (1 - th ** 2)
    d = {"f": delta * c * f * (1 - f), "i": delta * g * i * (1 - i), "c": delta * i * (1 - g ** 2), "o": da_next * th * o * (1 - o)}
    out = {"dc_prev": delta * f}
    out["da_prev"] = np.zeros_like(h)
    out["dxt"] = np.zeros_like(xt)
    for k in ("f", "i", "c", "o"):
        U, W = parameters["W" + k][:, :n], parameters["W" + k][:, n:]
        dU, dW = np.dot(d[k], h.T), np.dot(d[k], xt.T)
        out["dW" + k] = np.concatenate((dU, dW), axis=1)
        out["db" + k] = np.sum(d[k], axis=1, keepdims=True)
        out["da_prev"] = out["da_prev"] + np.dot(U.T, d[k])
        out["dxt"] = out["dxt"] + np.dot(W.T, d[k])
    return out


def lstm_backward(da, caches):
    steps, x = caches
    parameters = steps[0][9]
    n, m, T_x = da.shape
    DZ = {k: np.zeros((n, m, T_x)) for k in ("f", "i", "c", "o")}
    dx = np.zeros((x.shape[0], m, T_x))
    dh, dc = np.zeros((n, m)), np.zeros((n, m))
    for t in reversed(range(T_x)):
        h, c, xt = steps[t][2], steps[t][3], steps[t][8]
        f, i, g, o, c_new = gates(xt, h, c, parameters)
        th = np.tanh(c_new)
        up = da[:, :, t] + dh
        delta = dc + up * o * (1 - th ** 2)
        d = {"f": delta * c * f * (1 - f), "i": delta * g * i * (1 - i), "c": delta * i * (1 - g ** 2), "o": up * th * o * (1 - o)}
        dh = np.zeros((n, m))
        for k in d:
            DZ[k][:, :, t] = d[k]
            U, W = parameters["W" + k][:, :n], parameters["W" + k][:, n:]
            dh = dh + np.dot(U.T, d[k])
            dx[:, :, t] += np.dot(W.T, d[k])
        dc = delta * f
    out = {"dx": dx, "da0": dh}
    for k in DZ:
        dU = sum(np.dot(DZ[k][:, :, t], steps[t][2].T) for t in range(T_x))
        dW = np.tensordot(DZ[k], x[:, :, :T_x], axes=([1, 2], [1, 2]))
        out["dW" + k] = np.concatenate((dU, dW), axis=1)
        out["db" + k] = DZ[k].sum(axis=(1, 2)).reshape(n, 1)
    return out
