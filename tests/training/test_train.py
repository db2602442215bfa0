"Training: killed anywhere and resumed bit for bit, stopped at what is not finite, files cut and broken, a bar in a terminal, a log and a notebook."
import importlib.util
import json
import os
import pickle
import pty
import random
import re
import signal
import subprocess
import sys
import tempfile
import textwrap
import warnings
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from conftest import root, suites
import lstm_nb
from lstm_nb import cross_entropy, dropout_masks
from lstm_nb.training import trees
from lstm_nb.training.adding import adding_problem
from lstm_nb.training.loop import NonFiniteError, Run, fit
from lstm_nb.training.network import init_network, network_backward, network_forward
from lstm_nb.training.text import one_hot, sample
from lstm_nb.training.trees import load_tree, save_tree
from lstm_nb.trees import check_tree, parameter_gradients, tree_leaves
from lstm_nb.training.updates import adam, clip_by_norm, cosine_schedule, minibatch, settings_in_words, sgd, step_settings
from problems import tables
from safetensors import numpy

posix = pytest.mark.skipif(os.name != "posix", reason="signals and forks")


def same(a, b):
    "Whether two trees are equal: forms, types, shapes and every bit."
    if isinstance(b, dict): return type(a) is dict and [*a] == [*b] and all(same(a[k], b[k]) for k in b)
    if isinstance(b, (list, tuple)): return isinstance(a, type(b)) and len(a) == len(b) and all(map(same, a, b))
    if not isinstance(b, np.ndarray): return type(a) is type(b) and (a == b or a != a and b != b)
    return isinstance(a, np.ndarray) and (a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes())


# a training run with all that has a state: epochs, dropout, momentum, a schedule, clipping, a best, numbers of its own

net = init_network(3, 4, n_y=2, n_layers=2, bidirectional=True, rng=0, dtype=np.float32)
x = np.random.default_rng(1).standard_normal((3, 50, 5)).astype(np.float32)
labels = (x[0].sum(1) > 0).astype(int)


def batch(step): return minibatch(step, 40, 7, seed=3), np.random.default_rng([3, step])


def loss_and_gradients(p, batch):
    chosen, rng = batch
    z, *_, tape = network_forward(x[:, chosen], p, True, **dropout_masks(p["layers"], len(chosen), rate=.3, state_rate=.2, rng=rng))
    loss, dz = cross_entropy(z, labels[chosen, None])
    return loss, network_backward(dz, tape), {"right": (z[:, :, 0].argmax(0) == labels[chosen]).mean(), "sizes": np.array([len(chosen), chosen[0]])}


def validate(p): return cross_entropy(network_forward(x[:, 40:], p, True)[0], labels[40:, None])[0]


def training(steps, path=None, update=adam, **more):
    options = {"update": update, "lr": partial(cosine_schedule, steps=40, peak=.03, warmup=5), "clip": .5, "validate": validate, "every": 4, "progress": False}
    return fit(loss_and_gradients, net, batch, steps, path=path, **options | more)


@pytest.mark.parametrize("update", [adam, sgd, partial(sgd, momentum=.9)], ids="adam sgd momentum".split())
def test_stopped_after_any_step_and_resumed(tmp_path, update):
    whole = training(14, update=update)
    assert whole.step == 14 and len(whole.history["loss"]) == 14 and whole.history["sizes"].shape == (14, 2)
    for steps in range(0, 14):
        if steps % 4 and steps != 13: continue                      # elsewhere there is a validation more
        path = tmp_path/f"{steps}"
        training(steps, path, update)
        again = training(14, path, update)
        if steps != 13: assert same(again, whole), steps
        assert same(again.parameters, whole.parameters) and same(again.state, whole.state)
        assert same(load_tree(path), again._asdict()) and same(training(14, path, update), again)
    assert not same(training(14, update=update, clip=.4).parameters, whole.parameters)


def test_early_stop_is_resumed_too(tmp_path):
    options = {"patience": 2, "lr": .5}
    whole = training(400, **options)
    assert whole.step == whole.best["step"] + 8 < 400 and whole.best["validation"] == whole.history["validation"].min()
    training(whole.step - 4, tmp_path/"run", **options)
    assert same(training(400, tmp_path/"run", **options), whole)
    assert same(training(400, tmp_path/"run", **options), whole)                                # it stays stopped
    assert training(400, patience=None, lr=.5, stop=lambda run: len(run.history.get("loss", [])) == 6).step == 6


def test_no_validation_no_best():
    run = fit(loss_and_gradients, net, batch, 3, progress=False)
    assert run.best is None and {*run.history} == {"loss", "norm", "right", "sizes"}
    free, clipped = (training(1, clip=c) for c in (None, 1e-3))
    assert free.history["norm"] == clipped.history["norm"] > 1e-3
    assert same(net, init_network(3, 4, n_y=2, n_layers=2, bidirectional=True, rng=0, dtype=np.float32))


# resumed in another way

def plain(p, batch): return float((p["w"]**2).sum()), {"dw": 2*p["w"]}


def go(path, steps, update=adam, lr=1e-3, p=None, loss=plain, **more):
    return fit(loss, p or {"w": np.ones(3)}, lambda step: step, steps, update=update, lr=lr, path=path, progress=False, **more)


def held(momentum): return lambda p, g, state=None, *, lr: sgd(p, g, state, lr=lr, momentum=momentum)


def with_default(p, g, state=None, *, lr, momentum=.9): return sgd(p, g, state, lr=lr, momentum=momentum)


def of_a_set(momentum): return lambda p, g, state=None, *, lr: sgd(p, g, state, lr=lr, momentum=momentum if {*p} <= {"w", "b", "layers", "Wy", "by"} and "w" in {"w", "b", "Wy", "by"} else 0)


