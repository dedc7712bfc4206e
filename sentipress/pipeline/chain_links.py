"""The text of a chain of compressions, read and checked.

A chain is text: `vocabulary=8000,distil=16x16,int4,pack`. Links that change the network come first, in any order;
then one number format; then, if wanted, the package.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sentipress.core.errors import UserError
from sentipress.lstm.networks import ModelSpec

# Links that change the network, and what the value of one may be; `distil` has a shape.
BOUNDS: dict[str, tuple[type, float, float]] = {
    "vocabulary": (int, 3, 1_000_000),
    "factorize": (int, 1, 1024),
    "units": (int, 1, 1024),
    "prune": (float, 0.0, 0.99),
    "cluster": (int, 2, 256),
    "round": (int, 1, 1000),
}
DISTIL, TRAIN = "distil", "train"  # taught, or by the labels alone: the control of the former
TAUGHT = {DISTIL, "prune", "round"}  # links that train with the teachers
NETWORK = ("vocabulary", DISTIL, TRAIN, "factorize", "units", "prune", "cluster", "round")
FORMATS = {"float32": "float32", "float16": "float16", "quantize": "dynamic_range", "int4": "int4"}
PACK = "pack"
CLUSTERS = 16  # values per array, by default: as many as 4 bits can tell apart
ROUNDING_EPOCHS = 1  # by default: a second one lowers the loss of training texts and raises that of validation reviews


@dataclass(frozen=True)
class Link:
    """One step.

    Attributes:
        name: what is done.
        value: how much; "" when validation or a default decides.
    """

    name: str
    value: str

    def __str__(self) -> str:
        return f"{self.name}={self.value}" if self.value else self.name

    def number(self, most: float | None = None) -> Any:
        """The value as a number; None when there is none.

        Args:
            most: what the network has, where a link makes it fewer.

        Raises:
            UserError: no number, or out of bounds.
        """
        if not self.value:
            return None
        kind, low, high = BOUNDS[self.name]
        high = high if most is None else most
        try:
            number = kind(self.value)
        except ValueError:
            number = None
        if number is None or not low <= number <= high:
            raise UserError(f"--chain {self}: {self.value!r} is no number from {low:g} to {high:g}", "mend that link")
        return number


def parse(chain: str) -> list[Link]:
    """Links of a chain.

    Raises:
        UserError: an unknown link, one out of place, or a value that no network could have.
    """
    links = []
    for word in chain.split(","):
        name, _, value = word.strip().partition("=")
        links.append(Link(name.strip(), value.strip()))
    known = [*NETWORK, *FORMATS, PACK]
    stages = [0 if link.name in NETWORK else 1 if link.name in FORMATS else 2 for link in links]
    for link in links:
        if link.name not in known:
            raise UserError(f"--chain {chain!r}: {link.name!r} is unknown", f"links are {', '.join(known)}")
        if link.value and link.name in (*FORMATS, PACK):
            raise UserError(f"--chain {chain!r}: {link.name} takes no value", f"write {link.name}")
        if link.name in BOUNDS:
            link.number()
        elif link.value:
            shape_of(link.value)
        elif link.name == TRAIN:
            raise UserError(f"--chain {chain!r}: {TRAIN} needs a shape", f"give columns x units, as in {TRAIN}=16x16")
    if stages != sorted(stages) or stages.count(1) > 1 or stages.count(2) > 1 or (2 in stages and 1 not in stages):
        order = f"first {', '.join(NETWORK)}, then at most one of {', '.join(FORMATS)}, then {PACK}"
        raise UserError(f"--chain {chain!r}: the order does not work", order)
    return links


def capped(links: list[Link], spec: ModelSpec) -> list[Link]:
    """A chain whose first vocabulary is no larger than that of the network that it starts from: for the default chain."""
    most = spec.vocabulary_size
    return [Link(link.name, str(most)) if link.name == "vocabulary" and (link.number() or 0) > most else link for link in links]


def check_sizes(links: list[Link], spec: ModelSpec, columns: int | None) -> None:
    """Refuse a value that is more than a network of this shape will have when its link is reached.

    Args:
        links: the chain.
        spec: shape of the network that it starts from.
        columns: most that a new student's embedding can start with; None for any number.

    Raises:
        UserError: such a value.
    """
    sizes = {"vocabulary": spec.vocabulary_size, "factorize": spec.embedding_dim, "units": spec.units}
    for link in links:
        if link.name in (DISTIL, TRAIN) and link.value:
            sizes["factorize"], sizes["units"] = shape_of(link.value)
            if columns is not None and sizes["factorize"] > columns:
                raise UserError(
                    f"--chain {link}: the word vectors that it starts from have {columns} columns",
                    "take fewer columns, or give --embedding-start random",
                )
        elif link.name in sizes:
            sizes[link.name] = link.number(sizes[link.name]) or sizes[link.name]


def check_name(name: str, sources: Iterable[str]) -> None:
    """Refuse a name that files of other stages have, that is no plain word, or that what the chain is made from has.

    Args:
        name: of the chain.
        sources: models of the folder that it starts from or is taught by.

    Raises:
        UserError: such a name.
    """
    if not re.fullmatch("[a-z][a-z0-9]*", name) or name.startswith(
        ("modelo", "classical", "packed", "taught", "tokenizer", "reviews", "teacher")
    ):
        raise UserError(f"--name {name!r} cannot name a chain", "give a word of small letters and digits, such as pocket")
    for source in sources:
        if source == name or source.startswith(f"{name}_"):
            raise UserError(f"{source} is of the chain {name}, which would be replaced while it is read", "give another --name")


def shape_of(value: str) -> tuple[int, int]:
    """Columns of the embedding and LSTM units of a value like 16x8.

    Raises:
        UserError: not of that form.
    """
    first, cross, second = value.partition("x")
    if not (cross and first.isdigit() and second.isdigit() and int(first) and int(second)):
        raise UserError(f"--chain distil={value} is not understood", "give columns x units, as in distil=16x16")
    return int(first), int(second)
