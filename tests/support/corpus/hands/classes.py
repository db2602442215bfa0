import numpy as np


class RNN:
    """One layer; the weights are attributes and what the way back needs is remembered on the object"""

    def __init__(self, parameters):
        self.parameters = parameters
        for name, value in parameters.items():
            setattr(self, name, value)

    def forward(self, x, h):
        self.x, self.h = x, h
        self.out = np.tanh(self.Wax.dot(x) + self.Waa.dot(h) + self.ba)
        return self.out

    def predict(self):
        scores = self.Wya.dot(self.out) + self.by
        scores = np.exp(scores - scores.max(axis=0, keepdims=True))
        return scores / scores.sum(axis=0, keepdims=True)

    def remember(self, cache):
        self.out, self.h, self.x = cache[:3]
        return self

    def backward(self, grad):
        local = 1 - np.square(self.out)
        delta = grad * local
        self.dWax = delta.dot(self.x.T)
        self.dWaa = delta.dot(self.h.T)
        self.dba = delta.sum(axis=1).reshape(-1, 1)
        self.dh = self.Waa.T.dot(delta)
        self.dx = self.Wax.T.dot(delta)
        return self


def rnn_cell_forward(xt, a_prev, parameters):
    net = RNN(parameters)
    a_next = net.forward(xt, a_prev)
    return a_next, net.predict(), (a_next, a_prev, xt, parameters)


def rnn_cell_backward(da_next, cache):
    net = RNN(cache[3]).remember(cache).backward(da_next)
    return {"dxt": net.dx, "da_prev": net.dh, "dWax": net.dWax, "dWaa": net.dWaa, "dba": net.dba}


def rnn_forward(x, a0, parameters):
    net = RNN(parameters)
    states, outputs, caches = [], [], []
    h = a0
    for t in range(x.shape[2]):
        old = h
        h = net.forward(x[:, :, t], old)
        states.append(h)
        outputs.append(net.predict())
        caches.append((h, old, x[:, :, t], parameters))
    return np.stack(states, axis=2), np.stack(outputs, axis=2), (caches, x)


def rnn_backward(da, caches):
    tape, x = caches
    net = RNN(tape[0][3])
    dx, sums = [], None
    dh = np.zeros(da.shape[:2])
    for t in range(da.shape[2])[::-1]:
        net.remember(tape[t]).backward(da[:, :, t] + dh)
        dh = net.dh
        dx.insert(0, net.dx)
        now = [net.dWax, net.dWaa, net.dba]
        sums = now if sums is None else [s + n for s, n in zip(sums, now)]
    return {"dx": np.stack(dx, axis=2), "da0": dh, "dWax": sums[0], "dWaa": sums[1], "dba": sums[2]}


class Gate:
    """act(W [h; x] + b)"""

    def __init__(self, W, b, kind="sigmoid"):
        self.W, self.b, self.kind = W, b, kind

    def __call__(self, v):
        z = self.W @ v + self.b
        return np.tanh(z) if self.kind == "tanh" else 1 / (1 + np.exp(-z))

    def slope(self, value):
        return 1 - value ** 2 if self.kind == "tanh" else value * (1 - value)

    def back(self, d, value, v):
        dz = d * self.slope(value)
        return dz @ v.T, dz.sum(1, keepdims=True), self.W.T @ dz


class LSTM:
    def __init__(self, p):
        self.f = Gate(p["Wf"], p["bf"])
        self.i = Gate(p["Wi"], p["bi"])
        self.g = Gate(p["Wc"], p["bc"], "tanh")
        self.o = Gate(p["Wo"], p["bo"])
        self.p = p

    def step(self, x, h, c):
        v = np.r_[h, x]
        f, i, g, o = self.f(v), self.i(v), self.g(v), self.o(v)
        new_c = f * c + i * g
        new_h = o * np.tanh(new_c)
        return new_h, new_c, (new_h, new_c, h, c, f, i, g, o, x, self.p)

    def output(self, h):
        s = self.p["Wy"] @ h + self.p["by"]
        e = np.exp(s - s.max(0))
        return e / e.sum(0)

    def step_back(self, dh, dc, cache):
        _, new_c, h, c, f, i, g, o, x, _ = cache
        v = np.r_[h, x]
        th = np.tanh(new_c)
        dc = dc + dh * o * (1 - th ** 2)
        grads, dv = {}, 0
        for letter, gate, value, d in (("f", self.f, f, dc * c), ("i", self.i, i, dc * g),
                                       ("c", self.g, g, dc * i), ("o", self.o, o, dh * th)):
            grads["dW" + letter], grads["db" + letter], part = gate.back(d, value, v)
            dv = dv + part
        n = h.shape[0]
        return dv[n:], dv[:n], dc * f, grads


def lstm_cell_forward(xt, a_prev, c_prev, parameters):
    net = LSTM(parameters)
    a_next, c_next, cache = net.step(xt, a_prev, c_prev)
    return a_next, c_next, net.output(a_next), cache


def lstm_cell_backward(da_next, dc_next, cache):
    dx, dh, dc, grads = LSTM(cache[-1]).step_back(da_next, dc_next, cache)
    return {"dxt": dx, "da_prev": dh, "dc_prev": dc, **grads}


def lstm_forward(x, a0, parameters):
    net = LSTM(parameters)
    h, c = a0, np.zeros_like(a0)
    H, C, Y, tape = [], [], [], []
    for t in range(x.shape[2]):
        h, c, cache = net.step(x[:, :, t], h, c)
        H.append(h)
        C.append(c)
        Y.append(net.output(h))
        tape.append(cache)
    return np.dstack(H), np.dstack(Y), np.dstack(C), (tape, x)


def lstm_backward(da, caches):
    tape, x = caches
    net = LSTM(tape[0][-1])
    dh = dc = np.zeros(da.shape[:2])
    dx, total = [], {}
    for t in reversed(range(da.shape[2])):
        dxt, dh, dc, grads = net.step_back(da[:, :, t] + dh, dc, tape[t])
        dx.append(dxt)
        for name, value in grads.items():
            total[name] = total.get(name, 0) + value
    dx.reverse()
    return {"dx": np.dstack(dx), "da0": dh, **total}
