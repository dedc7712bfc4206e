"""Students of stage 5: each one's training data, its training, and what becomes of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sentipress.core import manifest
from sentipress.core.backend import deterministic
from sentipress.core.history import History
from sentipress.core.manifest import Row
from sentipress.evaluation import statistics
from sentipress.lstm import distillation, networks, training
from sentipress.lstm.distillation import TECHNIQUES, Distiller
from sentipress.lstm.networks import ModelSpec
from sentipress.pipeline import encoder_answers, teachers
from sentipress.pipeline.published import Published
from sentipress.pipeline.publisher import Publisher
from sentipress.pipeline.teachers import Teaching
from sentipress.pipeline.workspace import Base, Workspace
from sentipress.text import embeddings
from sentipress.text.batching import with_longer_again

CONTROL = "modelo_control"
NAMES = {"response": "modelo_destilado", **{name: f"modelo_destilado_{name}" for name in TECHNIQUES if name != "response"}}
WITHOUT_ENSEMBLE = {"self": [CONTROL], "pseudo": [CONTROL], "online": []}  # teachers of the techniques that do not hear the ensemble
TEACHER = "modelo_profesor"
NO_MODELS = (manifest.UNLABELLED, manifest.SENTENCES, manifest.ANSWERS)  # among what the teaching depends on


@dataclass(frozen=True)
class Student:
    """A trained student.

    Attributes:
        row: its place in the table.
        model: in its training form.
        history: of its training.
        about: what its metrics say of the distillation; None for the control.
    """

    row: Row
    model: Any
    history: History
    about: dict[str, Any] | None = None


class School:
    """Everything that the students of one run of stage 5 share: texts, teachers, shape and first values.

    Attributes:
        spec: shape of every student.
        teaching: what the teachers say.
        inputs: artifacts that every student depends on.
    """

    def __init__(self, space: Workspace, base: Base) -> None:
        """Ask the teachers.

        Raises:
            UserError: see `encoder_answers.consult`.
        """
        settings = space.settings
        self.space, self._base = space, base
        self.spec: ModelSpec = distillation.student_spec(base.spec, settings.width, settings.student_embedding)
        deterministic(settings.seed)
        self._vectors = embeddings.table_of(space.start(), settings, self.spec.embedding_dim)
        self.teaching: Teaching = encoder_answers.consult(space)
        self.inputs: list[Path] = space.inputs(manifest.BASE.file, *self.teaching.files, *space.words())
        self._ids = space.training_ids_and(self.teaching.unlabelled)
        self._paired = space.reviews.paired()
        sentences = len(self.teaching.sentences)
        self._reading_rows = with_longer_again(len(self._ids), self._paired, settings.pair_times, sentences, settings.review_times)
        self._rows = manifest.LSTM.stage(manifest.DISTILLATION)

    @property
    def usual_techniques(self) -> list[str]:
        """The plain response; with texts beside the labelled ones also what these texts give without a better teacher."""
        return ["response", "self", "pseudo"] if self.teaching.about()["unlabelled_reviews"] else ["response"]

    @property
    def teacher_accuracy(self) -> float:
        """Share of validation texts that the ensemble labels rightly."""
        return self.space.accuracy(self.teaching.logits["validation"])

    def control(self) -> Student:
        """The student without a teacher: the same start, as many words to read, and the labels alone."""
        space, settings = self.space, self.space.settings
        labelled = space.labelled(settings.pair_times)
        epochs = training.labelled_epochs(settings.epochs, labelled[0], self._ids, self._reading_rows)
        # Never cut short: its budget is the student's.
        patience = max(epochs, settings.patience)
        plan = training.plan_of(settings, self.spec.masked, epochs=epochs, patience=patience, keep_best=settings.control_best)
        deterministic(settings.seed)
        model = networks.build_for_training(self.spec)
        networks.start_embedding(model, self._vectors)
        return Student(self._rows.row(CONTROL), model, space.train(model, CONTROL, plan, self.inputs, labelled))

    def teach(self, technique: str, control: Student) -> Student:
        """Train a student by a technique of `distillation.TECHNIQUES`; in "self" and "pseudo" the control teaches."""
        space, settings, name = self.space, self.space.settings, NAMES[technique]
        logits, features = self.teaching.logits, None
        if CONTROL in WITHOUT_ENSEMBLE.get(technique, []):
            answers = teachers.network_logits(space.task, networks.to_stock(control.model, self.spec), self.spec)(self._ids)
            labelled = len(space.ids["train"])
            logits = {"train": answers[:labelled], "unlabelled": answers[labelled:]}
        if TECHNIQUES[technique].needs_features:
            features = teachers.features(self._base.model, self._base.spec, self._ids)
        targets = distillation.targets_of(space.task, space.labels["train"], logits["train"], logits["unlabelled"], features)
        if TECHNIQUES[technique].labels_alone:
            targets[:, distillation.LABELLED] = 1
        targets = distillation.sure_of_pairs(space.task, targets, self._paired)[self._reading_rows]
        ids = space.store.taken(self._ids, self._reading_rows) if len(self._reading_rows) > len(self._ids) else self._ids
        deterministic(settings.seed)
        distiller = Distiller.of(settings, technique, self.spec, self._vectors, targets)
        plan = training.plan_of(settings, bucketed=self.spec.masked)
        history = space.train(distiller.model, name, plan, self.inputs, (ids, targets), loss=distiller.loss)
        about: dict[str, Any] = {"technique": technique, "teachers": WITHOUT_ENSEMBLE.get(technique, list(self.teaching.names))}
        if technique not in WITHOUT_ENSEMBLE:
            about["teacher_validation_accuracy"] = self.teacher_accuracy
        return Student(self._rows.row(name), distiller.student, history, about)

    def publish_teacher(self) -> list[Published]:
        """The ensemble as a model of its own, if there is one and all of its members lie in the folder."""
        members = [self.space.folder / name for name in self.teaching.files if name not in NO_MODELS]
        if len(members) < 2 or len(members) < len(self.teaching.names):
            return []
        return [Publisher(self.space).ensemble(members, self._rows.row(TEACHER), self.space.inputs(*(member.name for member in members)))]

    def publish(self, student: Student, control: Published | None) -> Published:
        """Save a student, score it from disk, and compare it with the published control on the same texts."""
        measured = student.history.measured()
        if len(self._paired):
            measured["paired_texts"] = {"texts": len(self._paired), "times": self.space.settings.pair_times}
        inputs = list(self.inputs)
        if student.about is not None:
            heard = student.about["technique"] not in WITHOUT_ENSEMBLE
            measured |= {**self.teaching.about(heard), "distillation": student.about}
            if "teacher_validation_accuracy" in student.about:
                measured["seconds"]["teacher"] = self.teaching.seconds
        if control:
            inputs.append(control.file)
        stock = networks.to_stock(student.model, self.spec)
        published = Publisher(self.space).keras(stock, self.spec, student.row, inputs, measured)
        if control and student.about is not None:
            own, without = published.probabilities["test"], control.probabilities["test"]
            student.about["to_control"] = statistics.comparison(own, without, self.space.labels["test"], self.space.task)
        return published
