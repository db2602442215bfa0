"Hostile calls, ten thousand or in the long form a hundred thousand: each ends in the right result or in the error that it calls for, in silence, with its arguments as they were."
import operator
import random
import re
import time
import warnings
from collections import Counter
from collections.abc import Mapping

import lstm_nb
from everything import book
import numpy as np
import pytest
import test_weights
from hostile import Wrapped, is_numbers, spoil, trace
from problems import long, seed, tables
from subjects import Verdict, dtype_of, floats, is_branch, problem, subjects

says = {TypeError: "expected ", ValueError: r"expected .*got ", lstm_nb.ShapeError: r"expected .*got ", lstm_nb.MissingParameter: "is missing", AssertionError: "."}


def clean(v):
    "A copy in C order, native bytes and plain containers; labels stay whole numbers."
    if isinstance(v, Mapping): return {k: clean(w) for k, w in v.items()}
    if isinstance(v, tuple) and hasattr(v, "_fields"): return type(v)(*map(clean, v))
    if isinstance(v, (tuple, list)) and (not is_numbers(v) or not all(isinstance(w, (int, float, complex, np.generic)) for w in v)): return type(v)(map(clean, v))
    return floats(v) if is_numbers(v) else v


def clean_tree(v):
    "The same where lists of numbers are arrays, and no branches."
    if isinstance(v, Mapping): return {k: clean_tree(w) for k, w in v.items()}
    if is_branch(v): return type(v)(map(clean_tree, v))
    return floats(v) if is_numbers(v) else v


def clean_arguments(args, fixed):
    kinds = {"labels": lambda v: np.asarray(v).astype(np.int64), "lengths": lambda v: v if v is None else np.asarray(v).astype(np.int64),
             "classes": lambda v: np.asarray(v).astype(np.int64), "parameters": clean_tree, "gradients": clean_tree,
             "state": lambda v: v if v is None else clean_tree(v) | ({"t": operator.index(v["t"])} if "t" in v else {}),
             **dict.fromkeys("n_x n_a n_y n_r n_layers m T_x every step steps warmup size seed T n".split(), lambda v: v if v is None else operator.index(v)),
             "reset_after": lambda v: v if v is None else bool(v), **dict.fromkeys(["peepholes", "layer_norm", "last_only"], bool)}
    return {k: v if k in fixed else kinds.get(k, clean)(v) for k, v in args.items()}


def coarsest(v):
    "The largest eps of all arrays in `v`."
    if isinstance(v, Mapping): v = [*v.values()]
    if isinstance(v, (tuple, list)): return max(map(coarsest, v), default=0.)
    if not isinstance(v, (np.ndarray, np.generic, Wrapped)) or not is_numbers(v): return float(np.finfo(np.float64).eps)
    return float(np.finfo(dtype_of(v)).eps)


def arrays(v):
    "All arrays of numbers in a result."
    if isinstance(v, Mapping): v = [*v.values()]
    if isinstance(v, (tuple, list)) and not is_numbers(v): return [a for w in v for a in arrays(w)]
    return [floats(v)] if is_numbers(v) else []


def largest(v):
    "The largest finite number in a result: what its smallest ones are rounded with, if they are what its terms leave."
    return max((float(abs(a[np.isfinite(a)]).max(initial=0)) for a in arrays(v)), default=0.)


def agree(a, b, slack):
    "Whether two results are the same: keys, dtypes, shapes, what is not finite, and all digits but the last few."
    if isinstance(b, Mapping): return a.keys() == b.keys() and all(agree(a[k], b[k], slack) for k in b)
    if isinstance(b, (tuple, list)) and not is_numbers(b): return len(a) == len(b) and all(agree(x, y, slack) for x, y in zip(a, b))
    if not is_numbers(b): return a is b or not is_numbers(a)
    a, b = floats(a), floats(b)
    if a.shape != b.shape or a.dtype != b.dtype: return False
    if a.tobytes() == b.tobytes(): return True
    fine = np.isfinite(a) & np.isfinite(b)      # which complex products of infinities are nan depends on the order of the terms
    if b.dtype.kind == "f" and not np.array_equal(a[~fine], b[~fine], equal_nan=True): return False
    with np.errstate(all="ignore"): return bool(np.all(abs(a - b)[fine] <= slack))


def verdict(subject, args):
    v = Verdict()
    with np.errstate(all="ignore"): subject.judge(v, args)
    return v


def told(name, changes):
    "The call, for the message of a failure."
    kind = lambda w: f"{type(w).__name__} {getattr(w, 'dtype', '')} {getattr(w, 'shape', '')}"
    return f"{name} with " + "; ".join(f"{'.'.join(map(str, path))} = {str(w)[:300]} ({kind(w)})" for path, w in changes)


def without_end(v): return isinstance(v, np.ndarray) and v.size > 1e6 or isinstance(v, int) and abs(v) > 1e6


