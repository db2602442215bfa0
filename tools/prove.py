"""Build the theorem in proof/, print what it stands on, let coqchk check it, and run its definitions against lstm_forward.

Installs nothing. Needs Coq's coqc and coqchk, and OCaml's ocamlopt; the comparison needs NumPy as well. `make prove` runs this.
With --library, coqchk checks Coq's own library too, half a minute more. With --record, proof/records/build.json is written,
which page 08 shows."""
import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

root = Path(__file__).resolve().parent.parent
source = root/"proof"
record = source/"records/build.json"
allowed = {"ClassicalDedekindReals.sig_not_dec", "ClassicalDedekindReals.sig_forall_dec",
           "FunctionalExtensionality.functional_extensionality_dep"}
only_refutations = "Classical_Prop.classic"
tolerance = 1e-12
# n_x, n_a, m, T_x: the extracted functions remember nothing, so that the cost is a power of T_x
shapes = [(1, 1, 1, 1), (3, 5, 10, 1), (2, 3, 2, 1), (3, 2, 1, 2), (2, 4, 3, 2), (3, 5, 4, 2), (1, 2, 3, 3), (2, 2, 2, 3), (4, 1, 1, 4)]


class Failed(Exception): pass


def run(command, folder, **kwargs):
    done = subprocess.run(command, cwd=folder, text=True, encoding="utf-8", capture_output=True, **kwargs)
    if done.returncode: raise Failed(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout


def missing():
    "What has to be installed first, or an empty text."
    tools = [t for t in ("coqc", "coqchk", "ocamlopt") if not shutil.which(t)]
    if not tools: return ""
    how = {"apt-get": "apt-get install --no-install-recommends coq ocaml-nox", "brew": "brew install coq ocaml"}
    commands = [c for tool, c in how.items() if shutil.which(tool)] or list(how.values())
    return f"missing: {', '.join(tools)}; install with `{'` or `'.join(commands)}`"


def files():
    "The names of the sources, in the order in which they are built."
    return [line for line in (source/"_CoqProject").read_text("utf-8").split("\n") if line.endswith(".v")]


def stamp():
    "What a record of today's sources carries."
    names = [*files(), "_CoqProject", "driver.ml"]
    return hashlib.sha256(b"\0".join((source/name).read_bytes() for name in names)).hexdigest()


def unproved(text):
    "The words in a source that would prove something without a proof."
    text = re.sub(r"\(\*.*?\*\)", "", text, flags=re.S)
    return re.findall(r"\b(?:Admitted|admit|Axiom|Axioms|Parameter|Parameters|Conjecture|give_up|Unset Guard Checking|bypass_check)\b", text)


def build(folder, names, note=lambda name, seconds: None):
    "Compile these files in `folder`, where their sources lie; what the last one printed comes back."
    for name in names:
        if found := unproved((folder/name).read_text("utf-8")): raise Failed(f"{name}: {found[0]} is not a proof")
        start = time.perf_counter()
        printed = run(["coqc", "-q", "-Q", ".", "LSTM", name], folder)
        note(name, time.perf_counter() - start)
    return printed


def assumptions(printed):
    "The groups of Assumptions.v: the theorems of each, and the axioms that Coq has printed for it."
    text = re.sub(r"\(\*.*?\*\)", "", (source/"Assumptions.v").read_text("utf-8"), flags=re.S)
    groups = dict(re.findall(r"^Definition (\w+) := (.*?)\.$", text, flags=re.M | re.S))
    names = re.findall(r"^Print Assumptions (\S+)\.$", text, flags=re.M)
    blocks = re.split(r"^(?:Axioms:|Closed under the global context)$", printed, flags=re.M)[1:]
    if names != list(groups) or len(blocks) != len(names): raise Failed(f"the assumptions of {len(blocks)} groups of {len(groups)}:\n{printed}")
    return {name: {"theorems": re.findall(r"[\w.]+", groups[name]), "axioms": sorted(re.findall(r"^[^\s:]+", block, flags=re.M)), "printed": block.strip()}
            for name, block in zip(names, blocks, strict=True)}


def check_assumptions(groups):
    for group in groups.values():
        refutes = all(theorem.endswith("_refuted") for theorem in group["theorems"])
        more = set(group["axioms"]) - allowed - ({only_refutations} if refutes else set())
        if more: raise Failed(f"{', '.join(group['theorems'])}: one stands on {', '.join(sorted(more))}")


def coqchk(folder, library=False):
    "Let Coq's second, smaller checker go through the compiled files."
    modules = [f"LSTM.{name[:-2]}" for name in files() if name not in ("Extraction.v", "Assumptions.v")]
    how = modules if library else [word for m in modules for word in ("-norec", m)]
    run(["coqchk", "-silent", "-Q", ".", "LSTM", *how], folder)


def compile_extracted(folder):
    "The extracted definitions and the program that calls them."
    (folder/"equations.mli").unlink(missing_ok=True)
    run(["ocamlopt", "-w", "-a", "equations.ml", "driver.ml", "-o", "equations.exe"], folder)
    return folder/"equations.exe"


def draw(n_x, n_a, m, T_x, seed):
    import numpy as np
    normal = np.random.default_rng(seed).standard_normal
    parameters = {f"{n}{k}": normal((n_a, n_a + n_x if n == "W" else 1)) for k in "fico" for n in "Wb"}
    return parameters, normal((n_x, m, T_x)), normal((n_a, m)), normal((n_a, m)), normal((n_a, m, T_x)), normal((n_a, m, T_x))


def in_a_row(p, first, last):
    "All numbers of a problem or of an answer, as driver.ml has them: steps outermost."
    import numpy as np
    def flat(v): return np.moveaxis(v, 2, 0).ravel() if v.ndim == 3 else v.ravel()
    return np.concatenate([flat(v) for v in (*first, *(p[f"W{k}"] for k in "fico"), *(p[f"b{k}"] for k in "fico"), *last)])


def compare(program, size, seed=0, forward=None, backward=None):
    "How many numbers the definitions and the code compute for a random problem, and the largest difference, relative to the largest of 1 and the number."
    import numpy as np
    if not forward:
        sys.path.insert(0, str(root))
        from lstm_nb.sequence import lstm_backward as backward
        from lstm_nb.sequence import lstm_forward as forward
    p, x, a0, c0, da, dc = draw(*size, seed)
    problem = in_a_row(p, [], [x, a0, c0, da, dc])
    words = " ".join(map(str, size)) + " " + " ".join(float(v).hex() for v in problem)
    theirs = np.array([float.fromhex(word) for word in run([str(program)], program.parent, input=words).split()])
    a, _, c, caches = forward(x, a0, p, c0)
    g = backward(da, caches, dc)
    ours = in_a_row({k[1:]: v for k, v in g.items()}, [a, c], [g["dx"], g["da0"], g["dc0"]])
    assert theirs.shape == ours.shape, (theirs.shape, ours.shape)
    return len(ours), float((abs(theirs - ours) / np.maximum(abs(ours), 1)).max())


def prove(folder, library=False):
    "Everything; returns what is recorded."
    for name in (*files(), "driver.ml"): shutil.copy(source/name, folder)
    out = {"coq": run(["coqc", "--print-version"], folder).split()[0], "sources": stamp(), "files": {}}

    def note(name, seconds):
        lines = len((source/name).read_text("utf-8").splitlines())
        out["files"][name] = {"lines": lines, "seconds": round(seconds, 1)}
        print(f"{name:16}{lines:5} lines {seconds:6.1f} s", flush=True)

    out["assumptions"] = assumptions(build(folder, files(), note))
    check_assumptions(out["assumptions"])
    for group in out["assumptions"].values():
        print(f"{', '.join(group['theorems'])}\n  stand on {', '.join(axiom.split('.')[-1] for axiom in group['axioms'])}")
    start = time.perf_counter()
    coqchk(folder, library)
    out["coqchk"] = round(time.perf_counter() - start, 1)
    print(f"coqchk agrees{', on its own library too' if library else ''} ({out['coqchk']} s)")
    program = compile_extracted(folder)
    out["extraction"] = []
    try: import numpy  # noqa: F401
    except ImportError:
        if os.environ.get("CI") == "true": raise
        print("extracted and compiled; not compared with lstm_forward, as NumPy is missing: `make docs` installs it")
        return out
    for size in shapes:
        numbers, largest = compare(program, size)
        out["extraction"].append({"size": size, "numbers": numbers, "largest": largest})
        print(f"extracted, (n_x, n_a, m, T_x) = {size}: {numbers} numbers, largest difference {largest:.1e}", flush=True)
        if not largest <= tolerance: raise Failed(f"more than {tolerance:g}")
    return out


def write(path, value):
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", "utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--library", action="store_true", help="let coqchk check Coq's own library too")
    parser.add_argument("--record", action="store_true", help="write proof/records/build.json")
    options = parser.parse_args()
    if what := missing(): sys.exit(what)
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        try: out = prove(Path(folder), options.library)
        except Failed as e: sys.exit(f"not proved: {e}")
    print(f"proved in {time.perf_counter() - start:.0f} s")
    if options.record: write(record, out)
    elif json.loads(record.read_text("utf-8"))["sources"] != out["sources"]:
        print("proof/records/build.json is older than the sources: `make prove RECORD=1` writes it again")


if __name__ == "__main__": main()
