"""Stage 5 of the encoder's track: students with copied layers, and an LSTM, taught by the base; then the comparison table.

Reads    artifacts/encoder/reviews.csv, tokenizer.json, modelo_base.safetensors (stages 1 and 2); the last cell: all metrics
Writes   artifacts/encoder/modelo_control.safetensors (the student without a teacher), modelo_destilado.safetensors,
         modelo_destilado_DRQ.tflite (8 bits), compact.tflite (4 bits, a small vocabulary) with its compact.tokenizer.json,
         control_lstm.zip and student_lstm.zip (LSTMs, packed with their words), rival_words.zip and rival_characters.zip (bags of
         words and of characters, packed to the same bytes); with --more-layers, --narrow and --ablation
         also modelo_destilado_<name>.safetensors; each with its .metrics.json and .probabilities.npz;
         teacher_modelo_base.npz (what the base says); comparison.{md,csv,tex}
Command  python encoder/5_distillation.py [--layers 4] [--copied alternate] [--transfer FILE] [--ablation] [--fresh]
"""

try:
    from sentipress.core.errors import exit_code
except ModuleNotFoundError as missing:  # Python looks beside this script, and the package lies a folder higher
    if missing.name != "sentipress":
        raise
    raise SystemExit("error: the package sentipress is not installed -> pip install -e . in the repository's folder") from None

# %% Settings: edit here, or pass as flags
ARTIFACTS = "artifacts/encoder"  # folder that the stages share
RECIPE = "auto"  # {auto, default, bert, rubert, roberta} auto: the recipe of stage 1
LAYERS = 3  # [1, 96] layers of the student, copied from the base
COPIED = "alternate"  # {first, last, alternate} which ones; alternate: from the first to the last at even distances
MORE_LAYERS = None  # further students of so many layers, with commas
NARROW = 0  # [0, 4096] columns of a further student that is narrower; 0: none
ABLATION = False  # further students, each without a part of the loss
TRANSFER = "auto"  # texts without a label to learn on: bundled (IMDB sentences), varied (training texts), none, or a file of texts
TRANSFER_TEXTS = 4000  # [0, 10000000] sentences of them at most that encoders learn on, besides the training texts
ALPHA = 0.5  # [0.0, 1.0] weight of the label where there is one; the rest goes to the teacher
TEMPERATURE = 2.0  # [0.01, 100.0] softens teacher and student (Hinton et al. 2015); DistilBERT's
HIDDEN_WEIGHT = 1.0  # [0.0, 1000.0] of the distance from the teacher's hidden states; DistilBERT's
EPOCHS = 2  # [1, 1000] passes over all texts; the control gets as many steps over the labelled ones
BATCH_SIZE = 32  # [1, 4096] texts per step
LEARNING_RATE = 1e-4  # [1e-7, 1.0] highest step size of AdamW: a cut network has further to go than a whole one
WARM_UP = 0.1  # [0.0, 1.0] share of all steps in which the step size rises; then it falls to 0
WEIGHT_DECAY = 0.01  # [0.0, 1.0] BERT's
KEEP_BEST = True  # end with the weights of the best validation accuracy
COMPACT_VOCABULARY = 8000  # [300, 1000000] pieces of the smallest encoder
COMPACT_EPOCHS = 1  # [1, 1000] passes over all texts after its other pieces are gone
WORD_TRANSFER_TEXTS = 60000  # [0, 10000000] sentences that the LSTM learns on
WORD_CLEANING = "default"  # {default, posts} how its texts are cleaned
WORDS = 12000  # [10, 1000000] ids of its vocabulary
PAIRS = 2000  # [0, 100000] word pairs among them
WORDS_A_TEXT = 48  # [1, 4096] ids per text
EMBEDDING_DIM = 24  # [1, 1024] columns of its embedding
EMBEDDING_SCALE = 0.1  # [0.001, 10.0] standard deviation of the word vectors that it starts from
UNITS = 24  # [1, 1024] LSTM units per direction
DROPOUT = 0.2  # [0.0, 0.95] of pooled features
SPATIAL_DROPOUT = 0.2  # [0.0, 0.95] of whole embedding columns
WORD_EPOCHS = 6  # [1, 1000] passes over its texts
WORD_BATCH_SIZE = 128  # [1, 4096] texts per step
WORD_RATE = 0.003  # [1e-7, 1.0] Adam's step size at the start
SEED = 1  # [0, 2147483647] of the transfer set, of weights, order and dropout
DEVICE = "auto"  # {auto, cpu, cuda} auto: a GPU where there is one
PRECISION = "auto"  # {auto, float32, bfloat16} that a step's products may have; auto: bfloat16 where the processor knows it
LATENCY_REVIEWS = 100  # [10, 10000] test texts that are timed one by one, in three rounds, in turns with the base in PyTorch
DEPLOYMENT = True  # measure each file in a fresh process as well: start-up, memory, text to probability
FRESH = False  # start over instead of going on with an interrupted training

