"The number box of the page of editions, as the browser runs it."
import html
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

page = json.loads((Path(__file__).parent.parent.parent/"nbs/checker/41_editions.ipynb").read_text(encoding="utf-8"))
box = next(t for c in page["cells"] for o in c.get("outputs", []) if 'id="numbers"' in (t := "".join(o.get("data", {}).get("text/html", ""))))
published = json.loads((Path(__file__).parent.parent.parent/"nbs/editions.json").read_text(encoding="utf-8"))
browser = """
const {script, rows, queries} = JSON.parse(require('fs').readFileSync(0))
const made = rows.map(([values, text]) => ({dataset: {values}, textContent: text}))
global.document = {querySelectorAll: () => made}
const filter = new Function(script)
console.log(JSON.stringify(queries.map(value => { filter.call({value}); return made.flatMap((r, i) => r.hidden ? [] : [i]) })))
"""


@pytest.fixture(scope="module")
def ask():
    "For some queries, the texts of the rows that stay."
    if not shutil.which("node"): pytest.skip("no node")
    script = html.unescape(re.search(r'oninput="([^"]*)"', box)[1])
    rows = [(v, html.unescape(re.sub(r"<[^>]+>", " ", text))) for v, text in re.findall(r'<tr data-values="([^"]*)">(.*?)</tr>', box, re.S)]
    assert len(rows) > 100

    def ask(*queries):
        given = json.dumps({"script": script, "rows": rows, "queries": queries})
        out = subprocess.run(["node", "-e", browser], input=given, capture_output=True, text=True, check=True, timeout=60).stdout
        return [[rows[i][1] for i in found] for found in json.loads(out)]
    return ask


def test_a_number_is_found_as_it_is_printed(ask):
    wanted = {"-0.0698198561274": "dWf[3][1]", "0.40512433093": "dWi[1][2]", "0,40512433": "dWi[1][2]", "\N{MINUS SIGN}0.15745657": "dbf[4]", "[-0.15745657]": "dbf[4]",
              ".405124": "dWi[1][2]", "+0.405124": "dWi[1][2]", "4.0512433e-01": "dWi[1][2]", "-1.57456565e-01": "dbf[4]", "[[-0.15745657]]": "dbf[4]", "-.15745": "dbf[4]", "0.40512": "dWi[1][2]", "0.00218254 0.28205375 -0.48292508 -0.43281115": "dx[1][2]"}
    for (query, entry), found in zip(wanted.items(), ask(*wanted)): assert found and all(entry in row for row in found), (query, found)


def test_every_published_figure_is_found(ask):
    asked = [(what, digits) for row in published if row["function"].endswith("backward") for what, digits in row["printed"].items() if what in box]
    assert len(asked) > 30
    for (what, digits), found in zip(asked, ask(*[d for _, d in asked])): assert any(what in row for row in found), (what, digits)


def test_a_number_does_not_match_inside_others(ask):
    for found in ask("99", "0698", "45", "1.0e", "0.40512433094999", "4.05e+01"): assert found == []


def test_words_and_nothing(ask):
    everything, words = ask("", "Overwritten")
    assert len(everything) > 100 and 0 < len(words) < len(everything)
    assert all("overwritten" in row for row in words)
