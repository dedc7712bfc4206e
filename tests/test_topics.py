"""Topics: planted ones are found in two languages, the scores are those of their formulas, files are the same each time."""

import itertools
import json
import math
import re
from collections import Counter

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import adjusted_rand_score
from sklearn.random_projection import GaussianRandomProjection

from sentipress.core import files
from sentipress.core.errors import UserError
from sentipress.data import sources
from sentipress.evaluation import topics
from sentipress.evaluation.topics import Topics, as_markdown, coherence, compare, diversity, draw, of_embeddings, of_words, stability

# Words of six topics, and words that stand in all texts.
ENGLISH = (
    "oven pan bread butter flour sugar recipe kitchen spoon salt dough bake",
    "engine wheel brake road driver tyre motor fuel garage clutch bumper gear",
    "violin piano melody concert singer guitar drum chorus album tune rhythm opera",
    "doctor nurse patient fever clinic surgery pill virus vaccine pain wound cough",
    "goal match referee stadium trainer penalty league striker team tennis racket coach",
    "moon planet rocket orbit star comet telescope galaxy asteroid crater satellite shuttle",
)
RUSSIAN = (
    "печь хлеб масло мука сахар рецепт кухня ложка соль тесто пирог суп",
    "мотор колесо тормоз дорога водитель шина бензин гараж сцепление бампер машина руль",
    "скрипка рояль мелодия концерт певец гитара барабан хор альбом песня ритм опера",
    "врач медсестра больной жар клиника операция таблетка вирус вакцина боль рана кашель",
    "гол матч судья стадион тренер пенальти лига команда теннис ракетка мяч ворота",
    "луна планета ракета орбита звезда комета телескоп галактика астероид кратер спутник космос",
)
COMMON = {ENGLISH: "the and with this very", RUSSIAN: "это очень также было потом"}


def planted(topic_words, texts=240, seed=0):
    """Texts of 5 words of one topic and 4 of all, and the numbers of their topics."""
    generator = np.random.default_rng(seed)
    truth = np.arange(texts) % len(topic_words)
    common = COMMON[topic_words].split()
    return [
        " ".join(generator.permutation([*generator.choice(topic_words[t].split(), 5, replace=False), *generator.choice(common, 4)]))
        for t in truth
    ], truth


def embedded(texts, width=64, seed=0):
    """Random projections of TF-IDF, float32 (texts, width)."""
    weights = TfidfVectorizer(min_df=2, max_df=0.5).fit_transform(texts)
    return np.asarray(GaussianRandomProjection(width, random_state=seed).fit_transform(weights), np.float32)


def words_only(texts):
    """Their words as plain Python finds them."""
    return [re.findall(r"\w+(?:'\w+)*", text.lower()) for text in texts]


@pytest.fixture(scope="module")
def sentences():
    """500 sentences of Rotten Tomatoes."""
    return sources.read_bundled("rotten_tomatoes")["review"].sample(500, random_state=0).tolist()


@pytest.fixture(scope="module")
def result(sentences):
    strong, weak = embedded(sentences, 200), embedded(sentences, 3, seed=1)
    return compare(sentences, {"wide | projection": strong, "narrow $projection": weak}, 5, [1, 2])


# What is found


@pytest.mark.parametrize("topic_words", [ENGLISH, RUSSIAN], ids=["English", "Russian"])
def test_planted_topics_are_found_by_both_ways_in_any_language(topic_words):
    texts, truth = planted(topic_words)
    for found in (of_embeddings(texts, embedded(texts), 6, seed=1), of_words(texts, 6, seed=1)):
        assert adjusted_rand_score(truth, found.assigned) > 0.95
        assert found.assigned.dtype == np.int64 and found.assigned.shape == (len(texts),)
        for number, words in enumerate(found.words):
            planted_words = topic_words[np.bincount(truth[found.assigned == number]).argmax()].split()
            assert len(words) == 10 and set(words) <= set(planted_words)  # and none of the words that all texts have


