"""Of which code a committed record is: a stamp of each module that it is about.

`python tools/stamps.py` writes bench/records/README.md, which says of every record whether the code has changed since."""
import ast
import json
from hashlib import sha256
from pathlib import Path

root = Path(__file__).resolve().parent.parent
core = "cell", "sequence"
numpy_engine = "engines.arrays", "engines.calls"
both_engines = *numpy_engine, "engines.compiled"
trained = "networks.layers", "training.network", "training.updates", "training.loop"
# the record, what makes it, and the modules that it is about
records = {
    "tests/records/mutants.json": ("make mutants", ("parameters", "activations", "gradcheck", "rnn", *core, "output")),
    "tests/records/power.json": ("make power", core),
    "tests/records/digits.json": ("make digits", (*core, "proof")),
    "bench/records/results.json": ("make speed", (*core, *both_engines, "engines.checkpoint")),
    "bench/records/moves.json": ("make bench", ("sequence", *both_engines)),
    "bench/records/halves.json": ("make bench", numpy_engine),
    "bench/records/layers.json": ("make speed", (*both_engines, "networks.lengths", "networks.layers")),
    "bench/records/results-intel.json": ("`make bench` of an earlier commit", (*core, *both_engines, "engines.checkpoint")),
    "bench/records/memory.json": ("make speed", both_engines),
    "bench/records/tiny.json": ("make speed", numpy_engine),
    "bench/records/loop.json": ("make speed", (*both_engines, *trained)),
    "bench/records/compiled.json": ("make bench", ("engines.compiled",)),
    "bench/records/tried.json": ("make bench", ("engines.arrays", "engines.compiled")),
    "bench/records/long.json": ("make bench", (*both_engines, "engines.checkpoint")),
    "bench/records/shards.json": ("make bench", ("engines.shards",)),
    "bench/records/check.json": ("make bench", ("checker.check", "checker.run")),
    "bench/records/digits.json": ("make train", trained),
    "bench/records/adding.json": ("make train", ("training.adding", *trained)),
    "bench/records/text.json": ("make train", ("training.text", *trained)),
    "bench/records/flow.json": ("make train", trained),
}


def source(module): return (root/"lstm_nb"/f"{module.replace('.', '/')}.py").read_text(encoding="utf-8")


def stamp(text):
    "A hash of what a module computes: comments, docstrings and line breaks are not in it."
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(node) is not None: del node.body[0]
    return sha256(ast.dump(tree).encode()).hexdigest()[:16]


def code_of(record):
    "The stamps of today that belong into a record, by its path from the root."
    return {module: stamp(source(module)) for module in records[record][1]}


def stale(record):
    "The modules of which a record is of earlier code."
    held = json.loads((root/record).read_text(encoding="utf-8"))["code"]
    return [module for module, today in code_of(record).items() if held.get(module) != today]


def table():
    "bench/records/README.md."
    lines = ["# Records", "", "Written by `python tools/stamps.py`; a test compares. A record that is of earlier code was right for that code, and says nothing",
             "about what has changed since: the command makes it anew.", "", "| record | made by | is about | is of earlier code of |", "|---|---|---|---|"]
    for record, (command, modules) in records.items():
        lines.append(f"| `{record}` | {command if '`' in command else f'`{command}`'} | {', '.join(modules)} | {', '.join(stale(record)) or 'none'} |")
    return "\n".join(lines) + "\n"


readme = root/"bench/records/README.md"
if __name__ == "__main__": readme.write_text(table(), encoding="utf-8")
