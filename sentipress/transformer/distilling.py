"""What a student learns from its teacher: labels, the teacher's logits at a temperature, and its hidden states."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional

from sentipress.core.errors import UserError
from sentipress.transformer.attention import Encoder
from sentipress.transformer.finetuning import cross_entropy

LABELLED, TEACHER = 1, 2  # columns of the targets behind the label: whether there is one, and where the teacher's logits begin


class Pupil(nn.Module):
    """A student with what training needs beside it: a projection where it is narrower than its teacher.

    Attributes:
        encoder: the student.
    """

    def __init__(self, encoder: Encoder, teacher_width: int) -> None:
        super().__init__()
        self.encoder = encoder
        width = encoder.spec.width
        self.projection = nn.Identity() if width == teacher_width else nn.Linear(width, teacher_width, bias=False)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Logits of ids int32 (texts, ids): float32 (texts, outputs)."""
        return torch.as_tensor(self.encoder(ids))


class Lesson:
    """The loss of a student; an instance is what `sentipress.transformer.finetuning.Training` takes.

    Per text: alpha * cross-entropy with the label + (1 - alpha) * T² * KL(teacher || student) + weight * distance of hidden
    states. A text without a label has no first part and the second one whole; without the teacher's logits no text has the second
    one. Hinton et al. (2015), section 2, for the logits; the distance is one minus the cosine, as in Sanh et al., "DistilBERT"
    (2019), section 3, over the student's layers and those of the teacher that they stand for, the embedding included; padding
    does not count.
    """

    def __init__(
        self, teacher: Encoder, layers: Sequence[int], alpha: float, temperature: float, hidden_weight: float, logits: bool = True
    ) -> None:
        """Freeze the teacher.

        Args:
            teacher: the fine-tuned encoder; it is put where the student lies when it is first asked.
            layers: number of the teacher's layer that each layer of the student stands for, from 0.
            alpha: weight of the label.
            temperature: softens teacher and student.
            hidden_weight: of the hidden states; 0 never runs the teacher.
            logits: whether the teacher's logits are learned.

        Raises:
            UserError: a layer that the teacher does not have.
        """
        if not all(0 <= number < teacher.spec.layers for number in layers):
            raise UserError(f"the teacher has {teacher.spec.layers} layers, not those of {list(layers)}", "name fewer layers")
        self._teacher, self._layers = teacher.eval(), [0, *(number + 1 for number in layers)]
        self._alpha, self._temperature, self._weight, self._soft = alpha, temperature, hidden_weight, logits

    def __call__(self, model: nn.Module, ids: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean loss and logits.

        Args:
            model: a `Pupil`.
            ids: int32 (texts, ids).
            targets: float32 (texts, 2 + outputs): label, whether there is one, the teacher's logits.
        """
        assert isinstance(model, Pupil)
        states = model.encoder.hidden_states(ids)
        logits = model.encoder.classified(ids, states[-1]).float()
        hard = self._alpha * targets[:, LABELLED]
        loss = hard * cross_entropy(logits, targets)
        if self._soft:
            loss = loss + (1 - hard) * self._temperature**2 * self._divergence(logits, targets[:, TEACHER:])
        if self._weight:
            loss = loss + self._weight * self._distance(model, ids, states)
        return loss.mean(), logits

    def _divergence(self, logits: torch.Tensor, taught: torch.Tensor) -> torch.Tensor:
        """KL divergence in nats of the student's distribution from the teacher's, both at the temperature: (texts,)."""
        if logits.shape[1] == 1:  # two labels: the logits of both are 0 and this one
            logits, taught = (functional.pad(values, (1, 0)) for values in (logits, taught))
        student = functional.log_softmax(logits / self._temperature, dim=1)
        teacher = functional.log_softmax(taught / self._temperature, dim=1)
        return (teacher.exp() * (teacher - student)).sum(dim=1)

    def _distance(self, pupil: Pupil, ids: torch.Tensor, states: Sequence[torch.Tensor]) -> torch.Tensor:
        """Mean over layers and ids of one minus the cosine: (texts,)."""
        with torch.no_grad():
            taught = self._teacher.to(ids.device).hidden_states(ids)
        present = (ids != pupil.encoder.spec.padding_id).to(states[0].dtype)
        far = [
            1 - functional.cosine_similarity(pupil.projection(own), taught[n], dim=2) for own, n in zip(states, self._layers, strict=True)
        ]
        return (torch.stack(far).mean(dim=0) * present).sum(dim=1) / present.sum(dim=1).clamp(min=1)
