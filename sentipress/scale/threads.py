"""One thread a worker: there is a worker for each core. Imports nothing, since libraries read this when they are loaded."""

ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"), "1"
)
# Memory that is freed goes back to one pool of the C library (glibc), not to one for each thread.
MEMORY = {"MALLOC_ARENA_MAX": "2", "ARROW_DEFAULT_MEMORY_POOL": "system"}
# And nothing on the terminal but what the run itself says.
VARIABLES = {**ONE_THREAD, **MEMORY, "TF_USE_LEGACY_KERAS": "1", "TF_CPP_MIN_LOG_LEVEL": "3", "TQDM_DISABLE": "1"}
