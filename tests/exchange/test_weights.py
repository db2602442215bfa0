"Weights: every round trip bit for bit, every wrong key, shape and type named, and files and arguments that nobody should pass."
import itertools
import os
import random
import re
import struct
import subprocess
import sys
import warnings
from collections import Counter
from collections.abc import Mapping

import numpy as np
import pytest
from hostile import is_numbers, spoil, trace
from lstm_nb import MissingParameter, ShapeError
from lstm_nb.exchange.files import read_safetensors, write_safetensors
from lstm_nb.exchange.flax import from_flax, to_flax
from lstm_nb.exchange.keras import from_keras, to_keras
from lstm_nb.exchange.onnx import from_onnx, onnx_model, to_onnx
from lstm_nb.exchange.network import cells_of
from lstm_nb.exchange.blocks import blocks_of, one_bias, parameters_of, two_biases
from lstm_nb.exchange.packings import GATE_ORDERS, split_gates, stack_gates
from lstm_nb.exchange.read_onnx import read_onnx
from lstm_nb.exchange.run_onnx import run_onnx
from lstm_nb.exchange.torch import from_torch, to_torch
from problems import long, tables

nets = ("lstm", "projection", "peepholes", "gru", "gru, reset before", "rnn")
keys = {"lstm": [n + k for k in "fico" for n in "Wb"], "gru": [n + k for k in "zrc" for n in "Wb"], "rnn": ["Wax", "Waa", "ba"]}
strange = [np.nan, np.inf, -np.inf, -0., 0., 5e-324, 1e308]


def network(net, n_x=3, n_a=4, n_r=2, directions=1, layers=1, dtype=np.float64, seed=0, odd=False):
    "A network with random weights; with `odd` some of them are not finite, or zeros with a sign."
    rng, rows, found = np.random.default_rng(seed), n_r if net == "projection" else n_a, []

    def draw(*shape):
        w = rng.standard_normal(shape)
        if odd: w[rng.random(shape) < .3] = rng.choice(strange)
        with np.errstate(all="ignore"): return w.astype(dtype)
    for i in range(layers):
        below, cells = rows * directions if i else n_x, []
        shapes = {"W": (n_a, rows + below), "b": (n_a, 1), "Wax": (n_a, below), "Waa": (n_a, n_a)}
        for _ in range(directions):
            p = {k: draw(*shapes.get(k, shapes[k[0]])) for k in keys["rnn" if net == "rnn" else "gru" if "gru" in net else "lstm"]}
            if net == "projection": p["Wp"] = draw(n_r, n_a)
            if net == "peepholes": p |= {f"P{k}": draw(n_a, 1) for k in "fio"}
            if net == "gru": p["bca"] = draw(n_a, 1)
            cells.append(p)
        found.append(tuple(cells) if directions == 2 else cells[0])
    return found


def same(a, b):
    "Whether two networks, or weights in another form, are the same: keys, shapes, types and every bit."
    if isinstance(b, Mapping): return isinstance(a, Mapping) and a.keys() == b.keys() and all(same(a[k], b[k]) for k in b)
    if isinstance(b, (list, tuple)): return isinstance(a, (list, tuple)) and len(a) == len(b) and all(map(same, a, b))
    if a.dtype != b.dtype or a.shape != b.shape: return False
    return a.tobytes() == b.tobytes() if a.dtype.char not in "gG" else np.array_equal(a, b, equal_nan=True)        # those have bytes without a meaning


# name -> there, back, the networks that have a place there
forms = {
    "PyTorch": (to_torch, from_torch, ("lstm", "projection", "gru", "rnn")),
    "Keras": (to_keras, from_keras, ("lstm", "gru", "gru, reset before", "rnn")),
    "Flax": (to_flax, from_flax, ("lstm", "gru", "rnn")),
    "ONNX": (to_onnx, from_onnx, ("lstm", "peepholes", "gru", "gru, reset before", "rnn")),
}


def back(form, net, directions=1):
    "The converter back, told what the form does not say."
    told = {"Keras": {"bidirectional": directions == 2}, "ONNX": {"reset_after": net == "gru"}}
    return lambda there: forms[form][1](there, **told.get(form, {}))


