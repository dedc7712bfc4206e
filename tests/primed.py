"""What every forked stage would import or make anew, done once by the process that stages are forked from (`processes.py`).

Nothing that runs TensorFlow: its threads would be missing after a fork.
"""

import gc
import sys

from sentipress.data import cleaning, grammar, turning
from sentipress.evaluation import comprehension
from sentipress.pipeline import preparing  # noqa: F401
from sentipress.reporting import table  # noqa: F401

cleaning.stopwords()
grammar.made(0)
turning.turned("A good film.")
comprehension.version()
assert "sentipress.core.backend" not in sys.modules
# What is imported stays to the end; no garbage collection of a stage needs to look through it.
gc.collect()
gc.freeze()
