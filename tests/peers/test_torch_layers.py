"Networks of layers against PyTorch's nn.LSTM, nn.GRU and nn.RNN in float64: every output and every gradient, padding full of nan."
from functools import partial
from itertools import product

import numpy as np
import pytest
import torch
from lstm_nb import assert_close, relative_error
from lstm_nb.engines.calls import fused_lstm_backward, fused_lstm_forward
from lstm_nb.networks.lengths import as_batch_first, as_time_first, from_batch_first, from_time_first
from lstm_nb.networks.gru import gru_backward, gru_forward
from lstm_nb.networks.rnn import variant_rnn_backward, variant_rnn_forward
from lstm_nb.networks.variants import variant_lstm_backward, variant_lstm_forward
from nets import both, flat, net, spoiled, tree
from problems import note
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

torch.set_num_threads(1)
layers, directions, lengths = (1, 2, 3), ("forward", "both"), (None, "sorted", "any")
gates = {"lstm": ["i", "f", "c", "o"], "projected": ["i", "f", "c", "o"], "gru": ["r", "z", "c"]}
engines = {"lstm": (fused_lstm_forward, fused_lstm_backward), "projected": (variant_lstm_forward, variant_lstm_backward),
           "gru": (partial(gru_forward, reset_after=True), gru_backward), "rnn": (variant_rnn_forward, variant_rnn_backward),
           "relu": (partial(variant_rnn_forward, activations=("Relu",)), variant_rnn_backward)}


def weights(kind, p):
    "PyTorch's arrays out of ours. Of its two biases the second is zero, but for the candidate of the GRU."
    if kind == "rnn": return {"weight_ih": p["Wax"], "weight_hh": p["Waa"], "bias_ih": p["ba"][:, 0], "bias_hh": 0*p["ba"][:, 0]}
    W, b = ({k: p[n + k] for k in gates[kind]} for n in "Wb")
    rows = len(p["Wp"]) if kind == "projected" else len(b["c"])
    second = {k: p["bca"] if kind == "gru" and k == "c" else 0*b[k] for k in b}
    join = lambda v: np.concatenate([*v.values()])
    out = {"weight_ih": join(W)[:, rows:], "weight_hh": join(W)[:, :rows], "bias_ih": join(b)[:, 0], "bias_hh": join(second)[:, 0]}
    return out | ({"weight_hr": p["Wp"]} if kind == "projected" else {})


def back(kind, d):
    "Our gradients out of PyTorch's."
    if kind == "rnn": return {"dWax": d["weight_ih"], "dWaa": d["weight_hh"], "dba": d["bias_ih"][:, None]}
    W, b = np.concatenate([d["weight_hh"], d["weight_ih"]], 1), d["bias_ih"][:, None]
    parts = lambda v: dict(zip(gates[kind], np.split(v, len(gates[kind]))))
    out = {f"dW{k}": v for k, v in parts(W).items()} | {f"db{k}": v for k, v in parts(b).items()}
    if kind == "projected": out["dWp"] = d["weight_hr"]
    if kind == "gru": out["dbca"] = parts(d["bias_hh"][:, None])["c"]
    return out


def module(kind, q, batch_first, relu, dropout):
    "PyTorch's network with the parameters of `q`, and the gradients that it has as ours once it was run backward."
    p, two = q["parameters"], isinstance(q["parameters"][0], tuple)
    n_a = len(next(iter(flat(q["c0"] or q["a0"]).values())))
    options = {"proj_size": len(q["a0"][0][0] if two else q["a0"][0])} if kind == "projected" else {"nonlinearity": "relu"} if relu else {}
    kinds = {"lstm": torch.nn.LSTM, "projected": torch.nn.LSTM, "gru": torch.nn.GRU, "rnn": torch.nn.RNN}
    made = kinds[kind](len(q["x"]), n_a, len(p), bidirectional=two, batch_first=batch_first, dropout=dropout, dtype=torch.float64, **options)
    with torch.no_grad():
        for n, layer in enumerate(p):
            for d, one in enumerate(layer if two else (layer,)):
                for k, v in weights(kind, one).items(): getattr(made, f"{k}_l{n}" + "_reverse"*d).copy_(torch.tensor(v))
    grad = lambda n, d: back(kind, {k.partition("_l")[0]: v.grad.numpy() for k, v in made.named_parameters() if k.endswith(f"_l{n}" + "_reverse"*d)})
    return made, lambda: [tuple(grad(n, d) for d in range(2)) if two else grad(n, 0) for n in range(len(p))]


def states(v): return torch.tensor(np.stack([s.T for s in flat(v).values()]), requires_grad=True)


def like(v, tensor):
    "PyTorch's stack of states in the nesting of ours."
    left = iter(tensor.detach().numpy())
    return tree(lambda _: next(left).T, v)


