"""Write the exercise edition: the chapters with gaps, hints and checks, and their solutions.

Everything comes from the notebooks. A chapter that defines one of the twelve functions becomes an exercise: where
the function, or a cell before it, has a line with the number of an equation behind it, the right-hand side becomes a
gap; a function without numbers loses the body of its loop. Hints and checks are those of the checker."""
import ast
import json
import posixpath
import re
import sys
from pathlib import Path

root = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(root))
from lstm_nb.checker.check import JUDGES
from lstm_nb.checker.equations import SITE, hints_of

# of the other parts one page is a chapter; there the names of its loops are those of an engine, and an exercise has the course's
chapters = [*sorted((root/"nbs").glob("[0-9]*.ipynb")), root/"nbs/networks/16_gru_cell.ipynb"]
label = re.compile(r"#\s*((?:\((?:R?\d+b?)\)(?:-|, )?)+)\s*$")


def named(line):
    "The number behind a line, as in `8` or `11 to 14`."
    found = label.search(line)
    return " to ".join(re.findall(r"R?\d+b?", found[1])) if found else ""


def answers(tree):
    "What can become a gap: the right-hand sides of a function, the smallest ones first."
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict): found += [(0, v) for v in node.values]
        elif isinstance(node, (ast.Assign, ast.AugAssign, ast.Return)) and node.value: found.append((1, node.value))
    return [node for _, node in sorted(found, key=lambda f: f[0])]


def gaps_in(lines, tree):
    "The answers below `tree` with a number behind them, each with its call of `gap`."
    taken = []
    for i in range(tree.lineno, tree.end_lineno + 1):
        number = named(lines[i - 1])
        node = next((a for a in answers(tree) if a.end_lineno == i and a.lineno >= tree.lineno), None) if number else None
        if node: taken.append((node, number))
    return taken


def without(lines, taken):
    "The lines with each answer out of `taken` replaced by its gap."
    for node, number in sorted(taken, key=lambda t: -t[0].lineno):
        head = bytes(lines[node.lineno - 1], "utf8")[:node.col_offset].decode()
        tail = bytes(lines[node.end_lineno - 1], "utf8")[node.end_col_offset:].decode()
        lines[node.lineno - 1:node.end_lineno] = [f'{head}gap("{number}"){tail}']
    return "\n".join(lines)


def with_gaps(source, name):
    "A cell with the answers of one function taken out, and the numbers of its gaps."
    lines = source.split("\n")
    tree = next(n for n in ast.parse(source).body if getattr(n, "name", "") == name)
    taken = gaps_in(lines, tree)
    loop = next((n for n in tree.body if isinstance(n, ast.For)), None)
    if not taken and loop:
        number = "R9" if name == "rnn_backward" else "order"
        first, last = loop.body[0], loop.body[-1]
        lines[first.lineno - 1:last.end_lineno] = [" "*first.col_offset + f'gap("{number}")      # all that happens at step t']
        return "\n".join(lines), [number]
    return without(lines, taken), [number for _, number in taken]


def lesson_with_gaps(source):
    "A cell of an example with the lines that compute an equation taken out, and the numbers of its gaps."
    lines = source.split("\n")
    taken = [t for n in ast.parse(source).body if isinstance(n, ast.Assign) for t in gaps_in(lines, n)]
    return without(lines, taken), [number for _, number in taken]


def hints(gaps):
    "Folded hints, one a gap."
    text = []
    for number in dict.fromkeys(n for g in gaps for n in g.split(" to ")):
        about = f"Hint for ({number})" if number != "order" else "Hint"
        said = "\n\n".join(f"{hint} [The derivation]({SITE}/{link})." for hint, link in hints_of(number))
        text.append(f"<details><summary>{about}</summary>\n\n{said}\n\n</details>")
    return "\n\n".join(text)


def cell(kind, text, number):
    "A cell of a notebook."
    made = {"cell_type": kind, "id": f"c{number:04}", "metadata": {}, "source": text.splitlines(keepends=True)}
    return made | ({"execution_count": None, "outputs": []} if kind == "code" else {})


def outward(text, folder=""):
    "Links and pictures of a page in `folder` of the book, by their address on the site."
    def address(found):
        head, _, page = posixpath.normpath(posixpath.join(folder, found[1])).rpartition("/")
        return f"]({posixpath.join(SITE, head, re.sub(r'^[0-9]+[a-z0-9]*_', '', page))}.html{found[2] or ''})"
    text = re.sub(r"\]\(((?:\.\./)*images/[^)]+)\)", lambda m: f"]({SITE}/{posixpath.normpath(posixpath.join(folder, m[1]))})", text)
    return re.sub(r"\]\(([\w./]+)\.ipynb(#[^)]*)?\)", address, text)