class Held:
    def __init__(self, momentum): self.momentum = momentum
    def __call__(self, p, g, state=None, *, lr): return sgd(p, g, state, lr=lr, momentum=self.momentum)
    def other(self, p, g, state=None, *, lr): return sgd(p, g, state, lr=lr, momentum=self.momentum)


def decayed(base, p, g, state=None, *, lr, decay=.1):
    p, state = base(p, g, state, lr=lr)
    return {k: v * (1 - lr*decay) for k, v in p.items()}, state


def quiet(update):
    "A decorated update."
    return np.errstate(all="ignore")(update)


others = {
    "adam, then sgd": (adam, sgd), "sgd, then adam": (sgd, adam), "beta1": (adam, partial(adam, beta1=.8)), "beta2": (partial(adam, beta2=.9), adam), "epsilon": (adam, partial(adam, epsilon=1e-3)),
    "momentum": (partial(sgd, momentum=.9), sgd), "partial of a partial": (partial(partial(sgd, momentum=.9), momentum=.8), partial(sgd, momentum=.9)),
    "lambda for sgd": (sgd, lambda p, g, state=None, *, lr: sgd(p, g, state, lr=lr)), "another lambda": (lambda p, g, state=None, *, lr: sgd(p, g, state, lr=lr, momentum=.9), lambda p, g, state=None, *, lr: sgd(p, g, state, lr=lr, momentum=.8)),
    "a closure": (held(.9), held(.8)), "a default": (with_default, partial(with_default, momentum=.8)), "an object": (Held(.9), Held(.8)), "a method": (Held(.9), Held(.9).other), "a method's object": (Held(.9).other, Held(.8).other),
    "an argument": (partial(decayed, adam), partial(decayed, sgd)), "a setting of its own": (partial(decayed, adam), partial(decayed, adam, decay=.2)), "a set inside": (of_a_set(.9), of_a_set(.8)), "inside of a decorator": (quiet(held(.9)), quiet(held(.8)))}


@pytest.mark.parametrize("before, after", others.values(), ids=[*others])
def test_another_update_is_refused(tmp_path, before, after):
    "With both named, before a step is made and without a change to the file."
    go(tmp_path/"run", 4, before)
    whole = (tmp_path/"run").read_bytes()
    with pytest.raises(ValueError) as e: go(tmp_path/"run", 9, after)
    saved, given = (settings_in_words(step_settings(u)) for u in (before, after))
    assert str(e.value) == f"{tmp_path/'run'}: expected {saved}, with which the run was saved, got {given}" and saved != given
    assert (tmp_path/"run").read_bytes() == whole
    assert same(go(tmp_path/"run", 9, before), go(None, 9, before))


def test_what_the_error_says(tmp_path):
    go(tmp_path/"run", 4, clip=1)
    with pytest.raises(ValueError, match=r"run: expected adam with beta1 = 0.9, beta2 = 0.999, epsilon = 1e-08, clip = 1.0, with which the run was saved, got sgd with momentum = 0.5, clip = 1.0$"):
        go(tmp_path/"run", 9, partial(sgd, momentum=.5), clip=1)
    for clip in (None, 2):
        with pytest.raises(ValueError, match=f"got adam .* clip = {clip and 2.0}$"): go(tmp_path/"run", 9, clip=clip)
    with pytest.raises(TypeError, match="update: expected a function, got str"): go(None, 3, "adam")


def test_what_may_change(tmp_path):
    "The same said in another way, and all that is not part of an update."
    equal = [(adam, partial(adam, beta1=.9)), (sgd, partial(sgd, momentum=np.float32(0))), (held(.9), held(np.float64(.9))), (partial(sgd, momentum=.9, lr=7), partial(sgd, momentum=.9)), (Held(.9), Held(.9))]
    for before, after in equal:
        go(tmp_path/"run", 4, before)
        assert same(go(tmp_path/"run", 9, after)._replace(how=None), go(None, 9, before)._replace(how=None))
        (tmp_path/"run").unlink()
    go(tmp_path/"run", 4, lr=.1, every=3)
    run = go(tmp_path/"run", 9, lr=lambda step: .1 / (1 + step), every=2, validate=lambda p: p["w"].sum(), patience=50, stop=lambda run: run.step == 8)
    assert run.step == 8 and run.best["step"] == 8
    assert same(go(tmp_path/"run", 8)._asdict(), run._asdict())


def test_an_update_that_counts_its_calls_goes_on(tmp_path):
    "What a function changes itself is not a setting of it."
    calls = 0
    def counted(p, g, state=None, *, lr):
        nonlocal calls
        calls += 1
        if calls == 7: raise KeyboardInterrupt
        return adam(p, g, state, lr=lr)
    with pytest.raises(KeyboardInterrupt): go(tmp_path/"run", 9, counted, every=2)
    assert load_tree(tmp_path/"run")["step"] == 6
    assert same(go(tmp_path/"run", 9, counted, every=2).parameters, go(None, 9).parameters)


def test_an_update_is_told_alike_by_another_process():
    code = "import sys; sys.path[:0] = {!r}; import test_train as t; print([t.step_settings(u) for pair in t.others.values() for u in pair])".format(suites)
    told = {subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ | {"PYTHONHASHSEED": str(n)}).stdout for n in (0, 1)}
    assert told == {f"{[step_settings(u) for pair in others.values() for u in pair]}\n"}


