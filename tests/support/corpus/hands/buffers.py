# No new arrays in the loop: everything goes into buffers with out= and in-place operators
import numpy as np


def into_sigmoid(z):
    np.negative(z, out=z)
    np.exp(z, out=z)
    z += 1
    np.reciprocal(z, out=z)
    return z


def softmax(z):
    z = z - z.max(axis=0, keepdims=True)
    np.exp(z, out=z)
    z /= z.sum(axis=0, keepdims=True)
    return z


def rnn_forward(x, a0, parameters):
    Wax, Waa, Wya, ba, by = [parameters[k] for k in ["Wax", "Waa", "Wya", "ba", "by"]]
    n_a, m = a0.shape
    T_x = x.shape[2]
    a = np.empty((T_x, n_a, m))
    y = np.empty((T_x, Wya.shape[0], m))
    tmp = np.empty((n_a, m))
    prev = a0
    caches = []
    for t in range(T_x):
        h = a[t]
        np.matmul(Waa, prev, out=h)
        np.matmul(Wax, x[:, :, t], out=tmp)
        h += tmp
        h += ba
        np.tanh(h, out=h)
        y[t] = softmax(Wya @ h + by)
        caches.append((h, prev, x[:, :, t], parameters))
        prev = h
    return a.transpose(1, 2, 0), y.transpose(1, 2, 0), (caches, x)


def rnn_backward(da, caches):
    steps, x = caches
    n_a, m, T_x = da.shape
    parameters = steps[0][3]
    Wax, Waa = parameters["Wax"], parameters["Waa"]
    dx = np.empty((T_x,) + steps[0][2].shape)
    dWax, dWaa, dba = np.zeros_like(Wax), np.zeros_like(Waa), np.zeros((n_a, 1))
    carry = np.zeros((n_a, m))
    dz = np.empty((n_a, m))
    for t in range(T_x - 1, -1, -1):
        a_next, a_prev, xt, _ = steps[t]
        carry += da[:, :, t]
        np.multiply(a_next, a_next, out=dz)
        np.subtract(1, dz, out=dz)
        dz *= carry
        dWax += np.matmul(dz, xt.T)
        dWaa += np.matmul(dz, a_prev.T)
        dba += np.sum(dz, axis=1, keepdims=True)
        np.matmul(Wax.T, dz, out=dx[t])
        np.matmul(Waa.T, dz, out=carry)
    return {"dx": dx.transpose(1, 2, 0), "da0": carry, "dWax": dWax, "dWaa": dWaa, "dba": dba}


def lstm_cell_backward(da_next, dc_next, cache):
    a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt, parameters = cache
    n_a = a_prev.shape[0]
    tanh_c = np.tanh(c_next)
    concat = np.concatenate([a_prev, xt])

    dot = np.multiply(da_next, tanh_c)
    dot *= ot
    dot *= 1 - ot

    dc = 1 - tanh_c ** 2
    dc *= ot
    dc *= da_next
    dc += dc_next

    dft = dc * c_prev
    dft *= ft
    dft *= 1 - ft

    dit = dc * cct
    dit *= it
    dit *= 1 - it

    dcct = dc * it
    dcct *= 1 - cct ** 2

    grads = {}
    for k, d in [("f", dft), ("i", dit), ("c", dcct), ("o", dot)]:
        grads["dW" + k] = np.matmul(d, concat.T)
        grads["db" + k] = np.add.reduce(d, axis=1, keepdims=True)
    back = np.matmul(parameters["Wf"].T, dft)
    back += np.matmul(parameters["Wi"].T, dit)
    back += np.matmul(parameters["Wc"].T, dcct)
    back += np.matmul(parameters["Wo"].T, dot)
    grads["da_prev"], grads["dxt"] = np.vsplit(back, [n_a])
    dc *= ft
    grads["dc_prev"] = dc
    return grads


def lstm_forward(x, a0, parameters):
    n_a, m = a0.shape
    T_x = x.shape[2]
    W = {k: parameters["W" + k] for k in "fico"}
    b = {k: parameters["b" + k] for k in "fico"}
    A, C = np.zeros((T_x + 1, n_a, m)), np.zeros((T_x + 1, n_a, m))
    A[0] = a0
    G = {k: np.empty((T_x, n_a, m)) for k in "fico"}
    y = []
    for t in range(T_x):
        concat = np.concatenate([A[t], x[:, :, t]])
        for k in "fico":
            np.matmul(W[k], concat, out=G[k][t])
            G[k][t] += b[k]
        into_sigmoid(G["f"][t])
        into_sigmoid(G["i"][t])
        into_sigmoid(G["o"][t])
        np.tanh(G["c"][t], out=G["c"][t])
        np.multiply(G["f"][t], C[t], out=C[t + 1])
        C[t + 1] += G["i"][t] * G["c"][t]
        np.tanh(C[t + 1], out=A[t + 1])
        A[t + 1] *= G["o"][t]
        y.append(softmax(parameters["Wy"] @ A[t + 1] + parameters["by"]))
    caches = [(A[t + 1], C[t + 1], A[t], C[t], G["f"][t], G["i"][t], G["c"][t], G["o"][t], x[:, :, t], parameters)
              for t in range(T_x)]
    return A[1:].transpose(1, 2, 0), np.stack(y, axis=2), C[1:].transpose(1, 2, 0), (caches, x)


def lstm_backward(da, caches):
    steps, x = caches
    n_a, m, T_x = da.shape
    n_x = x.shape[0]
    parameters = steps[0][9]
    grads = {}
    for k in "fico":
        grads["dW" + k] = np.zeros((n_a, n_a + n_x))
        grads["db" + k] = np.zeros((n_a, 1))
    dx = np.zeros((n_x, m, T_x))
    dh, dc = np.zeros((n_a, m)), np.zeros((n_a, m))
    work = np.empty((n_a, m))
    for t in range(T_x - 1, -1, -1):
        a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt, _ = steps[t]
        dh += da[:, :, t]
        tanh_c = np.tanh(c_next)
        np.multiply(tanh_c, tanh_c, out=work)
        np.subtract(1, work, out=work)
        work *= ot
        work *= dh
        dc += work
        d = {"f": dc * c_prev, "i": dc * cct, "c": dc * it, "o": dh * tanh_c}
        d["f"] *= ft * (1 - ft)
        d["i"] *= it * (1 - it)
        d["c"] *= 1 - cct * cct
        d["o"] *= ot * (1 - ot)
        back = np.zeros((n_a + n_x, m))
        for k in "fico":
            grads["dW" + k][:, :n_a] += d[k] @ a_prev.T
            grads["dW" + k][:, n_a:] += d[k] @ xt.T
            grads["db" + k] += d[k].sum(axis=1, keepdims=True)
            back += parameters["W" + k].T @ d[k]
        dh[...] = back[:n_a]
        dx[:, :, t] = back[n_a:]
        dc *= ft
    grads["dx"], grads["da0"] = dx, dh
    return grads
