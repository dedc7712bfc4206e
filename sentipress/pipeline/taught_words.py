"""A bag of words that learns an encoder's answers besides the labels: the rival of a network that learns from them."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np

from sentipress.data.cleaning import clean
from sentipress.evaluation import comprehension
from sentipress.linear.bag_of_words import LinearModel
from sentipress.linear.fitting import ClassicalSpec, Counted
from sentipress.pipeline.encoder_answers import Heard
from sentipress.pipeline.workspace import Workspace

SENTENCE_WEIGHTS = (0.01, 0.03, 0.1, 0.3, 1.0)  # of a sentence beside a review, tried
PAIR_WEIGHTS = (1.0, 8.0)  # of an edited text and its original: once, and as often as a network of stage 6 reads them


@dataclass(frozen=True)
class TaughtWords:
    """Reviews and sentences, counted, with the weight that suits this classifier best.

    Attributes:
        counted: all texts.
        weights: of the texts, float64 (texts,).
        whole: trained with all terms.
        about: what the metrics say: the weight of a sentence, of a text of an edited pair, and what was tried.
    """

    counted: Counted
    weights: np.ndarray
    whole: LinearModel
    about: dict[str, Any]


def learn(space: Workspace, spec: ClassicalSpec, heard: Heard) -> TaughtWords:
    """Count reviews and sentences, and choose how much a sentence weighs, and a text of an edited pair.

    Logistic regression knows labels alone. A sentence has the encoder's decision as its label, a made one that of its rule. It weighs the
    more the surer they are: nothing where all labels are as likely. Chosen are the weights with the best mean of two shares: validation
    texts, and behaviour cases for choosing, where the texts are English. The networks' shapes are chosen by the same two.

    Args:
        space: the folder's texts.
        spec: of the classifier.
        heard: the encoder's answers, and the rules'.
    """
    task, cleaning, reviews = space.task, space.reviews.recipe, space.reviews
    texts, labels = reviews.texts("train"), space.labels["train"]
    answers = np.concatenate([labels, task.decide_logits(heard.logits)])
    counted = Counted(spec, texts.joined(heard.texts), answers, cleaning, task)
    shares = task.probabilities(heard.logits).astype(np.float64)
    largest = np.maximum(shares, 1 - shares) if task.binary else shares.max(axis=1)
    sure = (len(task.labels) * largest - 1) / (len(task.labels) - 1)
    held_out, truth, english = reviews.texts("validation"), space.labels["validation"], comprehension.are_english(reviews)
    tried: list[tuple[dict[str, float], dict[str, float], np.ndarray, LinearModel]] = []
    paired = reviews.paired()
    for weight, pair_weight in itertools.product(SENTENCE_WEIGHTS, PAIR_WEIGHTS if len(paired) else PAIR_WEIGHTS[:1]):
        weights = np.concatenate([np.ones(len(labels)), weight * sure])
        weights[paired] = pair_weight
        model = counted.fit(weights=weights)
        right = {"validation_accuracy": float(np.mean(task.right(model.predict(held_out), truth)))}
        if english:
            cases = comprehension.cases()
            numbers = task.decide(model.predict([clean(case.text, cleaning) for case in cases]))
            behaviour, _ = comprehension.counted(cases, [task.labels[int(number)] for number in numbers])
            right["cases_for_choosing"] = comprehension.share(behaviour[comprehension.CHOOSING])
        chosen = {"sentence_weight": weight, **({"pair_weight": pair_weight} if len(paired) else {})}
        tried.append((chosen, right, weights, model))
    chosen, _, weights, whole = max(tried, key=lambda one: np.mean([*one[1].values()]))
    return TaughtWords(counted, weights, whole, {**chosen, "tried": [{**one[0], **one[1]} for one in tried]})