@pytest.mark.parametrize("update", [adam, partial(sgd, momentum=.9)])
def test_a_run_without_a_record_goes_on(tmp_path, update):
    "Files of older versions: with an update whose state it is, and from then on with the record."
    go(tmp_path/"run", 4, update)
    old = load_tree(tmp_path/"run")
    old.pop("how")
    arrays = {}
    form = json.dumps(trees._encode(old, "tree", "", arrays))
    (tmp_path/"run").write_bytes(numpy.save(arrays, {"form": form}))
    other = sgd if update is adam else adam
    with pytest.raises((ValueError, KeyError), match="state: expected v, got t, m, v: it is that of another update" if update is adam else 'state: "t" is missing'): go(tmp_path/"run", 9, other)
    assert same(go(tmp_path/"run", 9, update), go(None, 9, update))
    with pytest.raises(ValueError, match="with which the run was saved"): go(tmp_path/"run", 12, other)


def test_a_state_of_another_update():
    p, g = {"w": np.ones(2)}, {"dw": np.ones(2)}
    with pytest.raises(ValueError, match="state: expected v, got t, m, v: it is that of another update"): sgd(p, g, adam(p, g)[1])
    with pytest.raises(lstm_nb.MissingParameter, match='state: "t" is missing'): adam(p, g, sgd(p, g)[1])


@pytest.mark.parametrize("spoil", [
    {"step": float("nan")}, {"step": -1}, {"step": "3"}, {"history": []}, {"history": {"loss": np.array(1.)}}, {"history": None}, {"best": 3}, {"best": {}}, {"best": {"parameters": {"w": np.ones(2)}, "step": 1, "validation": 1.}},
    {"best": {"parameters": {"w": np.ones(3)}, "step": 1, "validation": "x"}}, {"how": 3}, {"how": {}}, {"how": {"update": "adam", "settings": 3, "clip": None}}, {"more": 1}, {3: None}])
def test_a_file_that_is_no_run(tmp_path, spoil):
    go(tmp_path/"run", 4)
    tree = load_tree(tmp_path/"run") | spoil
    if 3 in spoil: tree.pop(3), tree.pop("state")
    save_tree(tmp_path/"run", tree)
    with pytest.raises(ValueError, match="run: expected a run that fit saved, got something else"): go(tmp_path/"run", 9)


@pytest.mark.parametrize("name", ["loss", "norm", "validation", "validated", 3])
@pytest.mark.parametrize("validate", [None, lambda p: 2.])
def test_a_figure_with_a_name_of_fits_own(name, validate):
    steps = []
    def loss(p, step): steps.append(step); return 1., {"dw": np.ones(3)}, {"mine": 1., name: 2.}
    with pytest.raises(ValueError, match=f"loss_and_gradients: expected names for its numbers other than loss, norm, validation, validated, which fit writes down itself, got {name!r}"):
        go(None, 9, loss=loss, validate=validate)
    assert steps == [0]


def test_figures_are_kept_as_they_were():
    "Even if the array that holds them is used again."
    buffer = np.zeros(2)
    def loss(p, step): buffer[:] = step; return 1., {"dw": np.ones(3)}, {"mine": buffer}
    assert go(None, 3, loss=loss).history["mine"].tolist() == [[0, 0], [1, 1], [2, 2]]


def test_runs_share_no_history():
    a, b = Run(1), Run(1)
    a.history["loss"] = [1]
    assert b.history == Run(1).history == {} and a._replace(step=3).history is a.history
    assert same(pickle.loads(pickle.dumps(a))._asdict(), a._asdict()) and type(a._replace(step=1)) is Run


def test_runs_of_version_0_1():
    "A file that it saved goes on to the same bits."
    for name, update, clip in (("adam", adam, None), ("sgd", partial(sgd, momentum=.9), 1.)):
        data = (root/f"tests/records/run-0.1-{name}.safetensors").read_bytes()
        whole = of_version_0_1(update, clip)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder)/"run"
            path.write_bytes(data)
            assert same(load_tree(path), of_version_0_1(update, clip, steps=6)._asdict())
            assert same(of_version_0_1(update, clip, path=path), whole)
            path.write_bytes(data)
            with pytest.raises(ValueError, match="with which the run was saved"): of_version_0_1(update, 2., path=path)


def of_version_0_1(update, clip, steps=9, path=None):
    def loss(p, step): return float((p["layers"][0]["w"]**2).sum()), {"dlayers": [{"dw": 2*p["layers"][0]["w"]}]}
    return fit(loss, {"layers": [{"w": np.ones(3)}]}, lambda step: step, steps, update=update, clip=clip, lr=.01, every=2, validate=lambda p: p["layers"][0]["w"].sum(), path=path, progress=False)


# an update that overflows

def huge(step, at): return 1e-3 if step != at else 1e40


def nested(w): return {"layers": [{"w": w.copy()}, (None, {"w": w.copy()})], "b": w.copy()}


def nested_loss(p, batch):
    leaves = [v for _, v in tree_leaves(p)]
    gradients = {"dlayers": [{"dw": 2*leaves[0]}, (None, {"dw": 2*leaves[1]})], "db": 2*leaves[2]}
    return float(sum((v**2).sum() for v in leaves)), gradients


@pytest.mark.parametrize("every", [1, 5, 7])
@pytest.mark.parametrize("at", [0, 4, 5, 12, 18, 19])
@pytest.mark.parametrize("validate", [None, lambda p: float(p["b"].sum())], ids=["", "validated"])
def test_an_update_that_overflows(tmp_path, at, every, validate):
    "The good parameters are in the error, and the last good ones that were due are in the file, which goes on with a sane step size."
    p = nested(np.ones(2, np.float32))
    run = lambda steps, lr, path=None: fit(nested_loss, p, lambda step: step, steps, update=sgd, lr=lr, path=path, every=every, validate=validate, progress=False)
    with pytest.raises(NonFiniteError) as e: run(20, partial(huge, at=at), tmp_path/"run")
    assert str(e.value) == f'step {at}: update: parameters["layers"][0]["w"]: expected finite numbers, got -inf at (0,), the first of 2'
    assert e.value.step == at and same(e.value.parameters, run(at, 1e-3).parameters)
    with pytest.raises(NonFiniteError): run(20, partial(huge, at=at))                           # and without a file nothing is returned
    if at >= every:
        saved = load_tree(tmp_path/"run")
        assert saved["step"] == at // every * every and same(saved["parameters"], run(saved["step"], 1e-3).parameters)
        assert saved["best"] is None if validate is None else np.isfinite(saved["best"]["parameters"]["b"]).all()
    assert same(run(20, 1e-3, tmp_path/"run"), run(20, 1e-3))


