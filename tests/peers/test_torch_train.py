"Training against PyTorch in float64: the updates, clipping and schedule on their own, and whole training runs, loss by loss."
import json
import sys
from functools import partial

import numpy as np
import pytest
import torch
from conftest import root
from lstm_nb import assert_close
from lstm_nb.training.adding import adding_problem
from lstm_nb.training.loop import fit
from lstm_nb.training.network import init_network, network_backward, network_forward, squared_error
from lstm_nb.trees import parameter_gradients
from lstm_nb.training.updates import adam, clip_by_norm, cosine_schedule, sgd
from problems import note
from test_torch_layers import weights

torch.set_num_threads(1)
sys.path.insert(0, str(root/"bench"))


def tree(rng):
    "A tree, its arrays of very different sizes."
    draw = lambda *shape: rng.standard_normal(shape) * 10.**rng.uniform(-4, 4, shape)
    return {"layers": [(None, {"Wf": draw(3, 5)}), {"Wax": draw(2, 2), "ba": draw(2, 1)}], "by": draw(4)}


def leaves(t):
    if t is None: return []
    if isinstance(t, np.ndarray): return [t]
    return [v for w in (t.values() if isinstance(t, dict) else t) for v in leaves(w)]


def like(t, values):
    "`values` in the form of `t`, with the names of gradients."
    left = iter(values)
    def walk(t):
        if isinstance(t, dict): return {f"d{k}": walk(v) for k, v in t.items()}
        if isinstance(t, (list, tuple)): return type(t)(map(walk, t))
        return t if t is None else next(left)
    return walk(t)


updates = {
    "adam": (adam, lambda p: torch.optim.Adam(p, lr=.003)),
    "adam with other constants": (partial(adam, beta1=.7, beta2=.95, epsilon=1e-3), lambda p: torch.optim.Adam(p, lr=.003, betas=(.7, .95), eps=1e-3)),
    "adam without means": (partial(adam, beta1=0., beta2=0.), lambda p: torch.optim.Adam(p, lr=.003, betas=(0., 0.))),
    "sgd": (sgd, lambda p: torch.optim.SGD(p, lr=.003)),
    "momentum": (partial(sgd, momentum=.9), lambda p: torch.optim.SGD(p, lr=.003, momentum=.9)),
}


def compare(update, make, steps=40):
    "The largest difference of our parameters and PyTorch's after every step, relative to how far they have moved."
    rng, worst = np.random.default_rng(0), 0
    p, state = tree(rng), None
    theirs = [torch.tensor(v, requires_grad=True) for v in leaves(p)]
    optimiser, start = make(theirs), leaves(p)
    for _ in range(steps):
        g = [v * 10.**rng.uniform(-9, 3, v.shape) for v in map(rng.standard_normal, (v.shape for v in start))]
        p, state = update(p, like(p, g), state, lr=.003)
        for v, w in zip(theirs, g): v.grad = torch.tensor(w)
        optimiser.step()
        for a, b, first in zip(leaves(p), theirs, start):
            b = b.detach().numpy()
            moved = np.maximum(abs(b - first), 1e-3 * abs(b - first).max() + abs(b))
            worst = max(worst, (abs(a - b) / moved).max())
    return worst


@pytest.mark.parametrize("name", updates)
def test_updates(name):
    worst = compare(*updates[name])
    note(f"{name}, forty steps against torch.optim", worst)
    assert worst < 1e-12


def no_correction(p, g, state=None, lr=.003):
    "The step of Adam without (102): that of Adam times the quotient of the two corrections."
    t = 1 if state is None else state["t"] + 1
    return adam(p, g, state, lr=lr * (1 - .9**t) / (1 - .999**t)**.5)


def wrong_epsilon(p, g, state=None, lr=.003):
    "Epsilon under the root, for trees."
    _, s = adam(p, g, state, lr=lr)
    out = iter([v - lr * (m / (1 - .9**s["t"])) / np.sqrt(w / (1 - .999**s["t"]) + 1e-8) for v, m, w in zip(leaves(p), leaves(s["m"]), leaves(s["v"]))])
    def walk(v): return {k: walk(w) for k, w in v.items()} if isinstance(v, dict) else type(v)(map(walk, v)) if isinstance(v, (list, tuple)) else v if v is None else next(out)
    return walk(p), s


