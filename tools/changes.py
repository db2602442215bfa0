"""Print what CHANGELOG.md says of a version: `python tools/changes.py v0.2.0`. Fails where the tag, settings.ini,
CITATION.cff and CHANGELOG.md do not agree: a release would be of something else than it says."""
import re
import sys
from configparser import ConfigParser
from pathlib import Path

root = Path(__file__).resolve().parent.parent


def versions(folder=root):
    "The version that each file gives."
    ini = ConfigParser(delimiters=["="])
    ini.read(folder/"settings.ini", encoding="utf-8")
    cited = re.search(r"^version: (.+)$", (folder/"CITATION.cff").read_text(encoding="utf-8"), re.M)
    return {"settings.ini": ini["DEFAULT"]["version"], "CITATION.cff": cited[1] if cited else None}


def part(version, folder=root):
    "What the changelog says of `version`; nothing if it has no such part."
    text = (folder/"CHANGELOG.md").read_text(encoding="utf-8")
    found = re.search(rf"^## {re.escape(version)}\b[^\n]*\n(.*?)(?=^## |\Z)", text, re.S | re.M)
    return found[1].strip() if found else ""


def main(tag, folder=root):
    version = tag.removeprefix("v")
    for file, there in versions(folder).items():
        if there != version: sys.exit(f"{file} has version {there}, the tag says {version}")
    said = part(version, folder)
    if not said: sys.exit(f"CHANGELOG.md has no part for version {version}")
    print(said)


if __name__ == "__main__": main(*sys.argv[1:] or sys.exit(__doc__))
