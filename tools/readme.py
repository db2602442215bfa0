"""Write README.md out of `nbs/index.ipynb`; with `--check`, only say whether the two agree.

The notebook goes through nbdev's own processing; links become those of the published site, so that they
hold on GitHub and on PyPI alike."""
import re
import sys
from pathlib import Path
from urllib.parse import urljoin

import yaml
from execnb.nbio import read_nb
from nbdev.config import get_config
from nbdev.doclinks import _nbpath2html
from nbdev.processors import FilterDefaults

root = Path(__file__).resolve().parent.parent


def fence(text, lang=""): return f"```{lang}\n{text.rstrip()}\n```"


def output(out):
    "One stored output as Markdown."
    join = lambda text: text if isinstance(text, str) else "".join(text)
    if out["output_type"] == "stream": return fence(join(out["text"]))
    data = out.get("data", {})
    if "text/markdown" in data: return join(data["text/markdown"])
    if any(kind.startswith("image/") for kind in data): raise ValueError("README.md shows no pictures that code draws")
    return fence(join(data["text/plain"]))


def code(cell):
    "A code cell and its outputs as Markdown."
    lines = cell.source.splitlines()
    options = yaml.safe_load("\n".join(line[2:].strip() for line in lines if line.startswith("#|"))) or {}
    source = "\n".join(line for line in lines if not line.startswith("#|")).strip()
    shown = [fence(source, "python")] if source and options.get("echo", True) else []
    return shown + [output(out) for out in cell.get("outputs", []) if options.get("output", True)]


def absolute(markdown, cfg):
    "The same text, its relative links those of the published site."
    site = f"{cfg.doc_host}{cfg.doc_baseurl}/"

    def link(match):
        path, hash_, anchor = match[2].partition("#")
        if not path or ":" in path: return match[0]
        page = _nbpath2html(Path(path)).as_posix() if path.endswith(".ipynb") else path
        return f"{match[1]}{urljoin(site, page)}{hash_}{anchor})"

    return re.sub(r"(\]\()([^)\s]+)\)", link, markdown)


def render():
    "The text of README.md."
    cfg = get_config()
    nb = read_nb(cfg.nbs_path/cfg.readme_nb)
    FilterDefaults()(nb)
    parts = []
    div = re.compile(r"^:::.*\n?", re.M)       # what opens and closes the columns of the site
    for cell in nb.cells:
        if not cell.get("source"): continue
        if cell.cell_type == "raw": parts += [f"# {nb.frontmatter_['title']}", f"> {nb.frontmatter_['description']}"]
        elif cell.cell_type == "markdown": parts += [text] if (text := absolute(div.sub("", cell.source).strip(), cfg)) else []
        else:
            for part in code(cell):
                if part.startswith("```python\n") and parts[-1].startswith("```python\n"): part = parts.pop()[:-3] + part[9:]
                parts.append(part)
    return "\n\n".join(parts) + "\n"


def main():
    readme, text = root/"README.md", render()
    if "--check" in sys.argv:
        if readme.read_text(encoding="utf-8") != text: sys.exit("README.md and nbs/index.ipynb differ: make readme")
    else: readme.write_text(text, encoding="utf-8")


if __name__ == "__main__": main()
