"""Finish the pages that Quarto or smalldocs has written: `post-render` in `_quarto.yml`.

- Links to our own published site become relative: nbdev writes those from names in backticks in full.
- What opens and closes a part of the sidebar is a link to it, so that the keyboard reaches it and its role is true.
- A table and a displayed formula get a box of their own to scroll in.
- An accent over a letter is the sign, and of the size, that browsers set right: pandoc writes the combining one.
- No script comes from outside: Quarto adds jQuery and require.js to a page with HTML among its outputs, and nothing here
  uses them.
- A picture without a description is described by its caption.
- In the index of the search a formula stands once: Quarto takes its characters and, right behind them, its TeX.
- A formula in a line stays on it with the comma that follows, and a named function keeps clear of its argument.
- An address of an earlier version leads to where the page is now.
- A page that runs in Colab has a link that opens it there.
- Beside each page lies a copy in plain text, and `llms.txt` lists them."""
import html
import json
import os
import re
import shutil
import sys
from configparser import ConfigParser
from functools import cache
from pathlib import Path

_accents = str.maketrans("\u0300\u0301\u0302\u0303\u0304\u0305\u0307\u0308\u030c\u20d7",
                         "\u0060\u00b4\u02c6\u02dc\u00af\u00af\u02d9\u00a8\u02c7\u2192")
_strange = re.compile(r'<script\b[^>]*\bsrc="(?:https?:)?//[^"]*\b(?:require|jquery)[^"/]*\.js"[^>]*>\s*</script>\s*'
                      r"""|<script\b[^>]*>\s*define\(['"]jquery['"][^<]*</script>\s*""")
_formula = re.compile(r"<math\b[^>]*>((?:(?!</math>).)*?)<annotation\b[^>]*>(.*?)</annotation>", re.S)
root = Path(__file__).resolve().parent.parent
moved = {"fused": "engines/fused", "fused_numba": "engines/compiled", "checkpoint": "engines/checkpoint", "speed": "engines/speed",
         "engines/tape": "engines/arrays", "networks/terms": "networks/step", "training/settings": "training/updates",
         "layers": "networks/layers", "variants": "networks/variants", "weights": "exchange/use", "train": "training/use", "flow": "training/flow",
         **{page: f"checker/{page}" for page in ("check", "editions", "command", "source", "names", "reading", "guard")}, "checker/played": "checker/opened"}
