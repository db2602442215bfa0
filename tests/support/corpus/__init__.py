"Right and wrong solutions, and how to make one of them."
import re
from pathlib import Path

here = Path(__file__).parent
base = (here/"base.py").read_text(encoding="utf-8")


def part(text, name):
    "The source of one function."
    return re.search(rf"^def {name}\(.*?(?=^def |\Z)", text, re.S | re.M)[0]


def source(function, *edits):
    "base.py with edits made in `function` or, with `cell:`, in its cell."
    text = base
    for old, new in zip(edits[::2], edits[1::2]):
        name = function if not old.startswith("cell:") else function.replace("_", "_cell_")
        old, was = old.removeprefix("cell:"), part(text, name)
        assert was.count(old) == 1, f"{function}: {old!r} occurs {was.count(old)} times"
        text = text.replace(was, was.replace(old, new))
    return text


def load(text, name, file="solution.py"):
    "One function of a source."
    there = {"__name__": "solution"}
    exec(compile(text, file, "exec"), there)
    return there[name]
