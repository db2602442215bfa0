"""A plain-text copy of every page beside it, `cell.html.md`, and `llms.txt`, the list of them: for who reads without a browser.

They come from the prepared notebooks alone, so that both renderers give the same."""
import json
import os
import re
from pathlib import Path

import yaml

_left_out = re.compile(r'<!--.*?-->|<span id="[^"]*"></span>\n*|^```\{=html\}.*?^```$|\{target="_blank"[^}]*\}|^---$', re.S | re.M)
_to_notebook = re.compile(r"(\]\()([\w./-]+\.ipynb)((?:#[^)\s]*)?\))")
_signature = re.compile(r"^(#+ (\w+))\n+```python\n(?:class|def) \2\b.*?^```$(?:\n+^\*[^\n]*\*$)?", re.S | re.M)
_given = re.compile(r"^#\|\s*([\w-]+)\s*:?\s*(.*)$")


def front(notebook):
    "What stands in front of a page: its title, its sentence and the name of its file."
    first = notebook["cells"][0]
    return yaml.safe_load("".join(first["source"]).strip().strip("-")) if first["cell_type"] == "raw" else {}


def read(folder):
    "All notebooks in `folder`, by their place in it, with the place of their page."
    found = {}
    for path in sorted(Path(folder).rglob("*.ipynb")):
        notebook = json.loads(path.read_text(encoding="utf-8"))
        place = path.relative_to(folder)
        found[place.as_posix()] = notebook, place.with_name(front(notebook).get("output-file", f"{place.stem}.html")).as_posix()
    return found


def prose(text): return _left_out.sub("", text)


def output_text(output, about):
    "One output of a cell as text; of a picture what is said of it."
    if output["output_type"] == "stream": return f"```text\n{''.join(output['text']).rstrip()}\n```"
    data = {kind: "".join(v) if isinstance(v, list) else v for kind, v in output.get("data", {}).items()}
    if "text/markdown" in data: return prose(data["text/markdown"])
    if any(kind.startswith("image/") for kind in data): return f"*Figure: {about.get('fig-cap') or about.get('fig-alt', '')}*"
    if "text/html" in data and about.get("fig-alt"): return f"*Figure: {about['fig-alt']}*"
    return f"```text\n{data['text/plain'].rstrip()}\n```" if data.get("text/plain") else ""


def cell_text(cell):
    "A cell as Markdown."
    text = "".join(cell["source"])
    if cell["cell_type"] == "markdown": return prose(text)
    if cell["cell_type"] != "code": return ""
    lines, about = text.split("\n"), {}
    while lines and (given := _given.match(lines[0])):
        about[given[1]] = given[2].strip("\"'")
        lines.pop(0)
    code = "\n".join(lines).strip()
    shown = [f"```python\n{code}\n```"] if code and about.get("echo") != "false" and about.get("include") != "false" else []
    return "\n\n".join(shown + [output_text(o, about) for o in cell.get("outputs", []) if about.get("output") != "false"])


def plain(notebook, place, places):
    "A page as Markdown; `place` is its notebook's, `places` says where each page is."
    here = os.path.dirname(place)
    def link(m):
        to = os.path.normpath(os.path.join(here, m[2])).replace(os.sep, "/")
        if to not in places: return m[0]
        return m[1] + os.path.relpath(places[to], here or ".").replace(os.sep, "/") + ".md" + m[3]
    about = front(notebook)
    source = "\n".join("".join(c["source"]) for c in notebook["cells"] if c["cell_type"] == "code")
    shown = {*re.findall(r"^(?:class|def) (\w+)", source, re.M)}       # its signature stands there: not once more above
    text = "\n\n".join(map(cell_text, notebook["cells"]))
    text = _signature.sub(lambda m: m[1] if m[2] in shown else m[0], text)
    text = f"# {about.get('title', '')}\n\n> {about.get('description', '')}\n\n{text}"
    return re.sub(r"\n{3,}", "\n\n", _to_notebook.sub(link, text)).strip() + "\n"


def listing(pages, contents, url):
    "`llms.txt`: the title, the sentence, and every page with its sentence, in the order of the sidebar."
    home = front(pages["index.ipynb"][0])
    lines = [f"# {home['title']}", "", f"> {home['description']}", ""]
    def line(name):
        about = front(pages[name][0])
        return f"- [{about.get('title', name)}]({url}/{pages[name][1]}.md): {about.get('description', '')}"
    for part in contents:
        names = part.get("contents", [part.get("href")])
        lines += [f"## {part.get('section', part.get('text'))}", "", *map(line, filter(pages.__contains__, names)), ""]
    return "\n".join(lines).rstrip() + "\n"


def write(folder, out, url):
    "Write the copies of the notebooks in `folder`, and their list, into the site in `out`; where each notebook's page is."
    pages, out = read(folder), Path(out)
    places = {name: page for name, (_, page) in pages.items()}
    for name, (notebook, page) in pages.items():
        if not (out/page).exists(): continue
        (out/f"{page}.md").write_text(plain(notebook, name, places), encoding="utf-8")
    contents = yaml.safe_load((Path(folder)/"_quarto.yml").read_text(encoding="utf-8"))["website"]["sidebar"]["contents"]
    (out/"llms.txt").write_text(listing(pages, contents, url), encoding="utf-8")
    return places