def run_torch(kind, q, batch_first=False, relu=False, dropout=0.):
    "What `both` returns, from PyTorch."
    view, ours = (as_batch_first, from_batch_first) if batch_first else (as_time_first, from_time_first)
    made, gradients = module(kind, q, batch_first, relu, dropout)
    x = torch.tensor(np.ascontiguousarray(view(q["x"])), requires_grad=True)
    a0, c0 = states(q["a0"]), q["c0"] and states(q["c0"])
    n, order = q["lengths"], {"batch_first": batch_first}
    sent = x if n is None else pack_padded_sequence(x, torch.tensor(n), enforce_sorted=bool((np.diff(n) <= 0).all()), **order)
    torch.manual_seed(0)
    a, last = made(sent, a0 if c0 is None else (a0, c0))
    if n is not None: a, _ = pad_packed_sequence(a, total_length=q["x"].shape[2], **order)
    a_last, c_last = (last, None) if c0 is None else last
    da = np.nan_to_num(view(q["da"]))
    total = (a * torch.tensor(np.ascontiguousarray(da))).sum() + (a_last * states(q["da_last"])).sum()
    if c0 is not None: total = total + (c_last * states(q["dc_last"])).sum()
    total.backward()
    out = {"a": ours(a.detach().numpy()), "a_last": like(q["a0"], a_last), "c_last": c_last if c_last is None else like(q["c0"], c_last)}
    d = {"x": ours(x.grad.numpy()), "a0": like(q["a0"], a0.grad), "c0": c0 if c0 is None else like(q["c0"], c0.grad)}
    named = flat({"parameters": gradients()})
    return flat(out), flat(d) | {k.rpartition("_d")[0] + "_" + k.rpartition("_d")[2]: v for k, v in named.items()}


def compare(what, q, **options):
    ours, theirs = both(spoiled(q), engine=engines["relu" if options.get("relu") else options["kind"]]), run_torch(q=spoiled(q), **options)
    judge(what, ours, theirs)


def judge(what, ours, theirs):
    for actual, expected in zip(ours, theirs):
        assert actual.keys() == expected.keys()
        for k, v in expected.items(): assert_close(actual[k], v, 1e-12, k)
    note(f"{what}: outputs", max(relative_error(ours[0][k], v).max() for k, v in theirs[0].items()))
    note(f"{what}: all gradients", max(relative_error(ours[1][k], v).max() for k, v in theirs[1].items()))


def sizes(seed): return [int(n) for n in np.random.default_rng(seed).integers([1, 2, 1, 1], [6, 7, 14, 11])]


@pytest.mark.parametrize("batch_first", [False, True], ids=["time-first", "batch-first"])
@pytest.mark.parametrize("lengths", lengths)
@pytest.mark.parametrize("directions", directions)
@pytest.mark.parametrize("n_layers", layers)
@pytest.mark.parametrize("kind", ["lstm", "projected"])
def test_lstm(kind, n_layers, directions, lengths, batch_first):
    for seed in range(8):
        q = net(kind, *sizes([n_layers, seed]), n_layers, directions, lengths, seed)
        compare("nn.LSTM" + ", proj_size" * (kind == "projected"), q, kind=kind, batch_first=batch_first)


@pytest.mark.parametrize("kind, relu", [("gru", False), ("rnn", False), ("rnn", True)], ids=["GRU", "RNN", "RNN-relu"])
def test_other_cells(kind, relu):
    for seed, (n_layers, directions_, lengths_) in enumerate(product(layers, directions, lengths)):
        for more in range(3):
            q = net(kind, *sizes([seed, more]), n_layers, directions_, lengths_, seed)
            if relu: q = q | {"x": q["x"] * 0.3}
            compare(f"nn.{kind.upper()}" + ", relu" * relu, q, kind=kind, batch_first=bool(more % 2), relu=relu)


@pytest.mark.parametrize("kind", ["lstm", "projected", "gru", "rnn"])
def test_dropout(kind):
    "Dropout between layers, with the masks that PyTorch draws: one a layer, in the order of the layers."
    for seed in range(6):
        q = net(kind, *sizes([3, seed]), 3, directions[seed % 2], None, seed)
        theirs = run_torch(kind, q, dropout=0.3)
        torch.manual_seed(0)
        rows, m, T_x = q["da"].shape
        drawn = [torch.empty(T_x, m, rows, dtype=torch.float64).bernoulli_(0.7).div_(0.7) for _ in range(2)]
        masks = [None, *(from_time_first(v.numpy()) for v in drawn)]
        assert all((v == 0).any() for v in masks[1:]) or rows * m * T_x < 20
        judge(f"nn.{kind}, dropout", both(q, engine=engines[kind], masks=masks), theirs)


def test_a_planted_mistake_is_caught():
    q = net("lstm", 3, 4, 11, 6, 2, "both", "any", 0)
    theirs = run_torch("lstm", spoiled(q))
    for wrong in ({"lengths": np.maximum(q["lengths"] - 1, 1)}, {"lengths": None}, {"da_last": q["a0"]},
                  {"parameters": [layer[::-1] for layer in q["parameters"]]}, {"a0": q["a0"][::-1]}):
        ours = both(q | wrong)
        with pytest.raises(AssertionError):
            for actual, expected in zip(ours, theirs):
                for k, v in expected.items(): assert_close(actual[k], v, 1e-12, k)
