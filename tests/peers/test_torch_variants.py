"Projection, GRU, RNN, activations, clipping and normalisation against PyTorch in float64: outputs and all gradients."
import inspect

import numpy as np
import pytest
import torch
from lstm_nb.networks.activations import activate
from lstm_nb.networks.gru import gru_backward, gru_forward
from lstm_nb.networks.rnn import variant_rnn_backward, variant_rnn_forward
from lstm_nb.networks.variants import variant_lstm_backward, variant_lstm_forward
from test_variants import backward, cases_of, judge, kinds, programs, run
from torch import nn
from torch.func import functional_call
from torch.nn import functional as F

torch.set_num_threads(1)
seeds = pytest.mark.parametrize("seed", range(25))


def names(*kinds): return [f"{kind}_l0" for kind in kinds]


def sequences(v): return v["x"].permute(2, 1, 0), v["a0"].T[None].contiguous()


def lstm(v):
    "`nn.LSTM` with `proj_size`."
    n_r, n_a = v["Wp"].shape
    net = nn.LSTM(len(v["x"]), n_a, proj_size=n_r, dtype=torch.float64)
    W, b = torch.cat([v[f"W{k}"] for k in "ifco"]), torch.cat([v[f"b{k}"] for k in "ifco"]).ravel()
    weights = dict(zip(names("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr"), [W[:, n_r:], W[:, :n_r], b, torch.zeros_like(b), v["Wp"]]))
    x, a0 = sequences(v)
    a, (_, c) = functional_call(net, weights, (x, (a0, v["c0"].T[None].contiguous())))
    return {"a": a.permute(2, 1, 0), "last_c": c[0].T}


def gru(v):
    "`nn.GRU`; its order of gates is r, z, n."
    n = len(v["a0"])
    net, zero = nn.GRU(len(v["x"]), n, dtype=torch.float64), torch.zeros(n, dtype=torch.float64)
    W, b = torch.cat([v[f"W{k}"] for k in "rzc"]), torch.cat([v[f"b{k}"] for k in "rzc"]).ravel()
    weights = dict(zip(names("weight_ih", "weight_hh", "bias_ih", "bias_hh"), [W[:, n:], W[:, :n], b, torch.cat([zero, zero, v["bca"].ravel()])]))
    return {"a": functional_call(net, weights, sequences(v))[0].permute(2, 1, 0)}


def rnn(v, nonlinearity):
    "`nn.RNN` with tanh or relu."
    net = nn.RNN(len(v["x"]), len(v["a0"]), nonlinearity=nonlinearity, dtype=torch.float64)
    weights = dict(zip(names("weight_ih", "weight_hh", "bias_ih", "bias_hh"), [v["Wax"], v["Waa"], v["ba"].ravel(), torch.zeros_like(v["ba"]).ravel()]))
    return {"a": functional_call(net, weights, sequences(v))[0].permute(2, 1, 0)}


def compare(what, ours, gradients, v, upstream, layer):
    "Outputs, and the gradients of the sum of all outputs times `upstream`."
    leaves = {k: torch.tensor(w, requires_grad=True) for k, w in v.items()}
    out = layer(leaves)
    total = sum((out[k] * torch.tensor(d)).sum() for k, d in upstream.items())
    judge(f"{what} against PyTorch", ours, {k: w.detach().numpy() for k, w in out.items()})
    judge(f"{what} against PyTorch, gradients", gradients, {f"d{k}": g.numpy() for k, g in zip(leaves, torch.autograd.grad(total, [*leaves.values()]))})


def problem(seed):
    rng = np.random.default_rng(seed)
    n_x, n_a, m, T_x = (int(n) for n in rng.integers(1, 7, 4))
    normal = lambda *shape: rng.standard_normal(shape)
    return rng, n_x, n_a, m, T_x, normal


@seeds
def test_proj_size(seed):
    rng, n_x, n_a, m, T_x, normal = problem(seed)
    n_a += 1
    n_r = int(rng.integers(1, n_a))     # PyTorch wants it below n_a
    p = {n + k: normal(n_a, n_r + n_x if n == "W" else 1) / 2 for k in "fico" for n in "Wb"} | {"Wp": normal(n_r, n_a)}
    v = {"x": normal(n_x, m, T_x), "a0": normal(n_r, m), "c0": normal(n_a, m)} | p
    da, last_dc = normal(n_r, m, T_x), normal(n_a, m)
    dc = np.zeros((n_a, m, T_x))
    dc[:, :, -1] = last_dc
    a, c, tape = variant_lstm_forward(v["x"], v["a0"], v, v["c0"])
    compare("projection", {"a": a, "last_c": c[:, :, -1]}, variant_lstm_backward(da, tape, dc), v, {"a": da, "last_c": last_dc}, lstm)


@seeds
def test_gru(seed):
    _, n_x, n_a, m, T_x, normal = problem(seed)
    p = {n + k: normal(n_a, n_a + n_x if n == "W" else 1) / 2 for k in "zrc" for n in "Wb"} | {"bca": normal(n_a, 1)}
    v, da = {"x": normal(n_x, m, T_x), "a0": normal(n_a, m)} | p, normal(n_a, m, T_x)
    a, _, tape = gru_forward(v["x"], v["a0"], v, reset_after=True)
    compare("GRU", {"a": a}, gru_backward(da, tape), v, {"a": da}, gru)


