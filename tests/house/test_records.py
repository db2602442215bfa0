"The committed records: of the code of today, and repeated rightly where prose repeats them."
import ast
import json
import re

import pytest
from conftest import root
from planted import pages
from stamps import readme, records, source, stale, stamp, table

record = json.loads((root/"tests/records/mutants.json").read_text(encoding="utf-8"))


def test_page_07_says_of_which_modules_the_mutants_are_of_earlier_code():
    assert list(record["modules"]) == list(pages)
    earlier = stale("tests/records/mutants.json")
    said = re.search(r"The record below is of earlier code of ([\w, ]+)\.", (root/"nbs/07_proof.ipynb").read_text(encoding="utf-8"))
    assert (re.split(", | and ", said[1]) if said else []) == earlier, "make mutants, or say so"


def test_every_record_has_the_stamps_of_the_modules_that_it_speaks_of():
    for name, (_, modules) in records.items():
        assert list(json.loads((root/name).read_text(encoding="utf-8"))["code"]) == list(modules), name
    held = {f"{folder}/records/{path.name}" for folder in ("bench", "tests") for path in (root/folder/"records").glob("*.json")}
    assert held - {*records} <= {f"tests/records/{kept}.json" for kept in ("equivalent_mutants", "features", "published")}


def test_what_is_stale_is_said():
    assert readme.read_text(encoding="utf-8") == table(), "python tools/stamps.py"


def test_a_change_of_a_module_makes_its_records_stale(monkeypatch):
    "And only those."
    before = {name: stale(name) for name in records}
    monkeypatch.setattr("stamps.source", lambda module: source(module) + "more = 1\n"*(module == "proof"))
    assert {name for name in records if stale(name) != before[name]} <= {"tests/records/digits.json"} and stale("tests/records/digits.json")


def test_the_record_of_the_mutants_adds_up():
    for count in record["modules"].values():
        assert count["mutants"] == sum(count.get(k, 0) for k in ("killed", "equivalent", "surviving"))
    assert record["total"]["mutants"] == sum(c["mutants"] for c in record["modules"].values())
    assert f"| all | {record['total']['mutants']} |" in (root/"tests/records/mutants.md").read_text(encoding="utf-8")


code = '''"What it is."
# how
class Wrong(ValueError): "An error."
def f(x): # Any
    """One.

    Two."""
    return x + 1 # (1)
'''


@pytest.mark.parametrize("other", [code.replace("What it is", "Else"), code.replace("# how", ""), code.replace("Two", "2"),
                                   code.replace("An error", "A fault"), code.replace(" # (1)", ""), code.replace("x + 1", "(x +\n            1)")])
def test_words_leave_a_stamp_as_it_is(other): assert other != code and stamp(other) == stamp(code)


@pytest.mark.parametrize("other", [code.replace("x + 1", "x - 1"), code.replace("ValueError", "TypeError"), code.replace("x + 1", "x")])
def test_code_changes_it(other): assert other != code and stamp(other) != stamp(code)


def test_the_rounding_that_prose_speaks_of_was_measured():
    rows = [r for r in json.loads((root/"tests/records/digits.json").read_text(encoding="utf-8"))["cases"] if r["scale"] == 1]
    worst = {dtype: round(max(max(r[dtype].values()) for r in rows)) for dtype in ("float64", "float32")}
    home, page = (re.sub(r"\s+", " ", (root/name).read_text(encoding="utf-8")) for name in ("README.md", "nbs/07_proof.ipynb"))
    assert f"at worst {worst['float64']} units in the last place, over {len(rows)} problems in float64" in home
    assert f"{worst['float64']} at worst in float64 and {worst['float32']} in float32" in page


def test_every_line_that_make_power_plants_on_stands_there_once():
    "Read out of the script: its own imports are other people's suites."
    tree = ast.parse((root/"tools/power.py").read_text(encoding="utf-8"))
    [table] = [node.value for node in tree.body if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "mistakes"]
    mistakes = eval(compile(ast.Expression(table), "power.py", "eval"), {"forward": 0, "backward": 1, "both": 2})
    assert len(mistakes) > 30
    for _, what, module, old, new in mistakes:
        for before, after in (old if new is None else [(old, new)]):
            assert source(module).count(before) == 1 and before != after, (what, before)