def test_finite_but_too_large_never_reaches_the_file(tmp_path):
    "Parameters whose own loss or gradients are not finite do not replace those that have finite ones."
    with np.errstate(all="ignore"):
        for at in (3, 4, 5):
            with pytest.raises(NonFiniteError, match=f"step {at + 1}: loss: expected finite numbers, got inf"):
                go(tmp_path/f"{at}", 9, sgd, lambda step: 1e300 if step == at else 1e-3, every=1)
            assert load_tree(tmp_path/f"{at}")["step"] == at
            assert same(go(tmp_path/f"{at}", 9, sgd, 1e-3, every=1), go(None, 9, sgd, 1e-3))


def test_a_state_that_overflows(tmp_path):
    "Adam's mean of squares: every later step would be 0."
    loss = lambda p, step: (1., {"dw": np.full(3, 1e25 if step == 6 else 1, np.float32)})
    with pytest.raises(NonFiniteError) as e: go(tmp_path/"run", 9, every=3, p={"w": np.ones(3, np.float32)}, loss=loss)
    assert str(e.value) == 'step 6: update: state["v"]["w"]: expected finite numbers, got inf at (0,), the first of 3'
    assert np.isfinite(e.value.parameters["w"]).all() and load_tree(tmp_path/"run")["step"] == 6
    assert go(tmp_path/"run", 9, every=3, p={"w": np.ones(3, np.float32)}).step == 9


def test_updates_of_ones_own_that_go_wrong(tmp_path):
    "In place, not a number although all that goes in is finite, in a state of another form, in half precision, and beside what is not an array."
    def in_place(p, g, state=None, *, lr):
        state = state or {"n": 0, "name": "x", "more": [np.ones(1), None]}
        p["w"] -= lr * g["dw"]
        return p, state | {"n": state["n"] + 1}
    with np.errstate(all="ignore"), pytest.raises(NonFiniteError) as e: go(tmp_path/"run", 9, in_place, lambda s: 1e40 if s == 6 else 1e-3, {"w": np.ones(3, np.float32)}, every=2)
    assert same(e.value.parameters, go(None, 6, in_place, p={"w": np.ones(3, np.float32)}).parameters) and load_tree(tmp_path/"run")["step"] == 6
    best = go(None, 9, in_place, every=1, validate=lambda p: abs(p["w"][0] - .994)).best
    assert best["step"] == 3 and abs(best["parameters"]["w"][0] - .994) < 1e-4
    with pytest.raises(NonFiniteError, match=r'step 2: update: parameters\["w"\]: expected finite numbers, got nan at \(1,\), the first of 1$'):
        go(None, 9, lambda p, g, state=None, *, lr: ({"w": np.where((state or 0) == 2, [1, np.nan, 1], p["w"])}, (state or 0) + 1))
    with pytest.raises(NonFiniteError, match=r'step 1: update: state\["a"\]\[1\]: expected finite numbers, got inf$'):
        go(None, 9, lambda p, g, state=None, *, lr: (p, {"a": [None, np.inf if state else 1.]}))
    with pytest.raises(NonFiniteError, match="step 0: update: "): go(None, 9, sgd, 1e6, {"w": np.ones(3, np.float16)})
    wide = lambda p, g, state=None, *, lr: ({"w": p["w"].astype(np.float64) - lr * g["dw"]}, None)
    run = go(tmp_path/"wide", 4, wide, p={"w": np.ones(3, np.float32)})
    assert run.parameters["w"].dtype == np.float32 and go(tmp_path/"wide", 9, wide, p={"w": np.ones(3, np.float32)}).step == 9
    with pytest.raises(lstm_nb.ShapeError, match=r'update: parameters\["w"\]: expected \(3,\)'): go(None, 3, lambda p, g, state=None, *, lr: ({"w": np.ones(4)}, None))


def test_an_update_gets_parameters_of_its_own():
    "Whatever it does to them, under whatever name; ours, which gets the run's own, does nothing to them, nor to gradients and states."
    given = {"w": np.ones(3)}
    def adam(p, g, state=None, *, lr):
        new = {"w": p["w"] - lr * g["dw"]}
        p["w"][:] = np.nan
        return new, state
    with np.errstate(all="ignore"), pytest.raises(NonFiniteError) as e: go(None, 9, adam, lambda s: 1e308 if s == 4 else 1e-3, given)
    assert e.value.step == 4 and same(e.value.parameters, go(None, 4, sgd).parameters) and same(given, {"w": np.ones(3)})
    for update in (lstm_nb.adam, sgd, partial(sgd, momentum=.5)):
        runs, copies = [], []
        def keep(run, runs=runs, copies=copies): runs.append(run); copies.append(pickle.dumps((run.parameters, run.state)))
        go(None, 5, update, stop=keep)
        assert len(runs) > 4 and all(same((r.parameters, r.state), pickle.loads(c)) for r, c in zip(runs, copies, strict=True))
        frozen = [v for run in runs for _, v in tree_leaves((run.parameters, run.state)) if isinstance(v, np.ndarray)]
        assert not any(np.shares_memory(a, b) for n, a in enumerate(frozen) for b in frozen[:n])


