"""How far an equation of pages 04 and 05 stands from the line of code that computes it and from its check, in px, 1280 px wide.

`python tests/site/test_distances.py [page.html ...]` prints the table. The line of (8) is the nearest one that ends in `# (8)` or in a list or range with it;
its check is the first output or test below that line."""
import ast
import inspect
import re
import sys
from contextlib import contextmanager
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

if __name__ == "__main__": sys.path[:0] = [str(Path(__file__).resolve().parents[2]/p) for p in ("", "tests", "tests/support", "tests/house")]
from test_pages import book

from lstm_nb import lstm_cell_backward, lstm_cell_forward

root = Path(__file__).resolve().parents[2]
most = 800          # a screen
wanted = {"cell.html": [*map(str, range(1, 18)), *(f"{n}b" for n in range(11, 15))], "sequence.html": ["18", "19", "20"]}
checks = r"\b(assert\w*|check_gradients|test_\w+|error\w*)\b"

places = """checks => {  // where equations, lines with numbers, and outputs or tests stand
  const middle = r => (r.top + r.bottom)/2 + scrollY, found = {equations: {}, lines: [], checks: []}
  for (const e of document.querySelectorAll('.math.display')) {
    const number = e.querySelector('annotation').textContent.match(/\\\\qquad *\\((\\d+b?)\\)/)
    if (number) found.equations[number[1]] ??= middle(e.getBoundingClientRect())
  }
  for (const code of document.querySelectorAll('main pre code')) {
    let start = 0
    const shown = code.closest('.cell-output') == null, walk = document.createTreeWalker(code, NodeFilter.SHOW_TEXT), ends = []
    for (let n = walk.nextNode(); n; n = walk.nextNode()) for (let i = 0; i < n.data.length; i++) if (n.data[i].trim()) ends.push([n, i])
    const at = (n, i) => { const r = document.createRange(); r.setStart(n, i); r.setEnd(n, i + 1); return middle(r.getBoundingClientRect()) }
    if (!shown) { if (ends.length) found.checks.push(at(...ends[0])); continue }
    let k = 0
    for (const line of code.textContent.split('\\n')) {
      const here = line.replace(/\\s/g, '').length, y = here && at(...ends[k])
      k += here
      const note = line.match(/# (\\(\\d+b?\\)[-, ()\\db]*)$/)
      if (note) found.lines.push([note[1], y])
      if (here && new RegExp(checks).test(line)) found.checks.push(y)
    }
  }
  return found
}"""


def numbers(note):
    "The equations that a comment names: `(11b)-(14b)` are four."
    found = []
    for low, b, high in re.findall(r"\((\d+)(b?)\)(?:-\((\d+)b?\))?", note): found += [f"{n}{b}" for n in range(int(low), int(high or low) + 1)]
    return found


def distances(page):
    "Of a page in a browser: {number: (px to its line, px to its check)}, None where there is none."
    found, result = page.evaluate(places, checks), {}
    for number, y in found["equations"].items():
        lines = [at for note, at in found["lines"] if number in numbers(note)]
        line = min(lines, key=lambda at: abs(at - y), default=None)
        check = min((at for at in found["checks"] if line is not None and at >= line), default=None)
        result[number] = tuple(None if at is None else round(abs(at - y)) for at in (line, check))
    return result


@pytest.mark.parametrize("name", wanted)
def test_an_equation_its_line_and_its_check_are_on_one_screen(visit, name):
    page = visit(name)
    found = distances(page)
    assert [n for n in wanted[name] if n not in found] == []
    assert {n: found[n] for n in wanted[name] if None in found[n] or max(found[n]) > most} == {}


def test_what_is_far_off_is_seen(visit):
    page = visit("cell.html")
    page.evaluate("[...document.querySelectorAll('.math.display')].find(e => /qquad *\\(8\\)/.test(e.textContent)).insertAdjacentHTML('afterend', '<p style=\"height: 900px\"></p>')")
    found = distances(page)
    assert {n for n in wanted["cell.html"] if max(found[n]) > most} >= {"8"} and found["1"] == distances(visit("cell.html"))["1"]


@pytest.mark.parametrize("function, equations", [(lstm_cell_forward, range(1, 7)), (lstm_cell_backward, range(7, 11))], ids=["forward", "backward"])
def test_a_line_of_an_example_is_that_of_the_function(function, equations):
    "And each is displayed with its check: the cell ends in an expression with what the line computes."
    cells = [c for c in book()["04_cell"].cells if c.lesson]
    for number in equations:
        found = [(c, line) for c in cells for line in c.lines if line.endswith(f"# ({number})")]
        assert len(found) == 1, number
        cell, line = found[0]
        assert line.split("#")[0].split() in [own.split("#")[0].split() for own in inspect.getsource(function).splitlines()], line
        assert isinstance(cell.tree[-1], ast.Expr) and re.search(rf"\b{line.split()[0]}\b", cell.lines[-1]), cell.text


def test_numbers():
    assert numbers("(8)") == ["8"] and numbers("(11b)-(14b)") == ["11b", "12b", "13b", "14b"] and numbers("(18), (19)") == ["18", "19"]


@contextmanager
def browsing(folder):
    from conftest import Quiet, at_rest, chromium, flags
    from playwright.sync_api import sync_playwright
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder))
    Thread(target=server.serve_forever, daemon=True).start()
    with sync_playwright() as playwright:
        page = playwright.chromium.launch(executable_path=chromium(playwright), args=flags).new_page(viewport={"width": 1280, "height": 844})
        def show(name):
            page.goto(f"http://127.0.0.1:{server.server_port}/{name}")
            page.evaluate(at_rest)
            return page
        yield show
    server.shutdown()


if __name__ == "__main__":
    with browsing(root/"_docs") as show:
        for name in sys.argv[1:] or wanted:
            print(f"{name:16}{'line':>8}{'check':>8}")
            for number, far in distances(show(name)).items(): print(f"{'(' + number + ')':16}", *(f"{'-' if d is None else d:>7}" for d in far))