@pytest.mark.parametrize("wrong", [no_correction, wrong_epsilon])
def test_a_planted_mistake_is_seen(wrong):
    assert compare(wrong, updates["adam"][1]) > 1e-6


@pytest.mark.parametrize("most", [1e-3, 1., 1e9])
def test_clipping(most):
    "PyTorch adds 1e-6 to the norm before it divides; with that taken out, the same."
    rng = np.random.default_rng(1)
    g = tree(rng)
    theirs = [torch.zeros(v.shape, dtype=torch.float64) for v in leaves(g)]
    for v, w in zip(theirs, leaves(g)): v.grad = torch.tensor(w)
    norm = torch.nn.utils.clip_grad_norm_(theirs, most).item()
    ours, length = clip_by_norm(g, most)
    assert abs(length / norm - 1) < 1e-14
    factor = (norm + 1e-6) / norm if norm + 1e-6 > most else 1.
    for a, b in zip(leaves(ours), theirs): assert_close(a, b.grad.numpy() * factor, 1e-12)


def test_schedule():
    "Half a cosine, as CosineAnnealingLR has it."
    v = torch.zeros(1, requires_grad=True)
    optimiser = torch.optim.SGD([v], lr=.3)
    theirs = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, T_max=50, eta_min=.01)
    for step in range(51):
        assert abs(cosine_schedule(step, 50, .3, last=.01) - optimiser.param_groups[0]["lr"]) < 1e-14
        optimiser.step()
        theirs.step()


@pytest.mark.parametrize("both", [False, True])
def test_network_with_lengths(both):
    "Two layers, an output on the last states, squared error: loss and every gradient."
    rng = np.random.default_rng(2)
    p = init_network(3, 4, n_y=2, n_layers=2, bidirectional=both, rng=0)
    x, n, y = rng.standard_normal((3, 5, 7)), np.array([7, 2, 5, 1, 7]), rng.standard_normal((2, 5, 1))
    z, *_, tape = network_forward(x, p, True, lengths=n)
    loss, dz = squared_error(z, y)
    g = network_backward(dz, tape)
    lstm, out = torch.nn.LSTM(3, 4, 2, bidirectional=both, dtype=torch.float64), torch.nn.Linear(8 if both else 4, 2, dtype=torch.float64)
    with torch.no_grad():
        for l, layer in enumerate(p["layers"]):
            for d, one in enumerate(layer if both else (layer,)):
                for k, v in weights("lstm", one).items(): getattr(lstm, f"{k}_l{l}" + "_reverse"*d).copy_(torch.tensor(v))
        out.weight.copy_(torch.tensor(p["Wy"])), out.bias.copy_(torch.tensor(p["by"][:, 0]))
    packed = torch.nn.utils.rnn.pack_padded_sequence(torch.tensor(x.transpose(2, 1, 0)), torch.tensor(n), enforce_sorted=False)
    last = lstm(packed)[1][0][2 if both else 1:]
    answer = out(torch.cat([*last], 1))
    error = torch.nn.functional.mse_loss(answer, torch.tensor(y[:, :, 0].T.copy()))
    error.backward()
    assert abs(loss - error.item()) < 1e-14
    assert_close(g["dWy"], out.weight.grad.numpy())
    assert_close(g["dby"][:, 0], out.bias.grad.numpy())
    for l, layer in enumerate(g["dlayers"]):
        for d, one in enumerate(layer if both else (layer,)):
            found = weights("lstm", {k[1:]: v for k, v in one.items()})
            for k in ("weight_ih", "weight_hh", "bias_ih"): assert_close(found[k], getattr(lstm, f"{k}_l{l}" + "_reverse"*d).grad.numpy(), 1e-11)


