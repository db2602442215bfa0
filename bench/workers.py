"Processes that are asked to time something, one at a time; those that wait are stopped, so that no thread pool of theirs can spin."
import json
import os
import platform
import signal
import subprocess
import sys
import time
from datetime import date
from functools import partial
from pathlib import Path

here = Path(__file__).resolve().parent
sys.path.append(str(here.parent/"tools"))
from stamps import code_of  # noqa: E402
pools = "OMP OPENBLAS MKL NUMBA".split()


class Failed(Exception):
    "What a process answered in place of a result."


def busy(pid=None):
    "Seconds of all cores that a process has used, or all of them together, and what the host took away; 0 where that cannot be known."
    try: text = Path(f"/proc/{pid}/stat" if pid else "/proc/stat").read_text(encoding="utf-8")
    except OSError: return 0
    used = text.rpartition(")")[2].split()[11:13] if pid else [n for k, n in enumerate(text.split()[1:9]) if k not in (3, 4)]
    return sum(map(int, used)) / os.sysconf("SC_CLK_TCK")


class Worker:
    "`script` in a process of its own, told a name, with so many threads."
    def __init__(self, script, name, threads=2, cores=2):
        env = os.environ | {f"{pool}_NUM_THREADS": str(threads) for pool in pools}
        env |= {"PYTHONPATH": str(here.parent), "TORCHINDUCTOR_COMPILE_THREADS": "1", "TORCHINDUCTOR_FORCE_DISABLE_CACHES": "1", "JAX_PLATFORMS": "cpu"}
        cores = sorted(os.sched_getaffinity(0))[:cores] if hasattr(os, "sched_setaffinity") else None
        pinned = partial(os.sched_setaffinity, 0, cores) if cores else None
        self.name, self.disturbed, self.repeated, self.process = name, 0, 0, subprocess.Popen(
            [sys.executable, "-W", "ignore", str(here/script), name], env=env, preexec_fn=pinned, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.process.send_signal(signal.SIGSTOP)

    def ask(self, **request):
        "The answer to one request. Raises `Failed` if there is none."
        self.process.send_signal(signal.SIGCONT)
        try:
            print(json.dumps(request), file=self.process.stdin, flush=True)
            reply = json.loads(self.process.stdout.readline() or '{"error": "the process has ended"}')
        except BrokenPipeError: reply = {"error": "the process has ended"}
        if self.process.poll() is None: self.process.send_signal(signal.SIGSTOP)
        if "error" in reply: raise Failed(reply["error"])
        return reply["ok"]

    def time(self, tries=5, **request):
        "The answer to a request that times something, asked again while anything else on this machine uses more than a tenth of a core."
        for _ in range(tries):
            start, others = time.perf_counter(), busy() - busy(self.process.pid)
            reply = self.ask(do="time", **request)
            others = busy() - busy(self.process.pid) - others
            if others < .1*(time.perf_counter() - start) + .02: return reply
            self.repeated += 1
        self.disturbed += 1
        return reply

    def __enter__(self): return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


def machine():
    "What it was measured on, and when."
    import numpy as np
    found = {"processor": platform.processor() or platform.machine(), "date": date.today().isoformat()}
    try: lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError: lines = []
    about = dict(line.split(":", 1) for line in lines if ":" in line)
    about = {k.strip(): v.strip() for k, v in about.items()}
    if "model name" in about:
        found["processor"] = "{model name}, family {cpu family}, model {model}".format(**about)
        found["vectors"] = [f for f in ("avx2", "avx512f", "amx_tile") if f in about["flags"].split()]
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    return found | {"cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
                    "system": f"{platform.system()} {platform.machine()}", "blas": f"{blas['name']} {blas['version']}"}


class Notes:
    "Rows that are kept in a file beside the final one as they come, so that a run that was broken off goes on where it was; without a path nowhere."
    def __init__(self, path, record, settings):
        self.path, self.part = (Path(path), Path(path).with_suffix(".part")) if path else (None, None)
        self.head = {"code": code_of(f"bench/records/{record}"), "settings": settings}
        self.rows = []
        if path and self.part.exists():
            old = json.loads(self.part.read_text(encoding="utf-8"))
            if {k: old[k] for k in self.head} == self.head: self.rows = old["rows"]

    def done(self, **key): return any(all(row.get(k) == v for k, v in key.items()) for row in self.rows)

    def add(self, row):
        self.rows.append(row)
        if not self.path: return
        self.part.write_text(json.dumps(self.head | {"rows": self.rows}), encoding="utf-8")

    def finish(self, **more):
        if not self.path: return
        text = json.dumps(self.head | more | {"rows": self.rows}, indent=1)
        self.path.write_text(compact(text) + "\n", encoding="utf-8")
        self.part.unlink(missing_ok=True)


def compact(text):
    "Lists of numbers on one line."
    import re
    return re.sub(r"\[[^\[\]{}]*\]", lambda m: re.sub(r"\s+", " ", m[0]).replace("[ ", "[").replace(" ]", "]"), text)


def rounded(v, digits=4):
    "Numbers with so many digits, in lists and dictionaries too."
    if isinstance(v, dict): return {k: rounded(x, digits) for k, x in v.items()}
    if isinstance(v, (list, tuple)): return [rounded(x, digits) for x in v]
    return float(f"{v:.{digits}g}") if isinstance(v, float) else v
