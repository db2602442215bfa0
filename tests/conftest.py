import os
import shutil
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import problems
import pytest
from site_reader import Site

root = Path(__file__).resolve().parent.parent
site_folder = root/"_docs"
axe_script = root/"tests/site/node_modules/axe-core/axe.min.js"
flags = ("--headless --no-sandbox --disable-gpu --disable-background-networking --disable-component-update "
         "--disable-sync --no-first-run").split()
no_browser = f"a browser, `{'apt-get install chromium' if shutil.which('apt-get') else 'make browser'}`"
suites = [str(root/"tests"/folder) for folder in ("", "support", "training")] + [str(root)]     # for a process of a test's own
sys.path.insert(0, str(root/"tools"))


def need(there, what):
    "Skip the test for want of `what`; in CI, or with LSTM_NB_NO_SKIP=1, fail it."
    if there: return
    strict = os.environ.get("CI") == "true" or os.environ.get("LSTM_NB_NO_SKIP") == "1"
    (pytest.fail if strict else pytest.skip)(f"missing: {what}")


def needs_python(version, what):
    "Skip a file of tests where `what` cannot be installed, its versions of today need a later Python."
    if sys.version_info < tuple(map(int, version.split("."))): pytest.skip(f"{what} needs Python {version}", allow_module_level=True)


@pytest.fixture(scope="session")
def site():
    need((site_folder/"index.html").exists(), "the built site, `make docs`")
    return Site(site_folder)


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args): pass


@pytest.fixture(scope="session")
def address(site):
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=site_folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def chromium(playwright):
    "The system's Chromium, else the one that `make browser` has installed, else None."
    own = Path(playwright.chromium.executable_path)
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), own if own.exists() else None)


@pytest.fixture(scope="session")
def browser(site):
    from playwright.sync_api import sync_playwright
    with sync_playwright() as playwright:
        path = chromium(playwright)
        need(path, no_browser)
        yield playwright.chromium.launch(executable_path=path, args=flags)


at_rest = "document.fonts.ready.then(() => new Promise(done => requestIdleCallback(() => done(), {timeout: 5000})))"     # fonts are there, scripts have run


def new_page(context, address):
    "A page that notes in `page.faults` what goes wrong."
    page = context.new_page()
    page.faults = []
    page.on("console", lambda m: m.type == "error" and page.faults.append(m.text))
    page.on("pageerror", lambda e: page.faults.append(str(e)))
    page.on("request", lambda r: r.url.startswith((address, "data:")) or page.faults.append(f"outside: {r.url}"))
    page.on("response", lambda r: r.status >= 400 and page.faults.append(f"{r.status}: {r.url}"))
    return page


def go(page, address):
    "Open what lies there; no fault but those of its own."
    page.faults.clear()
    page.goto(address, wait_until="load")
    page.evaluate(at_rest)


@pytest.fixture
def visit(browser, address):
    "Open a page in a context of its own; what went wrong on the way is in `page.faults`."
    opened = []

    def visit(name, width=1280, scheme="light"):
        context = browser.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme)
        opened.append(context)
        page = new_page(context, address)
        go(page, f"{address}/{name}")
        return page

    yield visit
    for context in opened: context.close()


@pytest.fixture(scope="session")
def one_page(browser, address):
    "One page for all that only look."
    return new_page(browser.new_context(viewport={"width": 1280, "height": 844}, color_scheme="light"), address)


@pytest.fixture(scope="session")
def axe():
    need(axe_script.exists(), "axe-core, `npm ci --prefix tests/site`")
    return axe_script.read_text(encoding="utf-8")


def pytest_collection_modifyitems(config, items):
    "What is marked as long runs in the long form."
    if problems.long: return
    left_out = [item for item in items if item.get_closest_marker("long")]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


def pytest_sessionfinish(session):
    "What a worker of pytest-xdist has noted goes to the process that prints the summary."
    if hasattr(session.config, "workeroutput"): session.config.workeroutput["noted"] = problems.noted()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    problems.add(*getattr(node, "workeroutput", {}).get("noted", ()))


def pytest_terminal_summary(terminalreporter):
    for line in problems.summary(): terminalreporter.write_line(line)
    if (site_folder/"index.html").exists(): terminalreporter.write_line(f"the site: {Site(site_folder).facts()}")
    skipped = sum(no_browser in str(report.longrepr) for report in terminalreporter.stats.get("skipped", ()))
    if skipped: terminalreporter.write_line(f"{skipped} tests were skipped, as they need {no_browser}")
