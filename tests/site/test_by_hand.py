"""The figure of page 05b: its numbers against the library, in the browser, and its keys, buttons and fields."""
import json
import re

import numpy as np
import pytest
from conftest import at_rest, root
from test_site import await_look, judged, looks, sticks_out

from lstm_nb.cell import lstm_cell_backward
from lstm_nb.gradcheck import relative_error
from lstm_nb.sequence import lstm_backward, lstm_forward

script = (root/"nbs/by_hand.js").read_text(encoding="utf-8")
weights = [name for k in "fico" for name in (f"W{k}a", f"W{k}x", f"b{k}")]
others = ["x1", "x2", "a0", "c0", "da1", "da2", "dc1", "dc2"]
last = 2*6 + 2*16


@pytest.fixture
def page(visit):
    page = visit("by_hand.html")
    page.emulate_media(reduced_motion="reduce")
    return page


def settings(n, seed=0):
    rng = np.random.default_rng(seed)
    return [dict(zip(weights + others, rng.standard_normal(20).tolist())) for _ in range(n)]


def of_library(s):
    "All numbers of a setting, each array of one number, as the library computes them."
    one = lambda v: np.array([[v]])
    p = {f"W{k}": np.array([[s[f"W{k}a"], s[f"W{k}x"]]]) for k in "fico"} | {f"b{k}": one(s[f"b{k}"]) for k in "fico"}
    three = lambda name: np.array([[[s[f"{name}1"], s[f"{name}2"]]]])
    caches = lstm_forward(three("x"), one(s["a0"]), p, one(s["c0"]))[3]
    da, dc, found, carried = three("da"), three("dc"), [None, None], (one(0.), one(0.))
    for t in (1, 0):
        cache = caches[0][t]
        arrived = {"da": da[:, :, t], "dc": dc[:, :, t], "da_later": carried[0], "dc_later": carried[1],
                   "da_next": da[:, :, t] + carried[0], "dc_next": dc[:, :, t] + carried[1]}
        g = lstm_cell_backward(arrived["da_next"], arrived["dc_next"], cache)
        tanh_c, stack = np.tanh(cache.c_next), np.concatenate([cache.a_prev, cache.xt])
        s_ = arrived["da_next"]*cache.ot*(1 - tanh_c**2)
        step = cache._asdict() | g | arrived | {"tanh_c": tanh_c, "s": s_, "bracket": arrived["dc_next"] + s_}
        step |= {f"z{k}": p[f"W{k}"] @ stack + p[f"b{k}"] for k in "fico"}
        step |= {"dft": g["dbf"], "dit": g["dbi"], "dcct": g["dbc"], "dot": g["dbo"]}
        found[t], carried = scalars(step) | {name: s[name] for name in weights}, (g["da_prev"], g["dc_prev"])
    whole = lstm_backward(da, caches, dc)
    assert whole["da0"] == carried[0] and whole["dc0"] == carried[1]
    return [*found, scalars({k: v for k, v in whole.items() if k[1] in "Wb"})]


def scalars(arrays):
    found = {}
    for name, v in arrays.items():
        if name == "parameters": continue
        found |= {f"{name}a": v[0, 0], f"{name}x": v[0, 1]} if name[:2] == "dW" else {name: v.item()}
    return found


def worst(page, given):
    "The largest relative error of the script over all numbers of these settings."
    errors = []
    for s, found in zip(given, page.evaluate("given => given.map(byHand.values)", given)):
        for ours, theirs in zip(of_library(s), found):
            assert {*ours} == {*theirs}
            errors += [relative_error(np.array(theirs[name]), np.array(value)).item() for name, value in ours.items()]
    return max(errors)


def test_a_hundred_settings(page):
    assert worst(page, settings(100)) < 1e-12


lines = [line for line in script[:script.index("// Where the figure stops")].splitlines() if re.search(r"// \(\d+|v\.s =|v\.bracket =", line)]


def test_every_equation_is_in_the_script():
    numbers = {int(n) for line in lines for n in re.findall(r"// \((\d+)", line)}
    assert numbers | {12, 13, 14} == {*range(1, 21)} and len(lines) >= 20


def test_a_mistake_is_seen(page):
    "Each equation of the script in turn is off by a millionth."
    given, unseen = settings(3), []
    for line in lines:
        wrong = re.sub(r"= (.*?)(\s*//.*|)$", r"= 1.000001*(\1)\2", line)
        assert wrong != line and script.count(line) == 1
        page.evaluate(script.replace(line, wrong).replace('const figure = document.getElementById("by-hand")', "const figure = null"))
        if worst(page, given) < 1e-8: unseen.append(line)
    assert unseen == []


def bold(page): return page.locator("#by-hand .numbers b").all_inner_texts()
def where(page): return page.locator("#by-hand .where").inner_text()
def count(page): return int(page.locator("#by-hand .count").inner_text().partition("/")[0])


def test_the_figure_shows_the_numbers_of_the_tables(page):
    "Line by line, with the arrow keys; back again, too, and on to the last line."
    data = json.loads(page.locator("#by-hand-data").text_content())
    page.locator("#by-hand .graphs").focus()
    seen = []
    for n in range(1, last + 1):
        page.keyboard.press("ArrowRight")
        step, numbers = where(page)[5], page.locator("#by-hand .numbers span").all_inner_texts()
        assert count(page) == n and page.locator("#by-hand .formula math").count() > 0
        for text in numbers:
            shown, _, result = text.rpartition(" = ")
            row = page.evaluate("([shown, t]) => [...document.querySelectorAll('div.by-hand tr')].find(tr => tr.querySelector('[id$=\"-' + t + '\"]')"
                                " && tr.cells[2].innerHTML.split('<br>').includes(shown))?.cells[3].innerText", [(shown or result).replace("\u00a0", "&nbsp;"), step])
            assert row and result in row.split("\n"), (n, text)
            seen.append(text)
    assert len(seen) == sum(len(line["texts"]) for line in data["lines"].values())*2
    page.keyboard.press("ArrowRight")
    assert count(page) == last
    page.keyboard.press("ArrowLeft")
    assert count(page) == last - 1 and "(17)" in where(page)
    page.keyboard.press("Home")
    assert count(page) == 0
    assert page.faults == []