RECIPES = {
    "bert": {"LAYERS": 4, "EPOCHS": 3, "TRANSFER_TEXTS": 10000, "WORD_TRANSFER_TEXTS": 100000},
    # Half of the twelve layers, as in DistilBERT. No further posts are at hand: the training posts are varied.
    "rubert": {
        "LAYERS": 6,
        "TRANSFER": "varied",
        "TRANSFER_TEXTS": 15000,
        "ALPHA": 0.2,
        "COMPACT_VOCABULARY": 5500,
        "WORD_TRANSFER_TEXTS": 50000,
        "WORD_CLEANING": "posts",
        "EMBEDDING_DIM": 32,
        "UNITS": 48,
        "DROPOUT": 0.3,
        "SPATIAL_DROPOUT": 0.3,
        "WORD_EPOCHS": 8,
    },
    # IMDB must stay unread: the LSTM learns on varied Amazon reviews besides.
    "roberta": {
        "MORE_LAYERS": "4,2",
        "ABLATION": True,
        "TRANSFER": "varied",
        "TRANSFER_TEXTS": 0,
        "WORD_TRANSFER_TEXTS": 20000,
        "WORDS_A_TEXT": 200,
    },
}


# %% Stage
def main(arguments: list[str] | None = None) -> None:
    """Run the stage; see the top of the file."""
    from pathlib import Path

    from sentipress.core import cli, folder, manifest

    settings = cli.settings(__file__, arguments)
    artifacts, stage = Path(settings.artifacts), manifest.ENCODER.stage(manifest.ENCODER_DISTILLATION)
    with folder.lock(artifacts, settings.stage):
        from sentipress.pipeline import encoder_cuts, word_rivals
        from sentipress.pipeline.encoder_publisher import EncoderPublisher
        from sentipress.pipeline.encoder_space import EncoderSpace
        from sentipress.pipeline.encoder_students import EncoderSchool, plans
        from sentipress.pipeline.word_students import WordSchool
        from sentipress.reporting import table

        # %% Open what stages 1 and 2 saved; ask the base about all texts that teach
        space, base = EncoderSpace.open(settings)
        wanted = plans(settings, base.spec)
        publisher, school = EncoderPublisher(space), EncoderSchool(space, base)
        print(f"{len(space.labels['train']):,} training texts, {len(school.transfer):,} transfer texts for encoders")

        # %% Students with copied layers, the control first
        published, models = [], {}
        for plan in wanted:
            model, history = school.student(plan)
            models[plan.row.name] = (model, history)
            published.append(school.publish(publisher, plan, model, history, published[0] if published else None))
        student, history = models["modelo_destilado"]
        inputs = [*school.inputs, published[1].file]
        published.append(encoder_cuts.in_8_bits(publisher, student, stage.row("modelo_destilado_DRQ"), inputs, space.measured(history)))

        # %% LSTMs of the same texts and answers, the control first
        words = WordSchool(school)
        control, history = words.student(stage.row("control_lstm"), taught=False)
        alone = words.publish(publisher, stage.row("control_lstm"), control, history, None)
        taught, history = words.student(stage.row("student_lstm"), taught=True)
        published += [alone, words.publish(publisher, stage.row("student_lstm"), taught, history, alone)]

        # %% Their rivals: bags of words and of characters that learn from the same, in as many bytes
        budget = published[-1].pending.stat().st_size
        published += [word_rivals.publish(publisher, words, stage.row(name), budget) for name in word_rivals.RIVALS]
        space.check_unchanged(base)
        records = publisher.finish(published, base.runtime)

        # %% The student once more, with fewer pieces and in 4 bits
        records += encoder_cuts.compact(school, student, stage.row("compact"), base, inputs)
        space.remove_checkpoints()
    for record in records:
        gain = record.get("distillation", {}).get("to_control")
        if gain:
            low, high = (f"{100 * gain[end]:+.2f}" for end in ("low", "high"))
            print(f"{record['name']}: to the control {100 * gain['value']:+.2f} points ({low} to {high}, p = {gain['p']:.3f})")
    print(f"wrote {', '.join(record['file'] for record in records)} with metrics in {settings.artifacts}\n")

    # %% The comparison of all models; python compare.py makes it at any time
    table.make(artifacts)


if __name__ == "__main__":
    raise SystemExit(exit_code(main))
