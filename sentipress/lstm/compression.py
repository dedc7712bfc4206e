"""tensorflow-model-optimization, quietly. Importing it takes seconds and 100 MB, so only what prunes or clusters does."""

from __future__ import annotations

from sentipress.core.backend import keras
from sentipress.core.quiet import quiet

__all__ = ["clustering", "keras", "sparsity"]

with quiet():
    from tensorflow_model_optimization.clustering import keras as clustering
    from tensorflow_model_optimization.sparsity import keras as sparsity
