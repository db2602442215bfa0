# my own letters, as in my lecture: s = hidden state, m = memory, U recurrent weights, V input weights.
# The way through time is a recursion.
import numpy as np


def squash(q):
    return 1 / (1 + np.exp(-q))


def normed(q):
    q = np.exp(q - np.amax(q, axis=0, keepdims=True))
    return np.divide(q, np.sum(q, axis=0, keepdims=True))


def rnn_cell_forward(xt, a_prev, parameters):
    V, U, O, p, r = (parameters[k] for k in ("Wax", "Waa", "Wya", "ba", "by"))
    s = np.tanh(p + np.matmul(V, xt) + np.matmul(U, a_prev))
    return s, normed(r + np.matmul(O, s)), (s, a_prev, xt, parameters)


def rnn_forward(x, a0, parameters):
    V, U, O, p, r = (parameters[k] for k in ("Wax", "Waa", "Wya", "ba", "by"))
    T = x.shape[2]

    def go(t, s_old):
        if t == T:
            return [], [], []
        s = np.tanh(np.matmul(V, x[..., t]) + np.matmul(U, s_old) + p)
        out = normed(np.matmul(O, s) + r)
        S, Y, K = go(t + 1, s)
        return [s] + S, [out] + Y, [(s, s_old, x[..., t], parameters)] + K

    S, Y, K = go(0, a0)
    return np.stack(S, axis=-1), np.stack(Y, axis=-1), (K, x)


def rnn_cell_backward(da_next, cache):
    s, s_old, e, W = cache
    q = np.multiply(da_next, 1 - s * s)
    return {
        "dxt": np.matmul(W["Wax"].T, q),
        "da_prev": np.matmul(W["Waa"].T, q),
        "dWax": np.matmul(q, e.T),
        "dWaa": np.matmul(q, s_old.T),
        "dba": np.sum(q, axis=1, keepdims=True),
    }


def rnn_backward(da, caches):
    K, x = caches
    V, U = K[0][3]["Wax"], K[0][3]["Waa"]
    T = da.shape[2]

    def back(t, from_later):
        "the sums of steps 0..t, and what reaches a0"
        s, s_old, e, _ = K[t]
        q = (da[..., t] + from_later) * (1 - s * s)
        gV = np.matmul(q, e.T)
        gU = np.matmul(q, s_old.T)
        gp = np.sum(q, axis=1, keepdims=True)
        to_x = np.matmul(V.T, q)
        to_s = np.matmul(U.T, q)
        if t == 0:
            return [to_x], to_s, gV, gU, gp
        X, first, sV, sU, sp = back(t - 1, to_s)
        return X + [to_x], first, sV + gV, sU + gU, sp + gp

    X, first, gV, gU, gp = back(T - 1, np.zeros(da.shape[:2]))
    return {"dx": np.stack(X, axis=-1), "da0": first, "dWax": gV, "dWaa": gU, "dba": gp}


def lstm_cell_forward(xt, a_prev, c_prev, parameters):
    n = len(a_prev)
    W = {k: (parameters["W" + k][:, :n], parameters["W" + k][:, n:], parameters["b" + k]) for k in "fico"}
    F = squash(W["f"][0] @ a_prev + W["f"][1] @ xt + W["f"][2])
    I = squash(W["i"][0] @ a_prev + W["i"][1] @ xt + W["i"][2])
    G = np.tanh(W["c"][0] @ a_prev + W["c"][1] @ xt + W["c"][2])
    O = squash(W["o"][0] @ a_prev + W["o"][1] @ xt + W["o"][2])
    m = F * c_prev + I * G
    s = O * np.tanh(m)
    p = normed(parameters["Wy"] @ s + parameters["by"])
    return s, m, p, (s, m, a_prev, c_prev, F, I, G, O, xt, parameters)


def lstm_cell_backward(da_next, dc_next, cache):
    s, m, s_old, m_old, F, I, G, O, e, W = cache
    n = len(s_old)
    T = np.tanh(m)
    E = dc_next + da_next * O * (1 - T * T)
    qf = E * m_old * F * (1 - F)
    qi = E * G * I * (1 - I)
    qg = E * I * (1 - G * G)
    qo = da_next * T * O * (1 - O)
    res = {}
    for k, q in zip("fico", (qf, qi, qg, qo)):
        res["dW" + k] = np.hstack([q @ s_old.T, q @ e.T])
        res["db" + k] = q.sum(axis=1)[:, np.newaxis]
    res["da_prev"] = W["Wf"][:, :n].T @ qf + W["Wi"][:, :n].T @ qi + W["Wc"][:, :n].T @ qg + W["Wo"][:, :n].T @ qo
    res["dxt"] = W["Wf"][:, n:].T @ qf + W["Wi"][:, n:].T @ qi + W["Wc"][:, n:].T @ qg + W["Wo"][:, n:].T @ qo
    res["dc_prev"] = E * F
    return res


def lstm_forward(x, a0, parameters):
    n = len(a0)
    U = {k: parameters["W" + k][:, :n] for k in "fico"}
    V = {k: parameters["W" + k][:, n:] for k in "fico"}
    b = {k: parameters["b" + k] for k in "fico"}
    T = x.shape[2]

    def go(t, s_old, m_old):
        if t == T:
            return [], [], [], []
        e = x[..., t]
        F = squash(U["f"] @ s_old + V["f"] @ e + b["f"])
        I = squash(U["i"] @ s_old + V["i"] @ e + b["i"])
        G = np.tanh(U["c"] @ s_old + V["c"] @ e + b["c"])
        O = squash(U["o"] @ s_old + V["o"] @ e + b["o"])
        m = F * m_old + I * G
        s = O * np.tanh(m)
        p = normed(parameters["Wy"] @ s + parameters["by"])
        S, P, M, K = go(t + 1, s, m)
        return [s] + S, [p] + P, [m] + M, [(s, m, s_old, m_old, F, I, G, O, e, parameters)] + K

    S, P, M, K = go(0, a0, np.zeros(a0.shape))
    return np.stack(S, axis=2), np.stack(P, axis=2), np.stack(M, axis=2), (K, x)


def lstm_backward(da, caches):
    K, x = caches
    W = K[0][-1]
    n, B, T = da.shape
    gW = {k: np.zeros((n, n + x.shape[0])) for k in "fico"}
    gb = {k: np.zeros((n, 1)) for k in "fico"}
    X = [None] * T

    def back(t, ds, dm):
        if t < 0:
            return ds
        s, m, s_old, m_old, F, I, G, O, e, _ = K[t]
        ds = ds + da[..., t]
        T_ = np.tanh(m)
        E = dm + ds * O * (1 - T_ * T_)
        q = {}
        q["f"] = E * m_old * F * (1 - F)
        q["i"] = E * G * I * (1 - I)
        q["c"] = E * I * (1 - G * G)
        q["o"] = ds * T_ * O * (1 - O)
        both = np.concatenate((s_old, e))
        for k in q:
            gW[k] += q[k] @ both.T
            gb[k] += q[k].sum(axis=1, keepdims=True)
        X[t] = sum(W["W" + k][:, n:].T @ q[k] for k in q)
        earlier = sum(W["W" + k][:, :n].T @ q[k] for k in q)
        return back(t - 1, earlier, E * F)

    first = back(T - 1, np.zeros((n, B)), np.zeros((n, B)))
    res = {"dx": np.stack(X, axis=2), "da0": first}
    for k in "fico":
        res["dW" + k] = gW[k]
        res["db" + k] = gb[k]
    return res
