"""Calls that nobody should make: valid arguments, spoiled one to three times, and what each call must end in.

Nothing here knows how the package checks its arguments. What a call must end in follows from the shapes in `subjects.py`.
"""
import types
import warnings
from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

import numpy as np

endless = 10**15    # a size that no memory holds, for arrays without memory


class Sub(np.ndarray): "A subclass that changes nothing."


class Wrapped:
    "No array, but it can turn into one."
    def __init__(self, value): self.value = value
    def __array__(self, dtype=None, copy=None): return np.array(self.value, dtype)


class Broken:
    "Claims to be an array, and is none."
    def __array__(self, dtype=None, copy=None): raise RuntimeError("no array today")
    def __len__(self): return 3


def strided(v, r):
    "The same numbers, every second one of a larger array."
    if not v.ndim: return v
    part = np.zeros([2*n for n in v.shape], v.dtype)[tuple(slice(None, None, 2) for _ in v.shape)]
    part[...] = v
    return part


def unaligned(v, r):
    "The same numbers, one byte off."
    if not v.size: return v
    out = np.zeros(v.nbytes + 1, np.uint8)[1:].view(v.dtype).reshape(v.shape)
    out[...] = v
    return out


def flipped(v, r):
    axes = tuple(slice(None, None, -1) for _ in v.shape)
    return v[axes].copy()[axes]


def frozen(v, r):
    v = v.copy()
    v.flags.writeable = False
    return v


layouts = [
    lambda v, r: np.asfortranarray(v), strided, unaligned, flipped, frozen,
    lambda v, r: v.astype(v.dtype.newbyteorder()), lambda v, r: v.tolist(), lambda v, r: tuple(v.tolist()) if v.ndim else v.item(),
    lambda v, r: v.view(Sub), lambda v, r: np.matrix(v) if v.ndim == 2 else v, lambda v, r: Wrapped(v), lambda v, r: Wrapped(frozen(v, r)),
    lambda v, r: np.broadcast_to(v[..., :1], v.shape) if v.ndim else v, lambda v, r: np.broadcast_to(v.flat[0], v.shape) if v.size else v,
    lambda v, r: memoryview(np.ascontiguousarray(v)) if v.dtype.char in "fdlq" and v.ndim else v,
]
dtypes = [lambda v, r: v.astype(r.choice("?bBhHiIlLqQefdgFDG"))]
numbers = [np.nan, np.inf, -np.inf, 1e300, -1e300, 5e-324, 1e-300, 0., -0., 1e5, -1, 2, 1e-8]


def poke(v, r):
    "Other numbers, in one place."
    v = v.copy()
    if v.size: v.flat[r.randrange(v.size)] = put(v, r)
    return v


def put(v, r):
    "A number that the type of `v` can hold."
    number = r.choice(numbers)
    if v.dtype.kind in "biu": return np.array(min(max(number, 0), 1) if number == number else 0).astype(v.dtype)
    return np.array(number).astype(v.dtype)


values = [poke, poke, lambda v, r: np.full_like(v, put(v, r)), lambda v, r: np.multiply(np.asarray(v), put(v, r)).astype(v.dtype)]


def axis_of(v, r): return r.randrange(v.ndim) if v.ndim else 0


def huge(v, r):
    "An array of zero strides, without end along one axis. Not of integers: to convert them takes memory."
    if not v.dtype.isnative or v.dtype.kind not in "fc": return v
    shape = list(v.shape) or [1]
    shape[r.randrange(len(shape))] = endless
    return np.broadcast_to(v.flat[0], shape) if v.size else v


shapes = [
    lambda v, r: v[..., 0] if v.ndim and v.shape[-1] else v, lambda v, r: v[0] if v.ndim and len(v) else v, lambda v, r: v[None],
    lambda v, r: v[..., None], lambda v, r: v.T, lambda v, r: np.repeat(v, 2, axis_of(v, r)) if v.ndim else v,
    lambda v, r: np.concatenate([v, np.take(v, [0], k)], k) if v.size and v.ndim and (k := axis_of(v, r)) >= 0 else v,
    lambda v, r: np.take(v, range(v.shape[k] - 1), k) if v.size and v.ndim and (k := axis_of(v, r)) >= 0 else v,
    lambda v, r: v[:0] if v.ndim else v, lambda v, r: v[..., :0] if v.ndim else v, lambda v, r: v.ravel(), lambda v, r: v.flat[0] if v.size else v,
    lambda v, r: v.reshape(v.shape[::-1]), huge,
]
nonsense = [
    None, "", "1.5", b"1", object(), Ellipsis, NotImplemented, float, len, {}, {"a": 1}, {1, 2}, datetime(2020, 1, 1), Broken(), Decimal(1), Fraction(1, 3),
    [], [[]], [1, [2, 3]], ["a", "b"], [None, 1.], [[1., 2.], [3.]], 10**400, [10**400], 0, 1.5, 1j, True, np.nan, slice(3), range(3), types,
    np.array("x"), np.array(["1", "2"]), np.array([object()]), np.array([1, 2], object), np.array(["2020"], "M8[Y]"), np.array([1], "m8[s]"),
    np.zeros(2, "f8,f8"), np.zeros((2, 2), "V4"), np.ma.masked, np.ma.array([1., 2.], mask=[0, 1]), np.rec.array([(1., 2.)]), np.zeros((1,)*32), ..., 
]


