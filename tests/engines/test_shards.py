"Batches in parts: the same bits by every map and number of workers, workers that die, maps that go wrong, and the page's own example of Dask."
import importlib.util
import json
import math
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from multiprocessing.pool import ThreadPool

import numpy as np
import pytest
from conftest import need, root
from lstm_nb import assert_close, certified_rtol, check_gradients, cross_entropy, find_engine, init_lstm_parameters, layers_backward, layers_forward
from lstm_nb.engines.shards import PartError, shard_gradients, split_columns, tree_sum
from lstm_nb.networks.nesting import init_layers
from lstm_nb.training.network import init_network, network_backward, network_forward
from lstm_nb.trees import tree_leaves

counts = [1, 2, 3, 7]
size = n_x, n_a, m, T_x = 6, 12, 45, 9
kinds = ["float32", "float64"]


def mean_square(p, part, engine="numpy"):
    "How far the last states are from y, squared, and its gradients."
    x, y = part
    forward, backward = find_engine(engine)
    a, _, tape = forward(x, None, p)
    off, da = a[:, :, -1] - y, np.zeros_like(a)
    da[:, :, -1] = 2*off / off.size
    return (off**2).mean(), backward(da, tape)


def problem(dtype="float64", seed=0):
    "Parameters, and a batch whose arrays lie in memory as nothing should have to expect."
    rng = np.random.default_rng(seed)
    p = init_lstm_parameters(n_x, n_a, rng=rng, dtype=np.dtype(dtype).type)
    p |= {k: np.asfortranarray(v) for k, v in p.items() if k[0] == "W"}
    x = rng.standard_normal((T_x, n_x, m)).astype(dtype).transpose(1, 2, 0)
    return p, (x, rng.standard_normal((m, n_a)).astype(dtype).T)


def bits(result): return [(place, v.dtype.str, v.shape, np.asarray(v).tobytes()) for place, v in tree_leaves(result)]


def needs_dask(): need(importlib.util.find_spec("distributed"), 'Dask, `pip install "lstm_nb[dask]"`')


def fetch(client, function, jobs, **options): return (sent.result() for sent in client.map(function, jobs, pure=False, **options))


@contextmanager
def dask(workers, processes=True, **settings):
    "A map over so many workers of Dask."
    needs_dask()
    import dask as config
    from dask.distributed import LocalCluster
    with config.config.set({f"distributed.{k}": v for k, v in settings.items()}), LocalCluster(n_workers=workers, threads_per_worker=1, processes=processes, dashboard_address=":0") as cluster, \
            cluster.get_client() as client:
        yield partial(fetch, client)


@pytest.fixture(scope="module")
def two():
    "Two processes of Dask, for all that do not kill them."
    with dask(2) as found: yield found


def processes(workers): return ProcessPoolExecutor(workers, get_context("spawn"))


# the same bits

@pytest.fixture(scope="module")
def alone():
    "What one process computes, for each type."
    return {kind: run(kind) for kind in kinds}


def run(kind, **how):
    p, batch = problem(kind)
    return bits(shard_gradients(mean_square, split_columns(batch, 4), p, **how))


@pytest.mark.parametrize("workers", counts)
def test_threads_and_processes(alone, workers):
    with ThreadPoolExecutor(workers) as threads, processes(workers) as pool, ThreadPool(workers) as older:
        for kind in kinds:
            for f in (threads.map, pool.map, older.map, older.imap): assert run(kind, map=f) == alone[kind]


def test_two_processes_of_dask(alone, two):
    for kind in kinds: assert run(kind, map=two) == alone[kind]
    client, = two.args
    def gathered(function, jobs): return client.gather(client.map(function, jobs, pure=False))
    assert run("float64", map=gathered) == alone["float64"]


@pytest.mark.parametrize("workers", [1, 3, 7])
def test_workers_of_dask_within_a_process(alone, workers):
    with dask(workers, processes=False) as f:
        for kind in kinds: assert run(kind, map=f) == alone[kind]


def test_what_would_change_the_bits(alone):
    "The suite can fail: other parts, another order of the sum, and no share."
    p, batch = problem()
    parts = split_columns(batch, 4)
    assert bits(shard_gradients(mean_square, split_columns(batch, 5), p)) != alone["float64"]
    each = [mean_square(p, part)[1]["dWf"] * (len(part[1].T)/m) for part in parts]
    assert np.array_equal(tree_sum(each), shard_gradients(mean_square, parts, p)[1]["dWf"]) and not np.array_equal(sum(each), tree_sum(each))
    assert not np.array_equal(tree_sum(each[::-1]), tree_sum(each))