def test_gradients_arrive_and_the_sums_grow(page):
    field = lambda name: page.locator(f'#by-hand [data-field="{name}"] .gradient').inner_text()
    go = lambda n: page.locator("#by-hand input[type=range]").fill(str(n))
    go(12)
    assert field("Wfa") == "" and page.locator("#by-hand .backward[data-edge]").count() == 0
    go(28)
    assert field("Wfa") == "−0.0268" and field("x2") == "0.2471"
    go(29)
    assert page.locator("#by-hand text.from").all_text_contents() == ["1.2", "da prev 0.1375"] and bold(page) == ["1.3375"]
    assert page.locator('#by-hand [data-edge="a-out"]').get_attribute("class") == "backward on"
    go(last)
    assert field("Wfa") == "−0.0268 − 0.0470\n= −0.0738" and field("c0") == "−0.7141"
    assert page.locator("#by-hand .weights .field.on").count() == 12


def test_buttons(page):
    for name, n in [("Next →", 1), ("Next →", 2), ("← Back", 1), ("backward step 1", 29), ("forward step 2", 7)]:
        page.get_by_role("button", name=name).click()
        assert count(page) == n
    assert page.locator("#by-hand [aria-current=step]").inner_text() == "forward step 2"


def test_a_swipe_over_the_graph(browser, address):
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True)
    page = context.new_page()
    page.goto(f"{address}/by_hand.html")
    graphs = page.locator("#by-hand .graphs")
    graphs.scroll_into_view_if_needed()
    box, touch = graphs.bounding_box(), context.new_cdp_session(page)
    for way, n in [(-1, 1), (-1, 2), (1, 1)]:
        x, y = box["x"] + 180, box["y"] + 150
        touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
        for part in (30, 60, 90): touch.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [{"x": x + way*part, "y": y + part/10}]})
        touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        page.wait_for_function(f"document.querySelector('#by-hand .count').textContent == '{n}/{last}'")
    context.close()


def test_numbers_can_be_changed_and_reset(page):
    page.locator("#by-hand input[type=range]").fill("1")
    field = page.locator('#by-hand [data-name="bf"]')
    field.fill("100")
    assert bold(page) == ["1"] and count(page) == 1
    field.press("ArrowRight")
    assert count(page) == 1                                             # the key is the field's
    field.fill("")
    assert field.get_attribute("aria-invalid") == "true" and bold(page) == ["1"]
    page.get_by_role("button", name="Reset").click()
    assert field.input_value() == "0.9" and field.get_attribute("aria-invalid") is None and bold(page) == ["0.7649"]


def test_each_stop_is_told(page):
    live = page.locator("#by-hand [aria-live=polite]")
    page.locator("#by-hand input[type=range]").fill("14")
    assert live.inner_text() == "Step 2, backward, (19). Along the memory line arrives the gradient of its loss. There is no later step."
    assert page.locator("#by-hand input[type=range]").get_attribute("aria-valuetext") == live.text_content()


def test_motion_only_where_it_is_wanted(page):
    page.locator("#by-hand input[type=range]").fill("20")
    name = "getComputedStyle(document.querySelector('#by-hand .backward.on[data-edge]')).animationName"
    assert page.evaluate(name) == "none"
    page.emulate_media(reduced_motion="no-preference")
    assert page.evaluate(name) == "by-hand-flow"


@looks
def test_accessible_at_every_kind_of_stop(visit, axe, scheme):
    for width, stop in [(1280, 0), (390, 6), (1280, 20), (390, 29), (1280, last)]:
        page = visit("by_hand.html", width, scheme)
        await_look(page, scheme)
        page.emulate_media(reduced_motion="reduce")
        page.locator("#by-hand input[type=range]").fill(str(stop))
        page.evaluate(at_rest)
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth") and page.evaluate(sticks_out) == []
        assert judged(page, axe) == [], (width, stop)


def test_a_phone_shows_the_step_that_is_lit(visit):
    page = visit("by_hand.html", 390)
    for stop, seen in [(0, "1"), (6, "1"), (7, "2"), (28, "2"), (29, "1")]:
        page.locator("#by-hand input[type=range]").fill(str(stop))
        assert page.eval_on_selector_all("#by-hand .step", "all => all.filter(e => e.checkVisibility()).map(e => e.dataset.step)") == [seen]


def test_the_focus_is_seen(page):
    page.locator("#by-hand .moves button").first.focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    style = page.evaluate("(s => [s.outlineStyle, s.outlineWidth])(getComputedStyle(document.activeElement))")
    assert page.evaluate("document.activeElement.className") == "graphs" and style == ["solid", "2px"]


def test_without_scripts_the_tables_stay(browser, address):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{address}/by_hand.html")
    assert "the tables below hold the same numbers" in page.locator("#by-hand").inner_text()
    rows = page.locator("div.by-hand tbody tr")
    assert rows.count() >= 2*(6 + 2 + 2 + 4 + 8 + 3) + 8 and page.get_by_text("= σ(1.18)").is_visible()
    context.close()
