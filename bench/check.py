"""How long the checker takes: `check` for a function, over the corpus of mistakes and of right solutions, and `lstm_check` for a
file with all eight functions. Writes bench/records/check.json. A function takes less than 2 seconds and a file less than 3.

Times of `check` are those of the processor; times of a file are those of a clock, since three processes share the work."""
import json
import os
import sys
import tempfile
import time
from pathlib import Path

from workers import here, machine

root = here.parent
sys.path[:0] = [str(root), str(root/"tests/support")]
from corpus import base, load, source
from corpus.mistakes import mistakes
from corpus.right import right
from lstm_nb import check
from lstm_nb.checker.run import Guard, run_file


def functions():
    "(name, function) of every solution, a mistake or right."
    for name, _, _, *edits in mistakes: yield name, load(source(name, *edits), name)
    for (name, _), text in right.items(): yield name, load(base + text, name)


def files(folder):
    "Files with all eight functions: right, and with one mistake each."
    texts = [base] + [source(name, *edits) for name, _, _, *edits in mistakes[::8]]
    for i, text in enumerate(texts):
        path = Path(folder)/f"{i}.py"
        path.write_text(text, encoding="utf-8")
        yield path


def spread(seconds):
    "Median and largest, and how many there are."
    ordered = sorted(seconds)
    return {"n": len(ordered), "median": round(ordered[len(ordered)//2], 3), "largest": round(ordered[-1], 3)}


def main():
    "Time both, and write the record."
    of_functions, of_files = {}, []
    for name, function in functions():
        start = time.process_time()
        check(function, name)
        of_functions.setdefault(name, []).append(time.process_time() - start)
    with tempfile.TemporaryDirectory() as folder, Guard() as guard:
        for path in files(folder):
            start = time.perf_counter()
            run_file(path, 60, guard=guard)
            of_files.append(time.perf_counter() - start)
    every = [s for some in of_functions.values() for s in some]
    record = {"machine": machine(), "load": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,
              "check": spread(every), "by function": {k: spread(v) for k, v in sorted(of_functions.items())},
              "file": spread(of_files[1:]), "first file, with the start of the guard": round(of_files[0], 3)}
    (here/"records/check.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(json.dumps({k: record[k] for k in ("check", "file")}))
    return int(record["check"]["largest"] > 2 or record["file"]["largest"] > 3)


if __name__ == "__main__": sys.exit(main())