def leaves(v, path=()):
    "Every array in `v` with its path."
    items = v.items() if isinstance(v, Mapping) else enumerate(v) if isinstance(v, (list, tuple)) else ()
    if isinstance(v, np.ndarray): yield path, v
    for k, w in items: yield from leaves(w, (*path, k))


def replaced(v, path, new):
    "`v` with `new` at `path`, or without what is there if `new` is None."
    k, *rest = path
    if isinstance(v, Mapping):
        if not rest and new is None: return {n: w for n, w in v.items() if n != k}
        return {**v, k: replaced(v[k], rest, new) if rest else new}
    out = list(v)
    if rest: out[k] = replaced(v[k], rest, new)
    elif new is None: del out[k]
    else: out[k] = new
    return type(v)(out)


pairs = [(form, net) for form, (_, _, held) in forms.items() for net in held]
each = pytest.mark.parametrize("form, net", pairs, ids=lambda v: v)


@each
def test_round_trips(form, net):
    "Both ways, every bit; nothing is changed, nothing is shared."
    there, n = forms[form][0], 0
    for directions, layers, odd, dtype in itertools.product((1, 2), (1, 2, 3), (False, True), (np.float16, np.float32, np.float64, np.complex64, np.complex128)):
        p = network(net, directions=directions, layers=layers, dtype=dtype, seed=n, odd=odd)
        before = trace(p)
        theirs = there(p)
        again = back(form, net, directions)(theirs)
        assert same(again, p)
        assert same(there(again), theirs)
        assert trace(p) == before
        held = [[a for _, a in leaves(v)] for v in (p, theirs, again)]
        assert not any(np.may_share_memory(a, b) for one, other in itertools.combinations(held, 2) for a in one for b in other)
        assert all(a.flags.c_contiguous and a.flags.writeable for a in held[1])
        n += 1


@each
def test_no_place(form, net):
    "What a framework has no place for is an error that names it, and not dropped."
    p = network(net)[0]
    for k in ("Wy", "by", "Wq", "gf", *{"Wp", "Pf", "bca"} - {*p}):
        if k == "Wp" and form == "PyTorch" and net == "lstm": continue          # another network, and a right one
        if k == "bca" and "gru" in net and form != "PyTorch" or k == "Pf" and form == "ONNX" and net == "lstm": continue
        extra = {"Wp": np.ones((2, 4))}.get(k, np.ones((4, 1)))
        with pytest.raises((ValueError, ShapeError), match=k): forms[form][0]([p | {k: extra}])
    for k in p:
        if k in ("bca", "Wp") or k[0] == "P": continue
        with pytest.raises((MissingParameter, ShapeError), match=k): forms[form][0]([{n: v for n, v in p.items() if n != k}])


@each
def test_wrong_weights_are_named(form, net):
    "One array of the wrong shape or type, or missing, or one key too many: an error, in every form."
    theirs = forms[form][0](network(net, directions=2, layers=2))
    read, n = back(form, net, 2), 0
    for path, array in leaves(theirs):
        wrong = [np.concatenate([array, array.take([0], k)], k) for k in range(array.ndim)] + [array[None], array[..., None], array[:0], array[..., :0]]
        free = form == "ONNX" and path == (0, "W")          # how many inputs there are, only this array says
        wrong = [w for w in wrong if w.shape != array.shape and not (free and w.shape[:2] == array.shape[:2] and w.ndim == 3 and w.shape[2])]
        for w in wrong:
            with pytest.raises(ValueError, match=r"expected.*got|is missing"): read(replaced(theirs, path, w))
        for w in (array.astype(int), array.astype(bool), array.astype(str), array.astype(object), np.ma.masked_array(array, array > 0), "x", 3, object(), {}, [None]):
            with pytest.raises((TypeError, ValueError), match=r"expected.*got|is missing"): read(replaced(theirs, path, w))
        with pytest.raises(TypeError, match="expected float(32|64) as .*, got float|expected what network"): check_type(read, replaced(theirs, path, array.astype(np.float32)))
        if not (form == "ONNX" and path[-1] in ("B", "P")):
            with pytest.raises(ValueError, match=r"expected.*got|is missing"): read(replaced(theirs, path, None))
        n += len(wrong)
    assert n > 30


def check_type(read, wrong):
    try: read(wrong)
    except ValueError as e: raise TypeError(str(e)) from e          # two layers of different types: named by the network's check