def test_what_an_embedding_says_decides_not_the_words():
    texts, truth = planted(ENGLISH)
    other = np.random.default_rng(0).permutation(truth)
    points = np.eye(6, dtype=np.float32)[other] + np.random.default_rng(1).normal(0, 0.01, (len(texts), 6)).astype(np.float32)
    lengths = np.random.default_rng(2).uniform(0.1, 10, (len(texts), 1)).astype(np.float32)
    found = of_embeddings(texts, points * lengths, 6, seed=1)  # how long a row is makes no difference
    assert adjusted_rand_score(other, found.assigned) == 1
    assert adjusted_rand_score(truth, found.assigned) < 0.1


def test_words_are_weighted_by_class_based_tfidf(sentences):
    embeddings = embedded(sentences)
    found = of_embeddings(sentences, embeddings, 3, seed=2)
    texts = words_only(sentences)
    holding = Counter(word for text in texts for word in set(text))
    kept = {word for word, n in holding.items() if 5 <= n <= 0.1 * len(texts) and len(word) > 1 and not word.isnumeric()}
    everywhere = Counter(word for text in texts for word in text if word in kept)
    average = sum(everywhere.values()) / 3
    for number, words in enumerate(found.words):
        here = Counter(w for text, t in zip(texts, found.assigned, strict=True) if t == number for w in text if w in kept)
        weights = {word: count * math.log(1 + average / everywhere[word]) for word, count in here.items()}
        assert [weights[word] for word in words] == pytest.approx(sorted(weights.values(), reverse=True)[:10])


def test_a_seed_gives_the_same_topics_and_another_seed_others(sentences):
    embeddings = embedded(sentences, 200)
    for find in (lambda seed: of_embeddings(sentences, embeddings, 8, seed), lambda seed: of_words(sentences, 8, seed)):
        one, again, other = find(1), find(1), find(2)
        np.testing.assert_array_equal(one.assigned, again.assigned)
        assert one.words == again.words
        assert stability([one, other])["assignments"] < 1


def test_a_text_without_words_that_count_has_no_topic_by_words():
    texts, truth = planted(ENGLISH)
    found = of_words([*texts, "the the", "unheard", ""], 6, seed=1)
    assert found.assigned[-3:].tolist() == [-1, -1, -1] and found.assigned[:-3].min() == 0
    assert adjusted_rand_score(truth, found.assigned[:-3]) > 0.95


def test_numbers_and_single_letters_are_no_words_but_single_characters_of_chinese_are():
    assert topics._words_of("I saw 12 films in 1999, don't ask") == ["saw", "films", "in", "don't", "ask"]
    assert topics._words_of("Я видел 好看") == ["видел", "好", "看"]


@pytest.mark.parametrize(
    ("texts", "number", "message"),
    [
        (["good film"] * 3, 4, "3 texts cannot have 4 topics -> give more texts or fewer topics"),
        (["good film"] * 30, 1, "1 topics -> give 2 at least"),
        (["good film"] * 30, 2, "0 words stand in 5 texts or more and in at most 10% of them"),
        (["..."] * 30, 2, "the texts have no words"),
    ],
)
def test_texts_that_cannot_have_topics_are_refused_in_one_line(texts, number, message):
    for find in (lambda: of_words(texts, number, 1), lambda: of_embeddings(texts, np.ones((len(texts), 3), np.float32), number, 1)):
        with pytest.raises(UserError, match=re.escape(message)):
            find()


def test_embeddings_of_other_texts_and_single_seeds_are_refused(sentences):
    embeddings = embedded(sentences)
    with pytest.raises(ValueError, match="500 texts, embeddings of shape"):
        of_embeddings(sentences, embeddings[:-1], 3, 1)
    with pytest.raises(ValueError, match="two different seeds"):
        compare(sentences, {"one": embeddings}, 3, [1, 1])
    with pytest.raises(ValueError, match="the name of another model"):
        compare(sentences, {topics.WORDS_MODEL: embeddings}, 3, [1, 2])


def test_equal_texts_leave_a_topic_empty_and_that_is_no_error():
    texts, _ = planted(ENGLISH, 120)
    points = np.repeat(np.eye(3, dtype=np.float32), 40, axis=0)  # three places for four topics
    found = compare(texts, {"three places": points}, 4, [1, 2])["models"][0]
    assert sorted(topic["texts"] for topic in found["topics"]) == [0, 40, 40, 40]
    empty = found["topics"][-1]
    assert empty == {"words": [], "coherence": 0.0, "texts": 0}


