"""Runs experiments: measures, writes pictures and report, prints tables or JSON. Needs the extra "demo"."""

import json
import textwrap
from itertools import chain
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from pycouple._printable import one_line
from pycouple.cli.errors import naming
from pycouple.cli.pictures import check_writable, save
from pycouple.cli.reproduce import agreement, bits, list_of_drafts, pareto, sharpness
from pycouple.cli.reproduce.claims import CLAIMS
from pycouple.cli.reproduce.experiment import Column, Experiment, Row, Settings
from pycouple.cli.reproduce.report import Section, page
from pycouple.cli.tables import new_table, print_table

EXPERIMENTS: dict[str, Experiment] = {
    "agreement": agreement.EXPERIMENT,
    "pareto": pareto.EXPERIMENT,
    "sharpness": sharpness.EXPERIMENT,
    "bits": bits.EXPERIMENT,
    "list": list_of_drafts.EXPERIMENT,
}
PICTURES = (".png", ".svg")
REPORT = "report.html"


def run(name: str, *, output: Path, seed: int, draws: int | None, workers: int, as_json: bool) -> None:
    """Run one experiment, or all of them with a report; write all files, then print tables or one JSON object.

    Parameters
    ----------
    name : str
        One of `CLAIMS`, or "all".
    output, seed, draws, workers, as_json
        The options of the command line; `draws` is each experiment's own number if None.

    Raises
    ------
    ValueError
        The folder or a file in it cannot be written.
    """
    names = list(CLAIMS) if name == "all" else [name]
    files = {each: [output / f"{each}{suffix}" for suffix in PICTURES] for each in names}
    report = output / REPORT
    with naming("--output", output):
        if output.exists() and not output.is_dir():
            raise ValueError(f"--output {output} is not a folder")
        output.mkdir(parents=True, exist_ok=True)
    for path in [*chain(*files.values()), *([report] if name == "all" else [])]:
        check_writable(path)
    sections = []
    for each in names:
        settings = Settings(seed, CLAIMS[each].draws if draws is None else draws, workers)
        section = Section(each, settings, EXPERIMENTS[each], EXPERIMENTS[each].measure(settings))
        for path in files[each]:
            save(section.outcome.picture, path)
        sections.append(section)
    if name == "all":
        with naming("--output", report):
            report.write_text(page(seed, sections), encoding="utf-8")
    if as_json:
        objects = [_object(section, files[section.name]) for section in sections]
        whole = {"seed": seed, "experiments": objects, "report": str(report)} if name == "all" else objects[0]
        print(json.dumps(whole, indent=2))
        return
    for section in sections:
        _print(section, files[section.name])
    if name == "all":
        print(f"report: {one_line(str(report))}")


def _object(section: Section, files: list[Path]) -> dict[str, Any]:
    return {
        "experiment": section.name,
        "seed": section.settings.seed,
        "draws": section.settings.draws,
        **section.outcome.facts,
        "rows": section.outcome.rows,
        "pictures": [str(path) for path in files],
    }


def _print(section: Section, files: list[Path]) -> None:
    claim = CLAIMS[section.name]
    print_table(_table(claim.title, section.experiment.columns, section.outcome.rows))
    print(f"\n{_fill(section.outcome.seen)}")
    print(_fill(f"{claim.amount(section.settings.draws)}. Seed {section.settings.seed}."))
    print(f"pictures: {one_line(', '.join(map(str, files)))}\n")


def _fill(text: str) -> str:
    return textwrap.fill(text, 80, break_on_hyphens=False)


def _table(title: str, columns: tuple[Column, ...], rows: list[Row]) -> Table:
    table = new_table(title)
    for column in columns:
        table.add_column(column.heading, justify="left" if column.left else "right", vertical="bottom", no_wrap=True)
    for row in rows:
        table.add_row(*(Text(column.cell(row)) for column in columns))
    return table
