"""The built site, in a browser and without.

In the short form a page is opened once for all tests that only look at it, light or dark in turn; in the long form anew for each."""
import json
import re
from pathlib import Path
from urllib.parse import urljoin

import pytest
from conftest import at_rest, go, root, site_folder
from everything import modules
from finish_site import moved, site_url, to
from problems import long
from site_reader import page_names
from test_pages import book, exceptions, guarded, most_pixels, names_of, number_of

names = page_names(site_folder) or ["index.html"]
every_page = pytest.mark.parametrize("name", names)
looks = pytest.mark.parametrize("scheme", ["light", "dark"])
widths = pytest.mark.parametrize("width", [1280, 390])

sticks_out = """() => [...document.querySelectorAll("main *")].filter(e => {
  if (e.getBoundingClientRect().right <= innerWidth + 1 || !e.checkVisibility()) return false
  for (let p = e.parentElement; p && p.tagName != "MAIN"; p = p.parentElement)
    if (["auto", "scroll", "hidden"].includes(getComputedStyle(p).overflowX)) return false
  return true
}).map(e => e.outerHTML.slice(0, 120))"""

# what can be scrolled into view, but should be seen at once: formulas, and on a screen tables
overflows = "[...document.querySelectorAll('main %s')].filter(e => e.checkVisibility() && e.scrollWidth > e.clientWidth + 1).map(e => e.outerHTML.slice(0, 120))"
too_wide, wide_tables = overflows % ".math.display", overflows % ".table-scroll"


def test_nothing_comes_from_outside(site): assert site.outside == []


def test_no_dead_link(site): assert site.dead == []


@every_page
def test_no_raw_tex_or_markdown(site, name): assert site.pages[name].raw == []


@every_page
def test_no_list_starts_in_the_middle(site, name): assert site.pages[name].starts == []


@every_page
def test_every_picture_has_a_text(site, name): assert site.pages[name].mute == []


@every_page
def test_each_signature_appears_once(site, name):
    "A function whose code is shown has no second box with its signature."
    assert signatures((site_folder/name).read_text(encoding="utf-8")) == []


def signatures(page):
    "Names that have a signature without code, and right behind it, under the same heading, one with code."
    found = []
    for part in re.split(r"<h[1-6]\b", page):
        blocks = [re.sub(r"<[^>]*>", "", block).strip() for block in re.findall(r"<pre\b.*?</pre>", part, re.S)]
        names = [re.search(r"^(?:def|class) (\w+)\(", block, re.M) for block in blocks]
        found += [a[1] for box, a, b in zip(blocks, names, names[1:]) if a and b and a[1] == b[1] and re.search(r"^(def .*)?\)[^\n]*\Z", box, re.M)]
    return found


def test_a_signature_that_appears_twice_is_seen():
    box, code = "<pre>def <b>f</b>(\n    x\n)-&gt;int: # y</pre>", "<pre>@g\ndef f(x):\n    return x</pre>"
    assert signatures(f"<h3>f</h3>{box}{code}<h3>g</h3>{code}") == ["f"] and signatures(f"<h3>f</h3>{code}{code}<h3>g</h3>{box}") == []


def test_the_search_has_each_formula_once(site): assert site.doubled == []


def test_an_old_address_leads_to_the_page(site, visit):
    "Every page that has moved has a signpost, which takes the place on the page along."
    assert {f"{new}.html" for new in moved.values()} <= {*site.pages}
    assert to("fused", "engines/fused") == "engines/fused.html" and to("engines/tape", "engines/arrays") == "arrays.html"
    for old in moved: assert f'href="{to(old, moved[old])}"' in (site_folder/f"{old}.html").read_text(encoding="utf-8")
    page = visit("fused.html#eq-28")
    page.wait_for_url("**/engines/fused.html#eq-28")
    page.wait_for_function("(top => 0 <= top && top < 300)(document.getElementById('eq-28').getBoundingClientRect().top)")