@pytest.mark.parametrize("engine", ["steps", "numba", "checkpointed"])
def test_other_engines(engine):
    if engine == "numba": pytest.importorskip("numba")
    p, batch = problem()
    f, parts = partial(mean_square, engine=engine), split_columns(batch, 7)
    with ThreadPoolExecutor(2) as pool: assert bits(shard_gradients(f, parts, p, map=pool.map)) == bits(shard_gradients(f, parts, p))


def whole_sum(p, x): return x.sum(dtype=x.dtype), {"dW": p["W"]*x.sum(dtype=x.dtype)}


def test_where_a_part_lies_in_memory_does_not_matter():
    "A sum takes an array as it lies: a view here and its copy in another process would have two."
    x = np.random.default_rng(0).standard_normal((40, 300, 30)).astype("f4").transpose(2, 1, 0)
    parts, p = split_columns(x, 64), {"W": np.ones(2, np.float32)}
    assert any(whole_sum(p, part)[0] != whole_sum(p, np.array(part, order="C"))[0] for part in parts)
    with processes(2) as pool: assert bits(shard_gradients(whole_sum, parts, p, map=pool.map)) == bits(shard_gradients(whole_sum, parts, p))


# the right numbers

@pytest.mark.parametrize("kind", kinds)
@pytest.mark.parametrize("part", [1, 7, 44, 45, 99])
def test_the_whole_batch(kind, part):
    p, batch = problem(kind)
    loss, found = shard_gradients(mean_square, split_columns(batch, part), p)
    whole, expected = mean_square(p, batch)
    rtol = certified_rtol(*size, kind)
    assert_close(found, {k: expected[k] for k in found}, rtol)
    assert_close(loss, whole, rtol)
    assert {v.dtype for v in found.values()} | {loss.dtype} == {np.dtype(kind)}


def net_loss(p, part):
    "All steps of two layers in both directions, with lengths, and a figure beside the loss."
    x, labels, lengths = part
    z, *_, tape = network_forward(x, p, lengths=lengths)
    real = np.arange(x.shape[2]) < lengths[:, None]
    loss, dz = cross_entropy(z, labels)
    each = np.zeros(z.shape[1:])
    e = np.exp(z - z.max(0)); e /= e.sum(0)
    rows, steps = np.nonzero(real)
    each[rows, steps] = -np.log(e[labels[rows, steps], rows, steps])
    dz = e.copy(); dz[labels, np.arange(z.shape[1])[:, None], np.arange(z.shape[2])] -= 1
    return each.sum() / real.sum(), network_backward(dz * real / real.sum(), tape), {"right": float(((z.argmax(0) == labels) & real).sum() / real.sum())}


def steps_of(part): return part[2].sum()


def test_lengths_and_figures_in_a_nested_network():
    "The mean is over all real steps, and not of the means, nor by examples."
    rng = np.random.default_rng(2)
    net = init_network(3, 4, n_y=5, n_layers=2, bidirectional=True, rng=rng)
    batch = rng.standard_normal((3, 20, 8)), rng.integers(5, size=(20, 8)), rng.integers(1, 9, size=20)
    loss, whole, figures = net_loss(net, batch)
    parts = split_columns(batch, 6)
    found = shard_gradients(net_loss, parts, net, weights=steps_of)
    assert [len(v) for v in found[1]["dlayers"]] == [2, 2] and {*found[1]} == {"dlayers", "dWy", "dby"}
    assert_close(found[0], loss), assert_close(found[2]["right"], figures["right"])
    for d in range(2): assert_close(found[1]["dlayers"][1][d], {k: whole["dlayers"][1][d][k] for k in found[1]["dlayers"][1][d]}, 1e-11)
    assert bits(shard_gradients(net_loss, parts, net, weights=[int(steps_of(part)) for part in parts])) == bits(found)
    assert abs(shard_gradients(net_loss, parts, net)[0] - loss) > 1e-4