@seeds
@pytest.mark.parametrize("nonlinearity", ["tanh", "relu"])
def test_rnn(seed, nonlinearity):
    _, n_x, n_a, m, T_x, normal = problem(seed)
    v = {"x": normal(n_x, m, T_x), "a0": normal(n_a, m), "Wax": normal(n_a, n_x), "Waa": normal(n_a, n_a) / 2, "ba": normal(n_a, 1)}
    da = normal(n_a, m, T_x)
    a, _, tape = variant_rnn_forward(v["x"], v["a0"], v, activations=(nonlinearity,))
    compare(f"RNN, {nonlinearity},", {"a": a}, variant_rnn_backward(da, tape), v, {"a": da}, lambda v: rnn(v, nonlinearity))


@kinds
def test_autograd(kind):
    "PyTorch's autograd of the forward passes of plain_variants.py, over the cross product of options."
    for start, p, upstream, options in cases_of(kind, 150):
        out, tape = run(kind, start | p, options)
        plain = options | ({"mask": torch.tensor(options["mask"])} if "mask" in options else {})
        compare(f"variants, {kind},", out, backward(kind, upstream, tape), start | p, upstream, lambda v: programs[kind][2](torch, v, **plain))


theirs = {"Sigmoid": torch.sigmoid, "Tanh": torch.tanh, "Relu": torch.relu, "LeakyRelu": F.leaky_relu, ("LeakyRelu", 0.2): lambda z: F.leaky_relu(z, 0.2),
          "ThresholdedRelu": lambda z: F.threshold(z, 1., 0.), "Elu": F.elu, ("Elu", 1.7): lambda z: F.elu(z, 1.7), ("HardSigmoid", 1/6, 0.5): F.hardsigmoid,
          "Softsign": F.softsign, "Softplus": lambda z: F.softplus(z, threshold=800.)}


@pytest.mark.parametrize("spec", theirs, ids=str)
def test_activations(spec):
    "Value and slope at random points, and at every kink: ours decides as PyTorch does."
    z = np.concatenate([5 * np.random.default_rng(0).standard_normal(200), [0., -0., 1., -1., 3., -3., 700., -700.]])
    leaf = torch.tensor(z, requires_grad=True)
    value = theirs[spec](leaf)
    slope, = torch.autograd.grad(value.sum(), leaf)
    ours = activate(z, spec)
    np.testing.assert_allclose(ours[0], value.detach().numpy(), rtol=1e-13, atol=1e-15)
    sixth_in_float32 = 4e-8     # PyTorch's slope of its hard sigmoid in float64: 1/6 with the digits of float32
    np.testing.assert_allclose(ours[1], slope.numpy(), rtol=sixth_in_float32 if spec[0] == "HardSigmoid" else 1e-13, atol=1e-15)


def test_clip_at_its_kinks():
    z = np.array([-0.5, 0.5, np.nextafter(0.5, 1), 0.2, -3])
    leaf = torch.tensor(z, requires_grad=True)
    value = torch.clamp(leaf, -0.5, 0.5)
    slope, = torch.autograd.grad(value.sum(), leaf)
    p = {"Wax": np.ones((1, 1)), "Waa": np.zeros((1, 1)), "ba": np.zeros((1, 1))}
    a, _, tape = variant_rnn_forward(z[None, :, None], np.zeros((1, 5)), p, clip=0.5, activations=("Affine",))
    assert np.array_equal(a.ravel(), value.detach().numpy())
    assert np.array_equal(variant_rnn_backward(np.ones_like(a), tape)["dx"].ravel(), slope.numpy())


@pytest.mark.parametrize("seed", range(10))
def test_layer_norm(seed):
    "A normalised LSTM written with `torch.nn.functional.layer_norm`."
    rng, n_x, n_a, m, T_x, normal = problem(seed)
    n_a += 2
    p = {n + k: normal(n_a, n_a + n_x if n == "W" else 1) for k in "fico" for n in "Wbg"} | {"gh": normal(n_a, 1), "bh": normal(n_a, 1)}
    v = {"x": normal(n_x, m, T_x), "a0": normal(n_a, m), "c0": normal(n_a, m)} | p
    upstream = {"a": normal(n_a, m, T_x), "c": normal(n_a, m, T_x)}

    def normalised(v):
        norm = lambda y, k: F.layer_norm(y.T, [n_a], v[f"g{k}"].ravel(), v[f"b{k}"].ravel(), 0.1).T
        a, c, steps = v["a0"], v["c0"], []
        for t in range(T_x):
            stack = torch.cat([a, v["x"][:, :, t]])
            f, i, g, o = (norm(v[f"W{k}"] @ stack, k) for k in "fico")
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            a = torch.sigmoid(o) * torch.tanh(norm(c, "h"))
            steps.append((a, c))
        return {k: torch.stack(s, 2) for k, s in zip("ac", zip(*steps))}
    a, c, tape = variant_lstm_forward(v["x"], v["a0"], v, v["c0"], epsilon=0.1)
    compare("layer normalisation", {"a": a, "c": c}, variant_lstm_backward(upstream["a"], tape, upstream["c"]), v, upstream, normalised)


def test_what_pytorch_has():
    "The arguments that decide what PyTorch's recurrent layers compute: projection, and tanh or relu for the plain RNN."
    arguments = {*inspect.signature(nn.RNNBase.__init__).parameters}
    assert arguments == {"self", "mode", "input_size", "hidden_size", "num_layers", "bias", "batch_first", "dropout", "bidirectional", "proj_size", "device", "dtype"}
    with pytest.raises(ValueError, match="nonlinearity"): nn.RNN(2, 3, nonlinearity="sigmoid")
    with pytest.raises(ValueError, match="proj_size"): nn.GRU(2, 3, proj_size=2)
