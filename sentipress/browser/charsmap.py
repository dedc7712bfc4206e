"""Maps of characters in the form of SentencePiece's `precompiled_charsmap`: a double array of UTF-8 bytes, then the values.

The form is Darts-clone's (https://github.com/s-yata/darts-clone), as the `tokenizers` library reads it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

HAS_VALUE = 1 << 8  # of a unit: a key ends here
OFFSET_SHIFT = 10  # of a unit: where the offset to the children begins
VALUE = 1 << 31  # of a unit that holds a value
BYTES = 256
_END = -1  # key of a trie's node that holds its value


def charsmap(pairs: Mapping[str, str]) -> bytes:
    """The map as bytes: for a few thousand keys at most, since each node looks for a free place from the beginning.

    Args:
        pairs: what becomes of a character, or of a few of them in a row; no key is empty, no value has NUL in it.
    """
    values = bytearray()
    trie: dict[int, Any] = {}
    for key, value in pairs.items():
        node = trie
        for byte in key.encode():
            node = node.setdefault(byte, {})
        node[_END] = len(values)
        values += value.encode() + b"\0"
    units: dict[int, int] = {0: 0}
    waiting = [(trie, 0)]
    while waiting:
        node, place = waiting.pop()
        labels = [0 if byte == _END else byte for byte in node]
        base = next(base for base in range(1, 1 << 21) if not any(base ^ label in units for label in labels))
        units[place] |= (place ^ base) << OFFSET_SHIFT | (HAS_VALUE if _END in node else 0)
        for byte, child in node.items():
            if byte == _END:
                units[base] = VALUE | child
            else:
                units[base ^ byte] = byte
                waiting.append((child, base ^ byte))
    # A reader looks at any byte's place under a node: the array goes on to the end of the last block of 256.
    array = np.zeros((max(units) // BYTES + 1) * BYTES, "<u4")
    array[list(units)] = list(units.values())
    return (4 * len(array)).to_bytes(4, "little") + array.tobytes() + bytes(values)