def junk(v, r):
    "Something else altogether, or the same array as objects, strings or masked."
    kind = r.randrange(len(nonsense) + 4)
    if kind < len(nonsense): return nonsense[kind]
    return [lambda: np.ma.array(v, mask=False), lambda: v.astype(object), lambda: v.astype(str), lambda: np.ma.array(v).tolist()][kind - len(nonsense)]()


leaf_changes = [*layouts*3, *dtypes*8, *values*4, *shapes*2, *[junk]*14]


def change_leaf(v, r):
    "One change of an array; what is not an array any more is left alone or replaced."
    if not isinstance(v, np.ndarray) or v.dtype.kind not in "biufc" or np.ma.isMaskedArray(v): return v if r.random() < 0.5 else r.choice(nonsense)
    if v.size > 1e6 or v.ndim > 8: return v
    return r.choice(leaf_changes)(v, r)


class Keys(dict): "A dictionary by another name."


def change_mapping(v, r, others):
    "One change of a dictionary."
    if not isinstance(v, Mapping): return v
    keys = list(v)
    k = r.choice(keys) if keys else None
    without = {n: v[n] for n in keys if n != k}
    return r.choice([
        lambda: without, lambda: without, lambda: dict(v) | {r.choice(["extra", "Wz", "", "wf", 7, None]): r.choice(nonsense)},
        lambda: without | {str(k).lower() + "_": v[k]} if keys else v, lambda: types.MappingProxyType(dict(v)), lambda: OrderedDict(v), lambda: Keys(v),
        lambda: dict(reversed(v.items())), lambda: list(v.items()), lambda: tuple(v), lambda: set(v), lambda: {}, lambda: r.choice(others),
        lambda: r.choice(nonsense)])()


def change_tuple(v, r, others):
    "One change of a tuple or list."
    if not isinstance(v, (tuple, list)): return v
    n = r.randrange(len(v)) if v else 0
    return r.choice([
        lambda: tuple(v), lambda: list(v), lambda: tuple(v)[:n] + tuple(v)[n + 1:], lambda: (*v, v[n] if v else 0), lambda: tuple(v)[:n] + tuple(v)[n:n + 1]*2 + tuple(v)[n + 1:],
        lambda: tuple(reversed(v)), lambda: (), lambda: tuple(v)[:n], lambda: r.choice(others), lambda: r.choice(others), lambda: r.choice(nonsense)])()


def get(args, path):
    for k in path: args = args[k]
    return args


def put_at(args, path, value):
    "`args` with another `value` at `path`; nothing that was there is changed."
    if not path: return value
    k, *rest = path
    inner = put_at(args[k], rest, value)
    if isinstance(args, Mapping): return type(args)({**args, k: inner}) if not isinstance(args, types.MappingProxyType) else {**args, k: inner}
    out = [*args[:k], inner, *args[k + 1:]]
    return type(args)(*out) if hasattr(args, "_fields") else type(args)(out)


def places(args, path=()):
    "Every place in `args`, outermost first."
    if path: yield path
    if isinstance(args, Mapping): inside = args.items()
    elif isinstance(args, (tuple, list)) and any(isinstance(v, (np.ndarray, tuple, list, Mapping)) for v in args): inside = enumerate(args)
    else: return
    for k, v in inside: yield from places(v, (*path, k))


def spoil(args, others, r):
    "`args` with one to three changes, and their places."
    changes = []
    for _ in range(r.choice([1, 1, 1, 2, 2, 3])):
        path = r.choice(list(places(args)))
        v = get(args, path)
        alike = [w for other in others for w in [look(other, path)] if w is not None]
        if isinstance(v, Mapping): new = change_mapping(v, r, alike or [v])
        elif isinstance(v, (tuple, list)) and not plain_list(v): new = change_tuple(v, r, alike or [v])
        else: new = change_leaf(v, r)
        args = put_at(args, path, new)
        changes.append((path, new))
    return args, changes


def plain_list(v): return not any(isinstance(w, (np.ndarray, Mapping, tuple, list)) for w in v)


def look(args, path):
    "What other arguments have at the same place, if they have it."
    try: return get(args, path)
    except (KeyError, IndexError, TypeError): return None


def trace(v):
    "All that could be seen to change in `v`."
    if isinstance(v, np.ma.MaskedArray): return id(v), trace(v.data), trace(np.asarray(v.mask))
    if isinstance(v, np.ndarray) and v.dtype != object:
        return v.shape, v.strides, v.dtype.str, v.flags.writeable, v.tobytes() if v.size < 1e6 else 0
    if isinstance(v, Mapping): return tuple((k, trace(w)) for k, w in v.items())
    if isinstance(v, (tuple, list)): return type(v).__name__, tuple(trace(w) for w in v)
    return id(v)


def is_numbers(v):
    "Whether `v` counts as an array of numbers."
    if isinstance(v, np.ma.MaskedArray): return False
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try: return np.asarray(v).dtype.kind in "biufc"
        except Exception: return False