signpost = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>This page has moved</title><meta name="robots" content="noindex">
<link rel="canonical" href="{page}"><script>location.replace("{page}" + location.hash)</script>
<noscript><meta http-equiv="refresh" content="0; url={page}"></noscript></head>
<body><main><h1>This page has moved</h1><p>It is <a href="{page}">here</a> now.</p></main></body></html>
"""


def to(old, new):
    "Where a page is now, from where it was."
    return os.path.relpath(f"{new}.html", os.path.dirname(old) or ".").replace(os.sep, "/")


@cache
def settings():
    "What settings.ini says."
    ini = ConfigParser(delimiters=["="])
    ini.read(root/"settings.ini", encoding="utf-8")
    return dict(ini["DEFAULT"])


def site_url():
    "Where the site is published."
    return settings()["doc_host"] + settings()["doc_baseurl"]


def opener(tag):
    "The link that opens a part of the sidebar, as a button with a target."
    target = re.search(r'data-bs-target="(#[^"]+)"', tag)
    href = "" if " href=" in tag or not target else f' href="{target[1]}"'
    return tag.replace(' role="navigation"', f' role="button"{href}')


def plain(markup):
    "The characters of some HTML, those of its formulas without their TeX."
    return html.unescape(re.sub(r"<annotation\b.*?</annotation>|<[^>]*>", "", markup, flags=re.S))


def described(figure):
    "A figure whose pictures without a text of their own have the caption's."
    caption = re.search(r"<figcaption\b[^>]*>(.*?)</figcaption>", figure, re.S)
    if not caption: return figure
    text = html.escape(" ".join(plain(caption[1]).split()))
    figure = re.sub(r'(<img\b[^>]*?) alt(?:="")?(?=[\s/>])', r"\1", figure)
    return re.sub(r'<img\b(?![^>]*\balt=)', lambda m: f'<img alt="{text}"', figure)


def one_space(text): return " ".join(text.split())


@cache
def doubled(page):
    "The formulas of `page` as Quarto's index has them, with what is shown of each, and a pattern for any; what could be a word of the page is left out."
    found = {one_space(plain(shown) + html.unescape(tex)): plain(shown) for shown, tex in _formula.findall(page)}
    words = plain(page)
    word = lambda t: rf"(?<!\w){re.escape(t)}(?!\w)".replace(r"\ ", r"\s+")
    kept = [word(both) for both in sorted(found, key=len, reverse=True) if not re.search(word(both), words)]
    return found, re.compile("|".join(kept)) if kept else None


def formulas_once(text, page):
    "Text out of the search index of `page`, without the TeX behind each formula."
    found, pattern = doubled(page)
    return pattern.sub(lambda m: found[one_space(m[0])], text) if pattern else text


def finish_search(out):
    "The index of the search in `out`, each formula in it once."
    file = out/"search.json"
    entries = json.loads(file.read_text(encoding="utf-8")) if file.exists() else []
    for entry in entries:
        page = (out/entry["href"].partition("#")[0]).read_text(encoding="utf-8")
        for part in ("section", "text"): entry[part] = formulas_once(entry.get(part, ""), page)
    if entries: file.write_text(json.dumps(entries, ensure_ascii=False), encoding="utf-8")


def finish(page, depth, url):
    "One page of HTML, `depth` folders below the top, finished."
    up = "../"*depth or "./"
    page = _strange.sub("", page)
    page = re.sub(r"<figure\b.*?</figure>", lambda m: described(m[0]), page, flags=re.S)
    page = re.sub(rf'(<a\s[^>]*?href="){re.escape(url)}/?([^"]*")', rf"\g<1>{up}\2", page)
    page = re.sub(r'<a\s[^>]*role="navigation"[^>]*>', lambda m: opener(m[0]), page)
    page = re.sub(r'(?<!<div class="table-scroll">)(<table\b.*?</table>)',
                  r'<div class="table-scroll">\1</div>', page, flags=re.S)
    page = re.sub(r'<mover>((?:(?!</?mover\b).)*<mo accent="true">.</mo></mover>)',
                  lambda m: '<mover accent="true">' + m[1].translate(_accents), page)
    page = re.sub(r'(<m(?:sup|sub|subsup)>)?(<mrow><mi mathvariant="normal">\w+</mi><mo>(?:&#8289;|\u2061)</mo>)(</mrow>)(?!<mo[^>]*form="prefix">[(\[])',
                  lambda m: m[0] if m[1] else m[2] + '<mspace width="0.167em"></mspace>' + m[3], page)
    page = re.sub(r'(?<!<span class="text-nowrap">)((?:<span class="math inline">)?<math display="inline"(?:(?!</math>).)*</math>(?:</span>)?[,.;:!?)]+)',
                  r'<span class="text-nowrap">\1</span>', page, flags=re.S)
    return re.sub(r'(?<!<span class="math display">)(<math display="block".*?</math>)',
                  r'<span class="math display">\1</span>', page, flags=re.S)


def colab_pages():
    "The notebooks that begin with a cell which installs the package where it is missing, as in Colab."
    folder = root/"nbs"
    return [p.relative_to(folder).as_posix() for p in folder.rglob("*.ipynb") if "pip install -q" in p.read_text(encoding="utf-8")]


def with_colab(page, notebook):
    "A page with a link that opens its notebook in Colab."
    if 'class="colab"' in page: return page
    ini = settings()
    where = f"{ini['user']}/{ini['repo']}/blob/{ini['branch']}/nbs/{notebook}"
    link = f'<p class="colab"><a href="https://colab.research.google.com/github/{where}">Open this page in Colab</a></p>'
    return re.sub(r"<p>(?!<)[A-Z]", lambda m: link + m[0], page, count=1)


def main():
    out = Path(os.environ["QUARTO_PROJECT_OUTPUT_DIR"])
    if (out/"README.md").exists(): shutil.copy(root/"README.md", out/"README.md")  # tools/readme.py made it
    url = site_url()
    sys.path.insert(0, str(root/"tools"))
    import plain_text
    from exercises import publish
    places = plain_text.write(out.resolve().parent, out, url)
    finish_search(out)  # before the pages: it was made of them as they are
    for file in out.rglob("*.html"):
        depth = len(file.relative_to(out).parts) - 1
        page = finish(file.read_text(encoding="utf-8"), depth, url)
        if file.with_name(f"{file.name}.md").exists():
            page = page.replace("</head>", f'<link rel="alternate" type="text/markdown" href="{file.name}.md">\n</head>', 1)
        file.write_text(page, encoding="utf-8")
    for old, new in moved.items():
        if (out/f"{new}.html").exists(): (out/f"{old}.html").write_text(signpost.format(page=to(old, new)), encoding="utf-8")
    publish(out)
    for notebook in {*colab_pages()} & {*places}:
        file = out/places[notebook]
        file.write_text(with_colab(file.read_text(encoding="utf-8"), notebook), encoding="utf-8")


if __name__ == "__main__": main()
