"Checkpoints where the suites of the proof do not look: threads, files, the compiled engine, layers on top, and memory."
import gc
import subprocess
import sys
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import pytest
from lstm_nb import assert_close
from lstm_nb.engines import arrays
from lstm_nb.engines.checkpoint import best_every, checkpointed_lstm_backward, checkpointed_lstm_forward
from lstm_nb.engines.calls import fused_lstm_backward, fused_lstm_forward
from lstm_nb.networks.layers import layers_backward, layers_forward
from lstm_nb.networks.nesting import init_layers
from problems import draw

engine = partial(checkpointed_lstm_forward, every=3), checkpointed_lstm_backward


def plain(q, **options): return fused_lstm_backward(q["da"], fused_lstm_forward(q["x"], q["a0"], q["parameters"], q["c0"], **options)[2], q["dc"])


def forward(q, every=3, **options): return checkpointed_lstm_forward(q["x"], q["a0"], q["parameters"], q["c0"], every, **options)


def same(actual, expected):
    assert actual.keys() == expected.keys()
    for k, v in expected.items(): assert np.array_equal(actual[k], v), k


def close(actual, expected):
    assert actual.keys() == expected.keys()
    for k, v in expected.items(): assert_close(actual[k], v, name=k)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("every", [1, 4, 20])
def test_the_compiled_engine(dtype, every):
    pytest.importorskip("numba")
    cast = lambda v: {k: cast(w) for k, w in v.items()} if isinstance(v, dict) else v.astype(dtype)
    q = cast(draw(5, 6, 3, 20))
    found, expected = checkpointed_lstm_backward(q["da"], forward(q, every, engine="numba")[2], q["dc"]), plain(q, engine="numba")
    for k, v in expected.items(): assert_close(found[k], v, 1e-12 if dtype == "float64" else 1e-4, k)


def test_one_segment_is_the_plain_engine():
    q = draw(3, 5, 4, 9)
    same(checkpointed_lstm_backward(q["da"], forward(q, 9)[2], q["dc"]), plain(q))


def test_segments_are_the_engine_by_hand():
    "Bit for bit: the same calls in the same order."
    q = draw(3, 5, 4, 9)
    tapes, (a, c) = [], (q["a0"], q["c0"])
    for s in (0, 3, 6):
        a, c, tape = fused_lstm_forward(q["x"][:, :, s:s + 3], a, q["parameters"], c)
        a, c = a[:, :, -1], c[:, :, -1]
        tapes.append(tape)
    da, dc, sums, dx = q["da"].copy(), q["dc"].copy(), {}, []
    for s, tape in zip((6, 3, 0), tapes[::-1]):
        found = fused_lstm_backward(da[:, :, s:s + 3], tape, dc[:, :, s:s + 3])
        if s: da[:, :, s - 1] += found["da0"]; dc[:, :, s - 1] += found["dc0"]
        dx.append(found["dx"])
        sums = {k: sums[k] + v if sums else v for k, v in found.items() if k[1] in "Wb"}
    expected = {"dx": np.concatenate(dx[::-1], 2), "da0": found["da0"], **sums, "dc0": found["dc0"]}
    same(checkpointed_lstm_backward(q["da"], forward(q)[2], q["dc"]), expected)


def test_tapes_do_not_interfere():
    one, two = draw(3, 5, 4, 11, seed=1), draw(3, 5, 4, 11, seed=2)
    tapes = [forward(q)[2] for q in (one, two)]
    found = [checkpointed_lstm_backward(q["da"], t, q["dc"]) for q, t in zip((one, two), tapes)]
    for q, f in zip((one, two), found): close(f, plain(q))


def test_threads_share_a_tape():
    q = draw(3, 16, 4, 60)
    tape = forward(q)[2]
    expected = checkpointed_lstm_backward(q["da"], forward(q)[2], q["dc"])
    with ThreadPoolExecutor(4) as pool: found = list(pool.map(lambda _: checkpointed_lstm_backward(q["da"], tape, q["dc"]), range(12)))
    for f in found: same(f, expected)


