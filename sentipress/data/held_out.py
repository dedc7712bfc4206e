"""What other folders hold out: texts that a teacher of students there must not learn from."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from sentipress.core import files
from sentipress.data import corpus
from sentipress.data.cleaning import PLAIN, clean, words_of
from sentipress.data.corpus import Corpus


class HeldOut:
    """Texts of validation and test, texts of another domain, and texts that tell whether a model reads.

    A teacher that learned from one of these would tell its students the answers to their own test. A raw text is cleaned as the
    folder's own texts were before it is compared: recipes drop or cut words.

    Attributes:
        folders: name of each folder and SHA-256 of its reviews.csv.
    """

    def __init__(self, folders: Iterable[Path] = ()) -> None:
        """Read folders.

        Raises:
            UserError: see `sentipress.data.corpus.load`.
        """
        self.folders: list[dict[str, str]] = []
        self._words: dict[str, set[str]] = {}
        for path in folders:
            reviews = corpus.load(path)
            self.folders.append({"name": path.resolve().name, "sha256": files.sha256(reviews.path)})
            self._add(reviews)

    def _add(self, reviews: Corpus) -> None:
        own = self._words.setdefault(str(reviews.about.get("cleaning", reviews.recipe)), set())
        own.update(map(words_of, reviews.table.of("validation", "test")))
        elsewhere = reviews.out_of_domain()
        own.update(map(words_of, elsewhere[0] if elsewhere else []))
        raw = self._words.setdefault(PLAIN, set())
        for given in reviews.reading():
            tests = (text for text, edited in zip(given.texts, given.edited, strict=True) if edited or not given.pairs)
            raw.update(words_of(clean(text, PLAIN)) for text in tests)

    def holds(self, text: str) -> bool:
        """Whether a raw text is held out."""
        return any(words_of(clean(text, cleaning)) in words for cleaning, words in self._words.items() if words)