@each
def test_no_key_is_left_over(form, net):
    theirs = forms[form][0](network(net))
    if form == "Keras": more = [theirs + [theirs[0]], theirs + theirs[:2]]
    elif form == "PyTorch": more = [theirs | {k: np.ones((2, 2))} for k in ("weight_ih_l7", "weight_hh_l0_reverse", "fc.weight", "num_batches_tracked")]
    elif form == "Flax": more = [[theirs[0] | {"Dense_0": {"kernel": np.ones((2, 2))}}], [{k: v | {"scale": np.ones(4)} for k, v in theirs[0].items()}]]
    else: more = [[theirs[0] | {"Q": np.ones((1, 4))}], [theirs[0] | {"w": theirs[0]["W"]}]]
    for wrong in more:
        with pytest.raises(ValueError, match="expected.*got"): back(form, net)(wrong)


bfloat16 = type("bfloat16 array", (), {"dtype": "bfloat16", "__array__": lambda self, *a, **k: np.asarray(None)[3]})


@each
def test_bfloat16(form, net):
    theirs = forms[form][0](network(net))
    path = next(leaves(theirs))[0]
    with pytest.raises(TypeError, match="got bfloat16, convert them to float32 first"): back(form, net)(replaced(theirs, path, bfloat16()))


def without_end(v): return isinstance(v, np.ndarray) and v.size > 1e6


def clean(v):
    "The same in plain containers and arrays in C order."
    if isinstance(v, Mapping): return {k: clean(w) for k, w in v.items()}
    if is_numbers(v): return np.array(np.asarray(v), np.asarray(v).dtype.newbyteorder("="), order="C")
    return type(v)(map(clean, v)) if isinstance(v, (tuple, list)) else v


def converters(form):
    "Calls of the two converters of `form`: kind, function and valid argument."
    there, _, held = forms[form]
    for n, (net, directions, layers) in enumerate(itertools.product(held, (1, 2), (1, 2))):
        p = network(net, directions=directions, layers=layers, seed=n)
        yield "to", there, p
        yield "from", back(form, net, directions), there(p)
        if form == "ONNX": continue
        rows = directions * (2 if net == "projection" else 4)
        whole = {"layers": p, "Wy": np.random.default_rng(n).standard_normal((2, rows)), "by": np.ones((2, 1))}
        to, read = outputs(form, directions)
        yield "to, output", to, whole
        yield "from, output", read, to(whole)


def outputs(form, directions):
    "The two converters for a network with an output layer."
    if form == "PyTorch": return lambda v: to_torch(v, output="fc."), lambda v: from_torch(v, output="fc.")
    if form == "Keras": return to_keras, lambda v: from_keras(v, bidirectional=directions == 2, output=True)
    return to_flax, from_flax


def files(folder):
    "Calls that write a file or a model, and read it again or run it."
    def write(v): write_safetensors(folder/"w", v); return read_safetensors(folder/"w")
    rng, lengths = np.random.default_rng(0), np.array([2, 6, 1, 0, 3], np.int32)
    for n, net in enumerate(("lstm", "peepholes", "gru", "rnn")):
        p = network(net, directions=2, seed=n)
        model = onnx_model(p, lengths=True)
        yield "write", write, dict(zip("abc", p[0][0].values()))
        yield "model", lambda v: read_onnx(onnx_model(v))[0], p
        yield "run", lambda v, model=model: run_onnx(model, v), {"x": rng.standard_normal((6, 5, 3)), "lengths": lengths}


def helpers():
    "Calls of what the converters are made of."
    copied = lambda v: {k: copied(w) for k, w in v.items()} if isinstance(v, Mapping) else [*map(copied, v)] if isinstance(v, (list, tuple)) else v.copy()
    for n, net in enumerate(("lstm", "projection", "gru", "rnn")):
        kind, p = {"projection": "lstm"}.get(net, net), network(net, seed=n)[0]
        order, (x, a, b) = GATE_ORDERS[kind]["PyTorch"], blocks_of(p)
        first, second = (split_gates(v, order) for v in two_biases(p, order))
        yield "cell", lambda v: copied(blocks_of(v)), p
        yield "cell", lambda v, order=order: two_biases(v, order), p
        yield "blocks", lambda v, order=order: stack_gates(v, order), x
        yield "stack", lambda v, order=order: copied(split_gates(v, order)), stack_gates(a, order)
        yield "blocks", lambda v, kind=kind, a=a, b=b: parameters_of(kind, v, a, b), x
        yield "biases", lambda v, kind=kind, x=x, a=a: parameters_of(kind, x, a, v), b
        yield "biases", lambda v, kind=kind, second=second: one_bias(kind, v, second), first
        yield "network", lambda v: copied([[p for _, p in layer] for layer in cells_of(v)]), network(net, directions=2, seed=n)


