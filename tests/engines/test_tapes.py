"What every forward pass keeps for its backward pass: copied, pickled, handed on, in threads and in other processes."
import copy
import multiprocessing
import pickle
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import numpy as np
import pytest

import lstm_nb as nb
from lstm_nb.engines import arrays, calls

n_x, n_a, m, T = 2, 4, 3, 7
r = np.random.default_rng(0)
draw = lambda *shape: r.standard_normal(shape)
x, y, a0, c0, mask = draw(n_x, m, T), draw(n_x, m, T), draw(n_a, m), draw(n_a, m), (draw(n_a, m) > 0) / .5
p, gru = nb.init_lstm_parameters(n_x, n_a, n_y=2, rng=1), nb.init_gru_parameters(n_x, n_a, reset_after=True, rng=1)
all_on = nb.init_variant_parameters(n_x, n_a, n_r=3, peepholes=True, layer_norm=True, rng=1)
rnn = nb.init_rnn_parameters(n_x, n_a, rng=1)
pairs, lengths = nb.init_layers(n_x, n_a, n_layers=2, bidirectional=True, rng=1), [7, 2, 5]
network = nb.init_network(n_x, n_a, n_layers=2, n_y=2, rng=1)
numba = partial(nb.fused_lstm_forward, engine="numba"), nb.fused_lstm_backward
checkpointed = partial(nb.checkpointed_lstm_forward, every=3), nb.checkpointed_lstm_backward
drops = nb.dropout_masks(pairs, m, T, rate=.3, state_rate=.3, rng=1)


def typed(v, dtype): return {k: w.astype(dtype) for k, w in v.items()} if isinstance(v, dict) else v.astype(dtype)


def of_type(dtype, engine):
    "The fused engine in a type, with a mask."
    args = [typed(v, dtype) for v in (a0, p, c0)]
    return lambda x, **tape: nb.fused_lstm_forward(x.astype(dtype), *args, engine=engine, mask=mask, **tape)


def list_of(x): return [x[:, :, :4], x[:, :, 4:]]


fused_kinds = {f"{engine}, {dtype}": (of_type(dtype, engine), nb.fused_lstm_backward)
               for engine, dtype in [("numpy", "f4"), ("numpy", "f8"), ("numpy", "c16"), ("numba", "f4"), ("numba", "f8")]}
layer_kinds = {f"layers, {name}": (partial(nb.layers_forward, parameters=pairs, lengths=lengths, engine=engine), nb.layers_backward)
               for name, engine in [("numpy", None), ("numba", numba)]}
layer_kinds |= {"layers, masks": (partial(nb.layers_forward, parameters=pairs, **drops), nb.layers_backward),
                "layers, one direction": (partial(nb.layers_forward, parameters=[(None, pairs[0][1])]), nb.layers_backward)}
kinds = fused_kinds | layer_kinds | {
    "layers, checkpointed": (partial(nb.layers_forward, parameters=pairs, engine=checkpointed), nb.layers_backward),
    "layers, GRU": (partial(nb.layers_forward, parameters=[gru], engine=(nb.gru_forward, nb.gru_backward)), nb.layers_backward),
    "network": (partial(nb.network_forward, parameters=network), nb.network_backward),
    "network, last": (partial(nb.network_forward, parameters=network, last=True, lengths=lengths, engine=numba), nb.network_backward),
    "checkpointed, numpy": (lambda x: nb.checkpointed_lstm_forward(x, a0, p, c0, every=3), nb.checkpointed_lstm_backward),
    "checkpointed, numba": (lambda x: nb.checkpointed_lstm_forward(x, a0, p, c0, every=7, engine="numba", mask=mask), nb.checkpointed_lstm_backward),
    "checkpointed, a list": (lambda x: nb.checkpointed_lstm_forward(list_of(x), a0, p), nb.checkpointed_lstm_backward),
    "per step": (lambda x: nb.lstm_forward(x, a0, p, c0), nb.lstm_backward),
    "per step, RNN": (lambda x: nb.rnn_forward(x, a0, rnn), nb.rnn_backward),
    "GRU": (lambda x: nb.gru_forward(x, a0, gru), nb.gru_backward),
    "variant": (lambda x: nb.variant_lstm_forward(x, a0[:3], all_on, clip=2, activations=("HardSigmoid", ("Elu", .5), "Tanh")), nb.variant_lstm_backward),
    "variant, RNN": (lambda x: nb.variant_rnn_forward(x, a0, rnn, activations=["Relu"]), nb.variant_rnn_backward)}


def pickled(protocol): return lambda tape: pickle.loads(pickle.dumps(tape, protocol))


def out_of_band(tape):
    "Through buffers that nobody may write to, as other processes hand them over."
    buffers = []
    text = pickle.dumps(tape, 5, buffer_callback=buffers.append)
    return pickle.loads(text, buffers=[bytes(b) for b in buffers])


