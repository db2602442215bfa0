"The gradient on its way: the figure with sliders in a browser, and what it draws."
import re

import lstm_nb
import numpy as np
import pytest

sliders = {"bias": [*range(-2, 7)], "T": [*range(16, 97, 16)], "weights": [0.5, 1, 1.5, 2, 2.5, 3, 3.5]}
start = {"bias": 1, "T": 64, "weights": 1}


def expected(bias, T, weights):
    "The norms of every line, computed anew: one run of length `T`, a loss that looks at its last hidden state."
    x = 0.3 * np.random.default_rng(3).standard_normal((4, 4, 96))[:, :, :T]
    da = np.zeros((16, 4, T))
    da[:, :, -1] = np.random.default_rng(0).standard_normal((16, 4))
    da /= np.linalg.norm(da)
    a0, found = np.zeros((16, 4)), {}
    for net, init, forward in (("RNN", lstm_nb.init_rnn_parameters(4, 16, rng=4), lstm_nb.rnn_forward),
                               ("LSTM", lstm_nb.init_lstm_parameters(4, 16, rng=4, forget_bias=bias), lstm_nb.lstm_forward)):
        flow = lstm_nb.gradient_flow(da, forward(x, a0, {k: v * weights if k[0] == "W" else v for k, v in init.items()})[-1])
        for name, norms in (("a", flow.norm_a), ("c", flow.norm_c)):
            if norms is not None: found[f"{net}, dL/d{name}"] = {t: norms[t - 1] for t in range(T//16, T + 1, T//16)}
    return found


def said(page):
    "What every point of the figure says about itself, by line and step."
    found = {}
    for label in page.eval_on_selector_all("#flow-figure [aria-roledescription=point]", "points => points.map(p => p.getAttribute('aria-label'))"):
        line, step, norm = re.fullmatch(r"(.+), step (\d+): (.+)", label.replace("−", "-")).groups()
        found.setdefault(line, {})[int(step)] = float(norm)
    return found


def drawn(page):
    "(line, step, power of ten) of every point, read off the axes, and how much of a step and of a power is one pixel."
    return page.evaluate("""() => {
      const svg = document.querySelector("#flow-figure svg"), place = e => { const r = e.getBoundingClientRect(); return [(r.left + r.right)/2, (r.top + r.bottom)/2] }
      const axis = (name, k, read) => {
        const group = svg.querySelector(`g[aria-label^="${name}-axis"]`), at = [...group.querySelectorAll(".role-axis-tick line")].map(e => place(e)[k])
        const says = [...group.querySelectorAll(".role-axis-label text")].map(e => read(+e.textContent.replace("−", "-"))), pixel = (says.at(-1) - says[0]) / (at.at(-1) - at[0])
        return [q => says[0] + (q - at[0]) * pixel, Math.abs(pixel)]
      }
      const [step, dx] = axis("X", 0, v => v), [power, dy] = axis("Y", 1, Math.log10), line = e => e.getAttribute("aria-label").split(", step")[0]
      return [[...svg.querySelectorAll("[aria-roledescription=point]")].map(e => [line(e), step(place(e)[0]), power(place(e)[1])]), dx, dy]
    }""")


def path(page): return page.eval_on_selector_all("#flow-figure .mark-line path", "lines => lines.map(p => p.getAttribute('d'))")


def await_move(page, before):
    "Until both lines of the LSTM are others than `before`; an error if they stay."
    page.wait_for_function("""before => {
      const now = [...document.querySelectorAll("#flow-figure .mark-line path")].map(p => p.getAttribute("d"))
      return now.length == 3 && now[1] != before[1] && now[2] != before[2]
    }""", arg=before)


def values(page): return page.eval_on_selector_all("#flow-figure input", "inputs => Object.fromEntries(inputs.map(i => [i.name, +i.value]))")


def check(page, at):
    "Whether all that is drawn is what `gradient_flow` says for the sliders where they are."
    assert values(page) == at
    wanted, points = expected(**at), said(page)
    assert points.keys() == wanted.keys()
    for line, norms in wanted.items():
        assert points[line].keys() == norms.keys(), line
        np.testing.assert_allclose([*points[line].values()], [*norms.values()], rtol=1e-4, err_msg=f"{line} at {at}")
    places, dx, dy = drawn(page)
    assert len(places) == 48
    for line, step, power in places:
        near = min(wanted[line], key=lambda t: abs(t - step))
        assert abs(step - near) < dx and abs(power - np.log10(wanted[line][near])) < dy, (line, step, power)     # to the pixel


@pytest.fixture
def figure(visit):
    def figure(**options):
        page = visit("training/flow.html", **options)
        page.locator("#flow-figure svg").wait_for()
        page.locator("#flow-figure").scroll_into_view_if_needed()
        return page
    return figure


def test_starts_with_what_gradient_flow_says(figure):
    page = figure()
    check(page, start)
    assert page.faults == []


@pytest.mark.parametrize("name", sliders)
def test_a_key_moves_the_curves(figure, name):
    page, at = figure(), dict(start)
    page.locator(f"#flow-figure input[name={name}]").focus()
    steps = sliders[name]
    for key, to in [("ArrowRight", steps[steps.index(start[name]) + 1]), ("End", steps[-1]), ("ArrowLeft", steps[-2]), ("Home", steps[0])]:
        before = path(page)
        page.keyboard.press(key)
        await_move(page, before)
        assert (before[0] == path(page)[0]) == (name == "bias")     # the RNN has no forget gate
        check(page, at | {name: to})
    assert page.faults == []


def test_the_keyboard_reaches_every_slider(figure):
    page = figure()
    page.locator("#flow-figure input").first.focus()
    reached = []
    for _ in sliders:
        reached.append(page.evaluate("[document.activeElement.name, document.activeElement.labels[0].innerText.replace(/[\\s\\d.]+$/, '')]"))
        page.keyboard.press("Tab")
    assert reached == [["bias", "forget bias"], ["T", "length T"], ["weights", "weight scale"]]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_finger_moves_it_on_a_phone(browser, address, scheme):
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True, color_scheme=scheme)
    page = context.new_page()
    page.goto(f"{address}/training/flow.html")
    page.locator("#flow-figure svg").wait_for()
    at = dict(start)
    for name, steps in sliders.items():
        slider = page.locator(f"#flow-figure input[name={name}]")
        slider.scroll_into_view_if_needed()
        box = slider.bounding_box()
        assert box["width"] > 150 and box["height"] >= 24       # room for a finger
        before = path(page)
        page.touchscreen.tap(box["x"] + box["width"] - 3, box["y"] + box["height"] / 2)
        await_move(page, before)
        at[name] = steps[-1]
        check(page, at)
    assert page.locator("#flow-figure svg").bounding_box()["width"] <= 390
    context.close()


def test_its_script_is_on_no_other_page(site):
    assert [name for name, page in site.pages.items() if any("vega.js" in load for load in page.loads)] == ["training/flow.html"]
    assert "../vega.js" in site.pages["training/flow.html"].loads
    assert "Copyright" in (site.folder/"vega.js").read_text(encoding="utf-8")[:1000]


def test_without_a_script_a_sentence_stands_there(browser, address):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{address}/training/flow.html")
    assert "sliders" in page.locator("#flow-figure").inner_text()
    context.close()