called = {f.__name__ for there, read, _ in forms.values() for f in (there, read)} | {"read_safetensors", "write_safetensors", "onnx_model", "read_onnx", "run_onnx"}


@pytest.mark.parametrize("name", [*forms, "files", "helpers"])
def test_hostile(name, tmp_path):
    "Thousands of spoiled arguments: each ends in what a clean copy gives or in an error that says what was expected, in silence."
    r, outcomes = random.Random(name), Counter()
    pool, count = ([*files(tmp_path)], 1500 if long else 500) if name == "files" else ([*(helpers() if name == "helpers" else converters(name))], 5000 if long else 1500)
    for _ in range(count):
        kind, call, valid = r.choice(pool)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            args, changes = spoil({"v": valid}, [{"v": other} for k, _, other in pool if k == kind], r)
        if any(without_end(w) for _, w in changes): continue
        before = trace(args)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            try: result, error = call(args["v"]), None
            except (TypeError, ValueError) as e: result, error = None, e
        assert trace(args) == before, changes
        if error is None:
            assert same(result, call(clean(args["v"]))), changes
            assert not any(np.may_share_memory(a, b) for _, a in leaves(result) for _, b in leaves(args["v"])), changes
        else: assert re.search(r"expected.*got|is missing", str(error), re.S), (error, changes)
        outcomes["right result" if error is None else type(error).__name__] += 1
    assert outcomes["right result"] > count / 10 and outcomes["TypeError"] > count / 10 and outcomes["ShapeError"] > count / 25
    tables.append(f"hostile weights, {name}: {outcomes.total()}: " + ", ".join(f"{n} {k}" for k, n in outcomes.most_common()))


def test_prefix():
    "Names without the prefix are left alone, those with it must all be used."
    state = to_torch(network("gru", layers=2), "a.rnn.")
    other = {"b.weight": np.ones(2, int), "a.fc.bias": None, 7: 3}
    assert same(from_torch(state | other, "a.rnn."), network("gru", layers=2))
    with pytest.raises(ValueError, match="a.rnn.scale"): from_torch(state | {"a.rnn.scale": np.ones(2)}, "a.rnn.")
    with pytest.raises(MissingParameter, match=r"there is \['a.rnn.weight_ih_l0'\]"): from_torch(state)


def test_the_error_says_where_the_weights_are():
    state = to_torch(network("lstm"))
    inner = {"module.encoder.rnn." + k: v for k, v in state.items()} | {"module.fc.weight": np.ones((2, 4))}
    for prefix in ("", "rnn.", "encoder.rnn.", "module.encoder.rnn", "module.encoder.lstm.", "module.fc."):
        with pytest.raises(MissingParameter, match=r'is missing, there is .*: prefix="module.encoder.rnn."$'): from_torch(inner, prefix)
    both = inner | {"b." + k: v for k, v in state.items()}
    with pytest.raises(MissingParameter, match='prefix="module.encoder.rnn." or prefix="b."'): from_torch(both)
    for wrapped, place in (({"state_dict": state, "epoch": 3}, 'state["state_dict"]'), ({"optimizer": {}, "model": inner}, 'state["model"]'), ({"a": {"b": state}}, 'state["a"]["b"]')):
        with pytest.raises(MissingParameter, match=f"is missing, but there is {re.escape(place)}$"): from_torch(wrapped)

    class Module:
        def state_dict(self): return state
    with pytest.raises(TypeError, match=r"expected a dictionary of arrays, as its state_dict\(\) gives it, got Module"): from_torch(Module())
    with pytest.raises(MissingParameter, match=r'but there is state\["net"\].state_dict\(\)'): from_torch({"net": Module()})
    with pytest.raises(MissingParameter, match=r"""there is \['c.weight_ih'\] of a cell"""): from_torch({"c." + k.replace("_l0", ""): v for k, v in state.items()})
    with pytest.raises(MissingParameter, match=r"""is missing, there is \['a', 'b'\]$"""): from_torch({"a": 1, "b": 2, 3: 4})


