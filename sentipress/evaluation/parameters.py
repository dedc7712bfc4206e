"""Parameters of a model, counted in the arrays that its file stores."""

from __future__ import annotations

from typing import Any

import numpy as np


def count(weights: dict[str, np.ndarray], total: int, filling: int = 0) -> dict[str, Any]:
    """Parameters of a network, and how many of them are not zero in the arrays that a file stores.

    Args:
        weights: name to array, as stored in the file that is measured.
        total: parameters of the model, whichever small constants a file format adds or folds.
        filling: zeros in those arrays that are no parameters.

    Returns:
        total, nonzero, sparsity (share of zeros) and one record per array: name, shape, dtype, total, zeros, sparsity.
    """
    records: list[dict[str, Any]] = []
    for name, array in weights.items():
        zeros = int(array.size - np.count_nonzero(array))
        records.append(
            {
                "name": name,
                "shape": list(array.shape),
                "dtype": str(array.dtype),
                "total": int(array.size),
                "zeros": zeros,
                "sparsity": zeros / array.size,
            }
        )
    zeros = max(0, sum(record["zeros"] for record in records) - filling)  # the smallest arrays are not among those given
    return {"total": total, "nonzero": total - zeros, "sparsity": zeros / total, "arrays": records}
