"Every exception that the package can raise reaches the process that waits for it."
import copy
import importlib
import inspect
import multiprocessing as mp
import pickle
import pkgutil
from concurrent.futures import ProcessPoolExecutor

import lstm_nb
import numpy as np
import pytest

# what the constructor of an exception is given for an argument of this name; for all others a sentence
given = {"step": 3, "parameters": {"layers": [{"w": np.arange(3.)}], "b": np.ones(1)}}


def exceptions():
    "All classes of exceptions of the package, private ones too."
    for module in pkgutil.walk_packages(lstm_nb.__path__, "lstm_nb."):
        if module.name.startswith("lstm_nb._"): continue
        for value in vars(importlib.import_module(module.name)).values():
            if inspect.isclass(value) and issubclass(value, Exception) and value.__module__ == module.name: yield value


def made(kind):
    "One of this class, with its message and an attribute more."
    names = ["message"]
    if "__init__" in vars(kind): names = [*inspect.signature(kind).parameters]
    error = kind(*(given.get(k, f"the {k} of {kind.__name__}, a and b") for k in names))
    error.more = "also this"
    return error


def raise_(kind): raise made(kind)


def told(error):
    "All that can be known of an exception."
    plain = lambda v: {k: plain(w) for k, w in v.items()} if isinstance(v, dict) else [*map(plain, v)] if isinstance(v, (list, tuple)) else v.tolist() if isinstance(v, np.ndarray) else v
    return type(error), str(error), plain(error.args), plain({k: v for k, v in vars(error).items() if k != "__notes__"})


kinds = pytest.mark.parametrize("kind", [*exceptions()], ids=lambda k: k.__name__)


def test_which(): assert {"ShapeError", "MissingParameter", "NonFiniteError", "Gap"} <= {k.__name__ for k in exceptions()}


@kinds
def test_pickled_and_copied(kind):
    error = made(kind)
    copies = [pickle.loads(pickle.dumps(error, protocol)) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)] + [copy.copy(error), copy.deepcopy(error), copy.deepcopy(pickle.loads(pickle.dumps(error)))]
    for other in copies: assert told(other) == told(error)


def of(error):
    "Without the trace of the other process, which pools hang on to it."
    error.__cause__ = None
    return told(error)


@pytest.mark.parametrize("start", ["spawn", *{"fork"} & {*mp.get_all_start_methods()}])
def test_pools_deliver_them(start):
    "Of the same class, with the same words and attributes; and the pool lives on."
    context = mp.get_context(start)
    with context.Pool(1) as pool, ProcessPoolExecutor(1, context) as executor:
        for kind in exceptions():
            for get in (pool.apply_async(raise_, (kind,)).get, executor.submit(raise_, kind).result):
                with pytest.raises(kind) as e: get(60)
                assert of(e.value) == told(made(kind))
        assert pool.apply(abs, (-3,)) == executor.submit(abs, -3).result() == 3


def test_the_error_of_a_training():
    "What a training run in a pool raises, with its last good parameters."
    with ProcessPoolExecutor(1, mp.get_context("spawn")) as pool, pytest.raises(lstm_nb.NonFiniteError) as e: pool.submit(training).result(60)
    assert str(e.value) == "step 2: loss: expected finite numbers, got nan" and (e.value.step, e.value.what) == (2, "loss: expected finite numbers, got nan")
    assert e.value.parameters["w"].tolist() == [.9, .9]


def training():
    loss = lambda p, step: (np.nan if step == 2 else 1., {"dw": np.ones(2)})
    return lstm_nb.fit(loss, {"w": np.ones(2)}, lambda step: step, 3, update=lstm_nb.sgd, lr=.1, progress=False)
