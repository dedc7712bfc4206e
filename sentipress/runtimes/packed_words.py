"""A bag of words in the pocket model's container: front-coded terms and weights of 8 or 4 bits in one zip file.

It needs numpy alone, and is the fair rival of a pocket model: the same terms cost both the same bytes.
"""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sentipress.core import files
from sentipress.core.errors import UserError
from sentipress.linear.bag_of_words import CHARACTERS, WORDS, LinearModel
from sentipress.runtimes.linear_file import LinearRuntime
from sentipress.runtimes.pocket import LIMIT_BYTES, METADATA, SCHEMA, VOCABULARY, front_coded, front_decoded

KIND = "bag of words"  # in the metadata; a package without a kind holds a network
KINDS = {KIND: WORDS, "bag of characters": CHARACTERS}  # to the unit of the terms
WEIGHTS = "weights.bin"
BITS = 8  # of the published ones: at equal bytes better than 4, see benchmarks/packing.py
LEVELS = {8: 127, 4: 7}  # of so many bits, either side of zero
CLIPS = np.linspace(0.2, 1.0, 17)  # shares of a column's largest weight that are tried as its range


@dataclass(frozen=True)
class Quantized:
    """Weights as whole numbers.

    Attributes:
        values: int8 (terms, columns), within `LEVELS`.
        scale: float32 (columns,), what 1 stands for.
        bits: 8 or 4.
    """

    values: np.ndarray
    scale: np.ndarray
    bits: int

    @classmethod
    def of(cls, weights: np.ndarray, bits: int) -> Quantized:
        """Quantize weights (terms, columns); each column gets the range that gives the least squared error."""
        level, largest = LEVELS[bits], np.maximum(np.abs(weights).max(axis=0), 1e-9)
        scales = [largest * clip / level for clip in CLIPS]
        rounded = [np.clip(np.rint(weights / scale), -level, level) for scale in scales]
        errors = np.array([((values * scale - weights) ** 2).sum(axis=0) for values, scale in zip(rounded, scales, strict=True)])
        best = np.argmin(errors, axis=0)
        columns = np.arange(weights.shape[1])
        values = np.stack(rounded)[best, :, columns].T
        return cls(values.astype(np.int8), np.stack(scales)[best, columns].astype(np.float32), bits)

    def floats(self) -> np.ndarray:
        """The weights that the numbers stand for, float32 (terms, columns)."""
        return self.values.astype(np.float32) * self.scale

    def packed(self) -> bytes:
        """The numbers column by column; of 4 bits two in a byte, the lower half first."""
        flat = self.values.T.ravel()
        if self.bits == 8:
            return flat.tobytes()
        low, high = np.append(flat, np.zeros(flat.size % 2, np.int8)).astype(np.uint8).reshape(-1, 2).T
        return ((low & 15) | (high << 4)).astype(np.uint8).tobytes()

    @classmethod
    def unpacked(cls, content: bytes, terms: int, scale: np.ndarray, bits: int) -> Quantized:
        """Read what `packed` wrote.

        Raises:
            ValueError: the bytes are not those of so many terms.
        """
        flat = np.frombuffer(content, np.int8)
        if bits == 4:
            flat = np.stack([flat << 4 >> 4, flat >> 4], axis=1).ravel()[: terms * len(scale)]
        return cls(flat.reshape(len(scale), terms).T.astype(np.int8), scale, bits)


def pack(model: LinearModel, bits: int) -> bytes:
    """The zip's bytes of a model without document frequencies; equal models give equal bytes."""
    if model.idf is not None:
        raise ValueError("only weights of terms that count once can be packed")
    order = sorted(range(len(model.terms)), key=lambda index: model.terms[index])
    weights = model.weights.reshape(len(model.terms), -1)[order].astype(np.float32)
    quantized = Quantized.of(weights, bits)
    metadata = {
        "schema": SCHEMA,
        "kind": next(kind for kind, unit in KINDS.items() if unit == model.unit),
        "labels": list(model.labels),  # of two, the probability is that of the last one
        "cleaning": model.cleaning,
        "max_ngram": model.max_ngram,
        "link": model.link,
        "bits": bits,
        "scale": [float(scale) for scale in quantized.scale],
        "bias": [float(bias) for bias in model.bias],
    }
    terms = front_coded([model.terms[index] for index in order])
    members = {VOCABULARY: terms.encode(), WEIGHTS: quantized.packed(), METADATA: json.dumps(metadata).encode()}
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED, 9)
    return stream.getvalue()


def save(path: Path, model: LinearModel, bits: int) -> None:
    """Write a packed bag of words, atomically."""
    files.write_bytes(path, pack(model, bits))


class PackedWords(LinearRuntime):
    """A packed bag of words, ready to run."""

    def __init__(self, path: Path, remedy: str) -> None:
        """Load a file; nothing is written to disk.

        Raises:
            UserError: missing, damaged, or no packed bag of words.
        """
        try:
            with zipfile.ZipFile(path) as archive:
                if any(archive.getinfo(name).file_size > LIMIT_BYTES for name in (VOCABULARY, WEIGHTS, METADATA)):
                    raise ValueError("a member is too large")
                vocabulary, weights, metadata = (archive.read(name) for name in (VOCABULARY, WEIGHTS, METADATA))
            about = json.loads(metadata)
            if about["schema"] != SCHEMA or about["kind"] not in KINDS:
                raise ValueError(f"schema {about['schema']}, kind {about['kind']}")
            terms = front_decoded(vocabulary.decode("utf-8"))
            self._quantized = Quantized.unpacked(weights, len(terms), np.array(about["scale"], np.float32), int(about["bits"]))
            floats = self._quantized.floats()
            self.model = LinearModel(
                terms=terms,
                weights=floats[:, 0] if floats.shape[1] == 1 else floats,
                idf=None,
                bias=np.array(about["bias"], np.float32),
                max_ngram=int(about["max_ngram"]),
                cleaning=str(about["cleaning"]),
                labels=tuple(map(str, about["labels"])),
                link=str(about["link"]),
                unit=KINDS[about["kind"]],
            )
            self.task = self.model.task
        except FileNotFoundError:
            raise UserError(f"{path} is missing", remedy) from None
        except Exception as error:  # zipfile and zlib raise many kinds for damaged bytes
            raise UserError(f"{path} is no packed bag of words ({str(error)[:100]})", remedy) from None

    @property
    def bits(self) -> int:
        """Bits of each weight: 8 or 4."""
        return self._quantized.bits

    def stored_arrays(self) -> dict[str, np.ndarray]:
        """Weights as whole numbers, int8 (terms, columns), and the bias."""
        name = "weights" if self.bits == 8 else "weights (4 bits)"
        return {name: self._quantized.values, "bias": self.model.bias}
