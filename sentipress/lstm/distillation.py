"""Knowledge distillation: one Distiller, and the loss as the part that a technique swaps.

Each technique trains the same student by `sentipress.lstm.training.train`. What it needs beside the student's logit is
appended to the model's output, and what the frozen teacher knows stands in the columns of the targets, computed once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import numpy as np

from sentipress.core.backend import keras, tf
from sentipress.core.errors import UserError
from sentipress.data.task import Task
from sentipress.lstm import networks
from sentipress.lstm.networks import ModelSpec
from sentipress.lstm.training import label_loss

LABEL, LABELLED, TEACHER = 0, 1, 2  # columns of the targets; the teacher's logits begin at the last one, features follow
SURE = 3.0  # log-odds of a label that is surely right: 95 %
RELATED_TEXTS = 32  # of a batch whose angles are compared: their number grows with the third power


def targets_of(
    task: Task, labels: np.ndarray, logits: np.ndarray, transferred: np.ndarray, features: np.ndarray | None = None
) -> np.ndarray:
    """What a student is taught: float32 (labelled + transferred texts, 2 + outputs + features).

    Args:
        task: the labels.
        labels: number of each labelled text's label (texts,).
        logits: the teacher's, of the labelled texts: (texts,) for two labels, (texts, labels) for more.
        transferred: the teacher's logits of texts without a label; their column 0 is what the teacher decides.
        features: the teacher's, (all texts, features).
    """
    whole = np.concatenate([logits, transferred])
    label = np.concatenate([labels, task.decide_logits(transferred)])
    labelled = np.arange(len(whole)) < len(labels)
    columns = [np.stack([label, labelled], axis=1), whole.reshape(len(whole), task.outputs), *([] if features is None else [features])]
    return np.concatenate(columns, axis=1).astype(np.float32)


def sure_of_pairs(task: Task, targets: np.ndarray, paired: np.ndarray) -> np.ndarray:
    """Targets by which originals and their edited texts are taught by their labels alone.

    Two such texts differ in a few words that turn the label. A teacher that counts words is wrong about half of them.

    Args:
        task: the labels.
        targets: of `targets_of`, float32 (texts, columns).
        paired: places of those texts, int64 (any number,).
    """
    sure = np.where(np.eye(len(task.labels))[targets[paired, LABEL].astype(np.int64)] > 0, SURE / 2, -SURE / 2)
    targets = targets.copy()
    targets[paired, TEACHER : TEACHER + task.outputs] = sure[:, 1:] - sure[:, :1] if task.binary else sure
    return targets


def bernoulli_kl(teacher_logits: Any, student_logits: Any, temperature: float) -> Any:
    """KL divergence, in nats, of Bernoulli(sigmoid(teacher / T)) from Bernoulli(sigmoid(student / T)), elementwise.

    Two-class form of Hinton, Vinyals & Dean, "Distilling the Knowledge in a Neural Network" (2015), section 2, from
    logits: a softmax over a single column would be 1 for both, and the divergence 0, whatever the student says.
    """
    teacher, student = teacher_logits / temperature, student_logits / temperature
    positive = tf.sigmoid(teacher)
    difference = tf.math.log_sigmoid(teacher) - tf.math.log_sigmoid(student)
    difference_negative = tf.math.log_sigmoid(-teacher) - tf.math.log_sigmoid(-student)
    return positive * difference + (1.0 - positive) * difference_negative


def categorical_kl(teacher_logits: Any, student_logits: Any, temperature: float) -> Any:
    """KL divergence, in nats, of softmax(teacher / T) from softmax(student / T), over the last axis.

    Hinton, Vinyals & Dean (2015), section 2.
    """
    teacher, student = (tf.nn.log_softmax(logits / temperature) for logits in (teacher_logits, student_logits))
    return tf.reduce_sum(tf.exp(teacher) * (teacher - student), axis=-1)


def response(targets: Any, logits: Any, teacher_logits: Any, alpha: float, temperature: float) -> Any:
    """Per text: alpha * cross-entropy with the label + (1 - alpha) * T² * KL(teacher || student); (batch,).

    T² keeps the gradient of the soft part on the scale of the hard one (Hinton et al., section 2). alpha weighs the
    hard label, as in Keras's own example and in the study; a text without a label has the soft part alone.

    Args:
        targets: float32 (batch, 3 or more), see `targets_of`.
        logits: the student's, (batch, outputs).
        teacher_logits: (batch, outputs).
        alpha: weight of the label.
        temperature: softens both.
    """
    hard = alpha * targets[:, LABELLED]
    if logits.shape[-1] == 1:
        student = logits[:, 0]
        cross_entropy = tf.nn.sigmoid_cross_entropy_with_logits(targets[:, LABEL], student)
        divergence = bernoulli_kl(teacher_logits[:, 0], student, temperature)
    else:
        cross_entropy, divergence = label_loss(targets, logits), categorical_kl(teacher_logits, logits, temperature)
    return hard * cross_entropy + (1.0 - hard) * temperature**2 * divergence


def feature_distance(teacher: Any, student: Any) -> Any:
    """Mean squared difference of features (batch, features) per review: the hint of Romero et al., "FitNets" (2015), section 2.2."""
    return tf.reduce_mean(tf.square(teacher - student), axis=1)


def relational_distance(teacher: Any, student: Any) -> Any:
    """Huber loss of pairwise distances, each divided by the batch's mean; per review (batch,).

    Park et al., "Relational Knowledge Distillation" (2019), section 3.2.1.

    Args:
        teacher: features (batch, any number).
        student: features (batch, any other number).
    """
    return tf.reduce_mean(_huber(_distances(teacher) - _distances(student)), axis=1)


def relational_angle(teacher: Any, student: Any) -> Any:
    """Huber loss of the cosines of all angles between triples of reviews; per review (batch,).

    Park et al. (2019), section 3.2.2; here the angles at each review.
    """
    return tf.reduce_mean(_huber(_cosines(teacher) - _cosines(student)), axis=[1, 2])


def _distances(features: Any) -> Any:
    difference = features[:, tf.newaxis] - features[tf.newaxis]
    distances = tf.sqrt(tf.reduce_sum(tf.square(difference), axis=2) + 1e-12)
    pairs = tf.cast(tf.maximum(tf.size(distances) - tf.shape(distances)[0], 1), features.dtype)
    return distances / (tf.reduce_sum(distances) / pairs + 1e-12)


def _cosines(features: Any) -> Any:
    difference = features[tf.newaxis] - features[:, tf.newaxis]  # [corner, other]
    direction = difference / tf.sqrt(tf.reduce_sum(tf.square(difference), axis=2, keepdims=True) + 1e-12)
    return tf.matmul(direction, direction, transpose_b=True)


def _huber(difference: Any) -> Any:
    size = tf.abs(difference)
    return tf.where(size <= 1.0, 0.5 * tf.square(size), size - 0.5)


@dataclass(frozen=True)
class Technique:
    """One way to teach.

    Attributes:
        needs_features: whether the teacher's features stand in the targets.
        extra: the loss beside the response, of the teacher's and the student's features, per review; None if there is none.
        students: 2 when two teach each other.
        labels_alone: learn what the teacher decides as if it were the label, and nothing else of what it says.
    """

    needs_features: bool = False
    extra: Callable[[Any, Any], Any] | None = None
    students: int = 1
    labels_alone: bool = False


def _relations(teacher: Any, student: Any) -> Any:
    few = tf.minimum(tf.shape(teacher)[0], RELATED_TEXTS)
    # Twice the weight for angles, as in Park et al. (2019), section 4.
    return relational_distance(teacher, student) + 2.0 * tf.reduce_mean(relational_angle(teacher[:few], student[:few]))


TECHNIQUES = {
    "response": Technique(),  # the teacher's probabilities (Hinton et al. 2015)
    "feature": Technique(needs_features=True, extra=feature_distance),  # pooled features, projected (Romero et al. 2015)
    "relation": Technique(needs_features=True, extra=_relations),  # distances and angles between reviews (Park et al. 2019)
    "self": Technique(),  # an equal student trained before (Furlanello et al. 2018)
    "pseudo": Technique(labels_alone=True),  # what that student decides, as labels (Lee, "Pseudo-Label", 2013)
    "online": Technique(students=2),  # two students that teach each other (Zhang et al. 2018)
}


def parse_techniques(text: str) -> list[str] | None:
    """Names of techniques, separated by commas; None for "auto".

    Raises:
        UserError: an unknown one, one named twice, or none.
    """
    if text == "auto":
        return None
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in TECHNIQUES]
    if unknown or not names or len(set(names)) < len(names):
        raise UserError(f"--techniques {text!r} is not understood", f"give auto, or some of {','.join(TECHNIQUES)}, each once")
    return names


def first_technique(text: str) -> str:
    """The technique that a search is about: the first of `parse_techniques`, for "auto" the plain response."""
    return (parse_techniques(text) or ["response"])[0]


class Distiller:
    """A student in its training form, what a technique adds to it, and the loss.

    Attributes:
        model: ids int32 (batch, length) to outputs float32 (batch, outputs + extras), the student's logits first: what
            `sentipress.lstm.training.train` takes.
        student: the training form inside, sharing its weights with `model`.
    """

    def __init__(
        self,
        technique: str,
        spec: ModelSpec,
        start: np.ndarray | None,
        *,
        alpha: float,
        temperature: float,
        feature_weight: float = 0.0,
        teacher_features: int = 0,
    ) -> None:
        """Build the student.

        Args:
            technique: a key of `TECHNIQUES`.
            spec: the student's shape.
            start: first values of its embedding, float32 (vocabulary, columns), or None.
            alpha: weight of the label against the teacher.
            temperature: of the response.
            feature_weight: of the technique's extra loss.
            teacher_features: columns of the teacher's features, for a technique that needs them.
        """
        self._technique, self._outputs = TECHNIQUES[technique], spec.outputs
        self._alpha, self._temperature, self._weight = alpha, temperature, feature_weight
        students = [networks.build_for_training(spec) for _ in range(self._technique.students)]
        for student in students:
            networks.start_embedding(student, start)
        self.student = students[0]
        outputs = [self.student.output]
        if self._technique.students == 2:
            self.model = keras.Model(self.student.input, keras.layers.Concatenate()([*outputs, students[1](self.student.input)]))
            return
        if self._technique.needs_features:
            features = self.student.get_layer(networks.feature_layer(spec)).output
            # Relations are compared as they are; features need the teacher's number of columns.
            projected = technique == "feature"
            outputs.append(keras.layers.Dense(teacher_features, name="projection")(features) if projected else features)
        self.model = keras.Model(self.student.input, keras.layers.Concatenate()(outputs)) if len(outputs) > 1 else self.student

    @classmethod
    def of(cls, settings: SimpleNamespace, technique: str, spec: ModelSpec, start: np.ndarray | None, targets: np.ndarray) -> Distiller:
        """By a stage's settings, for `targets_of`."""
        weights = {"alpha": 1.0 if TECHNIQUES[technique].labels_alone else settings.alpha, "temperature": settings.temperature}
        if TECHNIQUES[technique].extra:
            weights["feature_weight"] = settings.feature_weight
        return cls(technique, spec, start, **weights, teacher_features=targets.shape[1] - TEACHER - spec.outputs)

    def loss(self, targets: Any, outputs: Any) -> Any:
        """Per text (batch,), of `targets_of` and the model's outputs."""
        alpha, temperature, count = self._alpha, self._temperature, self._outputs
        own, others = outputs[:, :count], outputs[:, count:]
        if self._technique.students == 2:
            # Each learns from the labels and from what the other says now, which for it is a constant.
            first = response(targets, own, tf.stop_gradient(others), alpha, temperature)
            return first + response(targets, others, tf.stop_gradient(own), alpha, temperature)
        loss = response(targets, own, targets[:, TEACHER : TEACHER + count], alpha, temperature)
        if self._technique.extra:
            loss += self._weight * self._technique.extra(targets[:, TEACHER + count :], others)
        return loss


def student_spec(teacher: ModelSpec, width: float, embedding_dim: int = 0) -> ModelSpec:
    """The teacher's shape with embedding and units multiplied by `width`; `embedding_dim`, unless 0, sets the embedding's columns."""
    columns = embedding_dim or max(1, round(teacher.embedding_dim * width))
    return replace(teacher, embedding_dim=columns, units=max(1, round(teacher.units * width)))
