"""The usual batched NumPy LSTM: what most public code does once it has left the course exercise behind.

One stacked product per step, one cache per step, and on the way back the gradients of the weights added step by step.
The arguments and the results are those of lstm_nb, so that the same program can run both."""
import numpy as np

order = "fico"


def sigmoid(z): return 1 / (1 + np.exp(-z))


def stack(parameters):
    "Weights `(4 n_a, n_a + n_x)` and biases `(4 n_a, 1)` of all gates, one below the other."
    return [np.concatenate([parameters[f"{kind}{k}"] for k in order]) for kind in "Wb"]


def forward(x, a0, parameters, c0):
    "Hidden states and memory states `(n_a, m, T_x)`, and what backward needs."
    W, b = stack(parameters)
    n, T_x = len(a0), x.shape[2]
    states = np.empty((2, T_x, *a0.shape), x.dtype)
    a, c, caches = a0, c0, []
    for t in range(T_x):
        joined = np.concatenate([a, x[:, :, t]])
        z = W @ joined + b
        gates = sigmoid(z)
        f, i, o = gates[:n], gates[n:2*n], gates[3*n:]
        g = np.tanh(z[2*n:3*n])
        c_prev, c = c, f*c + i*g
        h = np.tanh(c)
        a = o*h
        states[0, t], states[1, t] = a, c
        caches.append((joined, f, i, g, o, c_prev, h))
    a, c = states.transpose(0, 2, 3, 1)
    return a, c, (caches, W)


def backward(da, tape):
    "The gradients with respect to everything, under the names of lstm_backward."
    caches, W = tape
    n, m, T_x = da.shape
    dW, db = np.zeros_like(W), np.zeros((4*n, 1), W.dtype)
    dx = np.empty((T_x, W.shape[1] - n, m), W.dtype)
    da_prev, dc_prev = np.zeros((2, n, m), W.dtype)
    for t in reversed(range(T_x)):
        joined, f, i, g, o, c_prev, h = caches[t]
        d = da[:, :, t] + da_prev
        dc = dc_prev + d*o*(1 - h*h)
        dz = np.concatenate([dc*c_prev*f*(1 - f), dc*g*i*(1 - i), dc*i*(1 - g*g), d*h*o*(1 - o)])
        dW += dz @ joined.T
        db += dz.sum(1, keepdims=True)
        back = W.T @ dz
        da_prev, dx[t] = back[:n], back[n:]
        dc_prev = dc*f
    gradients = {"dx": dx.transpose(1, 2, 0), "da0": da_prev, "dc0": dc_prev}
    for k, part, bias in zip(order, np.split(dW, 4), np.split(db, 4)):
        gradients |= {f"dW{k}": part, f"db{k}": bias}
    return gradients