def test_every_equation_has_its_anchor(site):
    ids = site.pages["cell.html"].ids
    assert [n for n in range(1, 18) if ids.count(f"eq-{n}") != 1] == []


@every_page
def test_a_copy_in_plain_text_lies_beside_it(site, name):
    text = (site.folder/f"{name}.md").read_text(encoding="utf-8")
    assert text.startswith("# ") and f'type="text/markdown" href="{Path(name).name}.md"' in (site.folder/name).read_text(encoding="utf-8")
    assert not re.findall(r"^#\||<span|show_doc\(", text, re.M)
    numbers = lambda t: {*re.findall(r"\\qquad\s*\((\w+)\)", t)}
    assert numbers("".join(tex for _, tex in site.pages[name].formulas)) <= numbers(text)
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)\s]+\.html\.md[^)\s]*)\)", text)]
    assert [link for link in links if not (site.folder/name).parent.joinpath(link).exists()] == []


def test_the_copies_are_listed(site):
    text = (site.folder/"llms.txt").read_text(encoding="utf-8")
    listed = [link.removeprefix(site_url() + "/").removesuffix(".md") for link in re.findall(r"\]\(([^)]+)\): \S", text)]
    assert sorted(listed) == sorted(names) and text.startswith("# lstm_nb\n\n> ")


@pytest.fixture(scope="module", params=names)       # pytest runs what asks for one page in a row
def page(request, one_page, address):
    "One page, open; `page.look` is how the short form shows it."
    one_page.name, one_page.look = request.param, looks_of_pages[names.index(request.param) % 2]
    show(one_page, 1280, "light" if long else one_page.look[0], address)
    return one_page


looks_of_pages = [("light", 1280), ("dark", 390), ("dark", 1280), ("light", 390)]


def show(page, width, scheme, address=None):
    "Show a page in this width and colour, opened anew if there is an address or in the long form."
    page.set_viewport_size({"width": width, "height": 844})
    page.emulate_media(color_scheme=scheme)
    if address: go(page, f"{address}/{page.name}")
    elif long: page.reload(wait_until="load")
    page.evaluate(at_rest)


def test_page_opens(page):
    assert page.faults == []
    assert page.title()
    flat = page.evaluate("[...document.querySelectorAll('math')].filter(m => m.checkVisibility() && m.getBoundingClientRect().height <= 0).length")
    assert flat == 0


def test_fits_a_phone(page):
    show(page, 390, "light" if long else page.look[0])
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert page.evaluate(sticks_out) == []
    assert page.evaluate(too_wide) == []


def test_fits_a_screen(page):
    show(page, 1280, "light" if long else page.look[0])
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert page.evaluate(sticks_out) == []
    assert page.evaluate(too_wide) == [] and page.evaluate(wide_tables) == []


def test_what_does_not_fit_is_seen(visit):
    page = visit("cell.html", 390)
    before = page.evaluate(too_wide), page.evaluate(sticks_out)
    page.evaluate("""() => {
      const formula = document.querySelector("main .math.display")
      formula.querySelector("math").style.width = "400px"
      document.querySelector("main p").insertAdjacentHTML("afterend", "<div style='width: 500px'>wide</div>")
    }""")
    assert before == ([], []) and len(page.evaluate(too_wide)) == 1 and len(page.evaluate(sticks_out)) == 1


def test_the_first_screen_shows_the_way(visit):
    "What the book is, a figure, and three ways in, each with what its code prints, without scrolling."
    page = visit("index.html")
    page.set_viewport_size({"width": 1280, "height": 800})
    doors = page.evaluate("""() => [...document.querySelectorAll(".doors h2")].map(h => {
      let e = h, seen = []
      while ((e = e.nextElementSibling) && e.tagName != "H2") seen.push(e)
      const out = seen.flatMap(e => [...e.querySelectorAll(".cell-output pre")])
      return [h.innerText, out.length, Math.max(...out.map(e => e.getBoundingClientRect().bottom))]
    })""")
    assert [name for name, *_ in doors] == ["Check your code", "Read the derivation", "Port a model"]
    assert all(outputs > 0 and bottom <= 800 for _, outputs, bottom in doors), doors
    assert page.evaluate("document.querySelector('.doors figure').getBoundingClientRect().bottom") < 800


