"The tools that finish the site, on the markup that Quarto writes."
import json
import os
import re
import sys

import build_docs
import drawings
import pytest
from conftest import root
from finish_site import finish, finish_search, formulas_once
from site_reader import Site

url = "https://example.org/book"


def test_links_to_the_site_become_relative():
    page = f'<a href="{url}/cell.html#eq-8">8</a> <a class="x" href="{url}">home</a> <a href="https://example.org/other">o</a>'
    assert finish(page, 0, url) == '<a href="./cell.html#eq-8">8</a> <a class="x" href="./">home</a> <a href="https://example.org/other">o</a>'
    assert 'href="../cell.html#eq-8"' in finish(page, 1, url)


def test_sidebar_opener_is_a_button_with_a_target():
    page = '<a class="sidebar-item-text" data-bs-toggle="collapse" data-bs-target="#part-1" role="navigation" aria-expanded="true">Part</a>'
    assert 'role="button" href="#part-1"' in finish(page, 0, url)


def test_wide_things_get_a_box():
    assert finish("<table><tr></tr></table>", 0, url) == '<div class="table-scroll"><table><tr></tr></table></div>'
    math = '<math display="block"><mi>x</mi></math>'
    assert finish(f"<p>{math}</p>", 0, url) == f'<p><span class="math display">{math}</span></p>'


def test_accents_are_spacing_ones():
    page = '<mover><mi>c</mi><mo accent="true">\u0303</mo></mover>'
    assert finish(page, 0, url) == '<mover accent="true"><mi>c</mi><mo accent="true">\u02dc</mo></mover>'


def test_a_function_keeps_clear_of_its_argument():
    log = '<mrow><mi mathvariant="normal">log</mi><mo>&#8289;</mo></mrow>'
    assert '<mspace width="0.167em">' in finish(f"{log}<mi>y</mi>", 0, url)
    bracket = '<mo stretchy="false" form="prefix">(</mo>'
    assert finish(f"{log}{bracket}", 0, url) == f"{log}{bracket}"


def test_a_comma_stays_with_its_formula():
    math = '<math display="inline"><mi>x</mi></math>'
    assert finish(f"if {math}, then {math} is", 0, url) == f'if <span class="text-nowrap">{math},</span> then {math} is'
    math = f'<span class="math inline">{math}</span>'
    assert finish(f"({math}).", 0, url) == f'(<span class="text-nowrap">{math}).</span>'


cdn = {  # what Quarto puts into a page that has HTML among its outputs
    "1.7": '<script src="https://cdnjs.cloudflare.com/ajax/libs/require.js/2.3.6/require.min.js" integrity="sha512-c3Nl" crossorigin="anonymous"></script>\n'
           '<script src="https://cdnjs.cloudflare.com/ajax/libs/jquery/3.5.1/jquery.min.js" integrity="sha512-bLT0" crossorigin="anonymous" data-relocate-top="true"></script>\n'
           """<script type="application/javascript">define('jquery', [],function() {return window.jQuery;})</script>\n""",
    "1.10": '<script src="https://cdn.jsdelivr.net/npm/requirejs@2.3.6/require.min.js" integrity="sha384-c9c+" crossorigin="anonymous"></script>\n'
            '<script src="https://cdn.jsdelivr.net/npm/jquery@3.5.1/dist/jquery.min.js" integrity="sha384-ZvpU" crossorigin="anonymous" data-relocate-top="true"></script>\n'
            """<script type="application/javascript">define('jquery', [],function() {return window.jQuery;})</script>\n"""}
ours = '<script src="site_libs/quarto-nav/quarto-nav.js"></script><script async src="vega.js"></script><script>const jquery = 1</script>'


def as_site(folder, head="", body=""):
    "A site of one page."
    (folder/"index.html").write_text(f"<html><head>{head}</head><body>{body}</body></html>", encoding="utf-8")
    return Site(folder)


@pytest.mark.parametrize("version", cdn)
def test_no_script_from_outside(tmp_path, version):
    page = f"<head>{ours}{cdn[version]}</head>"
    assert len(as_site(tmp_path, ours + cdn[version]).outside) == 2
    assert finish(page, 0, url) == f"<head>{ours}</head>"
    other = '<script src="https://example.org/other.js"></script>'
    assert finish(other, 0, url) == other and as_site(tmp_path, other).outside == [("index.html", "https://example.org/other.js")]


figure = ('<div class="quarto-figure quarto-figure-center"><figure class="figure"><p><img src="images/x.svg" class="img-fluid figure-img"{alt}></p>'
          '<figcaption>A "gate", <em>open</em>: <math><semantics><mi>Γ</mi><annotation encoding="application/x-tex">\\Gamma</annotation></semantics></math>\n&lt; 1</figcaption></figure></div>')


def test_a_picture_is_described_by_its_caption(tmp_path):
    bare, empty, told = (figure.replace("{alt}", alt) for alt in ("", ' alt=""', ' alt="The cell."'))
    assert [len(as_site(tmp_path, body=f).pages["index.html"].mute) for f in (bare, empty, told)] == [1, 1, 0]
    for f in (bare, empty):
        done = finish(f, 0, url)
        assert '<img alt="A &quot;gate&quot;, open: Γ &lt; 1" src="images/x.svg" class="img-fluid figure-img">' in done
        assert as_site(tmp_path, body=done).pages["index.html"].mute == []
        assert finish(done, 0, url) == done
    assert 'alt="The cell."' in finish(told, 0, url) and "gate&quot;" not in finish(told, 0, url)
    assert as_site(tmp_path, body='<svg width="1"></svg><svg aria-hidden="true"></svg>').pages["index.html"].mute == ['<svg width="1">']


