"""Constants at the top of a script, read without running it.

The comment behind a constant begins with what its value may be: `[0, 0.95]` for a number in these bounds, `{pre, post}`
for one of these words. The rest of the comment is the help text of the constant's flag.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sentipress.core.errors import UserError

_BOUNDS = re.compile(r"\[(\S+), (\S+)\]\s*")
_CHOICES = re.compile(r"\{([^}]+)\}\s*")


@dataclass(frozen=True)
class Constant:
    """An UPPER_CASE constant at the top of a script.

    Attributes:
        value: as the file has it.
        text: the comment behind it, without the bounds.
        bounds: least and greatest value, for a number.
        whole: whether it is a whole number: bounds without a decimal point or an exponent say so.
        choices: possible values, for a word.
    """

    value: Any
    text: str = ""
    bounds: tuple[float, float] | None = None
    whole: bool = False
    choices: tuple[str, ...] = ()

    @classmethod
    def of(cls, value: Any, comment: str) -> Constant:
        """Take bounds or choices from the front of a comment."""
        numbers, words = _BOUNDS.match(comment), _CHOICES.match(comment)
        if numbers:
            whole = not re.search("[.e]", numbers[0])
            return cls(value, comment[numbers.end() :], (float(numbers[1]), float(numbers[2])), whole)
        if words:
            return cls(value, comment[words.end() :], choices=tuple(word.strip() for word in words[1].split(",")))
        return cls(value, comment)


def script_literals(path: Path) -> dict[str, Any]:
    """UPPER_CASE literals assigned at the top of a script, in its order, without running it. Tables are among them."""
    literals: dict[str, Any] = {}
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        target = node.targets[0] if isinstance(node, ast.Assign) else node.target if isinstance(node, ast.AnnAssign) else None
        if isinstance(target, ast.Name) and target.id.isupper() and isinstance(node, ast.Assign | ast.AnnAssign) and node.value:
            try:
                literals[target.id] = ast.literal_eval(node.value)
            except ValueError:
                raise UserError(f"{path.name}: {target.id} is not a plain value", "write a number, a text, True, False or None") from None
    return literals


def script_constants(path: Path) -> dict[str, Constant]:
    """The constants of a script that are flags: its literals but for tuples and dictionaries."""
    comments = _comments(path)
    values = {name: value for name, value in script_literals(path).items() if not isinstance(value, tuple | dict)}
    return {name: Constant.of(value, comments.get(name, "")) for name, value in values.items()}


def _comments(path: Path) -> dict[str, str]:
    """Comment behind each constant, by its name."""
    source = path.read_text(encoding="utf-8")
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    by_line = {token.start[0]: token.string.lstrip("# ") for token in tokens if token.type == tokenize.COMMENT}
    names = {number: re.match(r"([A-Z_]+)(?::[^=]+)? = ", line) for number, line in enumerate(source.splitlines(), start=1)}
    return {match[1]: by_line.get(number, "") for number, match in names.items() if match}
