"""The pages as a reader meets them: their length, their columns, prose before every definition, and every shown block runs when it is copied.

`python tests/house/test_pages.py [part or page ...]` prints a row per page and what there is against it; how tall a page is, `tests/site` measures."""
import ast
import json
import os
import re
import subprocess
import sys
from collections import Counter
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import NamedTuple

import pytest

guarded = ["core", "engines", "networks", "exchange", "training", "checker"]  # parts whose pages are held to all that is measured here; "core" are the pages 00 to 08
exceptions = {}                         # (page, "too_long" or "too_tall"): why this page may be; three in the whole book at most
slow = []                               # pages whose blocks run in the long form only, since they take more than a few seconds
most_lines, most_pixels, most_columns, number_column, most_seconds = 250, 16_000, 76, 60, 60
letters = {"core": "", "engines": "E", "networks": "N", "exchange": "X", "training": "T", "checker": "C"}
root = Path(__file__).resolve().parents[2]


class Cell(NamedTuple):
    "A cell without its options; `n` is its place in the notebook."
    n: int
    kind: str
    options: tuple
    text: str

    def has(self, *names): return any(re.match(rf"({'|'.join(names)})\b", o) for o in self.options)
    @property
    def exported(self): return self.has("exports?", "exporti")
    @property
    def shown(self): return self.kind == "code" and self.text.strip() != "" and not self.has("hide", "export", "exporti", "default_exp", "echo: *false")
    @property
    def runs(self): return self.shown and not self.has("eval: *false", "notest")
    @property
    def lesson(self): return self.shown and not self.exported and not imports_only(self)
    @property
    def lines(self): return [line for line in self.text.splitlines() if line.strip()]
    @property
    def tree(self):
        try: return ast.parse(re.sub(r"^[%!].*", "pass", self.text, flags=re.M)).body
        except SyntaxError: return []
    @property
    def defines(self):
        "The functions, classes and tables that are written here."
        names = [getattr(node, "name", None) or [t.id for t in getattr(node, "targets", [getattr(node, "target", None)]) if isinstance(t, ast.Name)]
                 for node in self.tree if isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign))]
        return [name for some in names for name in ([some] if isinstance(some, str) else some)]


class Page(NamedTuple):
    name: str
    cells: list
    @property
    def module(self): return next((o.split()[1] for c in self.cells for o in c.options if o.startswith("default_exp")), None)


def cell_of(n, kind, source):
    options = re.match(r"(\s*#\s*\|.*\n?)*", source)[0] if kind == "code" else ""
    return Cell(n, kind, tuple(o.strip().lstrip("#").strip().lstrip("|").strip() for o in options.splitlines()), source[len(options):])


def page_of(name, sources):
    "A page of (kind, source) pairs."
    return Page(name, [cell_of(n, kind, source) for n, (kind, source) in enumerate(sources)])


@cache
def book():
    "Every numbered page, by name."
    pages = {}
    for path in sorted((root/"nbs").rglob("[0-9][0-9]_*.ipynb")):
        if ".ipynb_checkpoints" in path.parts: continue
        name = path.relative_to(root/"nbs").with_suffix("").as_posix()
        pages[name] = page_of(name, [(c["cell_type"], "".join(c["source"])) for c in json.loads(path.read_text(encoding="utf-8"))["cells"]])
    return pages


def part_of(name): return name.partition("/")[0] if "/" in name else "core"
def number_of(name): return f"{letters[part_of(name)]}{int(name.rpartition('/')[2].partition('_')[0])}"
def names_of(parts): return [name for name in book() if part_of(name) in parts]


# what is measured: each takes a page and says what there is against it


def exported_lines(page): return sum(len(c.lines) for c in page.cells if c.exported)


def too_long(page):
    n = exported_lines(page)
    return [f"{n} exported lines"] if n > most_lines else []


