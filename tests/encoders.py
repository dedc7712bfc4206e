"""Small encoders in the Hugging Face form, with random weights and tokenizers trained on bundled sentences; no test here."""

import functools
import math
from collections import Counter
from pathlib import Path
from typing import Any

from sentipress.data import sources

KINDS = ("bert", "xlm-roberta")
REASON = "needs the encoder's packages: pip install -r requirements-encoder.txt"
WIDTH, HEADS, LAYERS, COLUMNS, POSITIONS, PIECES = 32, 2, 2, 64, 64, 500
TRAINING_SENTENCES = 600
SEED = 7


@functools.cache
def sentences() -> tuple[str, ...]:
    """The 8,530 bundled sentences."""
    return tuple(sources.read_bundled("rotten_tomatoes")["review"])


def word_pieces() -> Any:
    """A WordPiece tokenizer as BERT's: lower case, [CLS] and [SEP] around a text, [PAD] = 0."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    texts = sentences()[:TRAINING_SENTENCES]
    # The trainer numbers letters inside words in the order of a hash table, and ties of counts follow the numbers. As special
    # pieces of the training alone they have the same number each time.
    inside = [f"##{letter}" for letter in sorted(set("".join(map(tokenizer.normalizer.normalize_str, texts))) - {" "})]
    trainer = trainers.WordPieceTrainer(vocab_size=PIECES, special_tokens=special + inside, show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    pieces = sorted(tokenizer.get_vocab(), key=tokenizer.token_to_id)
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    made = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    made.normalizer, made.pre_tokenizer, made.decoder = tokenizer.normalizer, tokenizer.pre_tokenizer, decoders.WordPiece()
    made.post_processor = processors.BertProcessing(("[SEP]", vocabulary["[SEP]"]), ("[CLS]", vocabulary["[CLS]"]))
    made.add_special_tokens(special)
    return made


def unigram_pieces() -> Any:
    """A Unigram tokenizer as XLM-RoBERTa's: <s> and </s> around a text, <pad> = 1, and <mask> as the last id, outside the model.

    The library's trainer for Unigram gives other pieces each time: the pieces are those of its BPE trainer, their scores the
    logarithms of how often they come.
    """
    from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

    special = ["<s>", "<pad>", "</s>", "<unk>"]
    pairs = Tokenizer(models.BPE(unk_token="<unk>"))
    pairs.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(" {2,}", " ")])
    pairs.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()])
    texts = sentences()[:TRAINING_SENTENCES]
    pairs.train_from_iterator(texts, trainers.BpeTrainer(vocab_size=PIECES, special_tokens=special, show_progress=False))
    counts = Counter(piece for found in pairs.encode_batch(texts) for piece in found.tokens)
    pieces = sorted(pairs.get_vocab(), key=pairs.token_to_id)
    scores = [0.0 if piece in special else math.log((counts[piece] + 0.5) / counts.total()) for piece in pieces]
    made = Tokenizer(models.Unigram(list(zip(pieces, scores, strict=True)), unk_id=special.index("<unk>")))
    made.normalizer, made.pre_tokenizer, made.decoder = pairs.normalizer, pairs.pre_tokenizer, decoders.Metaspace()
    made.add_special_tokens([*special, AddedToken("<mask>", lstrip=True)])
    ends = [(name, made.token_to_id(name)) for name in ("<s>", "</s>")]
    made.post_processor = processors.TemplateProcessing(single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=ends)
    return made


def library_model(kind: str, vocabulary_size: int) -> Any:
    """A random encoder of the library: "bert" or "xlm-roberta"; PyTorch's generator is left as it was."""
    import torch
    import transformers

    shape = {
        "vocab_size": vocabulary_size,
        "hidden_size": WIDTH,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "intermediate_size": COLUMNS,
        "max_position_embeddings": POSITIONS,
        "initializer_range": 0.2,  # ten times BERT's: else every text gets nearly the same logits
    }
    if kind == "bert":
        config, model = transformers.BertConfig(type_vocab_size=2, **shape), transformers.BertModel
    else:
        config = transformers.XLMRobertaConfig(
            type_vocab_size=1, pad_token_id=1, bos_token_id=0, eos_token_id=2, layer_norm_eps=1e-5, **shape
        )
        model = transformers.XLMRobertaModel
    with torch.random.fork_rng():
        torch.manual_seed(SEED)
        made = model(config, add_pooling_layer=False)
        # The library begins with biases of 0 and a padding row of 0: a network that forgets either would go unseen.
        for parameter in made.parameters():
            parameter.data += 0.1 * torch.randn_like(parameter)
    return made.eval()


def small_folder(path: Path, kind: str) -> Path:
    """Write config.json, model.safetensors and tokenizer.json of a random two-layer encoder; the same bytes each time.

    Args:
        path: folder to make.
        kind: "bert" (WordPiece) or "xlm-roberta" (Unigram).
    """
    path.mkdir(parents=True, exist_ok=True)
    tokenizer = {"bert": word_pieces, "xlm-roberta": unigram_pieces}[kind]()
    library_model(kind, tokenizer.get_vocab_size(with_added_tokens=True)).save_pretrained(path)
    tokenizer.save(str(path / "tokenizer.json"))
    return path