def frozen(values, dtype):
    "An array that cannot be written to."
    array = np.array(values, dtype)
    array.flags.writeable = False
    return array


@pytest.mark.parametrize("given", ["e", "f", "d", "g", "efdg"])
@pytest.mark.parametrize("other", ["e", "f", "d"])
def test_the_equations_of_every_array(given, other):
    "The bits of the formulas, for all types of parameters, of gradients and for a mix of them; nothing that goes in is written to."
    rng, types = np.random.default_rng(0), iter(given * 4)
    w, b, c, none = (frozen(rng.standard_normal(shape).T, next(types)) for shape in ((4, 3), (5,), (), (2, 0)))
    dw, db, dc, dnone = (frozen(.7 * np.asarray(v, float), other) for v in (w, b, c, none))
    p = {"layers": [(None, {"w": w}), {"w": b}], "b": c, "none": none}
    g = {"dlayers": [(None, {"dw": dw}), {"dw": db}], "db": dc, "dnone": dnone}
    one, state = lstm_nb.adam(p, g, lr=.01)
    for _, v in tree_leaves((one, state["m"], state["v"])):
        if isinstance(v, np.ndarray): v.flags.writeable = False
    two, after = lstm_nb.adam(one, g, state, lr=.01)
    fast, speed = sgd(p, g, sgd(p, g, momentum=.5)[1], lr=.01, momentum=.5)
    results = one, state["m"], state["v"], two, after["m"], after["v"], fast, speed["v"]
    for start, d, *found in zip(*([v for _, v in tree_leaves(t)] for t in (p, g, *results)), strict=True):
        wide = np.result_type(start.dtype, np.float32)
        d, m, v, at, right = d.astype(wide), np.zeros(start.shape, wide), np.zeros(start.shape, wide), start, []
        for t in (1, 2):
            m, v = .9*m + (1 - .9)*d, .999*v + (1 - .999)*d*d
            at = (at - .01 * (m / (1 - .9**t)) / (np.sqrt(v / (1 - .999**t)) + 1e-8)).astype(start.dtype)
            right += at, m, v
        speed = .5*d + d
        right += (start - .01*speed).astype(start.dtype), speed
        assert all((a.dtype, a.shape) == (b.dtype, b.shape) and (a == b).all() for a, b in zip(found, right, strict=True))


def test_large_numbers_are_finite():
    "Numbers whose squares are not go on without a word."
    loss = lambda p, step: (1e200, {"dw": np.full(3, 1e30, np.float32)})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run = go(None, 3, sgd, 1., {"w": np.full(3, 1e30, np.float32)}, loss=loss, clip=1e31)
    assert run.step == 3 and np.allclose(run.parameters["w"], -2e30, rtol=1e-6) and run.history["loss"].tolist() == [1e200]*3


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, complex(0, np.inf), complex(np.nan, 0)])
@pytest.mark.parametrize("dtype", "efdgFDG")
def test_no_number_that_is_not_finite_is_missed(bad, dtype):
    "Wherever it is in the state of an update of one's own."
    if isinstance(bad, complex) and dtype.islower(): bad = bad.imag + bad.real
    for n in (0, 3, 999):
        a = np.full((25, 40), -2, dtype); a.flat[n] = bad
        with pytest.raises(NonFiniteError, match=re.escape(f'step 2: update: state["b"]: expected finite numbers, got {a.flat[n]} at {(n // 40, n % 40)}, the first of 1')):
            go(None, 5, lambda p, g, s=None, *, lr, a=a: (p, {"n": (s or {"n": 0})["n"] + 1, "a": np.full(9, 7, dtype), "b": a if s and s["n"] == 2 else np.ones(2, dtype)}))


def test_a_validation_that_is_not_finite(tmp_path):
    "Its parameters are not the last good ones, nor are they saved."
    with pytest.raises(NonFiniteError, match="step 6: validation: expected finite numbers, got nan") as e:
        go(tmp_path/"run", 9, every=3, validate=lambda p: np.nan if p["w"][0] < .9945 else 1.)
    assert same(e.value.parameters, go(None, 5).parameters) and load_tree(tmp_path/"run")["step"] == 3


# killed

zygote = """
import os, random, signal, sys, time
sys.path[:0] = {tests!r}
import numpy as np
import test_train as t
from lstm_nb.training import trees
path, big = sys.argv[1], np.random.default_rng(0).standard_normal(100_000)
p = {{"W": big, "b": np.zeros(3)}}
def loss(p, step): return float(step), {{"dW": np.roll(big, step), "db": np.full(3, step)}}
def run(path=None): return t.fit(loss, p, lambda step: step, 200, path=path, every=1, validate=lambda p: p["W"].sum(), progress=False)
{fault}
def parts(): return {{n for n in os.listdir(os.path.dirname(path)) if n.endswith(".part")}}
r, kills, inside, broken, seen = random.Random(0), 0, 0, 0, set()
while True:
    pid = os.fork()
    if not pid:
        try: run(path)
        except BaseException: os._exit(3)
        os._exit(0)
    enough = kills >= 10 and inside >= 3 or kills >= 300
    if not enough:
        time.sleep(r.uniform(.005, .03))
        if kills % 2:         # every other time not before it writes
            end = time.monotonic() + 1
            while not parts() - seen and time.monotonic() < end: pass
        os.kill(pid, signal.SIGKILL)
    killed = os.waitpid(pid, 0)[1]
    if killed == 0: break
    kills += 1
    inside += bool(parts() - seen)
    seen |= parts()
    if os.path.exists(path):
        try: trees.load_tree(path)
        except ValueError: broken += 1; break
print(kills, inside, broken, not broken and t.same(run(path), run()))
"""