def code(source):
    "A code cell without the marks of the book; `None` if it is none of the reader's business."
    marks = re.findall(r"^#\|\s*(\w+)", source, flags=re.M)
    kept = [s for s in source.split("\n") if not s.startswith("#|") and "nbdev" not in s]
    body, definitions = ast.parse("\n".join(kept)).body, (ast.FunctionDef, ast.ClassDef)
    if marks and all(isinstance(n, (ast.Import, ast.ImportFrom)) for n in body): return None      # the page's set-up cell has all that is shown needs
    helps = "hide" not in marks or all(isinstance(n, definitions) for n in body)
    if "default_exp" in marks or not helps: return None
    if "echo" in marks: return None
    return "\n".join(kept).strip("\n") or None


def only_defines(text):
    "Whether a cell has nothing but definitions, as of a helper that an exercise needs."
    return all(isinstance(n, (ast.FunctionDef, ast.ClassDef)) for n in ast.parse(text).body)


def edition(notebook):
    "The exercise and the solution of a chapter, or `None` if it defines no function of the exercise."
    cells, folder = [], notebook.parent.relative_to(root/"nbs").as_posix().strip(".")
    for c in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        text = "".join(c["source"]).replace("gru_sequence_", "gru_")
        text = outward(text, folder) if c["cell_type"] == "markdown" else code(text)
        if text: cells.append((c["cell_type"], text))
    exercise, solution, waiting = [], [], []
    for i, (kind, text) in enumerate(cells):
        following = next((t for k, t in cells[i:] if k == "code"), "")
        if not only_defines(following) or any(f"def {n}(" in text for n in JUDGES):
            exercise += waiting; solution += waiting; waiting = []
        solution.append((kind, text))
        names = [n for n in JUDGES if kind == "code" and re.search(rf"^def {n}\(", text, re.M)]
        for name in names:
            text, gaps = with_gaps(text, name)
            exercise.append(("markdown", f"**Exercise.** Fill the gaps of `{name}`, then run the check.\n\n{hints(gaps)}"))
            waiting.append(("code", f"check({name})"))
        if kind == "code" and not names:
            text, gaps = lesson_with_gaps(text)
            if gaps: exercise.append(("markdown", hints(gaps)))
        exercise.append((kind, text))
    exercise += waiting; solution += waiting
    if not any(text.startswith("check(") for _, text in exercise): return None
    first = next(i for i, c in enumerate(exercise) if c[0] == "code")
    use = "code", "from lstm_nb import check, gap"
    return [cells[:first] + [use] + cells[first:] for cells in (exercise, solution)]


def save(cells, path):
    "Write a notebook without outputs."
    path.parent.mkdir(parents=True, exist_ok=True)
    made = {"cells": [cell(kind, text, i) for i, (kind, text) in enumerate(cells)],
            "metadata": {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}},
            "nbformat": 4, "nbformat_minor": 5}
    path.write_text(json.dumps(made, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def write(folder):
    "Write all exercises into `folder` and the solutions into `folder/solutions`; the names of the chapters."
    names = []
    for notebook in chapters:
        made = edition(notebook)
        if not made: continue
        save(made[0], Path(folder)/notebook.name); save(made[1], Path(folder)/"solutions"/notebook.name)
        names.append(notebook.stem)
    return names


def publish(site):
    "Put the exercises into the built site, and a link into each of their chapters."
    write(Path(site)/"exercises")
    for notebook in chapters:
        name, folder = notebook.stem, notebook.parent.relative_to(root/"nbs").as_posix()
        page = Path(site)/folder/(name.partition("_")[2] + ".html")
        if not page.exists() or not (Path(site)/f"exercises/{name}.ipynb").exists(): continue
        text, up = page.read_text(encoding="utf-8"), "" if folder == "." else "../"
        link = f'<p class="exercise">As an exercise: <a href="{up}exercises/{name}.ipynb" download>this page with gaps</a></p>'
        if 'class="exercise"' not in text:
            text = re.sub(r"(<p>(?!<)[A-Z])", lambda m: link + m[1], text, count=1)
            page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    folder = root/"exercises"
    for name in write(folder): print(f"exercises/{name}.ipynb, exercises/solutions/{name}.ipynb")
