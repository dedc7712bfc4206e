"""Parts of the pipeline, by folder; a folder imports only from those before it in `LAYERS`."""

LAYERS = (
    *("core", "data", "text", "linear", "transformer", "runtimes", "scale"),
    *("lstm", "evaluation", "pipeline", "reporting", "browser"),
)