def kill_often(folder, fault=""):
    code = zygote.format(tests=suites, fault=fault)
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code, str(folder/"run")], capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    kills, inside, broken, equal = done.stdout.split()
    return int(kills), int(inside), int(broken), equal == "True"


@posix
def test_killed_at_random(tmp_path):
    "A process that saves after every step, killed again and again: the file is always whole, and the end is that of a run that was left alone."
    kills, inside, broken, equal = kill_often(tmp_path)
    tables.append(f"training killed by SIGKILL {kills} times, {inside} of them in the middle of a write")
    assert kills >= 3 and inside >= 1 and not broken and equal
    assert sorted(p.name for p in tmp_path.iterdir()) == ["run"]


@posix
def test_a_write_in_place_is_seen(tmp_path):
    "What the same test says of a save that writes over the old file."
    fault = """
def in_place(path, parts):
    sign = f"{path}.{os.getpid()}.part"                     # says when it writes, so that luck is not needed
    with open(path, "wb") as file:
        open(sign, "w").close()
        for data in parts:
            for n in range(0, len(data), 100_000):
                file.write(data[n:n + 100_000])
                os.fsync(file.fileno())
    os.remove(sign)
trees.write_file = in_place
"""
    for n in range(3):
        (tmp_path/f"{n}").mkdir()
        if kill_often(tmp_path/f"{n}", fault)[2]: return
    pytest.fail("never saw a broken file")


stages = "open half written synced replaced folder".split()
at_stage = """
import os, signal, sys
sys.path[:0] = {tests!r}
import test_train as t
from lstm_nb.exchange import files as W
from lstm_nb.training import loop
stage, save, left = {stage!r}, loop.save_tree, [3]
def die(name):
    if name == stage and not left[0]: os.kill(os.getpid(), signal.SIGKILL)
class File:
    def __init__(self, file): self.file = file
    def __enter__(self): return self
    def __exit__(self, *_): self.file.close()
    def write(self, data):
        self.file.write(data[:len(data) // 2]); self.file.flush(); die("half")
        self.file.write(data[len(data) // 2:])
    def flush(self): self.file.flush(); die("written")
    def fileno(self): return self.file.fileno()
def opened(path, mode, **options):
    file = open(path, mode, **options)
    if mode != "xb": return file
    die("open")
    return File(file)
fsync, replace = os.fsync, os.replace
def synced(n):
    fsync(n)
    die("folder" if os.path.isdir(f"/proc/self/fd/{{n}}") else "synced")
def replaced(*args): replace(*args); die("replaced")
os.fsync, os.replace, W.open = synced, replaced, opened
def counted(*args): left[0] -= 1; save(*args)
loop.save_tree = counted
t.training(24, sys.argv[1])
"""


@posix
@pytest.mark.parametrize("stage", stages)
def test_killed_at_every_stage_of_a_write(tmp_path, stage):
    "The old file or the new one, whole, and the run goes on to the same bits."
    code = at_stage.format(tests=suites, stage=stage)
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code, str(tmp_path/"run")], capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert load_tree(tmp_path/"run")["step"] == (12 if stage in ("replaced", "folder") else 8)
    assert len(list(tmp_path.glob(".run.*.part"))) == (stage not in ("replaced", "folder"))
    assert same(training(24, tmp_path/"run"), training(24)) and [p.name for p in tmp_path.iterdir()] == ["run"]


def test_a_save_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    save_tree(tmp_path/"t", {"a": np.ones(3)})

    def full(*_): raise OSError("disk full")
    for name in ("fsync", "replace"):
        with monkeypatch.context() as m:
            m.setattr(os, name, full)
            with pytest.raises(OSError, match="disk full"): save_tree(tmp_path/"t", {"a": np.zeros(3)})
    assert same(load_tree(tmp_path/"t"), {"a": np.ones(3)}) and [p.name for p in tmp_path.iterdir()] == ["t"]


# files

def any_tree(r, depth=3):
    "A random tree of everything that can be saved."
    kind = r.randrange(9 if depth else 6)
    if kind < 3:
        shape = [r.randrange(4) for _ in range(r.randrange(4))]
        v = np.random.default_rng(r.randrange(99)).standard_normal(shape) * 10.**r.randrange(-320, 300)
        with np.errstate(all="ignore"): return np.array(v).astype(r.choice("?bhilBHILefdF")).transpose(r.sample(range(len(shape)), len(shape)))
    if kind < 6: return r.choice([None, True, False, 0, -7, 10**30, 0.1, -0., 1e308, 5e-324, float("inf"), float("nan"), "", "ü \n\" {", "array"])
    if kind == 6: return {r.choice(["a", "b", "a.b", "", ".", "dict", "ü", "0"]) + "x"*n: any_tree(r, depth - 1) for n in range(r.randrange(4))}
    return [list, tuple][kind - 7](any_tree(r, depth - 1) for _ in range(r.randrange(4)))


def test_any_tree_comes_back_to_the_bit(tmp_path):
    r = random.Random(0)
    for _ in range(300):
        tree = any_tree(r)
        save_tree(tmp_path/"t", tree)
        got = load_tree(tmp_path/"t")
        assert same(got, tree), (tree, got)
        before = (tmp_path/"t").read_bytes()
        save_tree(tmp_path/"t", got)
        assert (tmp_path/"t").read_bytes() == before                                           # and the same file, byte for byte


