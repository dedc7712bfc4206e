"""Response-based knowledge distillation for one sigmoid output."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sentipress.backend import tf
from sentipress.models import ModelSpec

LABEL, TEACHER_LOGIT = 0, 1  # columns of the targets


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


def distillation_loss(alpha: float, temperature: float) -> Callable[[Any, Any], Any]:
    """Per review: alpha * cross-entropy with the label + (1 - alpha) * T² * KL(teacher || student).

    T² keeps the gradient of the soft part on the scale of the hard one (Hinton et al., section 2). alpha weighs the
    hard label, as in Keras's own example and in the study.

    Returns:
        A function of targets float32 (batch, 2), label and teacher logit, and logits (batch, 1).
    """

    def loss(targets: Any, logits: Any) -> Any:
        hard = tf.nn.sigmoid_cross_entropy_with_logits(targets[:, LABEL : LABEL + 1], logits)
        soft = bernoulli_kl(targets[:, TEACHER_LOGIT : TEACHER_LOGIT + 1], logits, temperature)
        return tf.squeeze(alpha * hard + (1.0 - alpha) * temperature**2 * soft, axis=1)

    return loss


def student_spec(teacher: ModelSpec, width: float) -> ModelSpec:
    """The teacher's shape with embedding and units multiplied by `width`."""
    return replace(teacher, embedding_dim=max(1, round(teacher.embedding_dim * width)), units=max(1, round(teacher.units * width)))