def address_of(name): return re.sub(r"(^|/)\d+_", r"\1", name) + ".html"
def height(page): return page.evaluate("document.documentElement.scrollHeight")


@pytest.mark.parametrize("name", names_of(guarded))
def test_is_read_in_ten_minutes(visit, name):
    "The height of a page, 1280 px wide, as smalldocs sets it."
    page = visit(address_of(name))
    if "smalldocs" not in (page.get_attribute("meta[name=generator]", "content") or ""): pytest.skip("heights are those of smalldocs")
    assert (height(page) > most_pixels) == ((name, "too_tall") in exceptions), f"{name}: {height(page)} px"


def test_a_tall_page_is_seen(visit):
    page = visit("index.html")
    assert 844 < height(page) <= most_pixels
    page.evaluate("n => document.querySelector('main').insertAdjacentHTML('beforeend', '<p>One more line.</p>'.repeat(n/20))", most_pixels)
    assert height(page) > most_pixels


def await_look(page, scheme):
    "Until the page is light or dark; an error if it stays as it is."
    light = "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).slice(0, 3).every(c => c > 127)"
    page.wait_for_function(f"light => {light} == light", arg=scheme == "light")


@looks
def test_follows_the_colour_scheme_until_told_otherwise(visit, address, scheme):
    page = visit("index.html", scheme=scheme)
    other = "dark" if scheme == "light" else "light"
    await_look(page, scheme)
    page.locator(".quarto-color-scheme-toggle:visible").first.click()
    await_look(page, other)
    page.goto(f"{address}/cell.html")
    await_look(page, other)
    page.locator(".quarto-color-scheme-toggle:visible").first.click()
    await_look(page, scheme)


def test_a_link_to_an_equation_leads_to_it(visit):
    page = visit("cell.html#eq-8")
    page.wait_for_function("(top => 0 <= top && top < 300)(document.getElementById('eq-8').getBoundingClientRect().top)")


thin = """() => {  // of all texts that look the same, by where they stand, in which colour, size and weight, one is marked
  const seen = new Set()
  for (const e of document.querySelectorAll("body *")) {
    if (![...e.childNodes].some(n => n.nodeType == 3 && n.data.trim())) continue
    let way = ""
    for (let p = e; p; p = p.parentElement) way += ` ${p.tagName}.${p.className}`
    const s = getComputedStyle(e), look = [way, s.color, s.backgroundColor, s.opacity, s.fontSize, s.fontWeight].join()
    if (!seen.has(look)) e.setAttribute("data-look", "")
    seen.add(look)
  }
  document.querySelectorAll("math").forEach((formula, n) => n < 10 || formula.replaceChildren())                 // formulas are alike
  document.querySelectorAll("tbody tr:nth-child(n+12)").forEach(row => row.remove())
  document.querySelectorAll("#quarto-sidebar .sidebar-section li:nth-child(n+3)").forEach(e => e.querySelector(".active") || e.remove())     // and so is the way to the pages
  for (const e of document.querySelectorAll("pre span:not([data-look], [id], [role], [tabindex])"))     // the colours of code
    if (!e.querySelector("[data-look]")) e.replaceWith(...e.childNodes)
  axe.configure({rules: [{id: "color-contrast", selector: "[data-look]"}]})
}"""


def judged(page, axe):
    "What axe has against a page; in the short form it measures the contrast of one of all texts that look the same."
    page.evaluate(axe)
    if not long: page.evaluate(thin)
    found = page.evaluate("axe.run({resultTypes: ['violations']}).then(r => r.violations)")
    return [(v["id"], v["nodes"][0]["html"][:200], v["nodes"][0]["failureSummary"]) for v in found if v["impact"] in ("serious", "critical")]


