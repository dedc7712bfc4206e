"""Ids of texts by the page's tokenizer of encoders (demo/source/pieces.js) against those of Python, text by text.

Real texts go through cleaning on both sides. Texts by chance, of all of Unicode, go to the tokenizer as they are and cleaned.
The control is what the study's app did: words between blanks are looked up whole, any other one is unknown.

Reads    an encoder's tokenizer (--encoder); files of texts (.csv with a column review or text, .tsv with the text first), by
         default the bundled reviews and sentences
Writes   the file of --output: of each encoder and set the texts, the rows of ids that differ, and what the control gets wrong
Command  python demo/pieces_check.py [FILES] [--encoder NAME] (needs Node.js), or make demo-test
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sentipress.core.errors import UserError, exit_code

if TYPE_CHECKING:
    from sentipress.text.pieces import PieceTokenizer

ENCODER = "bundled"  # folder in the form of Hugging Face, name of its hub, or the bundled encoder
LENGTH = 256  # [8, 512] ids of a text
TEXTS = 1_000  # [1, 1000000] of each set
FUZZED = 2_000  # [0, 1000000] texts by chance
PACKAGE = False  # count the npm package's rows as well: npm install --no-save --prefix demo @huggingface/tokenizers@0.2.0
OUTPUT = "demo/report/pieces.json"  # rows of other encoders in it stay

AT_ONCE = 1_000  # [1, 100000] texts of a line to Node.js
# What comes between random characters: what the parts of a tokenizer treat in a way of their own.
SNIPPETS = (
    "film", "good", "½", "①", "㌀", "ﬁ", "¨", "é", "가", "\u0600", "©", "\u200d", "\ufffc", "▁", "▁▁", "##s", "\x00", "\ud800", "\udc00",
    "＜s＞", "<s>", "<mask>", " <mask> ", "[SEP]", "[MASK]", "[UNK]", "<b>", "</", "constructor", "__proto__", "İ", "Σ", "\U0001d165",
)  # fmt: skip


def fuzzed(count: int, seed: int = 1) -> list[str]:
    """Texts by chance: assigned characters, accents in a row, any code point, long words, words of many scripts."""
    import importlib.util
    import random
    import re
    import unicodedata

    spec = importlib.util.spec_from_file_location("golden", Path(__file__).with_name("golden.py"))
    assert spec and spec.loader
    golden = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(golden)
    chance = random.Random(seed)
    every = [chr(point) for point in range(0x110000) if not 0xD800 <= point < 0xE000]
    assigned = [character for character in every if unicodedata.category(character) not in ("Cn", "Co")]
    accents = [character for character in assigned if unicodedata.category(character)[0] == "M"]

    def piece() -> str:
        kind = chance.random()
        for share, members in ((0.25, assigned), (0.4, accents), (0.45, every), (0.6, SNIPPETS), (0.7, (" ",))):
            if kind < share:
                return chance.choice(members)
        if kind < 0.75:
            return chance.choice("abcdefg") * chance.choice((1, 3, 99, 100, 101, 120))
        return str(chance.choice(golden.ALPHABETS)[: chance.randrange(12)])

    texts = [*golden.ALPHABETS, *golden.mixtures(count // 4, seed)][:count]
    texts += ["".join(piece() for _ in range(chance.randrange(40))) for _ in range(count - len(texts))]
    # JavaScript knows no two halves side by side that are not one character.
    pairs = re.compile("[\ud800-\udbff][\udc00-\udfff]")
    return [pairs.sub(lambda pair: pair[0].encode("utf-16-le", "surrogatepass").decode("utf-16-le"), text) for text in texts]


def by_javascript(tokenizer: PieceTokenizer, described: dict[str, Any], sets: Sequence[tuple[list[str], list[str]]], *mode: str) -> Any:
    """Answers of demo/tests/pieces.mjs: for each (raw texts, cleaned texts) a dictionary of the same form."""
    import json
    import subprocess

    lines = [{"library": tokenizer.library, "reading": described}, *({"raw": raw, "cleaned": cleaned} for raw, cleaned in sets)]
    command = ["node", str(Path(__file__).resolve().parent / "tests" / "pieces.mjs"), *mode]
    try:
        done = subprocess.run(command, input="\n".join(map(json.dumps, lines)) + "\n", capture_output=True, text=True, check=True)
    except FileNotFoundError:
        raise UserError("Node.js is missing", "install Node.js 20.12 or newer (Debian: make demo-tools)") from None
    except subprocess.CalledProcessError as failure:
        message = next((line for line in failure.stderr.splitlines() if "Error" in line), failure.stderr.strip()[-200:])
        raise UserError(f"demo/tests/pieces.mjs failed ({message})", "run npm ci --prefix demo, or see above for --package") from None
    return [json.loads(line) for line in done.stdout.splitlines()]


def python_rows(tokenizer: PieceTokenizer, cleaned: Sequence[str]) -> list[list[int]]:
    """Ids without the padding on the right."""
    import numpy as np

    rows = tokenizer.encode(cleaned)
    used = np.where(rows != tokenizer.padding_id, np.arange(1, rows.shape[1] + 1), 0).max(axis=1, initial=0)
    return [row[:length].tolist() for row, length in zip(rows, used, strict=True)]


def control_rows(tokenizer: PieceTokenizer, described: dict[str, Any], cleaned: Sequence[str]) -> list[list[int]]:
    """Ids of whole words between blanks, in lower case for a vocabulary in lower case; any other word is unknown."""
    vocabulary, mark = tokenizer.vocabulary, "" if tokenizer.kind == "WordPiece" else "▁"
    lower = bool((tokenizer.library["normalizer"] or {}).get("lowercase"))
    room = tokenizer.sequence_length - len(described["begin"]) - len(described["end"])
    rows = []
    for text in cleaned:
        words = (tokenizer.prefix + (text.lower() if lower else text)).split(" ")[:room]
        rows.append([*described["begin"], *(vocabulary.get(mark + word, tokenizer.unknown_id) for word in words), *described["end"]])
    return rows


def wrong_ids(rows: Sequence[Sequence[int]], expected: Sequence[Sequence[int]]) -> float:
    """Share of the expected ids that do not stand at their place in the rows."""
    right = sum(sum(one == other for one, other in zip(row, ids, strict=False)) for row, ids in zip(rows, expected, strict=True))
    return 1 - right / max(1, sum(map(len, expected)))


def read_texts(path: Path, count: int) -> list[str]:
    """Some texts of a file, drawn with seed 0."""
    from sentipress.data import formats, sources

    if path.suffix == ".tsv":
        if not path.is_file():
            raise UserError(f"{path} is missing", "name an existing file")
        lines = [line.split("\t")[0] for line in path.read_text(encoding="utf-8").splitlines()]
        import pandas as pd

        texts = pd.Series(lines)
    else:
        try:
            texts = sources.read_unlabelled(path, "review", "FILES")
        except UserError:
            texts = formats.read_table(path, ["text"])["text"]
    return list(texts.sample(min(count, len(texts)), random_state=0))


def main(arguments: list[str] | None = None) -> None:
    """Compare; see the top of the file."""
    import os

    from sentipress.browser import piece_rules
    from sentipress.core import cli, files
    from sentipress.data import cleaning, sources
    from sentipress.transformer import pretrained

    settings = cli.settings(__file__, arguments, rest="FILES")
    encoder = pretrained.load(settings.encoder)
    tokenizer = encoder.tokenizer(settings.length)
    described = piece_rules.described(tokenizer)
    named = [(Path(name).name, read_texts(Path(name), settings.texts)) for name in settings.rest]
    if not named:
        drawn = ((name, sources.read_bundled(name)["review"]) for name in (sources.REVIEWS, sources.SENTENCES))
        named = [(f"bundled {name}", list(texts.sample(min(settings.texts, len(texts)), random_state=0))) for name, texts in drawn]
    named.append(("by chance", fuzzed(settings.fuzzed)))

    rows, different = {}, 0
    for name, raw in named:
        cleaned = [cleaning.clean(text, tokenizer.cleaning) for text in raw]
        unclean = raw if name == "by chance" else []
        blocks = [
            (raw[start : start + settings.at_once], unclean[start : start + settings.at_once])
            for start in range(0, len(raw), settings.at_once)
        ]
        answers = by_javascript(tokenizer, described, blocks)
        expected, shares = python_rows(tokenizer, cleaned), [tokenizer.known_share(text) for text in cleaned]
        found = [answer for block in answers for answer in block["raw"]]
        wrong = sum(ids != row or whole != row for (ids, _, whole), row in zip(found, expected, strict=True))
        unlike = sum(share != other for (_, share, _), other in zip(found, shares, strict=True))
        uncleaned = [row for block in answers for row in block["cleaned"]]
        wrong_unclean = sum(ids != row for ids, row in zip(uncleaned, python_rows(tokenizer, unclean), strict=True))
        control = control_rows(tokenizer, described, cleaned)
        row: dict[str, Any] = {"texts": len(raw), "ids": sum(map(len, expected))}
        row |= {"different_rows": wrong, "different_known_shares": unlike}
        row |= {"different_rows_uncleaned": wrong_unclean} if unclean else {}
        row["control_wrong_texts"] = sum(ids != other for ids, other in zip(control, expected, strict=True)) / max(1, len(raw))
        row["control_wrong_ids"] = wrong_ids(control, expected)
        if settings.package:
            blocks = [([], cleaned[start : start + settings.at_once]) for start in range(0, len(raw), settings.at_once)]
            others = [ids for block in by_javascript(tokenizer, described, blocks, "library") for ids in block["cleaned"]]
            row["package_different_rows"] = sum(ids != other for ids, other in zip(others, expected, strict=True))
        rows[name] = {key: round(value, 4) for key, value in row.items()}
        different += wrong + unlike + wrong_unclean
        print(f"{encoder.name}, {name}: {', '.join(f'{value:,} {key.replace(chr(95), chr(32))}' for key, value in rows[name].items())}")
    output, schema = Path(settings.output), 1
    content: dict[str, Any] = files.read_json(output, schema, "delete it") if output.is_file() else {"schema": schema}
    about = {
        "kind": tokenizer.kind,
        "pieces": tokenizer.vocabulary_size,
        "length": settings.length,
        "sets": rows,
    }
    files.write_json(output, {**content, "encoders": {**content.get("encoders", {}), encoder.name: about}})
    print(f"wrote {os.fspath(output)}")
    if different:
        raise UserError(f"{different} answers of the page's tokenizer are not Python's", "mend demo/source/pieces.js")


if __name__ == "__main__":
    raise SystemExit(exit_code(main))
