"""A batch in parts, over threads, processes and Dask: writes bench/records/shards.json, which page E7 shows.

Every map computes the same parts, in turn and round after round, with one BLAS thread in each worker, and must give the same bits.
Beside them stands what the machine allows: as many processes that compute their share of the parts and send nothing."""
import argparse
import hashlib
import json
import os
import pickle
import platform
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from workers import Notes, here, machine, pools, rounded

os.environ |= {f"{pool}_NUM_THREADS": "1" for pool in pools}         # before NumPy is imported, for the workers too
sys.path.insert(0, str(here.parent))

kernels = ["Prescott", "Sandybridge", "Haswell", "SkylakeX", "Sapphirerapids"]
size, parts, rounds, counts = (64, 128, 32, 100), 16, 7, [1, 2, 3, 7]


def mean_square(p, part):
    "How far the last states are from y, squared, and its gradients."
    import numpy as np
    from lstm_nb import fused_lstm_backward, fused_lstm_forward
    x, y = part
    a, _, tape = fused_lstm_forward(x, None, p)
    off, da = a[:, :, -1] - y, np.zeros_like(a)
    da[:, :, -1] = 2*off / off.size
    return (off**2).mean(), fused_lstm_backward(da, tape)


def problem(size, n):
    "Parameters and the batch of `n` parts."
    import numpy as np
    from lstm_nb import init_lstm_parameters
    n_x, n_a, m, T_x = size
    rng = np.random.default_rng(0)
    p = init_lstm_parameters(n_x, n_a, rng=rng, dtype=np.float32)
    return p, (rng.standard_normal((n_x, m*n, T_x), np.float32), rng.standard_normal((n_a, m*n), np.float32))


def alone(p, share):
    "A worker's share of the parts, and nothing else."
    for part in share: mean_square(p, part)


def digest(result):
    "Of every bit of a loss and its gradients."
    loss, gradients = result
    return hashlib.sha256(loss.tobytes() + b"".join(gradients[k].tobytes() for k in sorted(gradients))).hexdigest()[:16]


def dask_map(client, function, jobs):
    sent = client.map(function, jobs, pure=False)
    return (future.result() for future in sent)


def maps(stack, w):
    "The maps over `w` workers, which wait, and a pool for those that send nothing."
    from dask.distributed import LocalCluster
    threads = stack.enter_context(ThreadPoolExecutor(w))
    pool = stack.enter_context(ProcessPoolExecutor(w, get_context("spawn")))
    cluster = stack.enter_context(LocalCluster(n_workers=w, threads_per_worker=1, dashboard_address=":0"))
    client = stack.enter_context(cluster.get_client())
    return {"map": map, "threads": threads.map, "processes": pool.map, "Dask": partial(dask_map, client)}, pool


def seconds(f):
    start = time.perf_counter()
    f()
    return time.perf_counter() - start


def measure(p, batch, m, w, rounds):
    "Seconds of every map and round with `w` workers, and the bits; the first call of each warms up, and its bits are compared."
    from lstm_nb.engines.shards import shard_gradients, split_columns
    cut = split_columns(batch, m)
    with ExitStack() as stack:
        found, pool = maps(stack, w)
        calls = {k: partial(shard_gradients, mean_square, cut, p, f) for k, f in found.items()}
        [bits] = {digest(call()) for call in calls.values()}
        calls["alone"] = lambda: [*pool.map(partial(alone, p), [cut[k::w] for k in range(w)])]
        calls["alone"]()
        times = {k: [] for k in calls}
        for _ in range(rounds):
            for k, call in calls.items(): times[k].append(seconds(call))
    return {"workers": w, "seconds": rounded(times), "bits": bits}


def costs(p, batch, m):
    "Bytes that go to a worker and come back, and how many of a gradient are weighted and added per second."
    import numpy as np
    from lstm_nb.engines import shards
    [part] = shards.split_columns(batch, m)[:1]
    sent = []
    def kept(function, jobs):
        for job in jobs:
            answer = function(job)
            sent.append([len(pickle.dumps(v)) for v in (function, job, answer)])
            yield answer
    _, gradients = shards.shard_gradients(mean_square, [part], p, kept)
    size = sum(v.nbytes for v in gradients.values())
    terms = [{k: v.copy() for k, v in gradients.items()} for _ in range(64)]
    def add(): shards.tree_sum({k: np.multiply(.5, v, dtype=v.dtype) for k, v in term.items()} for term in terms)
    took = min(seconds(add) for _ in range(5))
    return {"gradient": size, "parameters": sent[0][0], "part": sent[0][1], "result": sent[0][2], "added_per_second": round(64*size/took)}


def other_kernels(size, n):
    "How far results are from one another with OpenBLAS' code for other processors; a code that is not there has no row."
    import numpy as np
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for kernel in [None, *kernels]:
            path = Path(folder)/f"{kernel}.npz"
            env = os.environ | ({"OPENBLAS_CORETYPE": kernel} if kernel else {})
            command = [sys.executable, __file__, "--kernel", str(path), json.dumps([size, n])]
            if subprocess.run(command, env=env, capture_output=True).returncode: continue
            got = np.load(path)
            if not kernel: first = {k: got[k] for k in got}
            pairs = [(got[k], v) for k, v in first.items()]
            rows.append({"kernel": kernel, "other bits": float(sum((a != b).sum() for a, b in pairs) / sum(b.size for _, b in pairs)),
                         "off": float(max(np.linalg.norm(a - b) / np.linalg.norm(b) for a, b in pairs))})
    return rounded(rows)


def one_kernel(path, size, n):
    import numpy as np
    from lstm_nb.engines.shards import shard_gradients, split_columns
    p, batch = problem(size, n)
    np.savez(path, **shard_gradients(mean_square, split_columns(batch, size[2]), p)[1])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a small size and one round; writes only where --out says")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--kernel", nargs=2, help=argparse.SUPPRESS)
    a = parser.parse_args()
    if a.kernel: return one_kernel(a.kernel[0], *json.loads(a.kernel[1]))
    from importlib.metadata import version
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    shape, n, r, w = ((4, 8, 4, 5), 5, 1, [1, 2]) if a.quick else (size, parts, rounds, counts)
    notes = Notes(a.out or (None if a.quick else here/"records/shards.json"), "shards.json", {"size": shape, "parts": n, "rounds": r, "dtype": "float32", "threads": 1})
    p, batch = problem(shape, n)
    for workers in w:
        if notes.done(workers=workers): continue
        notes.add(measure(p, batch, shape[2], workers, r))
        print(notes.rows[-1], flush=True)
    [_] = {row["bits"] for row in notes.rows}
    more = {"load": load, "costs": costs(p, batch, shape[2]), "kernels": other_kernels(shape, n)}
    notes.finish(machine=machine(), versions={"python": platform.python_version()} | {k: version(k) for k in ("numpy", "distributed")}, **more)


if __name__ == "__main__": main()
