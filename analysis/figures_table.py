"""Write docs/figures.md: what each script of analysis/figures draws, and where its published numbers are from."""

import re
from pathlib import Path

from neuromm import datasets

HERE = Path(__file__).parent
TARGET = HERE.parent / "docs" / "figures.md"
HEADER = """# Figures of papers

Written by `python analysis/figures_table.py` from the scripts and the table of published values
(`nm.datasets.published`). Published numbers: **read** in the paper or in a source that quotes it; **digitised** from
its figure; **from memory, unverified** where no source could be read, for illustration only. Where no published values
are named, the script takes no number from that table; its text states parameters and sources.

| figure | script | our model beside | published values by provenance |
|---|---|---|---|
"""
WORDS = {"read": "read", "digitised": "digitised", "memory": "**from memory, unverified**"}


def papers_of(text: str) -> list[str]:
    """Slugs of the papers whose published values a script names."""
    known = set(datasets.published()["paper"])
    return [slug for slug in dict.fromkeys(re.findall(r'"(\w+)"', text)) if slug in known]


def row(script: Path) -> str:
    """One line of the table for a script."""
    text = script.read_text(encoding="utf-8")
    title = text.split('"""')[1].strip().splitlines()[0].rstrip(".")
    values, kinds = [], set()
    for slug in papers_of(text):
        table = datasets.published(slug)
        kinds |= set(table["kind"])
        counts = table["provenance"].value_counts()
        shares = [f"{n} {WORDS[name]}" for name, n in counts.items()]
        values.append(f"{slug}: {', '.join(shares)}")
    names = {"human": "people", "fit": "published fits", "model": "published model"}
    drawn = [name for kind, name in names.items() if kind in kinds]
    what = ", ".join(drawn) or "–"
    return f"| {title} | `{script.name}` | {what} | {'; '.join(values) or '–'} |"


def page() -> str:
    """The whole page."""
    rows = [row(script) for script in sorted((HERE / "figures").glob("*.py"))]
    return HEADER + "\n".join(rows) + "\n"


if __name__ == "__main__":
    TARGET.write_text(page(), encoding="utf-8")
