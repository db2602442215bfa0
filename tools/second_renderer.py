"The site without Quarto: smalldocs, with the page names and the formulas that Quarto gives."
import html
import re
import sys

import pypandoc
from smalldocs import config, site

_tex = re.compile(r'(<span class="math (?:inline|display)">)(\\[(\[].*?\\[)\]])(</span>)', re.S)
_web_font = re.compile(r'@import\s*(?:url\([^)]*\)|"[^"]*"|\'[^\']*\')\s*;')


def mathml(formulas):
    "A dict from TeX between `\\(` and `\\)`, or `\\[` and `\\]`, to the MathML that Quarto's pandoc makes of it."
    tex = sorted(set(formulas))
    lines = "\n\n".join(re.sub(r"\s+", " ", t) for t in tex)
    made = pypandoc.convert_text(lines, "html", "markdown+tex_math_single_backslash",
                                 ["--mathml", "--wrap=none", "--fail-if-warnings"])
    found = re.findall(r"<math.*?</math>", made, re.S)
    if len(found) != len(tex): raise ValueError(f"{len(tex)} formulas, but {len(found)} came out as MathML")
    return dict(zip(tex, found))


class Site(site.Site):
    "A smalldocs site whose pages are named by `output-file` and carry MathML."

    def read(self, src):
        page = super().read(src)
        page.out = src.with_name(page.front.get("output-file", page.out.name))
        return page

    def render_page(self, page):
        print(f"[{[*self.pages].index(page.src) + 1:2}/{len(self.pages)}] {page.src}", flush=True)
        super().render_page(page)
        tex = lambda m: html.unescape(m[2])
        made = mathml(map(tex, _tex.finditer(page.html))) if page.env.get("math") else {}
        page.html = _tex.sub(lambda m: m[1] + made[tex(m)] + m[3], page.html)
        page.env["math"] = False  # so that no KaTeX is loaded
        for section in page.env.get("search", []): section["text"] = re.sub(r"\\[()\[\]]", "", section["text"])

    def copy_assets(self, nav):
        super().copy_assets(nav)
        for css in (self.out/"site_libs").rglob("*.css"):
            text = css.read_text(encoding="utf-8")
            css.write_text(_web_font.sub("", text), encoding="utf-8")


def render(folder):
    "Render the notebooks in `folder` as its `_quarto.yml` says."
    project = config.load(folder)
    page = project.config["format"]["html"]
    page["theme"] = {mode: names[0] for mode, names in page["theme"].items()}  # the .scss files are Quarto's
    book = Site(project, quiet=True)
    book.build()
    for src, href in book.broken: print(f"broken link in {src}: {href}", file=sys.stderr)
