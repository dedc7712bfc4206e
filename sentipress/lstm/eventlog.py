"""Training histories as TensorBoard reads them: `tensorboard --logdir artifacts/logs`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from sentipress.core import files
from sentipress.core.backend import tf

FILE = "events.out.tfevents.history"


def write(folder: Path, epochs: Sequence[dict[str, float]]) -> Path:
    """Write all epochs so far as one event file, atomically: a training that goes on leaves no epoch twice.

    An event file is a TFRecord file of Event messages, so TensorBoard itself is not needed to write one.

    Args:
        folder: one per model; TensorBoard shows it as a run.
        epochs: records as of `sentipress.core.history.History`; each number but `epoch` becomes a scalar.
    """
    path = folder / FILE
    with files.atomic(path) as temporary, tf.io.TFRecordWriter(str(temporary)) as writer:
        writer.write(tf.compat.v1.Event(wall_time=time.time(), file_version="brain.Event:2").SerializeToString())
        for record in epochs:
            values = [tf.compat.v1.Summary.Value(tag=tag, simple_value=value) for tag, value in record.items() if tag != "epoch"]
            event = tf.compat.v1.Event(wall_time=time.time(), step=int(record["epoch"]), summary=tf.compat.v1.Summary(value=values))
            writer.write(event.SerializeToString())
    return path