def test_what_stands_in_place_of_a_matrix():
    state = to_torch(network("lstm", layers=2))
    for k, others in (("weight_hh_l0", ("weight_hh_l0_g", "weight_hh_l0_v")), ("weight_ih_l0", ("parametrizations.weight_ih_l0.original0", "parametrizations.weight_ih_l0.original1")), ("weight_hh_l1", ("weight_hh_l1_raw",))):
        changed = {n: v for n, v in state.items() if n != k} | {n: state[k] for n in others}
        with pytest.raises(MissingParameter, match=f'"{k}" is missing, in its place there is {re.escape(str([*others]))}: have the layer'): from_torch(changed)
    eleven = to_torch(network("lstm", layers=11))
    with pytest.raises(MissingParameter) as error: from_torch({k: v for k, v in eleven.items() if k != "weight_hh_l1"})
    assert "in its place" not in str(error.value)          # weight_hh_l10 is another layer's


def test_tensors_that_want_a_gradient_or_lie_elsewhere():
    class Tensor:
        def __init__(self, v): self.v, self.dtype = v, "torch.float32"
        def __array__(self, *_, **__): raise RuntimeError("use detach().cpu()")
        def detach(self): return self
        def cpu(self): return self.v
    state = to_torch(network("lstm", dtype=np.float32))
    assert same(from_torch({k: Tensor(v) for k, v in state.items()}), network("lstm", dtype=np.float32))
    Tensor.cpu = None
    with pytest.raises(TypeError, match="got torch.float32, convert them to an array of NumPy first"): from_torch({k: Tensor(v) for k, v in state.items()})


def test_two_biases():
    "Only their sum counts, and where one is zero the other comes through bit for bit."
    state = to_torch(network("lstm"))
    b = state["bias_ih_l0"]
    rng = np.random.default_rng(0)
    part = rng.standard_normal(b.shape)
    split = from_torch(state | {"bias_ih_l0": part, "bias_hh_l0": b})[0]
    gates = dict(zip("ifco", np.split(part + b, 4)))
    for k in "fico": np.testing.assert_array_equal(split[f"b{k}"].ravel(), gates[k])


# files
@pytest.fixture
def path(tmp_path): return tmp_path/"w.safetensors"


def test_safetensors_round_trip(path):
    for n, dtype in enumerate((np.float16, np.float32, np.float64, np.complex64)):
        state = to_torch(network("projection", directions=2, layers=2, dtype=dtype, odd=True, seed=n), "x.")
        write_safetensors(path, state)
        assert same(read_safetensors(path), dict(sorted(state.items())))
        assert same(from_torch(read_safetensors(path, "x."), "x."), network("projection", directions=2, layers=2, dtype=dtype, odd=True, seed=n))
    write_safetensors(str(path), {})
    assert read_safetensors(path) == {}
    a = np.ones(3)
    write_safetensors(path, {"a": a})
    got = read_safetensors(path)["a"]
    got[:] = 7                                  # in memory of its own: the file stays as it is
    assert read_safetensors(path)["a"].tolist() == [1, 1, 1] and a.tolist() == [1, 1, 1]


def test_every_cut_of_a_file(path):
    write_safetensors(path, to_torch(network("rnn")))
    whole = path.read_bytes()
    for n in range(len(whole)):
        path.write_bytes(whole[:n])
        with pytest.raises(ValueError, match="expected a safetensors file"): read_safetensors(path)
    path.write_bytes(whole + b"\0")
    with pytest.raises(ValueError, match="expected a safetensors file"): read_safetensors(path)