def test_arrays_in_files(tmp_path):
    q = draw(3, 5, 4, 20)
    files = {}
    for k in ("x", "da", "dx"):
        files[k] = np.memmap(tmp_path/k, np.float64, "w+", shape=q["x" if k == "dx" else k].shape)
        if k != "dx": files[k][:] = q[k]
    def write(part, start, stop): files["dx"][:, :, start:stop] = part
    expected = checkpointed_lstm_backward(q["da"], forward(q)[2])
    found = checkpointed_lstm_backward(files["da"], forward(q | {"x": files["x"]}, only_last=True)[2], dx=write)
    same(found | {"dx": np.array(files["dx"])}, {k: expected[k] for k in (*found, "dx")})


@pytest.mark.parametrize("lengths", [None, [9, 2, 0, 5]])
def test_layers_take_it_as_an_engine(lengths):
    rng = np.random.default_rng(0)
    p, x, da = init_layers(3, 5, n_layers=2, bidirectional=True, rng=rng), rng.standard_normal((3, 4, 9)), rng.standard_normal((10, 4, 9))
    masks = {"state_masks": [tuple(rng.standard_normal((2, 5, 4))) for _ in range(2)]}
    runs = [layers_forward(x, p, lengths=lengths, engine=e, **masks) for e in (None, engine)]
    assert_close(runs[1][0], runs[0][0])
    plain, ours = (layers_backward(da, r[3]) for r in runs)
    assert_close(ours["dx"], plain["dx"])
    for l, m in zip(ours["dparameters"], plain["dparameters"]):
        for one, other in zip(l, m): close(one, other)


def peak(function):
    gc.collect()
    arrays._idle.clear()          # what was there before is not counted
    tracemalloc.start()
    function()
    size = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return size


def test_memory_grows_with_the_square_root():
    q = draw(3, 24, 16, 128)
    x, da = q["x"], q["da"]

    def run(T):
        tape = checkpointed_lstm_forward(lambda s, e: x[:, :, :e - s], q["a0"], q["parameters"], T_x=T, only_last=True)[2]
        checkpointed_lstm_backward(lambda a, s, e: da[:, :, :e - s], tape, dx=lambda *_: None)
    sizes = {T: peak(lambda: run(T)) for T in (256, 1024, 4096)}
    assert sizes[4096] < 2.2 * sizes[1024] < 2.2**2 * sizes[256]
    assert 4*best_every(4096, 3, 24) <= 128


def test_a_short_last_segment_takes_no_memory_of_its_own():
    q = draw(3, 24, 16, 59)
    even, odd = (peak(lambda: checkpointed_lstm_backward(q["da"][:, :, :T], checkpointed_lstm_forward(q["x"][:, :, :T], q["a0"], q["parameters"], every=20, only_last=True)[2])) for T in (40, 59))
    assert odd < 1.15 * even


def test_an_engine_by_name_before_any_other_was_imported():
    code = ("import numpy as np, lstm_nb as nb; p = nb.init_lstm_parameters(3, 4, rng=0); x = np.ones((3, 2, 5));"
            "from lstm_nb.engines.checkpoint import checkpointed_lstm_forward as f; print(f(x, None, p, engine='steps')[0].shape)")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout.strip()) == (0, "(4, 2, 5)"), done.stderr


@pytest.mark.parametrize("kind", ["float32", "int64", "nested lists", "segments"])
def test_zeros_where_no_state_is_given(kind):
    q = draw(3, 5, 4, 9)
    x = np.round(q["x"]*4)
    given = {"nested lists": x.tolist(), "segments": [x[:, :, :4], x[:, :, 4:]]}.get(kind)
    if given is None: given = x.astype(kind)
    p = {k: v.astype("float32") for k, v in q["parameters"].items()} if kind == "float32" else q["parameters"]
    a, c, _ = checkpointed_lstm_forward(given, None, p, every=None if kind == "segments" else 4)
    expected = fused_lstm_forward(x.astype(a.dtype), None, p)
    assert a.dtype == (kind if kind == "float32" else "float64")
    for v, w in zip((a, c), expected): assert_close(v, w, 1e-5 if kind == "float32" else 1e-12)
