"""TensorFlow with Keras 2, quietly, and the same result for the same seed.

Every module that needs TensorFlow takes it from here. tensorflow-model-optimization refuses Keras 3 models, so all
stages use `tf_keras`; the environment variables must be set before the first import. tensorflow-model-optimization
itself is imported by `sentipress.lstm.compression` alone: a program that only loads a model does without.
"""

from __future__ import annotations

import functools
import logging
import os
import warnings

from sentipress.core.quiet import quiet

os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")


__all__ = ["WORKER", "as_graph", "deterministic", "keras", "strategy", "tf"]

WORKER = "SENTIPRESS_WORKER"  # environment variable of a process that trains together with others (sentipress.lstm.parallel)


with quiet():
    warnings.filterwarnings("ignore", module="tensorflow|tf_keras|tensorflow_model_optimization")
    import tensorflow as tf
    import tf_keras as keras

    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    logging.getLogger("absl").setLevel(logging.ERROR)
    # TensorFlow wants to know of other processes before its first operation. TF_CONFIG alone may be set for another program.
    strategy = tf.distribute.MultiWorkerMirroredStrategy() if WORKER in os.environ else None
    tf.constant(0)  # the first operation prints the rest of the start-up lines

if not tf.config.list_physical_devices("GPU"):
    from tf_keras.src.layers.rnn import lstm

    # Keras builds the graph of every LSTM a second time, for cuDNN and with its gradients, in case a GPU turns up: half
    # of the time that a network of this size takes to build. What is left is the function that runs on a CPU anyhow.
    lstm.lstm_with_backend_selection = lstm.standard_lstm


# A TensorFlow function of code as it stands. AutoGraph would first translate it and all that it calls, for the sake of Python
# conditions and loops over tensors; there are none here, and a network of this size takes longer to translate than to build.
as_graph = functools.partial(tf.function, autograph=False)


def deterministic(seed: int) -> None:
    """Seed Python, NumPy and TensorFlow and ask for deterministic kernels."""
    keras.utils.set_random_seed(seed)
    keras.backend.reset_uids()  # layer names are counted per process, and stand in the saved file
    # Generators with a state that can be set: an interrupted training goes on with the dropout masks it would have had.
    keras.backend.experimental.enable_tf_random_generator()
    tf.config.experimental.enable_op_determinism()