ways = {"copy": copy.copy, "deepcopy": copy.deepcopy, "pickle 2": pickled(2), "pickle 5": pickled(5), "out of band": out_of_band,
        "twice": lambda tape: copy.copy(pickled(4)(copy.deepcopy(tape)))}


def leaves(v):
    if isinstance(v, dict): v = [*v.values()]
    if isinstance(v, (list, tuple)): return [a for w in v for a in leaves(w)]
    return [v.copy()] if isinstance(v, np.ndarray) else []


# NumPy 2.2, the last for Python 3.10, multiplies by a step of `x` in another order of terms than by a copy of that step
step = np.random.default_rng(3).standard_normal((4, 3, 7))[:, :, 1]
same = np.array_equal if np.array_equal(step.T @ step, step.copy().T @ step.copy()) else partial(np.allclose, rtol=1e-13, atol=1e-13)


def equal(one, two): return len(one) == len(two) and all(same(u, v) and u.dtype == v.dtype for u, v in zip(one, two, strict=True))


@pytest.mark.parametrize("kind", kinds)
def test_a_thousand_copies(kind):
    "All kinds together; before a backward pass and after it, copies of copies, used twice, and the first is used again."
    forward, backward = kinds[kind]
    out, count, k = forward(x), -(-1000 // len(kinds)), 0
    da = np.random.default_rng(2).standard_normal(out[0].shape)
    want = leaves(backward(da, forward(x)[-1]))
    copies = []
    while len(copies) < count:
        tape = forward(x)[-1]
        for way in ways.values():
            copies.append(way(tape))
            assert equal(leaves(backward(da, copies[-1])), want)
        if k % 2 == 0: assert equal(leaves(backward(da, tape)), want)
        copies += [way(tape) for way in ways.values()]
        k += 1
    for one in copies:
        for _ in range(1 + len(copies) % 2): assert equal(leaves(backward(da, one)), want)


@pytest.mark.parametrize("kind", fused_kinds | layer_kinds)
@pytest.mark.parametrize("way", ways)
def test_the_memory_of_a_copy(kind, way):
    "A next run in it is right, and neither the first tape nor another copy sees it; the other way round too."
    forward, backward = kinds[kind]
    out, other = forward(x), forward(y)
    da = np.random.default_rng(2).standard_normal(out[0].shape)
    want, want_y, tape = leaves(backward(da, out[-1])), leaves(backward(da, other[-1])), out[-1]
    one, two = ways[way](tape), ways[way](tape)
    again = forward(y, tape=one)
    assert equal(leaves(again[:-1]), leaves(other[:-1])) and equal(leaves(backward(da, again[-1])), want_y)
    assert equal(leaves(backward(da, tape)), want) and equal(leaves(backward(da, two)), want)
    forward(y, tape=tape)
    assert equal(leaves(backward(da, two)), want)


@pytest.mark.parametrize("kind", fused_kinds | layer_kinds)
def test_what_was_handed_on_stays_so(kind):
    forward, backward = kinds[kind]
    out = forward(x)
    forward(y, tape=out[-1])
    for way in ways.values():
        with pytest.raises(ValueError, match="handed on"): backward(out[0], way(out[-1]))
        with pytest.raises(ValueError, match="handed on"): forward(x, tape=way(out[-1]))


def test_what_a_copy_holds():
    "Nothing but the arrays of the run: no slices of them, no room of a backward pass, no lock, no thread."
    a, _, tape = nb.fused_lstm_forward(x, a0, p)
    nb.fused_lstm_backward(a, tape)
    tape.note = "a user's own"
    for way in ways.values():
        memory = way(tape).memory
        assert not memory.views and not memory.scratch and memory.readers == 0
        assert not np.shares_memory(memory.a, tape.memory.a) and way(tape).note == tape.note
    kept = sum(getattr(tape.memory, k).nbytes for k in arrays._KEPT)
    assert kept < len(pickle.dumps(tape)) < kept + 3000


@pytest.mark.parametrize("engine", ["numpy", "numba"])
@pytest.mark.parametrize("what", ["backward", "copy"])
def test_handing_on_while_it_is_read(engine, what, monkeypatch):
    "An error in the thread that tries; what reads the tape gets what is right."
    forward = partial(nb.fused_lstm_forward, a0=a0, parameters=p, engine=engine)
    a, _, tape = forward(x)
    da, inside, go, found = np.ones(a.shape), threading.Event(), threading.Event(), []
    want = nb.fused_lstm_backward(da, tape)
    module, name = {"backward": (calls, "turn_weights"), "copy": (arrays, "deepcopy")}[what]
    real = getattr(module, name)

    def slow(*args):
        inside.set()
        assert go.wait(60)
        return real(*args)
    monkeypatch.setattr(module, name, slow)

    def read():
        one = copy.deepcopy(tape) if what == "copy" else tape
        found.append(nb.fused_lstm_backward(da, one))
    thread = threading.Thread(target=read)
    thread.start()
    assert inside.wait(60)
    with pytest.raises(ValueError, match="tape: expected a tape that is not in use, got one on which a backward pass, or a copy"): forward(y, tape=tape)
    go.set()
    thread.join()
    monkeypatch.undo()
    assert equal(leaves(found), leaves(want)) and equal(leaves(nb.fused_lstm_backward(da, tape)), leaves(want))
    b = forward(y, tape=tape)[0]
    assert np.array_equal(b, forward(y)[0])


def test_a_failed_backward_pass_leaves_the_tape_free():
    _, _, tape = nb.fused_lstm_forward(x, a0, p)
    with pytest.raises(nb.ShapeError): nb.fused_lstm_backward(a0, tape)
    nb.fused_lstm_forward(y, a0, p, tape=tape)


@pytest.mark.parametrize("kind", ["numpy, f8", "numba, f4", "layers, numpy", "checkpointed, numpy", "network"])
def test_copies_while_backward_passes_run(kind):
    forward, backward = kinds[kind]
    out = forward(x)
    da, tape, wrong = np.random.default_rng(2).standard_normal(out[0].shape), out[-1], []
    want = leaves(backward(da, copy.deepcopy(tape)))

    def work(way):
        for _ in range(25):
            if not equal(leaves(backward(da, way(tape))), want): wrong.append(way)
    threads = [threading.Thread(target=work, args=(way,)) for way in (*ways.values(), lambda tape: tape)]
    for t in threads: t.start()
    for t in threads: t.join()
    assert not wrong


@pytest.mark.parametrize("kind", ["numpy, f8", "layers, numpy"])
def test_a_race_is_never_garbage(kind):
    "Backward passes against a run that is given the tape: each is right or an error."
    forward, backward = kinds[kind]
    da = np.random.default_rng(2).standard_normal(forward(x)[0].shape)
    want, states, counted = leaves(backward(da, forward(x)[-1])), leaves(forward(y)[:-1]), []
    for _ in range(40):
        tape, found = forward(x)[-1], []

        def back():
            try:
                while True:
                    found.append(leaves(backward(da, tape)))
                    time.sleep(1e-4)
            except ValueError as e: found.append(str(e))
        thread = threading.Thread(target=back)
        thread.start()
        while not counted or counted[-1] != "done":
            try:
                assert equal(leaves(forward(y, tape=tape)[:-1]), states)
                counted.append("done")
            except ValueError as e:
                assert "in use" in str(e) or "handed on" in str(e)
                counted.append("refused")
                if "handed on" in str(e): counted.append("done")       # a layer of it had gone already
        counted.append("next")
        thread.join()
        assert "handed on" in found[-1] and all(equal(v, want) for v in found[:-1])


def test_other_processes():
    "A tape goes to a process and comes back, as multiprocessing and joblib do it."
    picklable = ["numpy, f4", "numba, f8", "layers, numpy", "layers, numba", "network", "checkpointed, numba", "GRU", "variant", "per step"]
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        for kind in picklable:
            forward, backward = kinds[kind]
            out = forward(x)
            da = np.random.default_rng(2).standard_normal(out[0].shape)
            want = leaves(backward(da, out[-1]))
            assert equal(leaves(pool.submit(backward, da, out[-1]).result()), want)
            assert equal(leaves(backward(da, pool.submit(copy.deepcopy, out[-1]).result())), want)
        tape = pool.submit(nb.fused_lstm_forward, x, a0, p).result()[2]
        da = np.ones((n_a, m, T))
        assert equal(leaves(nb.fused_lstm_backward(da, tape)), leaves(nb.fused_lstm_backward(da, nb.fused_lstm_forward(x, a0, p)[2])))
        nb.fused_lstm_forward(y, a0, p, tape=tape)
        with pytest.raises(ValueError, match="handed on"): pool.submit(nb.fused_lstm_backward, da, tape).result()


def test_a_copy_that_forgets_is_seen(monkeypatch):
    "What these tests are worth: a copy that takes the cached slices along, and one that shares its memory."
    def with_slices(memory, state):
        vars(memory).update(state | {"readers": 0})
    monkeypatch.setattr(arrays.Memory, "__getstate__", lambda memory: vars(memory) | {"given": ()})
    monkeypatch.setattr(arrays.Memory, "__setstate__", with_slices)
    with pytest.raises(AssertionError): test_the_memory_of_a_copy("numpy, f8", "pickle 5")
    monkeypatch.undo()
    monkeypatch.setattr(arrays.Tape, "__getstate__", lambda tape: vars(tape))
    with pytest.raises((AssertionError, ValueError)): test_the_memory_of_a_copy("numpy, f8", "copy")
