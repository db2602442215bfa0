"The built site, read without a browser: what it links to, what it loads, what it shows."
import json
import re
from functools import cached_property
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

_loads = {"script": "src", "img": "src", "iframe": "src", "source": "src", "video": "src", "audio": "src", "embed": "src",
          "object": "data", "image": "href", "use": "href"}
_silent = {"script", "style", "pre", "code", "annotation", "head"}
_raw = re.compile(r"\\[a-zA-Z]+|\\[()\[\]]|\$|\]\(")  # TeX, or a link that was not read as one
_css_url = re.compile(r"""url\(\s*['"]?([^'")]+)|@import\s+['"]([^'"]+)""")


class Page(HTMLParser):
    """One page: its `ids`, `links`, `loads`, `formulas` (what is shown of each, and its TeX), `mute` pictures, `starts` of
    lists and, outside of code, its `text`."""
    def __init__(self, path):
        super().__init__()
        self.path, self.ids, self.links, self.loads, self.formulas, self.text = path, [], [], [], [], []
        self.mute, self.starts = [], []
        self._inside, self._math = [], False
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        a = dict(attrs)
        self.ids += [a[k] for k in ("id", "name") if a.get(k) and (k == "id" or tag == "a")]
        if tag == "a" and a.get("href"): self.links.append(a["href"])
        if tag == "math":
            self._math = True
            self.formulas.append(["", ""])
        if tag == "ol" and a.get("start", "1") != "1": self.starts.append(a["start"])
        if tag == "img" and not (a.get("alt") or "").strip() or tag == "svg" and not {"aria-label", "aria-labelledby", "aria-hidden"} & set(a):
            self.mute.append(self.get_starttag_text()[:200])
        if tag == "link" and not {"canonical", "alternate", "next", "prev"} & set(a.get("rel", "").split()): self.loads.append(a["href"])
        if a.get(_loads.get(tag)): self.loads.append(a[_loads[tag]])
        self.loads += [u for u, _ in _css_url.findall(a.get("style") or "")]
        if tag in _silent: self._inside.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag):
        if self._inside and self._inside[-1] == tag: self._inside.pop()
        if tag == "math": self._math = False

    def handle_data(self, data):
        if self._inside == ["style"] or self._inside[-1:] == ["style"]: self.loads += [u or v for u, v in _css_url.findall(data)]
        if "annotation" in self._inside: self.formulas[-1][1] += data
        elif self._math: self.formulas[-1][0] += data
        if not self._inside: self.text.append(data)

    @property
    def raw(self): return [t for t in self.text if _raw.search(t)]


def page_names(folder):
    "The pages of the site in `folder`; what only says where a page has gone is none."
    found = sorted(Path(folder).rglob("*.html"))
    return [p.relative_to(folder).as_posix() for p in found if "<title>This page has moved</title>" not in p.read_text(encoding="utf-8")[:300]]


class Site:
    "All pages of the site in `folder`, by name."
    def __init__(self, folder):
        self.folder = Path(folder)

    @cached_property
    def pages(self): return {name: Page(self.folder/name) for name in page_names(self.folder)}

    @cached_property
    def formulas(self): return sum(len(page.formulas) for page in self.pages.values())

    @cached_property
    def outside(self):
        "Every address beyond the site that a page or a stylesheet would load."
        css = [(f.name, u or v) for f in self.folder.rglob("*.css") for u, v in _css_url.findall(f.read_text(encoding="utf-8"))]
        html = [(name, load) for name, page in self.pages.items() for load in page.loads]
        return [(where, what) for where, what in html + css if urlsplit(what).netloc]

    @cached_property
    def doubled(self):
        "Every formula that the index of the search has twice, its characters and, right behind, its TeX."
        found, pages = [], self.pages
        for entry in json.loads((self.folder/"search.json").read_text(encoding="utf-8")):
            name = entry["href"].partition("#")[0]
            text, words = (" ".join(t.split()) for t in (entry["text"], " ".join(pages[name].text)))
            both = {" ".join((shown + tex).split()) for shown, tex in pages[name].formulas if len(tex) > 3}
            found += [(entry["href"], b) for b in both if b in text and b not in words]
        return found

    @cached_property
    def dead(self):
        "Every link and every load whose file or anchor is not there."
        found = []
        for name, page in self.pages.items():
            for link in page.links + page.loads:
                to = urlsplit(link)
                if to.scheme or to.netloc or link == "#": continue
                file = (page.path.parent/unquote(to.path)) if to.path else page.path
                if file.is_dir(): file = file/"index.html"
                target = self.pages.get(file.resolve().relative_to(self.folder.resolve()).as_posix()) if file.exists() else None
                if not file.exists() or (to.fragment and target and unquote(to.fragment) not in target.ids): found.append((name, link))
        return found

    def facts(self):
        return (f"{len(self.pages)} pages, {self.formulas} formulas, {len(self.outside)} outside resources, "
                f"{len(self.dead)} dead links")
