"""Encoders made smaller: what is removed is really gone, what stays is what it was, and a choice that cannot be made is refused."""

import copy
import json
import math
from dataclasses import replace

import numpy as np
import pytest

from sentipress.core.errors import UserError
from sentipress.data import sources

NEEDS = "needs pip install -r requirements-encoder.txt"
torch = pytest.importorskip("torch", reason=NEEDS)
tokenizers = pytest.importorskip("tokenizers", reason=NEEDS)
pytest.importorskip("transformers", reason=NEEDS)

from sentipress.runtimes import encoder_file  # noqa: E402
from sentipress.text.pieces import PieceTokenizer, cut_vocabulary  # noqa: E402
from sentipress.transformer import pretrained, reducing  # noqa: E402
from sentipress.transformer.attention import Encoder  # noqa: E402
from sentipress.transformer.shapes import EncoderSpec  # noqa: E402

SPEC = EncoderSpec("random", 60, 24, 20, 0, 0, 6, (4, 4), (96, 64), 1e-12, "mean", 1)


def random_encoder(spec=SPEC):
    """Weights large enough that each part of the network matters."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model = Encoder(spec)
        for parameter in model.parameters():
            torch.nn.init.normal_(parameter, std=0.3)
    return model.eval()


def random_ids(texts=5, length=9, vocabulary=SPEC.vocabulary_size):
    """Ids int32 (texts, length), padded on the right, of texts of several lengths."""
    ids = np.random.default_rng(0).integers(1, vocabulary, (texts, length)).astype(np.int32)
    for row in range(texts):
        ids[row, length - row :] = 0
    return torch.from_numpy(ids)


def logits(model, ids):
    with torch.inference_mode():
        return model(ids)


def size(model):
    return sum(parameter.numel() for parameter in model.parameters())


def nearly_equal(found, expected):
    """But for the order in which a product adds up, which depends on its size."""
    torch.testing.assert_close(found, expected, rtol=0, atol=2e-6)


def cross_entropy(found, targets):
    return torch.nn.functional.binary_cross_entropy_with_logits(found[:, 0], targets)


@pytest.fixture
def model():
    return random_encoder()


@pytest.fixture(scope="module")
def sentences():
    """Rotten Tomatoes sentences."""
    return sources.read_bundled("rotten_tomatoes")["review"].sample(1500, random_state=0).tolist()


@pytest.fixture(scope="module")
def bundled_encoder():
    return pretrained.load(pretrained.BUNDLED)


REDUCTIONS = {
    "words": lambda model: reducing.with_words(model, range(30)),
    "layers": lambda model: reducing.with_layers(model, [1]),
    "parts": lambda model: reducing.with_parts(model, [[0, 2], [3]], [range(32), [5, 6]]),
    "width": lambda model: reducing.narrower(model, 10),
}


# What holds for each of them


@pytest.mark.parametrize("how", REDUCTIONS)
def test_the_smaller_one_is_smaller_in_every_way_and_can_be_saved(model, how, tmp_path):
    small = REDUCTIONS[how](model)
    assert size(small) < size(model)
    expected = {name: tuple(value.shape) for name, value in Encoder(small.spec).state_dict().items()}
    assert {name: tuple(value.shape) for name, value in small.state_dict().items()} == expected
    for one, path in ((model, tmp_path / "large"), (small, tmp_path / "small")):
        encoder_file.save_encoder(one, path)
    assert (tmp_path / "small").stat().st_size < (tmp_path / "large").stat().st_size
    loaded = encoder_file.load_encoder(tmp_path / "small", "").eval()
    ids = random_ids(vocabulary=small.spec.vocabulary_size)
    assert loaded.spec == small.spec and torch.equal(logits(loaded, ids), logits(small, ids))


@pytest.mark.parametrize("how", REDUCTIONS)
def test_the_smaller_one_learns_and_the_larger_one_stays_as_it_was(model, how):
    before = copy.deepcopy(model.state_dict())
    small = REDUCTIONS[how](model.train())
    assert small.training and small.dropout.p == model.dropout.p and small.layers[0].dropout.p == model.dropout.p
    start = copy.deepcopy(small.state_dict())
    optimizer = torch.optim.SGD(small.parameters(), 0.1)
    cross_entropy(small(random_ids(vocabulary=small.spec.vocabulary_size)), torch.ones(5)).backward()
    optimizer.step()
    assert any(not torch.equal(value, start[name]) for name, value in small.state_dict().items())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert model.spec == SPEC and not reducing.narrower(model.eval(), 5).training


@pytest.mark.parametrize("how", REDUCTIONS)
def test_no_random_number_is_drawn(model, how):
    state = torch.random.get_rng_state()
    REDUCTIONS[how](model)
    assert torch.equal(torch.random.get_rng_state(), state)


@pytest.mark.parametrize(
    "everything",
    [
        lambda model: reducing.with_words(model, range(60)),
        lambda model: reducing.with_layers(model, [0, 1]),
        lambda model: reducing.with_parts(model, [range(4)] * 2, [range(96), range(64)]),
        lambda model: reducing.narrower(model, 24),
    ],
)
def test_keeping_everything_changes_nothing(model, everything):
    same = everything(model)
    assert same.spec == model.spec and torch.equal(logits(same, random_ids()), logits(model, random_ids()))


# Weights


@pytest.mark.parametrize("share", [0, 0.3, 0.5, 1])
def test_the_masks_are_those_of_pytorchs_pruning(model, share):
    from torch.nn.utils import prune

    before = copy.deepcopy(model.state_dict())
    masks = reducing.smallest_weights(model, share)
    linears = {name: part for name, part in model.named_modules() if isinstance(part, torch.nn.Linear)}
    assert set(masks) == {f"{name}.weight" for name in linears} and "head.weight" in masks and len(masks) == 6 * 2 + 1
    for name, part in copy.deepcopy(linears).items():
        mask = masks[f"{name}.weight"]
        assert mask.dtype == torch.bool and int((~mask).sum()) == round(share * mask.numel())
        assert torch.equal(mask, prune.l1_unstructured(part, "weight", float(share)).weight_mask.bool())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_zeros_stay_zero_in_a_training_that_applies_the_masks(model):
    masks = reducing.smallest_weights(model, 0.3)
    reducing.apply_masks(model, masks)
    start = copy.deepcopy(model.state_dict())
    optimizer = torch.optim.AdamW(model.train().parameters(), 0.01)
    for _ in range(3):
        optimizer.zero_grad()
        cross_entropy(model(random_ids()), torch.ones(5)).backward()
        optimizer.step()
        assert any(bool(model.get_parameter(name)[~mask].any()) for name, mask in masks.items())  # without the masks they would not
        reducing.apply_masks(model, masks)
    for name, mask in masks.items():
        values = model.get_parameter(name).detach()
        assert not values[~mask].any() and not torch.signbit(values[~mask]).any()
        assert not torch.equal(values[mask], start[name][mask])


def test_of_equal_weights_as_many_go_as_were_asked_for(model):
    torch.nn.init.ones_(model.head.weight)
    assert int((~reducing.smallest_weights(model, 0.25)["head.weight"]).sum()) == 6


# Words


def test_a_cut_vocabulary_gives_the_same_embeddings_where_all_pieces_were_kept(bundled_encoder, sentences):
    tokenizer = bundled_encoder.tokenizer(48)
    kept = reducing.frequent_ids(tokenizer, sentences, 4000)
    assert kept == sorted(kept) and len(set(kept)) == len(kept) == 4000
    with torch.random.fork_rng():
        whole = bundled_encoder.network(1, "mean").eval()
    small, cut = reducing.with_words(whole, kept), cut_vocabulary(tokenizer, kept)
    assert cut.vocabulary_size == small.spec.vocabulary_size == 4000 and cut.padding_id == small.spec.padding_id
    assert size(whole) - size(small) == (whole.spec.vocabulary_size - 4000) * whole.spec.width
    old, new = tokenizer.encode(sentences), cut.encode(sentences)
    all_kept = np.isin(old, kept).all(axis=1)
    assert 0.1 < all_kept.mean() < 0.9  # both kinds are there
    np.testing.assert_array_equal(np.array(kept)[new[all_kept]], old[all_kept])
    rows = np.flatnonzero(all_kept)[:40]
    with torch.inference_mode():
        assert torch.equal(small.embed(torch.from_numpy(new[rows])), whole.embed(torch.from_numpy(old[rows])))
    # What lacks a piece is spelled with others: nothing becomes unknown that was known.
    assert (old != tokenizer.unknown_id).all(axis=1).sum() == (new != cut.unknown_id).all(axis=1).sum()
    assert (new[~all_kept] != cut.padding_id).sum() > (old[~all_kept] != tokenizer.padding_id).sum()


def test_the_most_frequent_pieces_stay_and_no_unused_one(bundled_encoder):
    tokenizer = bundled_encoder.tokenizer(16)
    vocabulary, texts = tokenizer.vocabulary, ["a movie", "good movie", "good movie, bad film"]
    letters = {"a", "m", "g", ",", "b", "f", *(f"##{letter}" for letter in "ovieodadilm")}  # of a, movie, good, comma, bad, film
    always = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"} | letters
    pieces = {number: piece for piece, number in vocabulary.items()}
    found = {extra: [pieces[number] for number in reducing.frequent_ids(tokenizer, texts, len(always) + extra)] for extra in (0, 1, 2, 99)}
    assert set(found[0]) == always
    assert set(found[1]) == {*always, "movie"} and set(found[2]) == {*always, "movie", "good"}
    assert set(found[99]) == {*always, "movie", "good", "bad", "film"}
    with pytest.raises(UserError, match="too few"):
        reducing.frequent_ids(tokenizer, texts, len(always) - 1)


def test_what_lies_past_the_length_does_not_count(bundled_encoder):
    short, long = bundled_encoder.tokenizer(4), bundled_encoder.tokenizer(16)
    text = ["good film masterpiece"]
    masterpiece = long.vocabulary["masterpiece"]
    assert masterpiece in reducing.frequent_ids(long, text, 999) and masterpiece not in reducing.frequent_ids(short, text, 999)


def test_a_piece_with_a_letter_that_has_no_piece_of_its_own_stays():
    """As in vocabularies that were cut before."""
    pieces = ["<unk>", "<pad>", "▁", "g", "o", "d", "▁good", "▁不是", "▁film", "▁fil", "f", "i", "l"]
    library = tokenizers.Tokenizer(tokenizers.models.Unigram([(piece, -float(number)) for number, piece in enumerate(pieces)], unk_id=0))
    library.pre_tokenizer = tokenizers.pre_tokenizers.Metaspace()
    library.add_special_tokens(["<pad>"])
    tokenizer = PieceTokenizer(json.loads(library.to_str()), 8, 1)
    texts = ["good film", "不是 good"]
    assert (tokenizer.encode(texts) != 0).all()
    kept = reducing.frequent_ids(tokenizer, texts, 8)  # of film there is no m, so its piece stays; good is spelled
    assert [pieces[number] for number in kept] == ["<unk>", "<pad>", "▁", "g", "o", "d", "▁不是", "▁film"]
    cut = cut_vocabulary(tokenizer, kept).encode(texts)
    assert [[pieces[kept[number]] for number in row if number != 1] for row in cut] == [
        ["▁", "g", "o", "o", "d", "▁film"],
        ["▁不是", "▁", "g", "o", "o", "d"],
    ]


def test_a_unigram_vocabulary_still_spells_every_word(sentences):
    library = tokenizers.Tokenizer(tokenizers.models.Unigram())
    library.pre_tokenizer = tokenizers.pre_tokenizers.Metaspace()
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    trainer = tokenizers.trainers.UnigramTrainer(vocab_size=1500, special_tokens=special, unk_token="<unk>", show_progress=False)
    library.train_from_iterator(sentences[:1000], trainer)
    library.post_processor = tokenizers.processors.TemplateProcessing("<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)])
    tokenizer = PieceTokenizer(json.loads(library.to_str()), 40, 1)
    assert tokenizer.unknown_id == 3
    kept = reducing.frequent_ids(tokenizer, sentences[:1000], 400)
    model = random_encoder(replace(SPEC, vocabulary_size=1500, padding_id=1, positions=50, first_position=2))
    small, cut = reducing.with_words(model, kept), cut_vocabulary(tokenizer, kept)
    assert small.spec.vocabulary_size == cut.vocabulary_size == 400 and small.spec.padding_id == cut.padding_id
    old, new = tokenizer.encode(sentences[:1000]), cut.encode(sentences[:1000])
    assert (old != 3).all() and (new != cut.unknown_id).all() and (new != cut.padding_id).sum() > (old != 1).sum()
    texts = [text for text, row in zip(sentences, old, strict=False) if np.isin(row, kept).all()]
    assert texts
    ids = torch.from_numpy(tokenizer.encode(texts)), torch.from_numpy(cut.encode(texts))
    assert torch.equal(logits(small, ids[1]), logits(model, ids[0]))


def test_the_padding_id_moves_with_its_row(model):
    kept = [7, 3, 0, 59]
    small = reducing.with_words(model, kept)
    assert small.spec == replace(SPEC, vocabulary_size=4, padding_id=2)
    ids = torch.tensor([[0, 1, 3, 2], [3, 2, 2, 2]], dtype=torch.int32)
    assert torch.equal(logits(small, ids), logits(model, torch.tensor(kept, dtype=torch.int32)[ids.long()]))


@pytest.mark.parametrize("kept", [[1, 2], [0, 60], [0, -1], [0, 1, 1], []])
def test_a_vocabulary_that_cannot_be_is_refused(model, kept):
    with pytest.raises(UserError):
        reducing.with_words(model, kept)


# Layers


@pytest.mark.parametrize(
    ("total", "kept", "expected"),
    [
        (12, 6, [0, 2, 4, 7, 9, 11]),  # as in DistilBERT's code
        (12, 3, [0, 6, 11]),
        (6, 3, [0, 3, 5]),
        (6, 2, [0, 5]),
        (6, 4, [0, 2, 3, 5]),
        (6, 1, [5]),
    ],
)
def test_alternate_layers_are_spread_evenly_and_end_with_the_last(total, kept, expected):
    assert reducing.which_layers(total, kept, "alternate") == expected
    assert reducing.which_layers(total, kept, "first") == list(range(kept))
    assert reducing.which_layers(total, kept, "last") == list(range(total))[-kept:]


def test_any_number_of_layers_can_be_chosen():
    for total in range(1, 25):
        for kept in range(1, total + 1):
            numbers = reducing.which_layers(total, kept, "alternate")
            assert len(set(numbers)) == kept and numbers == sorted(numbers) and numbers[-1] == total - 1 and numbers[0] >= 0
            distances = np.diff(numbers)
            assert kept == 1 or distances.max() - distances.min() <= 1


@pytest.mark.parametrize(("kept", "how"), [(0, "first"), (7, "last"), (-1, "alternate"), (3, "middle")])
def test_layers_that_do_not_exist_are_not_chosen(kept, how):
    with pytest.raises(UserError):
        reducing.which_layers(6, kept, how)


def test_layers_stand_in_the_order_that_was_given(model):
    small = reducing.with_layers(model, [1, 0])
    assert small.spec == replace(SPEC, columns=(64, 96))
    ids = random_ids()
    hidden = (ids == 0).float()[:, None, None, :] * -1e4
    with torch.inference_mode():
        expected = model.layers[0](model.layers[1](model.embedded(ids), hidden), hidden)
        assert torch.equal(small.hidden_states(ids)[-1], expected)
        first = reducing.with_layers(model, [0])
        assert torch.equal(first.embed(ids), model.pooled(ids, model.hidden_states(ids)[1]))
    assert first.spec == replace(SPEC, heads=(4,), columns=(96,))


@pytest.mark.parametrize("numbers", [[2], [-1], [0, 0], []])
def test_layers_that_do_not_exist_are_not_kept(model, numbers):
    with pytest.raises(UserError, match="layer 0 to 1"):
        reducing.with_layers(model, numbers)


# Heads and columns


def without(model, head, columns):
    """The encoder with nothing read of a head and of some columns of its first layer."""
    with torch.no_grad():
        model.layers[0].mix.weight[:, head * SPEC.head_width : (head + 1) * SPEC.head_width] = 0
        model.layers[0].narrow.weight[:, columns] = 0
    return model


def test_parts_that_nothing_reads_can_go(model):
    gone = [3, 40, 95]
    model = without(model, 2, gone)
    kept = [column for column in range(96) if column not in gone]
    small = reducing.with_parts(model, [[0, 1, 3], range(4)], [kept, range(64)])
    assert small.spec == replace(SPEC, heads=(3, 4), columns=(93, 64))
    nearly_equal(logits(small, random_ids()), logits(model, random_ids()))
    assert size(model) - size(small) == SPEC.head_width * (4 * SPEC.width + 3) + 3 * (2 * SPEC.width + 1)
    # The order does not matter to what is computed; that something is missing does.
    nearly_equal(
        logits(reducing.with_parts(model, [[3, 0, 1], [2, 1, 0, 3]], [kept[::-1], range(64)]), random_ids()), logits(small, random_ids())
    )
    other = reducing.with_parts(model, [[0, 1, 2], range(4)], [kept, range(64)])
    assert (logits(other, random_ids()) - logits(model, random_ids())).abs().max() > 1e-3


@pytest.mark.parametrize(
    ("heads", "columns"),
    [([[0]], [[0]]), ([[0], [4]], [[0], [0]]), ([[0], []], [[0], [0]]), ([[0], [0]], [[0], [64]]), ([[0], [1, 1]], [[0], [0]])],
)
def test_parts_that_do_not_exist_are_not_kept(model, heads, columns):
    with pytest.raises(UserError):
        reducing.with_parts(model, heads, columns)


def test_importance_is_the_derivative_of_the_loss_by_a_gate(model):
    model = model.double()
    ids, targets = random_ids(3), torch.tensor([1.0, 0.0, 1.0], dtype=torch.float64)

    def derivatives(layer, matrix, width):
        """Mean over texts of the absolute difference quotient, for gates that stand in the weights behind them."""
        found = []
        weight = model.layers[layer].get_parameter(f"{matrix}.weight")
        for start in range(0, weight.shape[1], width):
            losses = []
            for gate in (1 + 1e-5, 1 - 1e-5):
                changed = copy.deepcopy(model)
                with torch.no_grad():
                    changed.layers[layer].get_parameter(f"{matrix}.weight")[:, start : start + width] *= gate
                each = torch.nn.functional.binary_cross_entropy_with_logits(logits(changed, ids)[:, 0], targets, reduction="none")
                losses.append(each.numpy())
            found.append(np.abs((losses[0] - losses[1]) / 2e-5).mean())
        return np.array(found) / np.linalg.norm(found)

    # Batches of different size: each text counts the same.
    importances = reducing.importance(model, [(ids[:2], targets[:2]), (ids[2:], targets[2:])], cross_entropy)
    for layer, (heads, columns) in enumerate(importances):
        assert heads.shape == (4,) and columns.shape == (SPEC.columns[layer],) and heads.dtype == columns.dtype == np.float32
        np.testing.assert_allclose(heads, derivatives(layer, "mix", SPEC.head_width), rtol=1e-4)
        np.testing.assert_allclose(columns, derivatives(layer, "narrow", 1), rtol=1e-4, atol=1e-7)


def test_a_part_that_nothing_reads_has_no_importance_and_goes_first(model):
    model = without(model, 2, list(range(64, 96)))
    importances = reducing.importance(model, [(random_ids(), torch.ones(5))], cross_entropy)
    heads, columns = importances[0]
    assert heads[2] == 0 and not columns[64:].any() and np.count_nonzero(heads) == 3 and columns[:64].any()
    assert [math.isclose(float(np.linalg.norm(heads)), 1, rel_tol=1e-6) for heads, _ in importances] == [True, True]
    chosen = reducing.most_important([importances[0]], 0.7)
    assert chosen == ([[0, 1, 3]], [list(range(96))])  # 0.7 of 96 columns is 67, in blocks of 32 all
    assert reducing.most_important([importances[0]], 2 / 3)[1] == [list(range(64))]


def test_importance_leaves_the_model_as_it_was_and_reads_no_padding(model):
    for parameter in model.layers[0].parameters():
        parameter.requires_grad = False
    model.train().layers[1].eval()
    model.head.bias.grad = torch.ones(1)
    before = copy.deepcopy(model.state_dict())
    state = torch.random.get_rng_state()
    with torch.no_grad():  # as in a loop of evaluation
        first = reducing.importance(model, [(random_ids(), torch.ones(5))], cross_entropy)
    padded = torch.nn.functional.pad(random_ids(), (0, 6))
    second = reducing.importance(model, [(padded, torch.ones(5))], cross_entropy)
    for one, other in zip(first, second, strict=True):
        np.testing.assert_allclose(one[0], other[0], rtol=1e-4)
        np.testing.assert_allclose(one[1], other[1], rtol=1e-3, atol=1e-6)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert torch.equal(torch.random.get_rng_state(), state)
    assert [name for name, parameter in model.named_parameters() if parameter.grad is not None] == ["head.bias"]
    assert not any(parameter.requires_grad for parameter in model.layers[0].parameters())
    assert model.training and not model.layers[1].training and not model.layers[1].dropout.training and model.layers[0].dropout.training
    assert not any(part._forward_pre_hooks for part in model.modules())


def test_importance_without_texts_or_of_a_broken_loss_is_refused(model):
    with pytest.raises(UserError):
        reducing.importance(model, [], cross_entropy)
    with pytest.raises(UserError):
        reducing.importance(model, [(random_ids(), torch.ones(5))], lambda found, targets: (found[:, 0] - targets).mean() * math.nan)
    with pytest.raises(ZeroDivisionError):
        reducing.importance(model.train(), [(random_ids(), torch.ones(5))], lambda found, targets: 1 / 0)
    assert model.training and not any(part._forward_pre_hooks for part in model.modules())


def test_the_most_important_stay_and_no_layer_runs_empty():
    random = np.random.default_rng(0)
    layers = [(np.float32([0.1, 0.4, 0.3, 0.2]), random.random(1536, np.float32)), (np.float32([0.5]), np.ones(20, np.float32))]
    heads, columns = reducing.most_important(layers, 0.5)
    assert heads == [[1, 2], [0]] and [len(each) for each in columns] == [768, 20]  # fewer than 32 are left alone
    scores = layers[0][1]
    assert scores[columns[0]].min() >= np.delete(scores, columns[0]).max() and columns[0] == sorted(columns[0])
    for share in (0.001, 0.1, 0.3, 0.7, 0.9, 1):
        heads, columns = reducing.most_important(layers, share)
        assert len(heads[0]) == max(1, round(4 * share)) and len(columns[0]) % 32 == 0
        assert 0 <= len(columns[0]) - round(1536 * share) < 32
    assert (heads, columns) == ([[0, 1, 2, 3], [0]], [list(range(1536)), list(range(20))])


@pytest.mark.parametrize("share", [-0.1, 1.1, math.nan])
def test_a_share_out_of_range_is_refused(model, share):
    with pytest.raises(UserError, match="share"):
        reducing.smallest_weights(model, share)
    for outside in (share, 0):
        with pytest.raises(UserError, match="share"):
            reducing.most_important([(np.ones(4, np.float32), np.ones(64, np.float32))], outside)


# The stream between layers


def test_a_narrower_encoder_keeps_the_columns_that_are_read_most(model):
    kept = [1, 2, 5, 8, 13, 21]
    with torch.no_grad():
        for column in set(range(24)) - set(kept):
            for layer in model.layers:
                for part in (layer.query, layer.key, layer.value, layer.wide):
                    part.weight[:, column] *= 1e-3
            model.head.weight[:, column] *= 1e-3
    worth = reducing.stream_worth(model)
    assert worth.shape == (24,) and math.isclose(worth.sum(), 1) and worth[kept].sum() > 0.99
    small = reducing.narrower(model, 6)
    assert small.spec == replace(SPEC, width=6) and small.layers[1].query.weight.shape == (24, 6)
    for name, axis in (("words.weight", 1), ("positions.weight", 1), ("norm.bias", 0), ("layers.1.mix_norm.weight", 0)):
        assert torch.equal(small.get_parameter(name), model.get_parameter(name).index_select(axis, torch.tensor(kept)))
    for part, axis in (("query", 1), ("key", 1), ("value", 1), ("wide", 1), ("mix", 0), ("narrow", 0)):
        ours, theirs = getattr(small.layers[1], part), getattr(model.layers[1], part)
        assert torch.equal(ours.weight, theirs.weight.index_select(axis, torch.tensor(kept)))
        assert torch.equal(ours.bias, theirs.bias[kept] if axis == 0 else theirs.bias)
    assert torch.equal(small.head.weight, model.head.weight[:, kept]) and torch.equal(small.head.bias, model.head.bias)
    assert torch.isfinite(logits(small, random_ids())).all()


def test_a_column_that_a_normalization_mutes_goes_first(model):
    with torch.no_grad():
        for norm in [model.norm, *(norm for layer in model.layers for norm in (layer.mix_norm, layer.norm))]:
            norm.weight[4], norm.bias[4] = 0, 0
    assert reducing.stream_worth(model)[4] == 0
    small = reducing.narrower(model, 23)
    assert torch.equal(small.words.weight, model.words.weight[:, [column for column in range(24) if column != 4]])


@pytest.mark.parametrize("width", [0, -3, 25])
def test_a_width_that_cannot_be_is_refused(model, width):
    with pytest.raises(UserError, match="columns between layers"):
        reducing.narrower(model, width)