def test_every_cut_and_many_broken_bytes(tmp_path):
    path, r = tmp_path/"t", random.Random(0)
    save_tree(path, {"a": [np.arange(3.), None, 5], "b": {"c": np.ones((2, 2), np.float32)}})
    whole = path.read_bytes()
    for n in range(len(whole)):
        path.write_bytes(whole[:n])
        with pytest.raises(ValueError, match="expected a file of save_tree, got something else"): load_tree(path)
    for n in range(len(whole)):
        path.write_bytes(whole[:n] + bytes([r.choice([0, 255, whole[n] ^ 1, whole[n] ^ 128, *b'09"{}[],:'])]) + whole[n + 1:])
        if path.read_bytes() == whole: continue
        with pytest.raises(ValueError, match="expected a file of save_tree"): load_tree(path)


def test_files_that_are_none(tmp_path):
    with pytest.raises(FileNotFoundError): load_tree(tmp_path/"none")
    with pytest.raises((ValueError, OSError)): load_tree(tmp_path)
    (tmp_path/"empty").write_bytes(b"")
    with pytest.raises(ValueError, match="expected a file of save_tree"): load_tree(tmp_path/"empty")
    with pytest.raises(OSError): save_tree(tmp_path/"no"/"folder", [])


# not finite

def spoiled(step, spoil):
    def wrong(p, batch):
        n, inner = batch
        loss, gradients, figures = loss_and_gradients(p, inner)
        if n == step: loss, gradients = spoil(loss, gradients)
        return loss, gradients, figures
    return wrong


def put(value, *path):
    def spoil(loss, gradients):
        inner = gradients
        for k in path: inner = inner[k]
        inner.flat[-1] = value
        return loss, gradients
    return spoil


@pytest.mark.parametrize("step", [0, 1, 5])
@pytest.mark.parametrize("spoil, what", [
    (lambda loss, g: (np.nan, g), "loss: expected finite numbers, got nan"), (lambda loss, g: (-np.inf, g), "loss: expected finite numbers, got -inf"),
    (put(np.nan, "dWy"), 'gradients["dWy"]: expected finite numbers, got nan at (1, 7), the first of 1'),
    (put(np.inf, "dlayers", 1, 0, "dWf"), 'gradients["dlayers"][1][0]["dWf"]: expected finite numbers, got inf at (3, 11), the first of 1')])
def test_not_finite(tmp_path, step, spoil, what):
    with pytest.raises(NonFiniteError) as e:
        fit(spoiled(step, spoil), net, lambda step: (step, batch(step)), 9, path=tmp_path/"run", every=2, progress=False)
    right = fit(loss_and_gradients, net, batch, max(step - 1, 0), progress=False)
    assert str(e.value) == f"step {step}: {what}" and (e.value.step, e.value.what) == (step, what)
    assert same(e.value.parameters, right.parameters)                                          # the last whose loss and gradients were finite
    if step >= 2: assert load_tree(tmp_path/"run")["step"] == step // 2 * 2 and np.isfinite(load_tree(tmp_path/"run")["parameters"]["Wy"]).all()


def test_what_is_not_a_parameter_may_be_infinite():
    run = fit(spoiled(1, put(np.nan, "dx")), net, lambda step: (step, batch(step)), 3, progress=False)
    assert same(run, fit(loss_and_gradients, net, batch, 3, progress=False))


def test_a_step_too_large_is_told_as_the_next_loss():
    with np.errstate(all="ignore"), pytest.raises(NonFiniteError, match="step 1: ") as e:
        fit(lambda p, _: (float(p["w"] @ p["w"]), {"dw": 2*p["w"]}), {"w": np.ones(3)}, lambda step: None, 9, update=sgd, lr=1e300, progress=False)
    assert same(e.value.parameters, {"w": np.ones(3)})


# the bar

run_with_bar = textwrap.dedent("""
    import sys, time
    sys.path.insert(0, {root!r})
    import numpy as np
    from lstm_nb import fit
    def loss(p, step): time.sleep(.002); return 1 / (1 + step), {{"dw": p["w"]}}
    fit(loss, {{"w": np.ones(2)}}, lambda step: step, 150, validate=lambda p: p["w"].sum(), every=50)
""").format(root=str(root))


