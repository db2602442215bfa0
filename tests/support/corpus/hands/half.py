# single precision everywhere, as on my graphics card
import numpy as np

f32 = np.float32


def lo(a):
    return np.asarray(a, dtype=f32)


def weights(parameters):
    return {k: lo(v) for k, v in parameters.items()}


def sigmoid(z):
    return f32(1) / (f32(1) + np.exp(-z))


def softmax(z):
    e = np.exp(z - z.max(axis=0))
    return e / e.sum(axis=0)


def rnn_cell_backward(da_next, cache):
    a_next, a_prev, xt = [lo(v) for v in cache[:3]]
    p = weights(cache[3])
    dz = lo(da_next) * (f32(1) - a_next ** 2)
    grads = {}
    grads["dWax"] = dz @ xt.T
    grads["dWaa"] = dz @ a_prev.T
    grads["dba"] = dz.sum(axis=1, keepdims=True)
    grads["dxt"] = p["Wax"].T @ dz
    grads["da_prev"] = p["Waa"].T @ dz
    return grads


def lstm_cell_forward(xt, a_prev, c_prev, parameters):
    p = weights(parameters)
    h, c, x = lo(a_prev), lo(c_prev), lo(xt)
    concat = np.vstack((h, x))
    ft = sigmoid(p["Wf"] @ concat + p["bf"])
    it = sigmoid(p["Wi"] @ concat + p["bi"])
    cct = np.tanh(p["Wc"] @ concat + p["bc"])
    ot = sigmoid(p["Wo"] @ concat + p["bo"])
    c_next = ft * c + it * cct
    a_next = ot * np.tanh(c_next)
    yt_pred = softmax(p["Wy"] @ a_next + p["by"])
    return a_next, c_next, yt_pred, (a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt, parameters)


def lstm_cell_backward(da_next, dc_next, cache):
    a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt = (lo(v) for v in cache[:-1])
    p = weights(cache[-1])
    n_a = a_next.shape[0]
    da, dc = lo(da_next), lo(dc_next)
    concat = np.vstack((a_prev, xt))
    tanh_c = np.tanh(c_next)
    through = dc + da * ot * (1 - tanh_c ** 2)
    dot = da * tanh_c * ot * (1 - ot)
    dft = through * c_prev * ft * (1 - ft)
    dit = through * cct * it * (1 - it)
    dcct = through * it * (1 - cct ** 2)
    back = p["Wf"].T @ dft + p["Wi"].T @ dit + p["Wc"].T @ dcct + p["Wo"].T @ dot
    return {
        "dxt": back[n_a:], "da_prev": back[:n_a], "dc_prev": through * ft,
        "dWf": dft @ concat.T, "dWi": dit @ concat.T, "dWc": dcct @ concat.T, "dWo": dot @ concat.T,
        "dbf": dft.sum(1, keepdims=True), "dbi": dit.sum(1, keepdims=True),
        "dbc": dcct.sum(1, keepdims=True), "dbo": dot.sum(1, keepdims=True),
    }


def lstm_backward(da, caches):
    steps, x = caches
    n_a, m, T_x = da.shape
    n_x = x.shape[0]
    p = weights(steps[0][9])
    dx = np.zeros((n_x, m, T_x), dtype=f32)
    dW = {k: np.zeros((n_a, n_a + n_x), dtype=f32) for k in "fico"}
    db = {k: np.zeros((n_a, 1), dtype=f32) for k in "fico"}
    da_prev = np.zeros((n_a, m), dtype=f32)
    dc_prev = np.zeros((n_a, m), dtype=f32)
    for t in range(T_x - 1, -1, -1):
        a_next, c_next, a_old, c_old, ft, it, cct, ot, xt = (lo(v) for v in steps[t][:9])
        d = lo(da[:, :, t]) + da_prev
        tanh_c = np.tanh(c_next)
        through = dc_prev + d * ot * (1 - tanh_c ** 2)
        dot = d * tanh_c * ot * (1 - ot)
        dft = through * c_old * ft * (1 - ft)
        dit = through * cct * it * (1 - it)
        dcct = through * it * (1 - cct ** 2)
        concat = np.vstack((a_old, xt))
        for k, dz in (("f", dft), ("i", dit), ("c", dcct), ("o", dot)):
            dW[k] += dz @ concat.T
            db[k] += dz.sum(axis=1, keepdims=True)
        back = p["Wf"].T @ dft + p["Wi"].T @ dit + p["Wc"].T @ dcct + p["Wo"].T @ dot
        da_prev = back[:n_a]
        dx[:, :, t] = back[n_a:]
        dc_prev = through * ft
    return {"dx": dx, "da0": da_prev, **{"dW" + k: dW[k] for k in dW}, **{"db" + k: db[k] for k in db}}