def test_digits():
    "The first sixty updates of the network that reads digits: same weights, batches, masks and step sizes, loss by loss, norm by norm."
    import digits

    class Exact(digits.Torch):
        "Clipped without the 1e-6 that PyTorch adds to the norm."
        def clipped(self):
            norm = sum((v.grad**2).sum() for v in self.learn).sqrt()
            if norm > digits.clip:
                for v in self.learn: v.grad *= digits.clip / norm
            return norm.item()
    train = digits.split()[0]
    s = json.loads((root/"bench/records/digits.json").read_text(encoding="utf-8"))["chosen"]
    first, batch, rate, _ = digits.recipe(train, s, 0, np.float64)
    run = fit(digits.loss_and_gradients, first, batch, 60, lr=rate, clip=digits.clip, progress=False)
    net = Exact(first)
    theirs = np.array([net.step(batch(step), rate(step)) for step in range(60)])
    worst = [(abs(run.history[k] - v) / abs(v)).max() for k, v in (("loss", theirs[:, 0]), ("norm", theirs[:, 1]))]
    note("digits, sixty updates: losses and norms against PyTorch", max(worst))
    assert max(worst) < 1e-11 and run.history["norm"].max() > digits.clip > run.history["norm"].min()


def test_digits_to_the_end():
    "One network in both, by the whole schedule: the same accuracy within noise, on images that neither has seen."
    import digits
    s = json.loads((root/"bench/records/digits.json").read_text(encoding="utf-8"))["chosen"]
    ours, theirs = (digits.final(program, s, 0)[0]["errors"] for program in ("ours", "torch"))
    note("digits, whole schedule: errors of 360 here less those of PyTorch", ours - theirs)
    assert max(ours, theirs) <= .025 * digits.n_test and abs(ours - theirs) <= 3 * np.sqrt(max(ours + theirs, 1))


def test_digits_full_runs_end_alike():
    "What the committed results say: five networks each."
    rows = [r for r in json.loads((root/"bench/records/digits.json").read_text(encoding="utf-8"))["rows"] if r["part"] == "final"]
    errors = {name: [r["errors"] for r in rows if r["program"] == name] for name in ("ours", "torch")}
    assert len(errors["ours"]) == len(errors["torch"]) == 5
    spread = np.sqrt(sum(np.var(v, ddof=1) for v in errors.values()) / 5)
    assert abs(np.mean(errors["ours"]) - np.mean(errors["torch"])) <= 3 * max(spread, .5)


def test_adding():
    "The first forty updates of the adding problem, sequences of different lengths."
    import adding
    p = {"layers": [{k: v.astype(np.float64) for k, v in adding.init("lstm", 60, 0)["layers"][0].items()}],
         **{k: adding.init("lstm", 60, 0)[k].astype(np.float64) for k in ("Wy", "by")}}
    lstm, out = (m.double() for m in adding.torch_module(60))
    lstm.bias_hh_l0.requires_grad_(False)
    learn = [v for v in [*lstm.parameters(), *out.parameters()] if v.requires_grad]
    optimiser, state = torch.optim.Adam(learn, lr=.01), None
    for step in range(40):
        x, n, y = adding_problem(60, 20, [0, step])
        z, *_, tape = network_forward(x, p, True, lengths=n)
        loss, dz = squared_error(z, y)
        p, state = adam(p, network_backward(dz, tape), state, lr=.01)
        packed = torch.nn.utils.rnn.pack_padded_sequence(torch.tensor(x.transpose(2, 1, 0).copy()), torch.tensor(n), enforce_sorted=False)
        optimiser.zero_grad()
        theirs = torch.nn.functional.mse_loss(out(lstm(packed)[1][0][0]), torch.tensor(y[0]))
        theirs.backward()
        optimiser.step()
        assert abs(loss / theirs.item() - 1) < 1e-9, step


def test_the_adding_script_reads_the_end():
    "Padding may be run over: the answers, the losses and the gradients are those with lengths."
    import adding
    p = adding.init("lstm", 40, 0)
    batch = adding_problem(40, 20, 3)
    loss, g, _ = adding.loss_and_gradients(p, batch, "numpy")
    z, *_, tape = network_forward(batch[0].astype(np.float32), p, True, lengths=batch[1])
    right, dz = squared_error(z, batch[2].astype(np.float32))
    assert abs(loss - right) < 1e-6
    for a, b in zip(leaves(parameter_gradients(p, g)), leaves(parameter_gradients(p, network_backward(dz, tape)))): np.testing.assert_allclose(a, b, atol=1e-5)