@pytest.mark.parametrize("turn", range(4 if long else 1))
def test_accessible(page, axe, turn):
    "Every page in one look, in the long form in all four."
    scheme, width = looks_of_pages[turn] if long else page.look
    show(page, width, scheme)
    await_look(page, scheme)
    assert judged(page, axe) == [], (scheme, width)


@pytest.mark.parametrize("kind", ["contrast of a word", "contrast of code", "a picture", "a link", "a button"])
def test_what_is_not_accessible_is_seen(visit, axe, kind):
    page = visit("index.html")
    before = judged(page, axe)
    page.evaluate("""kind => {
      const main = document.querySelector("main"), add = html => main.insertAdjacentHTML("beforeend", html)
      const fade = e => e.style.color = "#ddd", last = found => found[found.length - 1]
      if (kind == "contrast of a word") fade(last(main.querySelectorAll("p")))
      if (kind == "contrast of code") fade(last(main.querySelectorAll("pre code span")))
      if (kind == "a picture") add("<img src='favicon.svg'>")
      if (kind == "a link") add("<a href='cell.html'></a>")
      if (kind == "a button") add("<button></button>")
    }""", kind)
    assert before == [] and [found[0] for found in judged(page, axe)] == [
        {"a picture": "image-alt", "a link": "link-name", "a button": "button-name"}.get(kind, "color-contrast")]


path = "a => a.pathname.slice(1) || 'index.html'"  # Quarto's script makes `/` of it


def test_sidebar_lists_every_page(visit, site):
    page = visit("index.html")
    shown = page.eval_on_selector_all("#quarto-sidebar a[href]", f"links => links.map(a => [({path})(a), a.innerText.trim()])")
    assert {name for name, _ in shown} >= set(site.pages)
    assert [text for _, text in shown if text.endswith(".ipynb")] == []
    numbers = {address_of(name): f"{number_of(name)}. " for name in names_of(guarded) if "/" in name}
    assert [(name, text) for name, text in shown if not text.startswith(numbers.get(name, ""))] == []


def test_pages_lead_to_one_another(site):
    seen, name = [], "index.html"
    while name and name not in seen:
        seen.append(name)
        following = re.search(r'nav-page-next">\s*<a href="(?:\./)?([^"]+)"', (site_folder/name).read_text(encoding="utf-8"))
        name = following and urljoin(name, following[1])
    assert set(seen) == set(site.pages)


homes = {page.module: name for name, page in book().items()}
errors = [(name, address_of(homes[place])) for place, module in modules.items() for name in module.__all__ if isinstance(kind := getattr(module, name), type) and issubclass(kind, BaseException)]


@pytest.mark.parametrize(("words", "wanted"), [
    ("lstm_cell_backward", "cell.html"), ("check my code", "checker/use.html"), ("check your code", "checker/use.html"), ("which equation is wrong", "checker/use.html"),
    ("lstm_check", "checker/"), ("linear layer", "gradcheck.html#the-gradients-of-a-linear-layer"), ("backpropagation through time", "rnn.html"),
    *errors])
def test_search_finds(visit, words, wanted):
    page = visit("index.html")
    box = page.locator("#quarto-search input").first
    if not box.is_visible():
        page.locator("#quarto-search button").first.click()
        box = page.locator("input.aa-Input").first
    box.press_sequentially(words)
    results = page.locator("a.search-result, .aa-Item a")
    results.first.wait_for()
    for _ in range(50):                                 # the list follows the letters, later on a busy machine
        found = results.evaluate_all("links => links.map(a => a.href)")
        if any(wanted in href for href in found[:10]): break
        page.wait_for_timeout(100)
    assert any(wanted in href for href in found[:10]), found
    assert page.faults == []


