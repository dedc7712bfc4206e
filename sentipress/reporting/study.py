"""The rows that the study published (seed study A): 10,000 test reviews, +-0.66 points is the 95 % interval of each."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PublishedRow:
    """A model as the study published it.

    Attributes:
        technique: its name.
        accuracy: on the test reviews, a share.
        kilobytes: of the model file.
        parameters: as printed.
        nonzero: parameters that are not zero, as printed; "" where nothing was said.
        seconds: what training took, as printed.
        complexity: of the technique, in the study's words.
        remark: what a reader should know of the row.
    """

    technique: str
    accuracy: float
    kilobytes: int
    parameters: str
    nonzero: str
    seconds: str
    complexity: str
    remark: str

    @property
    def title(self) -> str:
        """What the tables call it."""
        return f"Study: {self.technique}"

    @property
    def note(self) -> str:
        """What the tables say of it."""
        return f"published; {self.remark}"


PUBLISHED = (
    PublishedRow("Base LSTM", 0.8643, 31_578, "2,691,713", "", "30 min", "base", "with Adam's state; 10.5 MB without"),
    PublishedRow("dynamic-range quantization", 0.8657, 2_643, "2,691,713", "", "", "medium", "needed Flex operators"),
    PublishedRow("float16 quantization", 0.8643, 5_271, "2,691,713", "", "", "medium", "needed Flex operators"),
    PublishedRow("magnitude pruning", 0.8640, 10_535, "2,691,713", "543,847", "12-15 min", "simple", "its log prints 86.80 %"),
    PublishedRow("distilled student", 0.8840, 5_149, "1.31 M", "", "15 h search", "high", "KL term always 0; best of 49 on the test set"),
)
