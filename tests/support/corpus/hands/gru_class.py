import numpy as np


def logistic(v):
    return 1 / (1 + np.exp(-v))


class Before:
    "the reset gate acts on the state"

    def __init__(self, U, b):
        self.U = U

    def forward(self, r, h):
        return self.U.dot(r * h)

    def backward(self, d, r, h):
        e = self.U.T.dot(d)
        return e * h, e * r, d.dot((r * h).T), {}


class After:
    "the reset gate acts on the product"

    def __init__(self, U, b):
        self.U, self.b = U, b

    def forward(self, r, h):
        return r * (self.U.dot(h) + self.b)

    def backward(self, d, r, h):
        dv = d * r
        return d * (self.U.dot(h) + self.b), self.U.T.dot(dv), dv.dot(h.T), {"dbca": dv.sum(axis=1, keepdims=True)}


class GRU:
    def __init__(self, p):
        self.p = p
        self.n = p["Wz"].shape[0]
        kind = After if "bca" in p else Before
        self.inner = kind(p["Wc"][:, :self.n], p.get("bca"))

    def step(self, x, h):
        p = self.p
        v = np.vstack((h, x))
        z = logistic(p["Wz"].dot(v) + p["bz"])
        r = logistic(p["Wr"].dot(v) + p["br"])
        g = np.tanh(p["Wc"][:, self.n:].dot(x) + p["bc"] + self.inner.forward(r, h))
        new = (1 - z) * g + z * h
        return new, (new, h, z, r, g, x, p)

    def out(self, h):
        e = np.exp(self.p["Wy"].dot(h) + self.p["by"])
        return e / e.sum(axis=0)

    def step_back(self, d, cache):
        _, h, z, r, g, x, p = cache
        v = np.vstack((h, x))
        dg = d * (1 - z) * (1 - g ** 2)
        dz = d * (h - g) * z * (1 - z)
        at_r, at_h, dU, extra = self.inner.backward(dg, r, h)
        dr = at_r * r * (1 - r)
        dv = p["Wz"].T.dot(dz) + p["Wr"].T.dot(dr)
        grads = {"dWz": dz.dot(v.T), "dWr": dr.dot(v.T), "dWc": np.hstack((dU, dg.dot(x.T)))}
        for k, q in (("z", dz), ("r", dr), ("c", dg)):
            grads["db" + k] = q.sum(axis=1, keepdims=True)
        grads.update(extra)
        dh = dv[:self.n] + at_h + d * z
        dx = dv[self.n:] + p["Wc"][:, self.n:].T.dot(dg)
        return dx, dh, grads


def gru_cell_forward(xt, a_prev, parameters):
    net = GRU(parameters)
    a_next, cache = net.step(xt, a_prev)
    return a_next, net.out(a_next), cache


def gru_cell_backward(da_next, cache):
    dx, dh, grads = GRU(cache[-1]).step_back(da_next, cache)
    return {"dxt": dx, "da_prev": dh, **grads}


def gru_forward(x, a0, parameters):
    net, h = GRU(parameters), a0
    H, Y, K = [], [], []
    for xt in np.moveaxis(x, 2, 0):
        h, cache = net.step(xt, h)
        H.append(h)
        Y.append(net.out(h))
        K.append(cache)
    return np.stack(H, axis=2), np.stack(Y, axis=2), (K, x)


def gru_backward(da, caches):
    K, x = caches
    net = GRU(K[0][-1])
    dh, dx, total = np.zeros(da.shape[:2]), [], {}
    for t in range(da.shape[2])[::-1]:
        dxt, dh, grads = net.step_back(da[:, :, t] + dh, K[t])
        dx = [dxt] + dx
        total = {k: total.get(k, 0) + v for k, v in grads.items()}
    return {"dx": np.stack(dx, axis=2), "da0": dh, **total}