def without_prose(page):
    "Exported definitions that no markdown cell with a sentence stands right before; what a reader does not see does not stand between."
    found, before = [], None
    for c in page.cells:
        if c.exported and c.defines and not (before and before.kind == "markdown" and prose(before.text)):
            found.append(f"[{c.n}] {', '.join(c.defines)}")
        if c.kind == "markdown" or not c.has("hide", "default_exp") and (not c.has("export", "exporti") or c.defines): before = c
    return found


def prose(text):
    "Whether Markdown has words that are not a title, anchor or displayed formula."
    text = re.sub(r"\$\$.*?\$\$|<[^>]*>|^#+ [^\n]*", "", text, flags=re.S | re.M)
    return len(re.findall(r"[A-Za-z]{2,}", text)) > 2


def too_wide(page):
    return [f"[{c.n}] {len(line)} columns: {line.strip()[:50]}" for c in page.cells if c.shown for line in c.text.splitlines() if len(line) > most_columns]


def late_numbers(page):
    "Equation numbers as `# (8)` that begin where a narrow window no longer shows them."
    found = [(c.n, line, re.search(r"#\s*\([A-Z]?\d+[a-z]?\)", line)) for c in page.cells if c.shown for line in c.text.splitlines()]
    return [f"[{n}] column {m.start()}: {line.strip()[:50]}" for n, line, m in found if m and m.start() > number_column]


def imports_only(cell): return bool(cell.tree) and all(isinstance(node, (ast.Import, ast.ImportFrom)) for node in cell.tree)


def no_set_up(page):
    "One shown cell imports, before all other shown code."
    shown = [c for c in page.cells if c.runs]
    first = [] if not shown or imports_only(shown[0]) else [f"[{shown[0].n}] is the first shown cell and does more than import"]
    return first + [f"[{c.n}] imports once more" for c in shown[1:] if any(isinstance(node, (ast.Import, ast.ImportFrom)) for node in c.tree)]


def wrong_title(page):
    "A page of a part has its letter and its number before its title."
    number, title = number_of(page.name), page.cells[0].text.partition("\n")[0]
    return [] if part_of(page.name) == "core" or re.match(rf"# {number}\. \S", title) else [f"'{title}', wanted '# {number}. ...'"]


def not_listed(page):
    listed = re.findall(r"^\s*- (\S+)\.ipynb$", (root/"nbs/_quarto.yml").read_text(encoding="utf-8"), re.M)
    return [] if listed.count(page.name) == 1 else [f"{listed.count(page.name)} times in the sidebar"]


runner = '''
def run():
    import json, linecache, sys, types
    fresh = sys.modules["__main__"] = types.ModuleType("__main__")
    with open(sys.argv[1], "a") as notes:
        for n, code in json.load(sys.stdin):
            print(json.dumps([n, "did not end"]), file=notes, flush=True)
            name = f"<block {n}>"
            linecache.cache[name] = len(code), None, code.splitlines(True), name
            try: exec(compile(code, name, "exec"), vars(fresh))
            except BaseException as e: error = f"{type(e).__name__}: {e}"
            else: error = None
            print(json.dumps([n, error]), file=notes, flush=True)
run()
'''


@cache
def run_blocks(blocks):
    "Run (n, code) after (n, code) in a fresh Python, in an empty folder, and give {n: its error or `None`}."
    with TemporaryDirectory() as folder:
        (there := Path(folder)/"there").mkdir()
        env = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | {"MPLBACKEND": "agg", "OPENBLAS_NUM_THREADS": "1"}
        command = [sys.executable, "-c", runner, f"{folder}/notes"]
        try: subprocess.run(command, cwd=there, env=env, input=json.dumps(blocks), text=True, capture_output=True, timeout=most_seconds)
        except subprocess.TimeoutExpired: pass
        return dict(map(json.loads, (Path(folder)/"notes").read_text(encoding="utf-8").splitlines()))


def not_running(page):
    "Shown blocks that fail when all are copied, in order, into a fresh Python."
    blocks = tuple((c.n, c.text) for c in page.cells if c.runs)
    errors = run_blocks(blocks) if blocks else {}
    return [f"[{n}] {' '.join(errors.get(n, 'not reached').split())[:150]}" for n, _ in blocks if errors.get(n, "not reached")]


