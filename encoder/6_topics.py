"""Stage 6 of the encoder's track: topics by the embeddings of teacher and students, against TF-IDF with NMF.

Reads    artifacts/encoder/reviews.csv, tokenizer.json, modelo_base.safetensors (encoder/1 and encoder/2), and the students
         modelo_destilado*.safetensors (encoder/5) that are there
Writes   artifacts/encoder/topics.json, topics.md, figures/topics.png
Command  python encoder/6_topics.py

Fine-tuning for a few labels draws together what has one label, whatever it is about. So the bundled encoder is also scored as
its authors published it, if the teacher started from it.
"""

try:
    from sentipress.core.errors import exit_code
except ModuleNotFoundError as missing:  # Python looks beside this script, and the package lies a folder higher
    if missing.name != "sentipress":
        raise
    raise SystemExit("error: the package sentipress is not installed -> pip install -e . in the repository's folder") from None

# %% Settings: edit here, or pass as flags
ARTIFACTS = "artifacts/encoder"  # folder that the stages share
TOPICS = 12  # [2, 100] that each model finds; few enough to be read side by side
TEXTS = 5000  # [100, 1000000] training texts at most, drawn by the seed; MiniLM on two cores embeds as many long reviews in 2 minutes
SEEDS = 3  # [2, 20] of k-means and NMF, SEED and those after it: the scores' ranges and the stability are over them
SEED = 1  # [0, 2147483647] of the drawn texts, and the first one of the topics
DEVICE = "auto"  # {auto, cpu, cuda} that computes the embeddings; auto: a GPU where there is one


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
        from sentipress.pipeline.encoder_embeddings import embedded
        from sentipress.pipeline.encoder_space import EncoderSpace

        # %% Open what the stages before saved, draw texts
        space, base = EncoderSpace.open(settings)
        texts = space.reviews.texts("train")
        drawn = np.random.default_rng(settings.seed).permutation(len(texts))[: settings.texts]
        texts = [texts[row] for row in sorted(drawn)]

        # %% Embed, find topics, score
        embeddings, inputs = embedded(space, base, texts)
        seeds = range(settings.seed, settings.seed + settings.seeds)
        result = topics.compare(texts, embeddings, settings.topics, seeds)
        read = [artifacts / name for name in (manifest.REVIEWS, manifest.TOKENIZER, *inputs)]
        topics.draw(result, artifacts / "figures")
        files.write_text(artifacts / "topics.md", topics.as_markdown(result))
        lineage = {
            **cli.recorded(settings),
            "stage": settings.stage,
            "inputs": {path.name: files.sha256(path) for path in read},
            "outputs": {"topics.md": files.sha256(artifacts / "topics.md")},
        }
        files.write_json(artifacts / "topics.json", {**result, **lineage})
    print(topics.scores_table(result))
    print(f"wrote topics.json, topics.md and figures/topics.png in {settings.artifacts}")


if __name__ == "__main__":
    raise SystemExit(exit_code(main))