def test_a_direction_that_is_not_there():
    rng = np.random.default_rng(3)
    net = [(None, init_layers(3, 4, rng=rng)[0])]
    x = rng.standard_normal((3, 8, 5))
    def f(p, x):
        a, _, _, tape = layers_forward(x, p)
        return a.sum() / x.shape[1], {"d" + k: v for k, v in [("0", 0)]} | {"dp": layers_backward(np.full_like(a, 1/x.shape[1]), tape)["dparameters"]}
    found = shard_gradients(lambda p, x: f(p["p"], x), split_columns(x, 3), {"p": net})[1]["dp"]
    assert found[0][0] is None
    assert_close(found[0][1], {k: v for k, v in f(net, x)[1]["dp"][0][1].items()})


def test_complex_numbers_pass():
    "So that the complex step proves the gradient of all parts together."
    p, batch = problem()
    parts = split_columns(batch, 20)
    f = partial(mean_square, engine="steps")
    check_gradients(lambda q: shard_gradients(f, parts, q)[0], p, shard_gradients(f, parts, p)[1], directions=3, rng=0)
    with pytest.raises(AssertionError): check_gradients(lambda q: shard_gradients(f, parts, q, weights=[1, 1, 1])[0], p, shard_gradients(f, parts, p)[1], directions=3, rng=0)


@pytest.mark.parametrize("n", [*range(1, 18), 100])
def test_the_bound(n):
    "Equation (123), for terms that all but cancel, in float32; and with a hundredth of it the test fails."
    rng = np.random.default_rng(n)
    counts, g = rng.integers(1, 9, n), (rng.standard_normal((n, 500)) * 10.**rng.uniform(-3, 3, (n, 1))).astype("f4")
    found = shard_gradients(lambda p, k: (0., {"dw": g[k[0]]}), [np.array([k]) for k in range(n)], {"w": g[0]}, weights=counts)[1]["dw"]
    shares = counts / counts.sum()
    exact, magnitude = shares @ np.float64(g), shares @ abs(np.float64(g))
    q = (math.ceil(math.log2(n)) + 3) * 2.**-24
    assert (abs(found - exact) <= q / (1 - q) * magnitude).all()
    if n > 1: assert not (abs(found - exact) <= q / 100 * magnitude).all()


# what goes wrong

def fails_at_two(p, part): return mean_square(p, part) if part[1].shape[1] > 1 else 1/0


def test_a_part_that_fails_is_named_by_every_map(two):
    p, batch = problem()
    parts = split_columns(batch, 4)                                  # the last, of one example, is number 11
    with ThreadPoolExecutor(2) as threads, processes(2) as pool, ThreadPool(2) as older:
        for f in (map, threads.map, pool.map, older.map, two):
            with pytest.raises(PartError, match="^part 11: ZeroDivisionError: division by zero$") as e: shard_gradients(fails_at_two, parts, p, map=f)
            assert e.value.part == 11


def dies_once(p, part):
    "Kills its process at the fourth part, the first time only."
    x, y, number, mark = part
    if number == 3 and not os.path.exists(mark):
        open(mark, "x").close()
        os.kill(os.getpid(), signal.SIGKILL)
    return mean_square(p, (x, y))


def dies(p, part):
    if part[2] == 3: os.kill(os.getpid(), signal.SIGKILL)
    return mean_square(p, part[:2])


posix = pytest.mark.skipif(os.name != "posix", reason="signals")


@posix
def test_a_worker_of_dask_that_is_killed_in_the_middle(tmp_path, alone):
    "Its part is run again, and nothing of it is in the sum."
    p, batch = problem()
    parts = [(*part, k, str(tmp_path/"mark")) for k, part in enumerate(split_columns(batch, 4))]
    with dask(2) as f: found = shard_gradients(dies_once, parts, p, map=f)
    assert (tmp_path/"mark").exists() and bits(found) == alone["float64"]


@posix
def test_a_worker_that_nobody_restarts():
    "The error says which part's result did not come: that of part 3, or of another that its worker had taken with it."
    p, batch = problem()
    parts = [(*part, k) for k, part in enumerate(split_columns(batch, 4))]
    with dask(2, **{"scheduler.allowed-failures": 0}) as f, pytest.raises(PartError, match=r"^part \d: no result, KilledWorker: ") as e: shard_gradients(dies, parts, p, map=f)
    assert e.value.part in range(4)
    with processes(1) as pool, pytest.raises(PartError, match=r"^part [0-3]: no result, BrokenProcessPool: ") as e: shard_gradients(dies, parts, p, map=pool.map)