# Scores


def test_coherence_is_npmi_over_texts(sentences):
    listed = (("film", "movie", "comedy", "story"), ("love", "life", "funny"))
    texts = [set(words) for words in words_only(sentences)]

    def share(*words):
        return sum(set(words) <= text for text in texts) / len(texts)

    means = []
    for words in listed:
        values = []
        for one, other in itertools.combinations(words, 2):
            both = share(one, other)
            values.append(math.log(both / (share(one) * share(other))) / -math.log(both) if both else -1)
        means.append(sum(values) / len(values))
    assert coherence(listed, sentences) == pytest.approx(sum(means) / 2)


def test_coherence_has_its_limits_where_words_always_or_never_meet():
    texts = ["salt pepper", "salt pepper", "wheel", "wheel"]
    assert coherence([["salt", "pepper"]], texts) == pytest.approx(1)
    assert coherence([["salt", "wheel"]], texts) == -1
    assert coherence([["salt", "nowhere"]], texts) == -1
    assert coherence([["salt", "pepper"]], ["salt pepper"] * 3) == 1  # a logarithm of 1 divides by 0
    assert coherence([["salt"], []], texts) == coherence([], texts) == 0
    independent = ["salt pepper", "salt", "pepper", "wheel"]
    assert coherence([["salt", "pepper"]], independent) == pytest.approx(0)


def test_diversity_is_the_share_of_different_words():
    assert diversity([["a", "b"], ["c", "d"]]) == 1
    assert diversity([["a", "b"], ["a", "b"]]) == 0.5
    assert diversity([["a", "b", "c"], ["a", "b", "d"], ["e"]]) == pytest.approx(5 / 7)
    assert diversity([[], []]) == 0


def test_stability_does_not_ask_for_the_numbers_of_topics():
    one = Topics((("a", "b"), ("c", "d")), np.array([0, 0, 1, 1]))
    renumbered = Topics((("d", "c"), ("b", "a")), np.array([1, 1, 0, 0]))
    assert stability([one, renumbered]) == {"assignments": 1, "words": 1}
    crossed = Topics((("a", "x"), ("y", "z")), np.array([0, 1, 0, 1]))
    assert stability([one, crossed]) == {"assignments": pytest.approx(-0.5), "words": pytest.approx((1 / 3 + 0) / 2)}
    three = stability([one, renumbered, crossed])
    assert three == {"assignments": pytest.approx((1 - 0.5 - 0.5) / 3), "words": pytest.approx((1 + 1 / 6 + 1 / 6) / 3)}
    with pytest.raises(ValueError, match="two runs"):
        stability([one])


# The comparison


def test_the_comparison_is_of_the_same_functions(sentences, result):
    embeddings = embedded(sentences, 200)
    runs = [of_embeddings(sentences, embeddings, 5, seed) for seed in (1, 2)]
    by_words = [of_words(sentences, 5, seed) for seed in (1, 2)]
    assert [model["name"] for model in result["models"]] == ["wide | projection", "narrow $projection", "TF-IDF + NMF"]
    for model, expected in ((result["models"][0], runs), (result["models"][2], by_words)):
        values = [coherence(run.words, sentences) for run in expected]
        assert model["coherence"] == pytest.approx({"value": np.mean(values), "low": min(values), "high": max(values)})
        assert model["diversity"]["value"] == pytest.approx(np.mean([diversity(run.words) for run in expected]))
        assert model["stability"] == pytest.approx(stability(expected))
        assert sorted(topic["words"] for topic in model["topics"]) == sorted(map(list, expected[0].words))
        assert np.mean([topic["coherence"] for topic in model["topics"]]) == pytest.approx(values[0])
    assert result["texts"] == 500 and result["seeds"] == [1, 2]
    assert json.loads(json.dumps(result, allow_nan=False)) == result