def hostile_call(name, subject, pool, r):
    "Spoil one call; return what it ended in, or None where it would take forever. Raises an `AssertionError` if that is wrong."
    valid = r.choice(pool)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        spoiled, changes = spoil({k: v for k, v in valid.items() if k not in subject.fixed}, pool, r)
        args = valid | spoiled
        endless = sum(without_end(w) for _, w in changes)
        if endless > subject.endless: return None
        wanted = verdict(subject, args)
        if endless and not wanted.must: return None
        before = trace(args)
    try: result, error = subject.call(**args), None
    except Exception as e: result, error = None, e
    assert trace(args) == before, f"changed its arguments: {told(name, changes)}"
    if error is None:
        assert not wanted.must, f"accepted in spite of {wanted.must}: {told(name, changes)}"
        reference = subject.call(**clean_arguments(args, subject.fixed))
        assert agree(result, reference, 20 * coarsest(args) * largest(reference)), f"not what a clean copy gives: {told(name, changes)}\n{result}\n{reference}"
        return "right result"
    kind, allowed = type(error), {e for _, errors in wanted.must + wanted.may for e in errors}
    if kind not in allowed: raise AssertionError(f"{kind.__name__}: {error}, wanted {allowed or 'a result'}: {told(name, changes)}") from error
    assert re.search(says[kind], str(error), re.S), f"says only {error!r}: {told(name, changes)}"
    if len(wanted.must) == 1 and kind in (TypeError, lstm_nb.MissingParameter):
        assert wanted.must[0][0] in str(error), f"does not name {wanted.must[0][0]}: {error!r}: {told(name, changes)}"
    return kind.__name__


def run(chosen, calls, seed):
    "The outcomes of so many hostile calls, by kind."
    r = random.Random(seed)
    pools = {k: [s.make(problem(r)) for _ in range(12)] for k, s in chosen.items()}
    outcomes, n = Counter(), 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        while outcomes.total() < calls:
            for name, subject in chosen.items():
                n += 1
                try: outcome = hostile_call(name, subject, pools[name], random.Random(f"{seed} {n}"))
                except AssertionError as e: raise AssertionError(f"seed {seed}, call {n}: {e}") from e
                if outcome: outcomes[outcome] += 1
    return outcomes


def test_hostile_calls():
    start = time.monotonic()
    outcomes = run(subjects, 100_000 if long else 10_000, seed)
    tables.append(f"hostile calls of {len(subjects)} functions, seed {seed}: {outcomes.total()} in {time.monotonic() - start:.0f} s: "
                  + ", ".join(f"{n} {k}" for k, n in outcomes.most_common()))


def test_every_public_function_is_called():
    public = {k for k in lstm_nb.__all__ if callable(getattr(lstm_nb, k)) and not isinstance(getattr(lstm_nb, k), type)}
    no_arrays = {"certified_rtol", "check", "gap", "which_edition", "plot_flow", "find_engine", "prove_engine", "exact_lstm"}       # sizes, a reader's function, a name, numbers, a drawing: the pages and tests/checker/test_check.py try those
    no_arrays |= {"shard_gradients", "split_columns"}            # a function of the caller's, any nesting: tests/engines/test_shards.py tries those
    no_arrays |= {"fit", "save_tree", "load_tree"}               # functions of the caller's, files: tests/training/test_train.py tries those
    assert public <= {*subjects} | no_arrays | test_weights.called
    assert {*subjects} <= {*vars(book)}


@pytest.mark.parametrize("code", "?bBhHiIlLqQefdgFDG")
def test_dtypes(code):
    "What goes in comes out; integers come out as float64."
    cast = lambda v: {k: w if k in ("labels", "weights") else cast(w) for k, w in v.items()} if isinstance(v, dict) else v.astype(code)
    q = cast(problem(random.Random(2)))
    for name in ("sigmoid", "tanh_derivative", "softmax", "cross_entropy", "loss_and_gradients", "rnn_cell_forward", "lstm_cell_forward", "rnn_forward", "lstm_forward"):
        subject = subjects[name]
        assert {a.dtype for a in arrays(subject.call(**subject.make(q)))} == {dtype_of(np.empty(0, code))}, name


def loud(z): return 1 / (1 + np.exp(-book.as_array("z", z)))


def careless(z):
    z = book.as_array("z", z)
    if z.flags.writeable: np.maximum(z, -700, out=z)
    return lstm_nb.sigmoid(z)


def masks_lost(z): return lstm_nb.sigmoid(np.asarray(z) if isinstance(z, np.ma.MaskedArray) else z)


def strides_lost(z):
    z = book.as_array("z", z)
    return lstm_nb.sigmoid(z if z.flags.c_contiguous else z.ravel("K").reshape(z.shape))


def refuses(z): raise lstm_nb.ShapeError("z: expected something else, got this")


def curt(**args):
    try: return subjects["lstm_cell_forward"].call(**args)
    except lstm_nb.MissingParameter: raise KeyError("Wf") from None


def broadcasts(xt, a_prev, c_prev, parameters):
    if type(a_prev) is type(c_prev) is np.ndarray and a_prev.ndim == 2 and c_prev.shape == (len(a_prev), 1): c_prev = np.broadcast_to(c_prev, a_prev.shape)
    return subjects["lstm_cell_forward"].call(xt=xt, a_prev=a_prev, c_prev=c_prev, parameters=parameters)


def unnamed(**args):
    try: return subjects["lstm_cell_forward"].call(**args)
    except lstm_nb.ShapeError: raise lstm_nb.ShapeError("wrong shape") from None


@pytest.mark.parametrize("name, call", [
    *[("sigmoid", f) for f in (loud, careless, masks_lost, strides_lost, refuses)],
    *[("lstm_cell_forward", f) for f in (curt, broadcasts, unnamed)]])
def test_a_fault_is_seen(name, call):
    with pytest.raises(AssertionError, match="seed 0, call"): run({name: subjects[name]._replace(call=call)}, 3000, 0)
