"""Stage 6 of the encoder's track: topics by the embeddings of teacher and students, against TF-IDF with NMF.

Reads    artifacts/reviews.csv, tokenizer.json, modelo_base.safetensors (encoder/1 and encoder/2), and the students
         modelo_destilado*.safetensors (encoder/5) that are there
Writes   artifacts/topics.json, topics.md, figures/topics.png
Command  python encoder/6_topics.py

Fine-tuning for a few labels draws together what has one label, whatever it is about. So the bundled encoder is also scored as
its authors published it, if the teacher started from it.
"""

from sentipress.core.errors import exit_code

# %% Settings: edit here, or pass as flags
ARTIFACTS = "artifacts"  # folder that the stages share
TOPICS = 12  # [2, 100] that each model finds; few enough to be read side by side
TEXTS = 5000  # [100, 1000000] training texts at most, drawn by the seed; MiniLM on two cores embeds as many long reviews in 2 minutes
SEEDS = 3  # [2, 20] of k-means and NMF, SEED and those after it: the scores' ranges and the stability are over them
SEED = 1  # [0, 2147483647] of the drawn texts, and the first one of the topics
DEVICE = "auto"  # {auto, cpu, cuda} that computes the embeddings; auto: the graphics card if there is one


# %% Stage
def main(arguments: list[str] | None = None) -> None:
    """Run the stage; see the top of the file."""
    from pathlib import Path

    from sentipress.core import cli, files, folder, manifest

    settings = cli.settings(__file__, arguments)
    artifacts = Path(settings.artifacts)
    with folder.lock(artifacts, settings.stage):
        import numpy as np

        from sentipress.evaluation import topics
        from sentipress.pipeline.encoder_space import EncoderSpace

        # %% Open what the stages before saved, draw texts
        space, base = EncoderSpace.open(settings)
        texts = space.reviews.texts("train")
        drawn = np.random.default_rng(settings.seed).permutation(len(texts))[: settings.texts]
        texts = [texts[row] for row in sorted(drawn)]

        # %% Embed, find topics, score
        embeddings, inputs = embedded(artifacts, base.runtime, texts, settings.device)
        seeds = range(settings.seed, settings.seed + settings.seeds)
        result = topics.compare(texts, embeddings, settings.topics, seeds)
        read = [artifacts / name for name in (manifest.REVIEWS, manifest.TOKENIZER, *inputs)]
        lineage = {**cli.recorded(settings), "inputs": {path.name: files.sha256(path) for path in read}}
        topics.draw(result, artifacts / "figures")
        files.write_text(artifacts / "topics.md", topics.as_markdown(result))
        files.write_json(artifacts / "topics.json", {**result, **lineage})
    print(topics.scores_table(result))
    print(f"wrote topics.json, topics.md and figures/topics.png in {settings.artifacts}")


def embedded(artifacts, base, texts, device):
    """Embeddings float32 (texts, width) by the name of their encoder, and the names of the encoders' files.

    Args:
        artifacts: folder of the run.
        base: the fine-tuned encoder, opened.
        texts: cleaned.
        device: a value of DEVICE.

    Raises:
        UserError: no such device, or a student is damaged.
    """
    import torch

    from sentipress.core import manifest
    from sentipress.core.errors import UserError
    from sentipress.evaluation import records
    from sentipress.runtimes.registry import open_model
    from sentipress.transformer import pretrained
    from sentipress.transformer.inference import embeddings_of

    if device == "cuda" and not torch.cuda.is_available():
        raise UserError("PyTorch finds no graphics card", "give --device cpu")
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    remedy = manifest.run(manifest.ENCODER_DISTILLATION, artifacts)
    found, inputs = {}, []

    def add(name, model, ids):
        found[name] = embeddings_of(model.to(device), ids, name)
        model.to("cpu")  # room for the next one

    for path in [artifacts / manifest.ENCODER.base.file, *sorted(artifacts.glob("modelo_destilado*.safetensors"))]:
        if records.metrics_path(artifacts, path.stem).is_file():
            runtime = base if path.stem == manifest.ENCODER.base.name else open_model(path, remedy=remedy)
            name = records.load(artifacts, path.stem, remedy)["technique"]
            add(f"{name} ({path.stem})" if name in found else name, runtime.model, runtime.prepare(texts))
            inputs.append(path.name)
    if base.model.spec.encoder == pretrained.BUNDLED_NAME:
        try:
            untouched = pretrained.load(pretrained.BUNDLED)
        except UserError as error:
            print(f"left out: {pretrained.BUNDLED_NAME} as published; {error}")
        else:
            # Its own pooling and pieces, whatever the fine-tuned one has.
            ids = untouched.tokenizer(base.encoder.sequence_length).encode(texts)
            add(f"{untouched.name}, not fine-tuned", untouched.network(1, "mean"), ids)
    return found, inputs


if __name__ == "__main__":
    raise SystemExit(exit_code(main))
