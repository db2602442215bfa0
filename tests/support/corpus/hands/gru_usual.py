import numpy as np


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def softmax(z):
    e = np.exp(z - np.max(z, axis=0))
    return e / np.sum(e, axis=0)


def gru_cell_forward(xt, a_prev, parameters):
    Wz, bz = parameters["Wz"], parameters["bz"]
    Wr, br = parameters["Wr"], parameters["br"]
    Wc, bc = parameters["Wc"], parameters["bc"]
    n_a = a_prev.shape[0]
    concat = np.concatenate((a_prev, xt), axis=0)
    zt = sigmoid(np.dot(Wz, concat) + bz)
    rt = sigmoid(np.dot(Wr, concat) + br)
    if "bca" in parameters:
        v = np.dot(Wc[:, :n_a], a_prev) + parameters["bca"]
        cct = np.tanh(np.dot(Wc[:, n_a:], xt) + bc + rt * v)
    else:
        cct = np.tanh(np.dot(Wc, np.concatenate((rt * a_prev, xt), axis=0)) + bc)
    a_next = (1 - zt) * cct + zt * a_prev
    yt_pred = softmax(np.dot(parameters["Wy"], a_next) + parameters["by"])
    cache = (a_next, a_prev, zt, rt, cct, xt, parameters)
    return a_next, yt_pred, cache


def gru_cell_backward(da_next, cache):
    a_next, a_prev, zt, rt, cct, xt, parameters = cache
    Wz, Wr, Wc = parameters["Wz"], parameters["Wr"], parameters["Wc"]
    n_a = a_prev.shape[0]
    concat = np.concatenate((a_prev, xt), axis=0)
    dcct = da_next * (1 - zt) * (1 - cct ** 2)
    dzt = da_next * (a_prev - cct) * zt * (1 - zt)
    da_prev = da_next * zt
    grads = {}
    if "bca" in parameters:
        v = np.dot(Wc[:, :n_a], a_prev) + parameters["bca"]
        drt = dcct * v * rt * (1 - rt)
        dv = dcct * rt
        dWca = np.dot(dv, a_prev.T)
        grads["dbca"] = np.sum(dv, axis=1, keepdims=True)
        da_prev = da_prev + np.dot(Wc[:, :n_a].T, dv)
    else:
        e = np.dot(Wc[:, :n_a].T, dcct)
        drt = e * a_prev * rt * (1 - rt)
        dWca = np.dot(dcct, (rt * a_prev).T)
        da_prev = da_prev + e * rt
    grads["dWc"] = np.concatenate((dWca, np.dot(dcct, xt.T)), axis=1)
    grads["dbc"] = np.sum(dcct, axis=1, keepdims=True)
    grads["dWz"] = np.dot(dzt, concat.T)
    grads["dbz"] = np.sum(dzt, axis=1, keepdims=True)
    grads["dWr"] = np.dot(drt, concat.T)
    grads["dbr"] = np.sum(drt, axis=1, keepdims=True)
    grads["da_prev"] = da_prev + np.dot(Wz[:, :n_a].T, dzt) + np.dot(Wr[:, :n_a].T, drt)
    grads["dxt"] = np.dot(Wz[:, n_a:].T, dzt) + np.dot(Wr[:, n_a:].T, drt) + np.dot(Wc[:, n_a:].T, dcct)
    return grads


def gru_forward(x, a0, parameters):
    n_x, m, T_x = x.shape
    n_y, n_a = parameters["Wy"].shape
    a, y = np.zeros((n_a, m, T_x)), np.zeros((n_y, m, T_x))
    caches = []
    a_next = a0
    for t in range(T_x):
        a_next, yt, cache = gru_cell_forward(x[:, :, t], a_next, parameters)
        a[:, :, t] = a_next
        y[:, :, t] = yt
        caches.append(cache)
    return a, y, (caches, x)


def gru_backward(da, caches):
    steps, x = caches
    n_a, m, T_x = da.shape
    dx = np.zeros((x.shape[0], m, T_x))
    da_prevt = np.zeros((n_a, m))
    sums = {}
    for t in reversed(range(T_x)):
        gradients = gru_cell_backward(da[:, :, t] + da_prevt, steps[t])
        da_prevt = gradients.pop("da_prev")
        dx[:, :, t] = gradients.pop("dxt")
        for k in gradients:
            sums[k] = sums.get(k, 0) + gradients[k]
    sums["dx"] = dx
    sums["da0"] = da_prevt
    return sums
