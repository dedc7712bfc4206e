"""How small and fast can a text classifier get before it stops reading? `load` opens a model in a program of your own.

    import sentipress
    model = sentipress.load("pocket.zip")
    model(["A fine film."])

Parts of the pipeline lie in folders; a folder imports only from those before it in `LAYERS`. This file imports nothing
until a name is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sentipress.core.errors import UserError
    from sentipress.runtimes.classifier import Answer, Classifier, load

__all__ = ["LAYERS", "Answer", "Classifier", "UserError", "load"]

LAYERS = (
    *("core", "data", "text", "linear", "transformer", "runtimes", "scale"),
    *("lstm", "evaluation", "pipeline", "reporting", "browser"),
)


def __getattr__(name: str) -> Any:
    """Import a public name when it is asked for: a script that only shows its help must not load NumPy."""
    if name in ("Answer", "Classifier", "load"):
        from sentipress.runtimes import classifier

        return getattr(classifier, name)
    if name == "UserError":
        from sentipress.core.errors import UserError

        return UserError
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
