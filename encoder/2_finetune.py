"""Stage 2 of the encoder's track: fine-tune a pretrained encoder, the base that the later stages compress.

Reads    artifacts/encoder/reviews.csv, reviews.json, tokenizer.json (stage 1), and the encoder that stage 1 named
Writes   artifacts/encoder/modelo_base.safetensors, untrained_head.safetensors (a control: the same encoder, whose head never
         learned), with --lora-rank also modelo_lora.safetensors, with --self-training labels_alone.safetensors (the first of the
         encoders that the base learned from); each with its .metrics.json and .probabilities.npz;
         modelo_base.report.txt, figures/modelo_base_*.png
Command  python encoder/2_finetune.py [--epochs 3] [--lora-rank 8] [--device cpu] [--fresh]
"""

try:
    from sentipress.core.errors import exit_code
except ModuleNotFoundError as missing:  # Python looks beside this script, and the package lies a folder higher
    if missing.name != "sentipress":
        raise
    raise SystemExit("error: the package sentipress is not installed -> pip install -e . in the repository's folder") from None

# %% Settings: edit here, or pass as flags (--epochs 3)
ARTIFACTS = "artifacts/encoder"  # folder that the stages share
RECIPE = "auto"  # {auto, default, bert, rubert, roberta} auto: the recipe of stage 1
ENCODER = "auto"  # a Hugging Face name, a folder, or bundled; auto: what stage 1 took its tokenizer from
POOLING = "mean"  # {mean, first} what the head reads: the mean over a text's pieces, or the first piece
EPOCHS = 2  # [1, 1000] passes over the training texts
BATCH_SIZE = 32  # [1, 4096] texts per step
LEARNING_RATE = 5e-5  # [1e-7, 1.0] highest step size of AdamW, BERT's largest
WARM_UP = 0.1  # [0.0, 1.0] share of all steps in which the step size rises; then it falls to 0
WEIGHT_DECAY = 0.01  # [0.0, 1.0] BERT's
KEEP_BEST = True  # end with the weights of the best validation accuracy
SELF_TRAINING = 0  # [0, 10000000] sentences without a label: the base is trained anew on what first ones say of them; 0: no
TRANSFER = "auto"  # where they come from: bundled (IMDB sentences), varied (training texts), none, or a file of texts
TEACHERS = 3  # [1, 20] first ones then, of as many seeds: the mean of their answers is better than one's
SELF_EPOCHS = 2  # [1, 1000] passes over labelled texts and sentences then
ALPHA = 0.5  # [0.0, 1.0] weight of the label where there is one; the rest goes to the first ones' answers
TEMPERATURE = 1.0  # [0.01, 100.0] softens both (Hinton et al. 2015); 1 leaves the answers as they are
LORA_RANK = 0  # [0, 256] columns of LoRA's matrices (Hu et al. 2022); 0: no such row
LORA_RATE = 0.001  # [1e-7, 1.0] its step size: few weights move, and each must move further
SEED = 1  # [0, 2147483647] of the head, of order and dropout
DEVICE = "auto"  # {auto, cpu, cuda} auto: a GPU where there is one
PRECISION = "auto"  # {auto, float32, bfloat16, mixed} of a step's products; auto: bfloat16 where the processor knows it; mixed: always
LATENCY_REVIEWS = 100  # [10, 10000] test texts that are timed one by one, in three rounds
DEPLOYMENT = True  # measure each file in a fresh process as well: start-up, memory, text to probability
FRESH = False  # start over instead of going on with an interrupted training

RECIPES = {
    "bert": {"EPOCHS": 3, "SELF_TRAINING": 40000, "LORA_RANK": 8},
    "rubert": {"EPOCHS": 3},
    "roberta": {"EPOCHS": 3},
}


# %% Stage
def main(arguments: list[str] | None = None) -> None:
    """Run the stage; see the top of the file."""
    from math import log
    from pathlib import Path

    from sentipress.core import cli, files, folder, manifest

    settings = cli.settings(__file__, arguments)
    artifacts, stage = Path(settings.artifacts), manifest.ENCODER.stage(manifest.FINE_TUNING)
    with folder.lock(artifacts, settings.stage):
        from sentipress.evaluation import plots, summary
        from sentipress.pipeline.encoder_publisher import EncoderPublisher
        from sentipress.pipeline.encoder_space import EncoderSpace
        from sentipress.pipeline.encoder_teaching import more_teachers, taught_anew
        from sentipress.transformer import adapters, finetuning
        from sentipress.transformer.attention import count_parameters

        # %% Open what stage 1 saved, and the encoder
        space = EncoderSpace.begin(settings)
        pretrained = space.pretrained()
        print(f"{pretrained.name}, on {space.device()}; {len(space.labels['train']):,} training texts")
        publisher, inputs, task = EncoderPublisher(space), space.inputs(), space.task
        published = []

        # %% A control: nothing learned
        finetuning.deterministic(settings.seed)
        untrained = pretrained.network(task.outputs, settings.pooling)
        measured = space.measured(None)
        published.append(publisher.encoder(untrained, stage.row("untrained_head"), inputs, measured))

        # %% Fine-tune all weights, from the same start
        row, plan = stage.row("modelo_base"), finetuning.FineTuning.of(settings)
        first = stage.row("labels_alone") if settings.self_training else row
        print(f"{count_parameters(untrained):,} parameters")
        history = space.finetune(untrained, first.name, plan, inputs)
        base = publisher.encoder(untrained, first, inputs, space.measured(history))

        # %% Begin anew, taught by the first one and others like it on more sentences
        if settings.self_training:
            published.append(base)
            teachers = [untrained, *more_teachers(space, pretrained, plan, inputs)]
            finetuning.deterministic(settings.seed)
            anew = pretrained.network(task.outputs, settings.pooling)
            base, history = taught_anew(publisher, base, teachers, anew, row, inputs)
        published.insert(0, base)

        # %% Fine-tune few weights
        if settings.lora_rank:
            finetuning.deterministic(settings.seed)
            small = adapters.with_adapters(pretrained.network(task.outputs, settings.pooling), settings.lora_rank)
            trained = adapters.trained_parameters(small)
            plan = finetuning.FineTuning.of(settings, learning_rate=settings.lora_rate)
            of_small = space.finetune(small, "modelo_lora", plan, inputs)
            measured = {**space.measured(of_small), "trained_parameters": trained}
            published.append(publisher.encoder(adapters.merged(small), stage.row("modelo_lora"), inputs, measured))
        records = publisher.finish(published)

        # %% Look
        figures = artifacts / "figures"
        plots.training_curves(history.epochs, history.best_epoch, figures / f"{row.name}_curves.png", row.technique)
        plots.confusion(
            records[0]["scores"]["confusion"], task.labels, figures / f"{row.name}_confusion.png", f"{row.technique}, test texts"
        )
        report = summary.report(task, space.labels["test"], base.probabilities["test"])
        files.write_text(artifacts / f"{row.name}.report.txt", report)
        space.remove_checkpoints()
    print(report)
    print(f"a head that never learned has the loss {records[1]['scores']['log_loss']:.4f}; guessing has {log(len(task.labels)):.4f}")
    print(f"trained in {history.seconds:.0f} s, epoch {history.best_epoch} kept")
    print(f"wrote {', '.join(record['file'] for record in records)} with metrics, report and pictures in {artifacts}")
    print(f"next: {manifest.command(manifest.ENCODER_QUANTIZATION, artifacts)}")


if __name__ == "__main__":
    raise SystemExit(exit_code(main))