measures = [too_long, without_prose, too_wide, late_numbers, no_set_up, wrong_title, not_listed, not_running]


def lessons(pages):
    "Of all lesson cells: how many print a sentence, show several groups, catch errors, end otherwise than in a value, a test or a name."
    count = Counter()
    for c in (c for page in pages for c in page.cells if c.lesson):
        nodes, last = [n for top in c.tree for n in ast.walk(top)], (c.tree or [None])[-1]
        printed = [n for n in nodes if isinstance(n, ast.Call) and getattr(n.func, "id", "") == "print" and any(isinstance(a, ast.JoinedStr) for a in ast.walk(n))]
        count += Counter(cells=1, sentences=bool(printed), groups=bool(re.search(r"\n[ \t]*\n(?=\S)", c.text.strip())), catches=any(isinstance(n, ast.Try) for n in nodes),
                         otherwise=not isinstance(last, (ast.Expr, ast.Assert, ast.Assign, ast.AugAssign, ast.AnnAssign, ast.FunctionDef, ast.ClassDef)))
    return count


def report(names):
    "For each page words, exported lines, shown cells, lesson cells, minutes to read, seconds to run, and what there is against it."
    print(f"{'page':27} {'words':>6} {'lines':>6} {'shown':>6} {'lesson':>6} {'min':>6} {'s':>6}  findings")
    for name in names:
        page, start = book()[name], perf_counter()
        found = {measure.__name__: measure(page) for measure in measures}
        words, code = sum(len(c.text.split()) for c in page.cells if c.kind == "markdown"), sum(len(c.lines) for c in page.cells if c.shown)
        row = words, exported_lines(page), sum(c.shown for c in page.cells), sum(c.lesson for c in page.cells), round(words/200 + code/8), round(perf_counter() - start)
        print(f"{name:27}", *(f"{n:6}" for n in row), "", ", ".join(f"{what} {len(lines)}" for what, lines in found.items() if lines))
        for what, lines in found.items():
            for line in lines: print(f"      {what}: {line}")
    count = lessons(book()[name] for name in names)
    print(f"{count['cells']} lesson cells:", ", ".join(f"{what} {count[what]} ({100*count[what]/(count['cells'] or 1):.1f} %)" for what in ("sentences", "groups", "catches", "otherwise")))


@pytest.mark.parametrize(("measure", "name"), [pytest.param(measure, name, id=f"{measure.__name__}-{name}", marks=[pytest.mark.long]*(measure is not_running and name in slow))
                                                  for measure in measures for name in names_of(guarded)])
def test_a_page(measure, name):
    found = measure(book()[name])
    assert bool(found) == ((name, measure.__name__) in exceptions), "\n".join(["", name, *found])


def test_what_is_guarded_is_there_and_exceptions_are_few():
    assert [part for part in guarded if not names_of([part])] == [] and {*slow} <= {*names_of(guarded)}
    assert len(exceptions) <= 3 and all(len(why.split()) > 3 for why in exceptions.values())
    assert {measure for _, measure in exceptions} <= {"too_long", "too_tall"} and {name for name, _ in exceptions} <= {*names_of(guarded)}


def test_lesson_cells():
    count = lessons(book()[name] for name in names_of(guarded))
    assert count["sentences"] < 0.02*count["cells"] and count["groups"] < 0.2*count["cells"] and count["catches"] < 0.01*count["cells"], count


