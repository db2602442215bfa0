"The table of who has what: every cell names a test that is there, and the page shows what tests/records/features.json says."
import ast
import json
from pathlib import Path

import pytest
from conftest import root

rows = json.loads((root/"tests/records/features.json").read_text(encoding="utf-8"))
columns = [k for k in rows[0] if k != "feature"]
absent = {f"what_{k}_has" for k in ("pytorch", "keras", "onnx")}


def functions(path): return {node.name for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.FunctionDef)}


def page_of_the_table():
    "The cell that shows the table, as source and as stored output."
    cells = json.loads((root/"nbs/networks/12_variants.ipynb").read_text(encoding="utf-8"))["cells"]
    [cell] = [c for c in cells if "features.json" in "".join(c["source"])]
    return "".join(cell["source"]), "".join(cell["outputs"][0]["data"]["text/markdown"])


@pytest.mark.parametrize("row", rows, ids=lambda r: r["feature"])
def test_every_cell_names_a_test(row):
    assert [*row] == ["feature", *columns]
    for column in columns:
        word, name = row[column]
        path, _, function = name.partition("::")
        assert function in functions(root/"tests"/path), name
        assert (word == "no") == (function.removeprefix("test_") in absent and word != "yes"), (column, word, name)
    assert row["here"][0] == "yes"


def test_the_page_shows_the_table(monkeypatch):
    source, stored = page_of_the_table()
    monkeypatch.chdir(root/"nbs/networks")
    names = {"Markdown": lambda text: text, "json": json, "Path": Path}
    *before, last = ast.parse(source).body
    exec(compile(ast.Module(before, []), "page N12", "exec"), names)
    assert eval(compile(ast.Expression(last.value), "page N12", "eval"), names) == stored
    assert all(f"`{row[k][1]}`" in stored for row in rows for k in columns)