@pytest.mark.parametrize("body", ["<p>$z$ if z</p>", "<p>costs $</p>", r"<td>\Bigl( x</td>", r'<span class="math display">$$dz = 1$$</span>'])
def test_the_reader_sees_raw_tex(tmp_path, body): assert as_site(tmp_path, body=body).pages["index.html"].raw != []


def test_the_reader_lets_code_have_its_dollars(tmp_path):
    assert as_site(tmp_path, body=r"<pre>$x$</pre><code>\n $</code><math><annotation>\sigma</annotation></math>").pages["index.html"].raw == []


def test_the_reader_sees_a_list_that_starts_in_the_middle(tmp_path):
    body = '<ol start="15" type="1"><li>and (17) look the same</li></ol><ol start="1"><li></li></ol><ol><li></li></ol>'
    assert as_site(tmp_path, body=body).pages["index.html"].starts == ["15"]


def test_the_search_has_a_formula_once(tmp_path):
    gate = '<math><semantics><mrow><msub><mi>Γ</mi><mi>f</mi></msub><mo>=</mo><mn>1</mn></mrow><annotation encoding="application/x-tex">\\Gamma_f\n= 1</annotation></semantics></math>'
    i, z = (f'<math><semantics><mi>{x}</mi><annotation encoding="application/x-tex">{x}</annotation></semantics></math>' for x in "iz")
    site = as_site(tmp_path, body=f"<p>Where {gate}, {z} and {i} of <code>ii</code>, fuzzy.</p>")
    text = "Where Γf=1\\Gamma_f = 1, zz and ii of ii, fuzzy."
    (tmp_path/"search.json").write_text(json.dumps([{"href": "index.html#a", "section": "", "text": text}]), encoding="utf-8")
    assert formulas_once(text, (tmp_path/"index.html").read_text(encoding="utf-8")) == "Where Γf=1, z and ii of ii, fuzzy."
    short = text.replace("Gamma_f = 1", "Gamma_f\n= 1")
    (tmp_path/"search.json").write_text(json.dumps([{"href": "index.html#a", "section": "", "text": short}]), encoding="utf-8")
    assert len(site.doubled) == 1
    finish_search(tmp_path)
    assert Site(tmp_path).doubled == []


said = {"quiet": "[ 1/21] 04_cell.ipynb", "another warning": "\x1b[33mWARN: something that the page survives\x1b[39m",
        "TeX": "[WARNING] Could not convert TeX math dz = \\Bigl(dy\\Bigr), rendering as TeX:", "bare": "Could not convert TeX math x"}


@pytest.mark.skipif(os.name == "nt", reason="the Quarto of this test is a shell script")
@pytest.mark.parametrize("what", said)
@pytest.mark.parametrize("stream", [1, 2])
def test_a_formula_that_quarto_leaves_as_tex_fails_the_build(tmp_path, monkeypatch, capsys, what, stream):
    (tmp_path/"quarto").write_text(f"#!/bin/sh\ncat >&{stream} <<'END'\n{said[what]}\nEND\nexit ${{STATUS:-0}}\n", encoding="utf-8")
    (tmp_path/"quarto").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    if what in ("quiet", "another warning"): build_docs.with_quarto(tmp_path)
    else:
        with pytest.raises(SystemExit, match="formulas as TeX"): build_docs.with_quarto(tmp_path)
    assert said[what] in capsys.readouterr().out
    monkeypatch.setenv("STATUS", "3")
    with pytest.raises(SystemExit, match="status 3"): build_docs.with_quarto(tmp_path)


def test_the_workflows_pin_the_lines_that_pip_may_take():
    pins = {name: set(re.findall(r"\b1\.\d+\.\d+\b", (root/".github/workflows"/f"{name}.yml").read_text(encoding="utf-8"))) for name in ("ci", "deploy")}
    least, below = (tuple(map(int, v.split("."))) for v in re.search(r">=([\d.]+),<([\d.]+)", build_docs.versions).groups())
    of_ci = sorted(tuple(map(int, v.split("."))) for v in pins["ci"])
    assert of_ci[0] == least and of_ci[-1] < below and of_ci[-1][:2] == (below[0], below[1] - 1)
    assert {".".join(map(str, of_ci[-1]))} == pins["deploy"]


def test_finishing_twice_changes_nothing():
    page = f'{cdn["1.7"]}{figure.format(alt="")}<a href="{url}/x.html">x</a><table></table><math display="block"></math><math display="inline"></math>,<a role="navigation" data-bs-target="#a">a</a>'
    once = finish(page, 0, url)
    assert finish(once, 0, url) == once


@pytest.mark.skipif(sys.version_info < (3, 11), reason="smalldocs needs Python 3.11")
def test_a_formula_that_fails_stops_the_build():
    from second_renderer import mathml
    made = mathml([r"\(\tilde c\)", r"\[\begin{aligned} a &= b \\ &= c \end{aligned}\]"])
    assert all(m.startswith("<math") for m in made.values())
    with pytest.raises(RuntimeError, match="nonsense"): mathml([r"\(\nonsense x\)"])


def test_the_drawings_are_as_written_and_large_enough_for_a_phone():
    "What is committed is what the tool writes, and no letter is less than 9 pixels high where 350 are the width."
    for name, content in drawings.drawings().items():
        assert (root/f"nbs/images/{name}.svg").read_text(encoding="utf-8") == content, f"{name}: python tools/drawings.py"
        wide = float(re.search(r'viewBox="\S+ \S+ (\S+)', content)[1])
        assert min(map(float, re.findall(r'font-size="([\d.]+)"', content)))*350/wide >= 9, name
