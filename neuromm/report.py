"""One self-contained HTML page of a result folder: figures, tables, parameters, provenance. Opens offline."""

from __future__ import annotations

import base64
import html
import json
from pathlib import Path

from neuromm.core.files import sha256, write_text
from neuromm.stimuli.delimited import read_delimited
from neuromm.storage import check_folder

CSS = """
body{font:15px/1.5 system-ui,sans-serif;color:#222;max-width:60rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.6rem;line-height:1.25}h2{font-size:1.15rem;margin-top:2.2rem;border-bottom:1px solid #ddd}
figure{margin:1.2rem 0}figure img{max-width:100%}figcaption{color:#555;font-size:.9rem}
.wide{overflow-x:auto}table{border-collapse:collapse;font-size:.85rem}
td,th{padding:.15rem .6rem;text-align:right;border-bottom:1px solid #eee}
th:first-child,td:first-child{text-align:left}pre{background:#f6f6f6;padding:.8rem;overflow-x:auto;font-size:.8rem}
details{margin:.6rem 0}summary{cursor:pointer}
"""
MAX_ROWS = 60  # of one table on the page; the CSV beside it has all


def report(folder, *, title=None, text=None, captions=None) -> Path:
    """Write `report.html` in a result folder from the figures and tables that are there.

    Parameters
    ----------
    folder : path
        A folder with `figures/*.svg` and `tables/*.csv` (or a saved session).
    title, text : str, optional
        Headline and paragraphs (blank lines separate them); by default what the provenance holds.
    captions : dict of figure stem → str, optional

    Returns
    -------
    Path of the page.
    """
    folder = Path(folder)
    provenance = _provenance(folder)
    about = provenance.get("report", {})
    title = title or about.get("title") or folder.name.replace("_", " ")
    text = text or about.get("text") or ""
    captions = captions or about.get("captions") or {}
    parts = [f"<h1>{html.escape(title)}</h1>"]
    parts += [f"<p>{html.escape(p)}</p>" for p in text.split("\n\n") if p.strip()]
    for path in _ordered(folder.rglob("*.svg"), captions):
        parts.append(_figure(path, folder, captions.get(path.stem, path.stem.replace("_", " "))))
    tables = _ordered(folder.glob("tables/*.csv"), captions)
    if tables:
        parts.append("<h2>Tables</h2>")
        parts += [_table(path, folder) for path in tables]
    parts.append("<h2>What decided these numbers</h2>")
    shown = {k: v for k, v in provenance.items() if k not in ("report", "sha256")}
    parts.append(f"<pre>{html.escape(json.dumps(shown, indent=1, default=str))}</pre>")
    page = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f"<style>{CSS}</style></head><body>{''.join(parts)}</body></html>\n"
    )
    write_text(folder / "report.html", page)
    return folder / "report.html"


def refresh(folder) -> Path:
    """Check a saved result against its checksums, then write its page again.

    Raises
    ------
    FileNotFoundError, ValueError
        If it is not a result of ours, or a file was changed.
    """
    folder = Path(folder)
    provenance = check_folder(folder)
    path = report(folder)
    if "report.html" in provenance["sha256"]:
        provenance["sha256"]["report.html"] = sha256(path)
        write_text(folder / "provenance.json", json.dumps(provenance, indent=1) + "\n")
    return path


def _provenance(folder):
    path = folder / "provenance.json"
    if not path.exists():
        raise FileNotFoundError(f"{folder} is not a saved result: it has no provenance.json")
    return json.loads(path.read_text(encoding="utf-8"))


def _ordered(paths, captions):
    """In the order of the captions, then by name."""
    order = {stem: i for i, stem in enumerate(captions)}
    return sorted(paths, key=lambda p: (order.get(p.stem, len(order)), p.as_posix()))


def _figure(path, folder, caption):
    picture = base64.b64encode(path.read_bytes()).decode()
    data = path.with_suffix(".csv")
    source = f" Data: <code>{html.escape(data.relative_to(folder).as_posix())}</code>." if data.exists() else ""
    return (
        f'<figure id="{html.escape(path.stem)}">'
        f'<img alt="{html.escape(caption)}" src="data:image/svg+xml;base64,{picture}">'
        f"<figcaption>{html.escape(caption)}{source}</figcaption></figure>"
    )


def _table(path, folder):
    table = read_delimited(path, separator=",").typed(declared=False)
    body = table.head(MAX_ROWS).to_html(index=False, border=0, float_format=lambda x: f"{x:.4g}", na_rep="–")
    more = f"<p>{len(table) - MAX_ROWS} more rows in the file.</p>" if len(table) > MAX_ROWS else ""
    name = html.escape(path.relative_to(folder).as_posix())
    title = html.escape(path.stem.replace("_", " "))
    summary = f"<summary><b>{title}</b> <code>{name}</code></summary>"
    return f'<details open>{summary}<div class="wide">{body}</div>{more}</details>'