def test_maps_that_go_wrong(two):
    "Each result has its number. What arrives in its turn by chance is right; what does not is refused."
    p, batch = problem()
    parts = split_columns(batch, 8)
    client, = two.args
    call = partial(shard_gradients, mean_square, parts, p)
    def late(function, job):
        time.sleep(.05 * (job[0] == 0))
        return function(job)
    wrong = {lambda f, jobs: map(f, jobs[:-1]): "part 5, got none", lambda f, jobs: map(f, [*jobs[:2], *jobs[3:]]): "part 2, got that of part 3", lambda f, jobs: map(f, [jobs[0], *jobs]): "part 1, got that of part 0",
             lambda f, jobs: map(f, jobs[::-1]): "part 0, got that of part 5", lambda f, jobs: [f(job)[1] for job in jobs]: "part 0, got tuple", lambda f, jobs: client.map(f, jobs, pure=False): "part 0, got Future", lambda f, jobs: [None]*6: "part 0, got none"}
    for f, what in wrong.items():
        with pytest.raises(ValueError, match=f"^map: expected the result of {what}"): call(map=f)
    with pytest.raises(ValueError, match="^map: expected 6 results, got more"): call(map=lambda f, jobs: map(f, [*jobs, jobs[0]]))
    with ThreadPool(2) as pool, pytest.raises(ValueError, match="got that of part 1"): call(map=lambda f, jobs: pool.imap_unordered(partial(late, f), jobs))


def test_nothing_is_changed_or_shared():
    "Not the caller's arrays, and no result is a view of what f returned."
    p, batch = problem()
    before = bits((p, batch))
    kept = []
    def f(p, part): kept.append(mean_square(p, part)); return kept[-1]
    found = shard_gradients(f, [batch], p)[1]
    assert bits((p, batch)) == before and not any(np.shares_memory(found[k], kept[0][1][k]) for k in found)


# the page

def page(): return ["".join(c["source"]) for c in json.loads((root/"nbs/engines/07_shards.ipynb").read_text(encoding="utf-8"))["cells"] if c["cell_type"] == "code"]


def test_the_example_of_dask_runs_as_printed(tmp_path):
    "Pasted below the page's first cells into a file, and run as a program."
    needs_dask()
    cells = page()
    [setup] = [c for c in cells if "\nfrom concurrent.futures import" in c]
    [first] = [c for c in cells if c.startswith("def mean_square")]
    [example] = [c for c in cells if "LocalCluster" in c]
    (tmp_path/"many.py").write_text("\n\n".join((setup, first, example)), encoding="utf-8")
    done = subprocess.run([sys.executable, "-W", "ignore", "many.py"], cwd=tmp_path, capture_output=True, text=True, timeout=300, env=os.environ | {"PYTHONPATH": str(root), "OPENBLAS_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stderr
    assert "dashboard: http://127.0.0.1:" in done.stdout and "100% Completed" in done.stdout, done.stdout
    assert done.stdout.rstrip().endswith("True"), done.stdout


def test_the_committed_record():
    record = json.loads((root/"bench/records/shards.json").read_text(encoding="utf-8"))
    assert [r["workers"] for r in record["rows"]] == counts and len({r["bits"] for r in record["rows"]}) == 1 and record["load"] is not None
    for r in record["rows"]: assert {k: len(v) for k, v in r["seconds"].items()} == dict.fromkeys("map threads processes Dask alone".split(), record["settings"]["rounds"])
    assert record["kernels"][0] == {"kernel": None, "other bits": 0, "off": 0}


def test_a_buffer_that_f_uses_again():
    "A result is the caller's own: any map gives the same."
    buffer = np.zeros(3)
    def f(p, part):
        np.copyto(buffer, part)
        return buffer[:1].sum(), {"dW": buffer}
    parts, eager = [np.full((3,), float(k)) for k in range(5)], lambda g, jobs: [g(job) for job in jobs]
    found = [shard_gradients(f, parts, {"W": np.zeros(3)}, map=m, weights=[1]*5) for m in (map, eager)]
    assert found[0][0] == found[1][0] == 2 and (found[0][1]["dW"] == found[1][1]["dW"]).all()