def test_topics_of_all_models_stand_in_one_order():
    texts, truth = planted(ENGLISH)
    texts = texts + [text for text, topic in zip(texts, truth, strict=True) if topic == 2][:5]  # music has most texts
    models = compare(texts, {"a": embedded(texts), "b": embedded(texts, seed=3)}, 6, [1, 2])["models"]
    sizes = [topic["texts"] for topic in models[0]["topics"]]
    assert sizes == [45, 40, 40, 40, 40, 40] and set(models[0]["topics"][0]["words"]) <= set(ENGLISH[2].split())
    for model in models[1:]:
        shared = [len({*one["words"]} & {*other["words"]}) for one, other in zip(models[0]["topics"], model["topics"], strict=True)]
        assert min(shared) >= 7


def test_better_embeddings_have_better_topics():
    """The scores tell planted topics from noise."""
    texts, _ = planted(ENGLISH)
    noise = np.random.default_rng(0).normal(size=(len(texts), 64)).astype(np.float32)
    good, bad, by_words = compare(texts, {"good": embedded(texts), "noise": noise}, 6, [1, 2])["models"]
    for model in (good, by_words):
        assert model["coherence"]["low"] > bad["coherence"]["high"] + 0.2
        assert model["diversity"]["value"] > bad["diversity"]["value"]
        assert model["stability"]["assignments"] > 0.95 > 0.2 > bad["stability"]["assignments"]


def test_the_picture_has_the_same_bytes_each_time(result, tmp_path):
    one, two = draw(result, tmp_path / "one"), draw(json.loads(json.dumps(result)), tmp_path / "two")
    assert [path.name for path in one] == ["topics.png"] and files.sha256(one[0]) == files.sha256(two[0])
    other = {**result, "models": result["models"][:1]}
    assert files.sha256(draw(other, tmp_path / "other")[0]) != files.sha256(one[0])


def test_the_markdown_has_every_score_and_every_word_in_whole_tables(result):
    text = as_markdown(result)
    rows = [re.split(r"(?<!\\)\|", line)[1:-1] for line in text.splitlines() if line.startswith("|")]
    scores, words = rows[: 2 + len(result["models"])], rows[2 + len(result["models"]) :]
    assert {len(row) for row in scores} == {5} and {len(row) for row in words} == {4} and len(words) == 2 + 5
    for model, row in zip(result["models"], scores[2:], strict=True):
        assert row[0].strip().replace("\\", "") == model["name"]
        assert (
            row[1].strip().startswith(f"{model['coherence']['value']:.3f}") and row[3].strip() == f"{model['stability']['assignments']:.3f}"
        )
    for number, row in enumerate(words[2:]):
        for model, cell in zip(result["models"], row[1:], strict=True):
            topic = model["topics"][number]
            assert cell.strip() == f"{', '.join(topic['words'])} ({topic['texts']})"
    assert not [line for line in text.splitlines() if line != line.rstrip()] and text.endswith("|\n")


# With an encoder


def small_encoder(vocabulary_size, encoder="none", seed=0):
    import torch

    from sentipress.transformer.attention import Encoder
    from sentipress.transformer.shapes import EncoderSpec

    torch.manual_seed(seed)
    return Encoder(EncoderSpec(encoder, vocabulary_size, 16, 24, 0, 0, 8, (2,), (32,), 1e-12, "mean", 1))


def test_embeddings_in_batches_are_those_of_the_network():
    torch = pytest.importorskip("torch", reason="pip install -r requirements-encoder.txt")
    pytest.importorskip("safetensors", reason="pip install -r requirements-encoder.txt")
    from sentipress.transformer import inference

    model = small_encoder(50).train()
    generator = np.random.default_rng(0)
    ids = generator.integers(1, 50, (2000, 20)).astype(np.int32)
    ids[np.arange(20) >= generator.integers(1, 21, 2000)[:, None]] = 0
    assert len(inference.batches(ids, 0)) > 2
    found = inference.embeddings_of(model, ids)
    assert model.training  # as it was; yet nothing was dropped out
    with torch.inference_mode():
        expected = model.eval().embed(torch.from_numpy(ids)).numpy()
    assert found.dtype == np.float32 and found.shape == (2000, 16)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    with torch.inference_mode():
        head = model.head(torch.from_numpy(found)).numpy()
    np.testing.assert_allclose(inference.logits_of(model, ids), head, atol=1e-5)


def files_json(path):
    return json.loads(path.read_text(encoding="utf-8"))
