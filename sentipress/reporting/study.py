"""The rows that the studies published, and beside which rows of ours they may stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sentipress.core import manifest
from sentipress.core.manifest import Track
from sentipress.data.task import SENTIMENT_LABELS


@dataclass(frozen=True)
class PublishedRow:
    """A model as its study published it.

    Attributes:
        technique: its name.
        accuracy: on the test texts, a share; None where none was published.
        kilobytes: of the model file; None where none were published, or megabytes.
        parameters: as printed; "" where nothing was said, here and below.
        nonzero: parameters that are not zero, as printed.
        seconds: what training took, as printed.
        complexity: of the technique, in the study's words.
        remark: what a reader should know of the row.
        log_loss: on the test texts, in nats.
        megabytes: of the model file, where the study gave these.
        encoder: its pretrained network; "" for none.
    """

    technique: str
    accuracy: float | None
    kilobytes: int | None
    parameters: str
    nonzero: str
    seconds: str
    complexity: str
    remark: str
    log_loss: float | None = None
    megabytes: float | None = None
    encoder: str = ""

    @property
    def title(self) -> str:
        """What the tables call it."""
        return f"Study: {self.technique}"

    @property
    def note(self) -> str:
        """What the tables say of it."""
        return f"published; {self.remark}"

    @property
    def size(self) -> str:
        """KB of the model file, or megabytes with their unit; "" for none."""
        if self.kilobytes is not None:
            return f"{self.kilobytes:,}"
        return "" if self.megabytes is None else f"{self.megabytes} MB"

    @property
    def figures(self) -> list[str]:
        """Accuracy, loss, size and parameters in words, those that were published."""
        known = {
            "accuracy": "" if self.accuracy is None else f"{self.accuracy:.2%}",
            "loss": "" if self.log_loss is None else f"loss {self.log_loss:.4f}",
            "size": self.size + (" KB" if self.kilobytes is not None else ""),
        }
        return [text for text in known.values() if text]


# Of the LSTM's study: 10,000 test reviews, +-0.66 points is the 95 % interval of each.
PUBLISHED = (
    PublishedRow("Base LSTM", 0.8643, 31_578, "2,691,713", "", "30 min", "base", "with Adam's state; 10.5 MB without"),
    PublishedRow("dynamic-range quantization", 0.8657, 2_643, "2,691,713", "", "", "medium", "needed Flex operators"),
    PublishedRow("float16 quantization", 0.8643, 5_271, "2,691,713", "", "", "medium", "needed Flex operators"),
    PublishedRow("magnitude pruning", 0.8640, 10_535, "2,691,713", "543,847", "12-15 min", "simple", "its log prints 86.80 %"),
    PublishedRow("distilled student", 0.8840, 5_149, "1.31 M", "", "15 h search", "high", "KL term always 0; best of 49 on the test set"),
)


def _of_bert(technique: str, loss: float, complexity: str, seconds: str) -> PublishedRow:
    remark = f"no accuracy given; the evaluation took {seconds} s; a loss above ln 2 = 0.693 says that the head was never trained"
    return PublishedRow(technique, None, None, "", "", "", complexity, remark, loss, None, "bert-base-uncased")


def _of_rubert(technique: str, accuracy: float, megabytes: float, millions: str, complexity: str, remark: str) -> PublishedRow:
    return PublishedRow(technique, accuracy, None, f"{millions} M", "", "", complexity, remark, None, megabytes, "rubert-tiny2")


_SLOW = "2.4 times slower and 1.07 times smaller than the teacher, since its embedding stayed float32"
# Of the encoders' studies, by the recipe that follows each; the study of the recipe roberta printed no such table.
BY_RECIPE = {
    "bert": (
        _of_bert("BERT", 0.7059, "base", "1,637"),
        _of_bert("BERT, 30 % of every linear layer to zero", 0.7487, "simple", "1,573"),
        _of_bert("the same, linear layers in 8 bits", 0.7114, "medium", "1,365"),
    ),
    "rubert": (
        _of_rubert("teacher", 0.5345, 111.4, "29.2", "base", "speed 356, without a unit"),
        _of_rubert("teacher, linear layers in 8 bits", 0.5345, 104.6, "26.8", "medium", f"speed 866: {_SLOW}"),
        _of_rubert("student", 0.51, 90.2, "23.6", "high", "speed 284"),
        _of_rubert("student, linear layers in 8 bits", 0.5125, 85.5, "22.0", "high", "speed 535: slower than in float32 as well"),
    ),
}
LABELS = {"bert": 2, "rubert": 5}  # of each study's texts
REMARKS = {
    "": "The study's rows are as published, its base with the optimizer's state; their interval is +-0.66 points.",
    "bert": "The study's rows are as published; it scored SST-2.",
    "rubert": "The study's rows are as published, their sizes in MB; it scored RuSentiment.",
}


def track_of(records: Sequence[Mapping[str, Any]]) -> Track:
    """The track of metrics records, by the base's or else the first one's stage; the LSTM's for none."""
    record = next((one for one in records if one["name"] == manifest.BASE.name), next(iter(records), None))
    return manifest.track_of(record["stage"]) if record else manifest.LSTM


def recipe_of(records: Sequence[Mapping[str, Any]]) -> str:
    """The recipe that metrics records name; "" where none does."""
    return next((str(one["settings"]["recipe"]) for one in records if one["settings"].get("recipe")), "")


def _key(records: Sequence[Mapping[str, Any]]) -> str | None:
    """Whose rows may stand beside these records: "" for the LSTM's study, a recipe, or None for nobody's."""
    labels = {tuple(one["labels"]) for one in records}
    if all(manifest.track_of(one["stage"]) is manifest.LSTM for one in records):
        return "" if labels <= {SENTIMENT_LABELS} else None
    recipe = recipe_of(records)
    return recipe if recipe in BY_RECIPE and {len(one) for one in labels} == {LABELS[recipe]} else None


def of_the_lstm(records: Sequence[Mapping[str, Any]]) -> bool:
    """Whether all records are of the LSTM's track and of its study's labels."""
    return _key(records) == ""


def published(records: Sequence[Mapping[str, Any]]) -> tuple[PublishedRow, ...]:
    """Rows of a study that may stand beside metrics records: it had the same track, recipe and number of labels."""
    key = _key(records)
    return () if key is None else BY_RECIPE[key] if key else PUBLISHED


def remark(records: Sequence[Mapping[str, Any]]) -> str:
    """What a reader should know of all these rows together; "" where there are none."""
    key = _key(records)
    return "" if key is None else REMARKS[key]


def elsewhere(about: Mapping[str, Any]) -> str:
    """What texts of another domain are called: by their file, as the description of the texts names it, or those of the package."""
    source = (about.get("out_of_domain") or {}).get("source") or {}
    return f"texts of {source['name']}" if source.get("name") else "Rotten Tomatoes sentences"


def portable(about: Mapping[str, Any]) -> dict[str, Any]:
    """The description of texts with the name of the encoder where the folder stands in which it lay on one machine."""
    encoder = about.get("encoder")
    if not isinstance(encoder, Mapping) or not Path(str(encoder.get("source"))).is_absolute():
        return dict(about)
    found = {**about, "encoder": {**encoder, "source": encoder["name"]}}
    for part in ("settings", "flags"):
        if isinstance(about.get(part), Mapping) and about[part].get("encoder") == encoder["source"]:
            found[part] = {**about[part], "encoder": encoder["name"]}
    return found