def test_bar_in_a_log():
    "Lines, few of them, the last one complete."
    done = subprocess.run([sys.executable, "-c", run_with_bar], capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout == "", done.stderr
    lines = done.stderr.splitlines()
    assert 1 <= len(lines) <= 4 and "\r" not in done.stderr and "150/150" in lines[-1] and "loss=0.00" in lines[-1] and "validation=" in lines[-1], lines


@posix
def test_bar_in_a_terminal():
    "One line that is written over, many times."
    here, there = pty.openpty()
    process = subprocess.Popen([sys.executable, "-c", run_with_bar], stderr=there, stdout=there)
    os.close(there)
    text = b""
    while True:
        try: part = os.read(here, 4096)
        except OSError: break
        if not part: break
        text += part
    os.close(here)
    assert process.wait() == 0
    text = text.decode()
    assert text.count("\r") > 3 and text.count("\n") <= 1 and "150/150" in text and "loss" in text, text


def test_bar_in_a_notebook():
    "ipykernel's stream is not a terminal, but can write over a line."
    code = "import io, sys\nclass OutStream(io.StringIO): __module__ = 'ipykernel.iostream'\nold, sys.stderr = sys.stderr, OutStream()\n" + run_with_bar + "\nold.write(repr(sys.stderr.getvalue()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0 and done.stderr.count("\\r") > 3 and "150/150" in done.stderr, done.stderr


@pytest.mark.parametrize("package, call, message", [
    ("tqdm", "print(fit(loss, p, lambda step: step, 3).step, 'steps, and no bar')", "3 steps, and no bar"),
    ("safetensors", "save_tree('t', p); print(*load_tree('t')['w'])", "1.0 1.0"),
    ("safetensors", "[fit(loss, p, lambda step: step, n, path='t', every=1, progress=False) for n in (2, 5)]; print(load_tree('t')['step'], 'steps in a file')", "5 steps in a file")])
def test_without_the_extra(package, call, message, tmp_path):
    "Training needs NumPy alone: there is no bar, and a file is as good."
    code = textwrap.dedent(f"""
        import sys
        sys.path.insert(0, {str(root)!r})
        sys.modules[{package!r}] = None
        import numpy as np
        from lstm_nb import fit, load_tree, save_tree
        p = {{"w": np.ones(2)}}
        def loss(p, step): return 0., {{"dw": p["w"]}}
        assert fit(loss, p, lambda step: step, 3, progress=False).step == 3
        try: {call}
        except ImportError as e: print(e)
    """)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert done.stdout.strip() == message and not done.stderr, done.stderr


@pytest.mark.parametrize("missing", [(), ("tqdm",), ("tqdm", "safetensors", "matplotlib")], ids=["all", "no bar", "nothing else"])
def test_the_first_page_runs_on_a_plain_install(missing, tmp_path):
    "As it stands there, from the file to the file; a plot that cannot be drawn is one line that says what to install."
    code = f"import runpy, sys; sys.path.insert(0, {str(root)!r}); sys.modules.update(dict.fromkeys({missing})); runpy.run_path({str(root/'tools/example.py')!r})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, env=os.environ | {"MPLBACKEND": "agg"})
    told = 'plot_answers needs matplotlib: pip install "lstm_nb[plot]"' in done.stdout.splitlines()
    assert done.returncode == 0 and ("400/400" in done.stderr) == ("tqdm" not in missing) and told == ("matplotlib" in missing) and not [*tmp_path.iterdir()], done.stderr
    assert re.search(r"a CSV file: 400 steps, off by 0\.5\d where .* files \['measured.csv', 'run'\]$", done.stdout.splitlines()[-1]), done.stdout


# updates and batches

def test_updates_share_nothing_and_change_nothing():
    for update in (adam, partial(sgd, momentum=.5), sgd):
        g = network_backward(np.ones((2, 50, 1), np.float32), network_forward(x, net, True)[-1])
        before = json.dumps([v.tolist() for _, v in tree_leaves(check_tree("", [net, {k: g[k] for k in ("dWy", "dby", "dlayers")}]))])
        p1, s1 = update(net, g)
        p2, s2 = update(p1, g, s1)
        assert before == json.dumps([v.tolist() for _, v in tree_leaves(check_tree("", [net, {k: g[k] for k in ("dWy", "dby", "dlayers")}]))])
        leaves = [v for tree in (net, parameter_gradients(net, g), p1, p2, {k: v for k, v in s1.items() if k != "t"}, {k: v for k, v in s2.items() if k != "t"}) for _, v in tree_leaves(tree)]
        assert not any(np.shares_memory(a, b) for n, a in enumerate(leaves) for b in leaves[:n])


def test_clipping_keeps_the_direction():
    rng = np.random.default_rng(0)
    for _ in range(50):
        g = {"a": rng.standard_normal(5) * 10.**rng.integers(-200, 200), "b": [rng.standard_normal((2, 3)) * 10.**rng.integers(-200, 200)]}
        most = 10.**rng.integers(-300, 300)
        clipped, norm = clip_by_norm(g, most)
        flat, short = (np.r_[v["a"], v["b"][0].ravel()] for v in (g, clipped))
        scale = abs(flat).max()
        length = scale * np.linalg.norm(flat / scale)
        assert abs(norm / length - 1) < 1e-14
        np.testing.assert_allclose(short, flat if length <= most else flat / scale * (most / (length / scale)), rtol=1e-13, atol=0)


def test_minibatches_are_an_order_of_all():
    for m, size in [(1, 1), (7, 3), (8, 4), (5, 9), (1000, 64)]:
        per = -(-m // size)
        for epoch in (0, 1, 17):
            parts = [minibatch(epoch*per + n, m, size, seed=2) for n in range(per)]
            assert sorted(np.concatenate(parts)) == [*range(m)] and {len(p) for p in parts[:-1]} <= {size}


def test_the_adding_problem_can_be_solved_by_hand():
    "The sum of what is marked, which no step may keep to itself: every sequence, on all lengths."
    for n in (11, 12, 30, 100, 507):
        v, lengths, y = adding_problem(n, 200, rng=n)
        assert v.shape[2] == lengths.max() <= n + n // 10 and lengths.min() >= n
        for j in range(200):
            values, markers = v[:, j, :lengths[j]]
            where = np.flatnonzero(markers == 1)
            assert markers[0] == markers[-1] == -1 and 1 <= len(where) <= 2 and where[-1] < max(n // 2, 10) and (where[0] < 10 or len(where) == 1)
            assert abs(.5 + values[where].sum() / 4 - y[0, j, 0]) < 1e-15


def test_samples_follow_the_network():
    p = init_network(3, 5, n_y=3, rng=1)
    drawn = sample(p, [0], 2000, rng=2)
    z = network_forward(one_hot([np.r_[0, drawn[:-1]]], 3), p)[0][:, 0]
    probability = np.exp(z - z.max(0)) / np.exp(z - z.max(0)).sum(0)
    for k in range(3): assert abs((drawn == k).mean() - probability[k].mean()) < .03


def test_there_is_a_train_extra():
    from configparser import ConfigParser
    ini = ConfigParser(delimiters=["="])
    ini.read(root/"settings.ini", encoding="utf-8")
    assert ini["DEFAULT"]["train_requirements"].split() == ["tqdm"]
    for k in ("tqdm", "sklearn"): assert importlib.util.find_spec(k)
