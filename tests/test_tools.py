"The tools that finish the site, on the markup that Quarto writes."
import sys

import pytest
from finish_site import finish

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


def test_finishing_twice_changes_nothing():
    page = f'<a href="{url}/x.html">x</a><table></table><math display="block"></math><math display="inline"></math>,<a role="navigation" data-bs-target="#a">a</a>'
    once = finish(page, 0, url)
    assert finish(once, 0, url) == once


@pytest.mark.skipif(sys.version_info < (3, 11), reason="smalldocs needs Python 3.11")
def test_a_formula_that_fails_stops_the_build():
    from second_renderer import mathml
    made = mathml([r"\(\tilde c\)", r"\[\begin{aligned} a &= b \\ &= c \end{aligned}\]"])
    assert all(m.startswith("<math") for m in made.values())
    with pytest.raises(RuntimeError, match="nonsense"): mathml([r"\(\nonsense x\)"])