@looks
@widths
def test_the_numbers_say_what_happened(visit, scheme, width):
    page = visit("editions.html", width, scheme)
    page.locator("#number").fill("-0.0624")
    shown = page.locator("#numbers tbody tr:visible")
    assert 0 < shown.count() < page.locator("#numbers tbody tr").count()
    box = shown.first.locator("td").last.bounding_box()
    assert box["width"] > 150 and box["x"] + box["width"] <= width
    light = page.evaluate("getComputedStyle(document.getElementById('number')).backgroundColor.match(/\\d+/g).slice(0, 3).every(c => c > 127)")
    assert light == (scheme == "light") and page.faults == []


def test_the_numbers_are_found_as_they_are_printed(visit):
    "In a real browser: by value and by prefix, with a point or a comma, and not inside another number."
    page = visit("editions.html")
    def found(text):
        page.locator("#number").fill(text)
        return page.locator("#numbers tbody tr:visible").all_inner_texts()
    everything = found("")
    for text, entry, story in [("-0.0698198561274", "dWf[3][1]", "v1 to the early v3a"), ("0.40512433093", "dWi[1][2]", "late v3a, v3b and v4"), ("0,405", "dWi[1][2]", "late v3a, v3b and v4"),
                               ("-0,0698", "dWf[3][1]", "v1 to the early v3a"), ("[-0.15745657]", "dbf[4]", "late v3a"), ("-1.5745657e-01", "dbf[4]", "late v3a")]:
        rows = found(text)
        assert 0 < len(rows) < 5 and any(entry in row and story in row for row in rows), (text, rows)
    for row in json.loads((root/"nbs/editions.json").read_text(encoding="utf-8")):
        for what, digits in row["printed"].items() if row["function"].endswith("backward") else ():
            for text in (digits, digits.replace(".", ","), digits.split()[0][:9]): assert any(what in r and row["function"] in r for r in found(text)), (what, text)
    assert found("99") == found("0698") == found("elephant") == [] and "99" in "".join(everything) and "0698" in "".join(everything)
    assert found("") == everything and page.faults == []


quarto = """() => {  // what Quarto's pages and its theme have, and smalldocs' have not
  const theme = document.createElement("style")
  theme.textContent = `:root { font-size: 17px } nav.quarto-secondary-nav { background-color: #adb5bd } #title-block-header { margin-block-end: 0 }
    nav.quarto-secondary-nav.color-navbar { background-color: #375a7f; color: #fff }`
  document.head.insertBefore(theme, document.querySelector("link[href$='styles.css']"))
  for (const old of document.querySelectorAll("#quarto-header, #title-block-header")) old.remove()
  document.body.insertAdjacentHTML("afterbegin", '<header id="quarto-header" class="headroom fixed-top"><nav class="quarto-secondary-nav"><div class="container-fluid d-flex">Cell</div></nav></header>')
  document.querySelector("main").insertAdjacentHTML("afterbegin", '<header id="title-block-header" class="quarto-title-block default"><h1 class="title">Cell</h1></header>')
}"""


@looks
def test_quartos_theme_gives_way_on_a_phone(visit, scheme):
    page = visit("cell.html", 390, scheme)
    page.evaluate(quarto)
    style = lambda of, what: page.evaluate(f"getComputedStyle({of}).{what}")
    assert style("document.documentElement", "fontSize") == "16px"
    assert style("document.querySelector('nav.quarto-secondary-nav')", "backgroundColor") == style("document.body", "backgroundColor")
    assert style("document.querySelector('#title-block-header')", "marginBottom") == "24px"


def test_the_sliders_draw_without_help_from_outside(visit):
    page = visit("training/flow.html")
    page.locator("#flow-figure svg").wait_for()
    before = page.locator("#flow-figure svg").inner_html()
    page.locator("#flow-figure input[type=range]").first.fill("4")
    page.wait_for_function("before => document.querySelector('#flow-figure svg').innerHTML != before", arg=before)
    assert page.faults == []