words = ("markdown", "What it is for, in a sentence.")
good = [("markdown", "# E0. A page\n\n> As it should be"), ("code", "#| default_exp engines.page"), ("code", "#| export\nimport os\nfrom math import tau"), words,
        ("code", "import os\nfrom math import tau\n\nfrom lstm_nb import sigmoid"), ("markdown", "## One\n\nA turn has a number:\n\n$$2\\pi \\qquad (1)$$"), ("code", "#| hide\nassert True"),
        ("code", "#| exports\nclass One:\n    turn = tau                    # (1)\n\nTABLE = {1: One}"), ("code", "TABLE[1].turn, sigmoid(0.)"), words, ("code", "#| export\ndef two(): return os.sep"),
        ("code", "#| hide\nraise OSError" + " "*60 + "# (2)"), ("code", "#| eval: false\nimport torch"), ("code", "#| echo: false\nopen('../record')")]
planted = [
    (too_long, [words, ("code", "#| exports\n" + "\n\n".join(f"a{n} = 1" for n in range(246)))]),
    (too_long, [words, ("code", "#| export\n#| eval: true\n" + "\n".join(f"a{n} = 1" for n in range(246)))]),
    (without_prose, [("code", "#| exports\ndef more(): pass")]),
    (without_prose, [("markdown", "## One more\n\n<span id='eq-3'></span>\n\n$$a = b \\qquad (3)$$"), ("code", "#| exports\nMORE = {}")]),
    (without_prose, [words, ("code", "#| echo: false\n1"), ("code", "#| export\nclass More: pass")]),
    (without_prose, [words, ("code", "#| export\nA = 1"), ("code", "#| hide\n1"), ("code", "#| export\nB:int = 1")]),
    (too_wide, [("code", "1" + " "*70 + "# this")]),
    (late_numbers, [("code", "1" + " "*60 + "# (11b)-(14b)")]),
    (no_set_up, [("code", "import sys")]),
    (no_set_up, [("code", "from lstm_nb import sigmoid\nsigmoid(0.)")]),
    (not_running, [("code", "%time 1")]),
    (not_running, [("code", "!ls")]),
    (not_running, [("code", "#| hide\na = 1"), ("code", "a")]),
    (not_running, [("code", "#| echo: false\na = 1"), ("code", "a")]),
    (not_running, [("code", "open('matplotlibrc')")]),
    (not_running, [("code", "two()")]),
    (not_running, [("code", "os._exit(0)"), ("code", "1")]),
    (not_running, [("code", "raise SystemExit")])]


@pytest.mark.parametrize("measure", measures, ids=lambda m: m.__name__)
def test_nothing_is_found_on_a_good_page(measure): assert measure(page_of("engines/00_use", good)) == []


@pytest.mark.parametrize(("measure", "more"), planted)
def test_what_is_planted_is_found(measure, more):
    page = page_of("engines/00_use", good + more)
    assert [m.__name__ for m in measures if m(page)] == [measure.__name__]


@pytest.mark.parametrize(("measure", "page"), [
    (no_set_up, page_of("engines/00_use", [c for c in good if "import sigmoid" not in c[1]])),
    (wrong_title, page_of("engines/01_engine", good)),
    (wrong_title, page_of("engines/00_use", [("markdown", "# E0 A page")])),
    (not_listed, page_of("engines/00_nowhere", good))])
def test_what_is_wrong_with_a_whole_page_is_found(measure, page): assert len(measure(page)) == 1


def test_a_block_that_does_not_end_is_found(monkeypatch):
    monkeypatch.setitem(globals(), "most_seconds", 1)
    assert not_running(page_of("", [("code", "1"), ("code", "while True: pass"), ("code", "2")])) == ["[1] did not end", "[2] not reached"]


def test_lessons_are_counted():
    lesson = ["print(f'{1}')", "print('a', end=f'{1}')\n1", "a = 1\n\na", "def f():\n\n    return 1", "try: 1\nexcept OSError: 2", "for a in []:\n    try: 1\n    finally: 2", "assert True\n\n# and\nprint(1)"]
    assert lessons([page_of("", [("code", c) for c in lesson] + good)]) == {"cells": 8, "sentences": 2, "groups": 2, "catches": 2, "otherwise": 2}


if __name__ == "__main__": report([name for name in book() if not sys.argv[1:] or name in sys.argv[1:] or part_of(name) in sys.argv[1:]])