def test_every_broken_byte_of_a_header(path):
    "Whatever a header says: the arrays that it declares, all of them, or an error. Never other bytes of the memory."
    write_safetensors(path, {"a": np.arange(3.), "bb": np.arange(4, dtype=np.float32)})
    whole, outcomes = path.read_bytes(), Counter()
    for n in range(8 + struct.unpack("<Q", whole[:8])[0]):
        for byte in {0, 255, whole[n] ^ 1, whole[n] ^ 128, ord("0"), ord("9"), ord('"'), ord("}"), ord("-")} - {whole[n]}:
            path.write_bytes(whole[:n] + bytes([byte]) + whole[n + 1:])
            try: got = read_safetensors(path)
            except (ValueError, TypeError) as e:
                assert "expected" in str(e)
                outcomes[type(e).__name__] += 1
            else:
                assert sum(v.nbytes for v in got.values()) == 40
                outcomes["read"] += 1
    assert outcomes["ValueError"] > 500 and outcomes["read"] > 5, outcomes
    tables.append(f"safetensors headers with one byte changed: {dict(outcomes)}")


def test_writing_is_all_or_nothing(path, monkeypatch):
    write_safetensors(path, {"a": np.ones(2)})
    whole = path.read_bytes()
    for wrong in ({"a": np.ones(2), "b": np.ones(2, int)}, {"a": np.ones(2), 3: np.ones(2)}, {"a": np.ones(2, np.longdouble)}, [1], {"a": "x"}):
        with pytest.raises(TypeError, match="expected"): write_safetensors(path, wrong)

    def full(*_): raise OSError("disk full")
    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="disk full"): write_safetensors(path, {"a": np.zeros(9)})
    assert path.read_bytes() == whole and os.listdir(path.parent) == [path.name]


def test_files_that_are_none(tmp_path):
    for read in (read_safetensors, read_onnx):
        with pytest.raises(FileNotFoundError): read(tmp_path/"none")
        with pytest.raises((ValueError, OSError)): read(tmp_path)
        (tmp_path/"empty").write_bytes(b"")
        with pytest.raises(ValueError, match="expected"): read(tmp_path/"empty")


def test_every_cut_and_many_broken_bytes_of_a_model():
    "A damaged ONNX model ends in a result or in an error that says what was expected."
    pytest.importorskip("onnx")
    p = network("peepholes", n_x=2, n_a=2)
    whole, r, x = onnx_model(p).SerializeToString(), random.Random(0), np.ones((3, 2, 2))
    assert same(read_onnx(whole)[0], p)
    outcomes, damaged = Counter(), [whole[:n] for n in range(0, len(whole), 3)]
    for _ in range(600):
        n = r.randrange(len(whole))
        damaged.append(whole[:n] + bytes([r.randrange(256)]) + whole[n + 1:])
    for data in damaged:
        for call in (read_onnx, lambda d: run_onnx(d, {"x": x})):
            try: call(data)
            except (ValueError, TypeError) as e:
                assert re.search("expected|missing", str(e)), e
                outcomes[type(e).__name__] += 1
            else: outcomes["result"] += 1
    assert outcomes["ValueError"] > 300
    tables.append(f"damaged ONNX models: {dict(outcomes)}")


def test_nothing_is_imported():
    "Neither a framework nor the packages for files, until a file is read."
    code = "import sys, lstm_nb.exchange.run_onnx; assert not {'torch', 'keras', 'jax', 'flax', 'onnx', 'safetensors', 'tensorflow'} & {*sys.modules}"
    subprocess.run([sys.executable, "-c", code], check=True, env=os.environ)


@pytest.mark.parametrize("name, call", [("safetensors", lambda: read_safetensors("x")), ("safetensors.numpy", lambda: write_safetensors("x", {})),
                                        ("onnx", lambda: read_onnx("x")), ("onnx", lambda: run_onnx("x", {})), ("onnx", lambda: onnx_model(network("lstm")))])
def test_what_to_install(monkeypatch, name, call):
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=rf"an? \w+ (file|model) needs {name.partition('.')[0]}: pip install \"lstm_nb\[weights\]\""): call()


@pytest.mark.parametrize("form", ["PyTorch", "Keras", "ONNX"])
@pytest.mark.parametrize("net", ["lstm", "gru"])
def test_a_wrong_order_is_seen(form, net, monkeypatch):
    "What the round trips are worth: each wrong order on the way back is noticed."
    right = GATE_ORDERS[net][form]
    theirs = forms[form][0](network(net))
    for order in map("".join, itertools.permutations(right)):
        monkeypatch.setitem(GATE_ORDERS[net], form, order)
        assert same(back(form, net)(theirs), network(net)) == (order == right)
