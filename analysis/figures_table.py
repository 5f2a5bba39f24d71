"""Write docs/figures.md: what each script of analysis/figures draws, and where its published numbers are from."""

import importlib.util
import re
from pathlib import Path

from neuromm import datasets

HERE = Path(__file__).parent
TARGET = HERE.parent / "docs" / "figures.md"
HEADER = """# Figures of papers

Written by `python analysis/figures_table.py` from the scripts and the table of published values
(`nm.datasets.published`). Published numbers: **read** in the paper or in a source that quotes it; **digitised** from
its figure; **from memory, unverified** where no source could be read, for illustration only. Where no published values
are named, the script takes no number from that table; its text states parameters and sources. **Largest deviation**:
where a published number stands beside the same number of ours, how far they are apart at most (`largest_deviation()` of
the script, at its defaults); points are percentage points.

| figure | script | beside our model | published values by provenance | largest deviation |
|---|---|---|---|---|
"""
NOTHING = "–"
WORDS = {"read": "read", "digitised": "digitised", "memory": "**from memory, unverified**"}


def papers_of(text: str) -> list[str]:
    """Slugs of the papers whose published values a script names."""
    known = set(datasets.published()["paper"])
    return [slug for slug in dict.fromkeys(re.findall(r'"(\w+)"', text)) if slug in known]


def deviation_of(script: Path) -> str:
    """What the script's `largest_deviation` says; a dash where nothing published can be set beside ours."""
    specification = importlib.util.spec_from_file_location(script.stem, script)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    if not hasattr(module, "largest_deviation"):
        return NOTHING
    return module.largest_deviation()


def deviations_in(page: str) -> dict[str, str]:
    """Largest deviation by script, as a page states it."""
    found = {}
    for line in page.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 5 and cells[1].endswith(".py`"):
            found[cells[1].strip("`")] = cells[4]
    return found


def row(script: Path, deviation: str) -> str:
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
    what = ", ".join(drawn) or "model only"
    return f"| {title} | `{script.name}` | {what} | {'; '.join(values) or NOTHING} | {deviation} |"


def scripts() -> list[Path]:
    """The scripts of figures, by name."""
    return sorted((HERE / "figures").glob("*.py"))


def page(deviations: dict[str, str]) -> str:
    """The whole page, given the largest deviation of each script."""
    rows = [row(script, deviations.get(script.name, NOTHING)) for script in scripts()]
    return HEADER + "\n".join(rows) + "\n"


if __name__ == "__main__":
    computed = {script.name: deviation_of(script) for script in scripts()}
    TARGET.write_text(page(computed), encoding="utf-8")
