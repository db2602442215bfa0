"""Finish the pages that Quarto or smalldocs has written: `post-render` in `_quarto.yml`.

- Links to our own published site become relative: nbdev writes those from names in backticks in full.
- What opens and closes a part of the sidebar is a link to it, so that the keyboard reaches it and its role is true.
- A table and a displayed formula get a box of their own to scroll in.
- An accent over a letter is the sign, and of the size, that browsers set right: pandoc writes the combining one.
- A formula in a line stays on it with the comma that follows, and a named function keeps clear of its argument."""
import os
import re
import shutil
import sys
from configparser import ConfigParser
from pathlib import Path

_accents = str.maketrans("\u0300\u0301\u0302\u0303\u0304\u0305\u0307\u0308\u030c\u20d7",
                         "\u0060\u00b4\u02c6\u02dc\u00af\u00af\u02d9\u00a8\u02c7\u2192")
root = Path(__file__).resolve().parent.parent


def site_url():
    "Where the site is published."
    ini = ConfigParser(delimiters=["="])
    ini.read(root/"settings.ini", encoding="utf-8")
    return ini["DEFAULT"]["doc_host"] + ini["DEFAULT"]["doc_baseurl"]


def opener(tag):
    "The link that opens a part of the sidebar, as a button with a target."
    target = re.search(r'data-bs-target="(#[^"]+)"', tag)
    href = "" if " href=" in tag or not target else f' href="{target[1]}"'
    return tag.replace(' role="navigation"', f' role="button"{href}')


def finish(page, depth, url):
    "One page of HTML, `depth` folders below the top, finished."
    up = "../"*depth or "./"
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


def main():
    out = Path(os.environ["QUARTO_PROJECT_OUTPUT_DIR"])
    if (out/"README.md").exists(): shutil.copy(root/"README.md", out/"README.md")  # tools/readme.py made it
    url = site_url()
    for file in out.rglob("*.html"):
        depth = len(file.relative_to(out).parts) - 1
        file.write_text(finish(file.read_text(encoding="utf-8"), depth, url), encoding="utf-8")
    sys.path.insert(0, str(root/"tools"))
    from exercises import publish
    publish(out)


if __name__ == "__main__": main()
