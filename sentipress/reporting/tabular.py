"""Tables as text, for a terminal, Markdown, LaTeX and CSV. Cells are text already: no number is changed here."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection, Mapping, Sequence

from tabulate import LATEX_ESCAPE_RULES, tabulate

Cells = Mapping[str, str]  # of one row, by column


def terminal(columns: Sequence[str], rows: Sequence[Cells], texts: Collection[str]) -> str:
    """Set a table for a terminal, without the columns that are empty.

    Args:
        columns: to show, in order.
        rows: with a cell for each column.
        texts: columns that are set to the left; the others hold numbers and are set to the right.
    """
    shown = [column for column in columns if any(row[column] for row in rows)]
    return "\n".join(line.rstrip() for line in _tabulated(shown, rows, texts, "simple").splitlines())


def markdown(columns: Sequence[str], rows: Sequence[Cells], texts: Collection[str]) -> str:
    """Set a table as Markdown; arguments as in `terminal`."""
    escaped = [{column: markdown_text(row[column]) for column in columns} for row in rows]
    head, rule, *body = _tabulated(columns, escaped, texts, "pipe").splitlines()
    return "\n".join([_unpadded(head), re.sub("-+", "---", rule), *map(_unpadded, body)])


def markdown_text(text: str) -> str:
    """Write a text so that Markdown shows it as it is, in a cell of a table too: no cell ends, no HTML begins."""
    return re.sub(r"\\|\||<(?=[A-Za-z/!?])", r"\\\g<0>", one_line(text))


def latex(columns: Sequence[str], rows: Sequence[Cells], texts: Collection[str], caption: str) -> str:
    """Set a LaTeX table with a caption, of plain LaTeX commands that need no package; the rest as in `terminal`."""
    lines = [re.sub("& (?=&)", "&  ", _unpadded(line)) for line in _tabulated(columns, rows, texts, "latex").splitlines()]
    escaped = "".join(LATEX_ESCAPE_RULES.get(character, character) for character in one_line(caption))
    return _latex_signs("\n".join([r"\begin{table}", rf"\caption{{{escaped}}}", *lines, r"\end{table}"])) + "\n"


def comma_separated(columns: Sequence[str], rows: Sequence[Cells], texts: Collection[str]) -> str:
    """Write a table as CSV with a header; numbers lose the commas between thousands."""
    stream = io.StringIO(newline="")
    writer = csv.DictWriter(stream, columns, lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    writer.writerows({column: row[column] if column in texts else row[column].replace(",", "") for column in columns} for row in rows)
    return stream.getvalue()


def one_line(text: str) -> str:
    """Put a text of several lines into one."""
    return " ".join(text.splitlines())


def _tabulated(columns: Sequence[str], rows: Sequence[Cells], texts: Collection[str], style: str) -> str:
    lines = [[one_line(row[column]) for column in columns] for row in rows]
    sides = ["left" if column in texts else "right" for column in columns]
    # Unless told not to, tabulate reads numbers and writes them its own way: 0.10 becomes 0.1.
    return tabulate(lines, headers=list(columns), tablefmt=style, disable_numparse=True, colalign=sides)


def _unpadded(line: str) -> str:
    """A line without the spaces that align its columns: with them one new number would change every line of a file."""
    return re.sub(" +", " ", line)


def _latex_signs(text: str) -> str:
    """Write as commands what is no letter of LaTeX's fonts."""
    return text.replace("±", r"$\pm$")
