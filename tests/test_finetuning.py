"""Training of encoders: killed at any step it ends with the same weights; what students, adapters and masks learn."""

import copy
import io
import math
import pickle
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from sentipress.core import files
from sentipress.core.errors import UserError
from sentipress.data.task import SENTIMENT, Task

NEEDS = "needs pip install -r requirements-encoder.txt"
torch = pytest.importorskip("torch", reason=NEEDS)
pytest.importorskip("transformers", reason=NEEDS)
pytest.importorskip("peft", reason=NEEDS)

from sentipress.transformer import adapters, finetuning, reducing  # noqa: E402
from sentipress.transformer.attention import Encoder  # noqa: E402
from sentipress.transformer.distilling import Lesson, Pupil  # noqa: E402
from sentipress.transformer.finetuning import FineTuning, Training, deterministic, label_loss  # noqa: E402
from sentipress.transformer.shapes import EncoderSpec  # noqa: E402

THREE = Task(labels=("bad", "fair", "good"))
SPEC = EncoderSpec("random", 60, 32, 24, 0, 0, 16, (2, 2), (64, 64), 1e-12, "mean", 1)
PLAN = FineTuning(epochs=2, batch_size=8, learning_rate=0.003, warm_up=0.1, weight_decay=0.01, keep_best=True, seed=5)
TEXTS, STEPS = 76, 10  # the last batch of a pass has 4 texts
OF_CLOCKS = ("seconds", "tokens_per_second")


@pytest.fixture(autouse=True)
def one_thread():
    """And what a training asks of PyTorch for the whole process is taken back."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(False)


def texts(count, labels=2, seed=0):
    """Ids int32 (count, 20) of texts of 2 to 20 ids, in which some ids are a label's own, and numbers of labels (count,)."""
    random = np.random.default_rng(seed)
    numbers = random.integers(0, labels, count)
    ids = random.integers(30, SPEC.vocabulary_size, (count, 20))
    own = random.random(ids.shape) < 0.3
    ids = np.where(own, 1 + 9 * numbers[:, None] + random.integers(0, 9, ids.shape), ids)
    ids[np.arange(20) >= random.integers(2, 21, count)[:, None]] = 0
    return ids.astype(np.int32), numbers.astype(np.float32)


def encoder(spec=SPEC, seed=1, scale=1.0):
    """A random network, whose weights are large enough that each part of it matters."""
    deterministic(seed)
    model = Encoder(spec)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(scale)
    return model


def training(place, model=None, plan=PLAN, labels=2, **options):
    """A training of 76 texts, whose checkpoint lies in a folder."""
    data = options.pop("data", None) or texts(TEXTS, labels)
    model = model or encoder(replace(SPEC, outputs=1 if labels == 2 else labels))
    targets = data[1] if data[1].ndim == 2 else data[1][:, np.newaxis]
    values = {"identity": {}, "validation": texts(40, labels, seed=1), "task": SENTIMENT if labels == 2 else THREE, **options}
    return Training(model, (data[0], targets), plan=plan, checkpoint=Path(place) / "c.pt", **values)


def weights(work):
    """Copies of all tensors of a training's model."""
    return {name: value.detach().clone() for name, value in work.model.state_dict().items()}


def equal(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def timeless(history):
    return history.best_epoch, [{name: value for name, value in epoch.items() if name not in OF_CLOCKS} for epoch in history.epochs]


def dying(loss, at):
    """The loss until its call number `at` (from 1), which is a person's Ctrl-C."""
    calls = iter(range(1, 10_000))

    def dies(model, ids, targets):
        if next(calls) == at:
            raise KeyboardInterrupt
        return loss(model, ids, targets)

    return dies


def lesson(alpha=0.5, temperature=2.0, hidden=1.0, **options):
    return Lesson(encoder(seed=2, scale=1.5), [0, 1], alpha, temperature, hidden, **options)


def taught(seed=3):
    """Ids and targets of 76 texts, of which every third one has no label."""
    ids, numbers = texts(TEXTS)
    said = np.random.default_rng(seed).normal(0, 2, TEXTS)
    return ids, np.stack([numbers, np.arange(TEXTS) % 3 > 0, said], axis=1).astype(np.float32)


# What is trained: a whole encoder, a narrower student with its projection, adapters.
KINDS = {
    "encoder": dict,
    "zeros": lambda: {"masks": reducing.smallest_weights(encoder(), 0.3)},
    "three labels": lambda: {"labels": 3},
    "student": lambda: {"model": Pupil(reducing.narrower(encoder(), 16), 32), "data": taught(), "loss": lesson()},
    "adapters": lambda: {"model": adapters.with_adapters(encoder(), 2)},
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Kind to weights and history of a training that nothing stopped."""
    found = {}
    for kind, options in KINDS.items():
        work = training(tmp_path_factory.mktemp("whole"), **options())
        history = work.run()
        found[kind] = (weights(work), history)
    return found


# Killed and gone on with


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("step", [1, 2, 7, STEPS, STEPS + 1, 2 * STEPS])
def test_a_training_killed_at_a_step_ends_with_the_same_weights(tmp_path, monkeypatch, capsys, whole, kind, step):
    monkeypatch.setattr(finetuning, "CHECKPOINT_SECONDS", 0)
    options = KINDS[kind]()
    loss = options.pop("loss", label_loss)
    with pytest.raises(KeyboardInterrupt):
        training(tmp_path, **options, loss=dying(loss, step)).run()
    work = training(tmp_path, **KINDS[kind]())
    history = work.run()
    assert equal(weights(work), whole[kind][0]) and timeless(history) == timeless(whole[kind][1])
    assert history.resumed_after == (step - 1) // STEPS
    done = min(step - 1, 2 * STEPS - 1)
    # What was done by the last step of a pass is saved together with its validation alone.
    place = f"epoch {done // STEPS + 1}, batch {done % STEPS} of {STEPS}"
    assert (f"train: goes on in {place} (--fresh starts over)" in capsys.readouterr().out) == (done > 0)


def test_killed_again_and_again_at_every_third_step(tmp_path, monkeypatch, whole):
    monkeypatch.setattr(finetuning, "CHECKPOINT_SECONDS", 0)
    kills = 0
    while True:
        work = training(tmp_path, loss=dying(label_loss, 4))
        try:
            history = work.run()
        except KeyboardInterrupt:
            kills += 1
            continue
        break
    assert kills == 6
    assert equal(weights(work), whole["encoder"][0]) and timeless(history) == timeless(whole["encoder"][1])


@pytest.mark.parametrize("call", [1, 2])
def test_a_training_killed_in_validation_ends_with_the_same_weights(tmp_path, monkeypatch, whole, call):
    monkeypatch.setattr(finetuning, "CHECKPOINT_SECONDS", 0)
    calls, real = iter((1, 2)), finetuning.logits_of

    def dies(model, ids):
        if next(calls) == call:
            raise KeyboardInterrupt
        return real(model, ids)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(finetuning, "logits_of", dies)
        training(tmp_path).run()
    work = training(tmp_path)
    history = work.run()
    assert history.resumed_after == call - 1
    assert equal(weights(work), whole["encoder"][0]) and timeless(history) == timeless(whole["encoder"][1])


def test_a_kill_in_the_middle_of_a_checkpoint_leaves_the_one_before(tmp_path, monkeypatch, whole):
    monkeypatch.setattr(finetuning, "CHECKPOINT_SECONDS", 0)
    real, saves = torch.save, iter(range(100))

    def dies(content, path):
        real(content, path)
        if next(saves) == 4:
            Path(path).write_bytes(Path(path).read_bytes()[:5000])
            raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(torch, "save", dies)
        training(tmp_path).run()
    assert [path.name for path in tmp_path.iterdir()] == ["c.pt"]
    work = training(tmp_path)
    work.run()
    assert equal(weights(work), whole["encoder"][0])


def test_between_two_checkpoints_little_is_written_and_little_is_lost(tmp_path, whole, capsys):
    with pytest.raises(KeyboardInterrupt):
        training(tmp_path, loss=dying(label_loss, STEPS + 7)).run()  # no two minutes have passed
    work = training(tmp_path)
    work.run()
    assert f"goes on in epoch 2, batch 0 of {STEPS}" in capsys.readouterr().out
    assert equal(weights(work), whole["encoder"][0])


def test_a_training_that_had_ended_is_not_done_again(tmp_path, capsys, whole):
    first = training(tmp_path).run()
    capsys.readouterr()
    work = training(tmp_path, loss=dying(label_loss, 1))
    history = work.run()
    assert history.epochs == first.epochs and history.seconds == first.seconds and history.resumed_after == 2
    assert equal(weights(work), whole["encoder"][0]) and not work.model.training
    assert capsys.readouterr().out == "train: all 2 epochs were done before (--fresh starts over)\n"


def test_fresh_starts_over(tmp_path, capsys, whole):
    training(tmp_path, plan=replace(PLAN, seed=PLAN.seed)).run()
    capsys.readouterr()
    work = training(tmp_path)
    history = work.run(fresh=True)
    assert history.resumed_after == 0 and "goes on" not in capsys.readouterr().out
    assert equal(weights(work), whole["encoder"][0])


# Checkpoints that are not used

OTHERS = {
    "plan": {"plan": replace(PLAN, learning_rate=0.002)},
    "ids": {"data": texts(TEXTS, seed=9)},
    "labels": {"data": (texts(TEXTS)[0], 1 - texts(TEXTS)[1])},
    "validation texts": {"validation": texts(40, seed=9)},
    "validation labels": {"validation": (texts(40, seed=1)[0], 1 - texts(40, seed=1)[1])},
    "identity": {"identity": {"sparsity": 0.3}},
    "start": {"seed": 9},
    "masks": {"share": 0.3},
    "other masks": {"share": 0.5},
}


@pytest.mark.parametrize("other", OTHERS)
def test_a_checkpoint_of_another_training_is_not_used(tmp_path, capsys, other):
    def options(words):
        words = dict(words)
        model = encoder(seed=words.pop("seed", 1))
        share = words.pop("share", None)
        return {**words, "model": model, "masks": None if share is None else reducing.smallest_weights(model, share)}

    begun = {"share": 0.3} if other == "other masks" else {}
    training(tmp_path, **options(begun)).run()
    capsys.readouterr()
    work = training(tmp_path, **options(OTHERS[other]))
    history = work.run()
    assert history.resumed_after == 0
    out = capsys.readouterr().out
    assert "goes on" not in out and "damaged" not in out
    (tmp_path / "new").mkdir()
    alone = training(tmp_path / "new", **options(OTHERS[other]))
    alone.run()
    assert equal(weights(work), weights(alone))


class _Runs:
    """Pickled, it makes a file when it is opened as pickle would."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


def damages(content, place):
    """Name to the bytes of a checkpoint that something has happened to."""
    yield "cut", content[: len(content) // 2]
    yield "empty", b""
    yield "text", b"no checkpoint at all"
    yield "pickle", pickle.dumps({"key": _Runs(place / "was-run")})
    whole = torch.load(io.BytesIO(content), weights_only=True)
    one_bit = {"weight": whole["model"], "moment": whole["optimizer"]["state"][0], "best weight": whole["best"]}
    for name, tensors in one_bit.items():
        values = tensors["exp_avg" if name == "moment" else "words.weight"].numpy().tobytes()
        position = content.index(values) + len(values) // 2
        yield f"a bit of a {name}", content[:position] + bytes([content[position] ^ 0x40]) + content[position + 1 :]


def test_a_damaged_checkpoint_is_said_and_the_training_starts_over(tmp_path, capsys, whole):
    training(tmp_path).run()
    for name, content in damages((tmp_path / "c.pt").read_bytes(), tmp_path):
        (tmp_path / "c.pt").write_bytes(content)
        capsys.readouterr()
        work = training(tmp_path)
        history = work.run()
        lines = [line for line in capsys.readouterr().out.splitlines() if "damaged" in line]
        assert len(lines) == 1 and "c.pt is damaged (" in lines[0] and lines[0].endswith("training starts over"), name
        assert history.resumed_after == 0 and equal(weights(work), whole["encoder"][0]), name
    assert not (tmp_path / "was-run").exists()


def test_a_checkpoint_that_lacks_a_part_leaves_the_first_weights(tmp_path, capsys, whole):
    training(tmp_path).run()
    content = torch.load(tmp_path / "c.pt", weights_only=True)
    for part in ("state", "optimizer", "best", "model", "key"):
        torch.save({name: value for name, value in content.items() if name != part}, tmp_path / "c.pt")
        work = training(tmp_path)
        history = work.run()
        assert f"is damaged ('{part}'" in capsys.readouterr().out
        assert history.resumed_after == 0 and equal(weights(work), whole["encoder"][0])


# What a training does


def test_training_learns_and_history_tells_of_it(whole):
    for kind in ("encoder", "three labels", "zeros"):
        history = whole[kind][1]
        first, last = history.epochs
        assert last["loss"] < first["loss"] and last["accuracy"] > first["accuracy"]
        assert [epoch["epoch"] for epoch in history.epochs] == [1, 2] and history.seconds > 0
        assert history.seconds == pytest.approx(sum(epoch["seconds"] for epoch in history.epochs))
        assert all(math.isfinite(value) for epoch in history.epochs for value in epoch.values())


def test_what_the_history_says_of_the_last_epoch_is_what_the_model_gives(tmp_path):
    work = training(tmp_path, plan=replace(PLAN, keep_best=False))
    last = work.run().epochs[-1]
    ids, numbers = texts(40, seed=1)
    with torch.inference_mode():
        logits = work.model(torch.from_numpy(ids))[:, 0]
    found = torch.nn.functional.binary_cross_entropy_with_logits(logits, torch.from_numpy(numbers))
    assert last["validation_loss"] == pytest.approx(float(found), rel=1e-5)
    assert last["validation_accuracy"] == np.mean((logits.numpy() > 0) == (numbers > 0.5))


@pytest.mark.parametrize(("right", "best"), [([0.5, 0.9, 0.7], 2), ([0.9, 0.9, 0.9], 1), ([0.1, 0.2, 0.3], 3)])
@pytest.mark.parametrize("keep_best", [True, False])
def test_the_weights_of_the_best_epoch_are_kept(tmp_path, monkeypatch, right, best, keep_best):
    seen, (ids, numbers) = [], texts(40, seed=1)

    def judged(model, _):
        """Logits that are right for a share of the validation texts."""
        share = right[len(seen)]
        seen.append(copy.deepcopy(model.state_dict()))
        sign = np.where(np.arange(len(ids)) < round(share * len(ids)), 1, -1)
        return ((2 * numbers - 1) * sign)[:, np.newaxis].astype(np.float32)

    monkeypatch.setattr(finetuning, "logits_of", judged)
    work = training(tmp_path, plan=replace(PLAN, epochs=3, keep_best=keep_best))
    history = work.run()
    assert [epoch["validation_accuracy"] for epoch in history.epochs] == right
    assert history.best_epoch == (best if keep_best else 3)
    assert equal(weights(work), seen[history.best_epoch - 1]) and not equal(seen[0], seen[1])


def test_zeros_stay_zeros_and_all_else_moves(tmp_path):
    model = encoder()
    masks, before = reducing.smallest_weights(model, 0.3), copy.deepcopy(model.state_dict())
    work = training(tmp_path, model, plan=replace(PLAN, keep_best=False), masks=masks)
    work.run()
    after = work.model.state_dict()
    assert len(masks) == 2 * 6 + 1
    for name, mask in masks.items():
        value = after[name]
        assert value[~mask].count_nonzero() == 0 and not torch.signbit(value[~mask]).any()
        assert (value[mask] != before[name][mask]).float().mean() > 0.99
    assert not torch.equal(after["words.weight"], before["words.weight"])


def test_a_loss_that_is_no_number_is_one_clear_line(tmp_path):
    def breaks(model, ids, targets):
        loss, logits = label_loss(model, ids, targets)
        return loss * (math.nan if len(ids) == 4 else 1), logits

    with pytest.raises(UserError, match=r"the loss of epoch 1 is not a number .*--learning-rate") as found:
        training(tmp_path, loss=breaks).run()
    assert str(found.value).startswith("error: ") and not (tmp_path / "c.pt").exists()


def test_weights_that_break_in_the_very_last_step_are_not_kept(tmp_path):
    calls = iter(range(1, 100))

    def breaks(model, ids, targets):
        loss, logits = label_loss(model, ids, targets)
        if next(calls) == 2 * STEPS:
            loss = loss + (0 * model.head.bias.sum()).sqrt()  # a number, whose derivative is none
        return loss, logits

    with pytest.raises(UserError, match="epoch 2 is not a number"), np.errstate(invalid="ignore"):
        training(tmp_path, loss=breaks).run()
    kept = torch.load(tmp_path / "c.pt", weights_only=True)
    assert kept["state"]["step"] == STEPS and all(value.isfinite().all() for value in kept["model"].values())


@pytest.fixture
def steps(monkeypatch):
    """Filled while a training runs: step size, weight decay by number of dimensions, and norm of the gradient of each step."""
    found, real = [], torch.optim.AdamW.step

    def step(self, *arguments, **options):
        groups = self.param_groups
        norm = math.sqrt(sum(float(p.grad.square().sum()) for group in groups for p in group["params"] if p.grad is not None))
        decays = {(p.ndim > 1, group["weight_decay"]) for group in groups for p in group["params"]}
        found.append((groups[0]["lr"], groups[1]["lr"], decays, norm))
        return real(self, *arguments, **options)

    monkeypatch.setattr(torch.optim.AdamW, "step", step)
    return found


@pytest.mark.parametrize("warm_up", [0.0, 0.2, 0.5, 1.0])
def test_the_step_size_rises_and_falls_to_zero_in_straight_lines(tmp_path, steps, warm_up):
    training(tmp_path, plan=replace(PLAN, warm_up=warm_up)).run()
    rates = np.array([first for first, _, _, _ in steps])
    assert [second for _, second, _, _ in steps] == list(rates) and len(rates) == 2 * STEPS
    rising = max(1, round(warm_up * len(rates)))
    np.testing.assert_allclose(rates[:rising], PLAN.learning_rate * np.arange(1, rising + 1) / rising, rtol=1e-12)
    falling = np.append(rates[rising - 1 :], 0.0)  # where the next step would be
    np.testing.assert_allclose(np.diff(falling), -PLAN.learning_rate / (len(falling) - 1), rtol=1e-9)
    assert max(rates) == PLAN.learning_rate and min(rates) > 0


def test_gradients_are_clipped_and_biases_do_not_decay(tmp_path, steps):
    def steep(model, ids, targets):
        loss, logits = label_loss(model, ids, targets)
        return 1000 * loss, logits

    training(tmp_path, loss=steep).run()
    assert all(norm <= finetuning.LARGEST_GRADIENT + 1e-4 for _, _, _, norm in steps)
    assert all(decays == {(True, PLAN.weight_decay), (False, 0.0)} for _, _, decays, _ in steps)


@pytest.mark.parametrize("kind", ["labels", "student"])
def test_a_batch_read_in_parts_gives_the_same_step(tmp_path, monkeypatch, kind):
    found = []
    for at_once in (10_000, 60):  # of texts of 20 ids three at a time, the last part of a batch smaller
        monkeypatch.setattr(finetuning, "IDS_AT_ONCE", at_once)
        deterministic(1)
        model = Encoder(SPEC, dropout=0.0)
        options = {"model": model} if kind == "labels" else {"model": Pupil(model, 32), "data": taught(), "loss": lesson()}
        work = training(tmp_path, plan=replace(PLAN, precision="float32"), **options)
        found.append((work.run(fresh=True), weights(work)))
    (one, before), (other, after) = found
    assert one.epochs[0]["loss"] == pytest.approx(other.epochs[0]["loss"], rel=1e-5)
    assert one.epochs[0]["accuracy"] == other.epochs[0]["accuracy"]
    for name, value in before.items():
        torch.testing.assert_close(value, after[name], rtol=1e-3, atol=2e-4)


def test_precision_is_of_the_processor_and_holds_for_the_steps_alone(tmp_path, monkeypatch):
    cpu, seen = torch.device("cpu"), []
    for flags, there in (({}, False), ({"avx512_bf16": True}, True), ({"amx_bf16": True}, True)):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda flags=flags: flags)
        assert finetuning.precision_of("auto", cpu) == ("bfloat16" if there else "float32")
        assert finetuning.precision_of("float32", cpu) == "float32"
        if there:
            assert [finetuning.precision_of(choice, cpu) for choice in ("bfloat16", "mixed")] == ["bfloat16", "mixed"]
        else:
            for choice in ("bfloat16", "mixed"):
                with pytest.raises(UserError, match=f"--precision {choice}"):
                    finetuning.precision_of(choice, cpu)

    def looks(model, ids, targets):
        loss, logits = label_loss(model, ids, targets)
        seen.append((torch.get_float32_matmul_precision(), torch.is_autocast_enabled("cpu"), logits.dtype))
        return loss, logits

    for choice in ("auto", "mixed", "float32"):
        work = training(tmp_path, plan=replace(PLAN, epochs=1, precision=choice), loss=looks)
        history = work.run(fresh=True)
        assert history.epochs[0]["loss"] < 1 and all(value.dtype == torch.float32 for value in work.encoder.state_dict().values())
    assert [allowed for allowed, _, _ in seen] == ["medium"] * 2 * STEPS + ["highest"] * STEPS
    assert [rounded for _, rounded, _ in seen] == [False] * STEPS + [True] * STEPS + [False] * STEPS
    assert {dtype for _, _, dtype in seen} == {torch.float32}
    assert torch.get_float32_matmul_precision() == "highest" and not torch.is_autocast_enabled("cpu")


def test_texts_of_like_length_share_a_batch_and_each_is_read_once_a_pass(tmp_path):
    seen = []

    def watching(model, ids, targets):
        seen.append((ids.numpy().copy(), targets.numpy().copy()))
        return label_loss(model, ids, targets)

    data = texts(400)
    training(tmp_path, data=data, loss=watching).run()
    assert len(seen) == 100
    passes = seen[:50], seen[50:]
    for batches in passes:
        rows = [(tuple(row[row > 0]), float(target[0])) for ids, targets in batches for row, target in zip(ids, targets, strict=True)]
        assert sorted(rows) == sorted((tuple(row[row > 0]), float(label)) for row, label in zip(*data, strict=True))
        assert all((ids > 0).any(axis=0).all() for ids, _ in batches)  # as wide as its longest text
        assert sum((ids > 0).sum() for ids, _ in batches) / sum(ids.size for ids, _ in batches) > 0.95
    shapes = [[ids.shape for ids, _ in batches] for batches in passes]
    assert shapes[0] != shapes[1] and shapes[0] != sorted(shapes[0])  # another order each time, and not by length
    assert (data[0] > 0).mean() < 0.6


def test_a_plan_is_read_from_the_settings_of_a_stage():
    settings = SimpleNamespace(**{**PLAN.__dict__, "epochs": 7, "artifacts": "elsewhere"})
    assert FineTuning.of(settings, learning_rate=0.5) == replace(PLAN, epochs=7, learning_rate=0.5)
    with pytest.raises(UserError, match="no GPU") as found:
        if torch.cuda.is_available():
            raise UserError("no GPU", "is needed here")
        finetuning.device_of("cuda")
    assert "--device" in str(found.value)
    assert finetuning.device_of("cpu").type == "cpu"


# What a student learns


def batch(outputs=1, labelled=(True, True, True, False), seed=4):
    """Ids, and targets with logits of a teacher."""
    ids, numbers = texts(len(labelled), max(2, outputs), seed)
    said = np.random.default_rng(seed).normal(0, 2, (len(labelled), outputs))
    targets = np.concatenate([np.stack([numbers, np.array(labelled)], axis=1), said], axis=1)
    return torch.from_numpy(ids), torch.from_numpy(targets.astype(np.float32))


def pupil(spec=SPEC):
    return Pupil(encoder(spec, scale=1.5), SPEC.width).eval().requires_grad_(False)


def log_softmax(values):
    return values - np.log(np.exp(values).sum(axis=1, keepdims=True))


def kl(teacher, student, temperature):
    """In nats, of logits (texts, labels), in float64."""
    ours, theirs = (log_softmax(np.asarray(values, np.float64) / temperature) for values in (student, teacher))
    return (np.exp(theirs) * (theirs - ours)).sum(axis=1)


def two(logits):
    """Logits of both labels from those of one column."""
    return np.concatenate([np.zeros((len(logits), 1)), logits], axis=1)


@pytest.mark.parametrize("outputs", [1, 3])
def test_labels_alone_are_the_cross_entropy(outputs):
    model = pupil(replace(SPEC, outputs=outputs))
    ids, targets = batch(outputs, labelled=(True,) * 6)
    loss, logits = lesson(alpha=1.0, hidden=0.0)(model, ids, targets)
    expected, same = label_loss(model.encoder, ids, targets)
    torch.testing.assert_close(loss, expected)
    assert torch.equal(logits, same) and torch.equal(logits, model(ids))


@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0, 5.0])
def test_the_soft_part_is_the_divergence_from_the_teacher_times_the_squared_temperature(outputs, temperature):
    model = pupil(replace(SPEC, outputs=outputs))
    ids, targets = batch(outputs)
    loss, logits = lesson(alpha=0.0, temperature=temperature, hidden=0.0)(model, ids, targets)
    said, own = targets[:, 2:].numpy(), logits.numpy()
    divergence = kl(*((two(said), two(own)) if outputs == 1 else (said, own)), temperature)
    assert float(loss) == pytest.approx(temperature**2 * divergence.mean(), rel=1e-4)
    targets[:, 2:] = logits  # a teacher that says the same
    assert float(lesson(alpha=0.0, temperature=temperature, hidden=0.0)(model, ids, targets)[0]) == pytest.approx(0, abs=1e-6)


def test_the_divergence_is_that_of_the_lstm_track():
    tf = pytest.importorskip("tensorflow")
    from sentipress.lstm import distillation

    ids, targets = batch()
    loss, logits = lesson(alpha=0.0, temperature=3.0, hidden=0.0)(pupil(), ids, targets)
    theirs = distillation.bernoulli_kl(tf.constant(targets[:, 2].numpy()), tf.constant(logits[:, 0].numpy()), 3.0)
    assert float(loss) == pytest.approx(9 * float(tf.reduce_mean(theirs)), rel=1e-5)


def test_at_a_high_temperature_logits_are_matched():
    ids, targets = batch()
    loss, logits = lesson(alpha=0.0, temperature=100.0, hidden=0.0)(pupil(), ids, targets)
    assert float(loss) == pytest.approx(float((logits[:, 0] - targets[:, 2]).square().mean()) / 8, rel=1e-2)  # whatever the temperature


def test_a_text_without_a_label_has_the_soft_part_alone():
    model, teach = pupil(), lesson(alpha=0.7, hidden=0.0)
    ids, targets = batch(labelled=(True, False, True, False))
    loss, logits = teach(model, ids, targets)
    hard = torch.nn.functional.binary_cross_entropy_with_logits(logits[:, 0], targets[:, 0], reduction="none").numpy()
    soft = 4 * kl(two(targets[:, 2:].numpy()), two(logits.numpy()), 2.0)
    expected = [0.7 * hard[0] + 0.3 * soft[0], soft[1], 0.7 * hard[2] + 0.3 * soft[2], soft[3]]
    assert float(loss) == pytest.approx(np.mean(expected), rel=1e-5)
    other = targets.clone()
    other[1, 0] = 1 - other[1, 0]
    assert float(teach(model, ids, other)[0]) == float(loss)
    other[0, 0] = 1 - other[0, 0]
    assert float(teach(model, ids, other)[0]) != float(loss)


def test_without_the_teachers_logits_a_text_without_a_label_teaches_hidden_states_alone():
    model, (ids, targets) = pupil(), batch()
    loss, _ = lesson(alpha=1.0, hidden=0.0, logits=False)(model, ids, targets)
    labelled, _ = lesson(alpha=1.0, hidden=0.0)(model, ids[:3], targets[:3])
    assert float(loss) == pytest.approx(0.75 * float(labelled), rel=1e-5)
    other = targets.clone()
    other[:, 2:] += 3
    assert float(lesson(alpha=1.0, logits=False)(model, ids, other)[0]) == float(lesson(alpha=1.0, logits=False)(model, ids, targets)[0])


def hidden_part(model, teach, ids, targets):
    """What the hidden states add to a loss."""
    with_them, without = (Lesson(teach, [0, 1], 0.5, 2.0, weight) for weight in (1.0, 0.0))
    return float(with_them(model, ids, targets)[0]) - float(without(model, ids, targets)[0])


def test_the_hidden_distance_is_one_minus_the_cosine_over_ids_of_the_text():
    model, teach, (ids, targets) = pupil(), encoder(seed=2).eval(), batch()
    with torch.no_grad():
        states = zip(model.encoder.hidden_states(ids), teach.hidden_states(ids), strict=True)
        cosines = torch.stack([torch.nn.functional.cosine_similarity(own, theirs, dim=2) for own, theirs in states]).numpy()
    by_text = [1 - cosines[:, row, : int((ids[row] > 0).sum())].mean() for row in range(len(ids))]
    assert hidden_part(model, teach, ids, targets) == pytest.approx(np.mean(by_text), abs=1e-5) and min(by_text) > 0.1
    same = copy.deepcopy(model.encoder)
    assert hidden_part(model, same, ids, targets) == pytest.approx(0, abs=1e-5)


def test_padding_does_not_count_in_the_hidden_distance():
    model, teach, (ids, targets) = pupil(), encoder(seed=2).eval(), batch()
    wider = torch.nn.functional.pad(ids, (0, 4))
    assert hidden_part(model, teach, wider, targets) == pytest.approx(hidden_part(model, teach, ids, targets), abs=1e-5)
    assert hidden_part(model, teach, torch.zeros_like(ids), targets) == 0  # texts of padding alone: a number, not 0 / 0


def test_each_layer_of_a_student_stands_for_the_named_one_of_its_teacher():
    teacher = encoder(seed=2, scale=1.5).eval()
    ids, targets = batch()
    parts = {}
    for copied, named in (([1], [1]), ([0], [0]), ([0], [1])):
        student = Pupil(reducing.with_layers(teacher, copied).eval(), 32).requires_grad_(False)
        parts[copied[0], named[0]] = [float(Lesson(teacher, named, 0.5, 2.0, weight)(student, ids, targets)[0]) for weight in (0.0, 1.0)]
    without, with_them = parts[0, 0]
    assert with_them == pytest.approx(without, abs=1e-5)  # the first layer reads what it always read
    without, with_them = parts[0, 1]
    assert with_them > without + 0.01
    with pytest.raises(UserError, match="the teacher has 2 layers"):
        Lesson(teacher, [2], 0.5, 2.0, 1.0)


def test_a_narrower_student_is_projected_and_its_projection_learns(tmp_path):
    narrow = Pupil(reducing.narrower(encoder(), 16), 32)
    before = narrow.projection.weight.detach().clone()
    assert before.shape == (32, 16) and narrow.encoder.spec.width == 16
    training(tmp_path, narrow, data=taught(), loss=lesson()).run()
    assert not torch.equal(narrow.projection.weight, before)
    assert not list(Pupil(encoder(), 32).projection.parameters())


def test_the_teacher_learns_nothing_and_computes_without_dropout(tmp_path):
    teacher = encoder(seed=2, scale=1.5)
    before, student = copy.deepcopy(teacher.state_dict()), Pupil(encoder(), 32)
    teach = Lesson(teacher.train(), [0, 1], 0.5, 2.0, 1.0)
    first = copy.deepcopy(student.state_dict())
    training(tmp_path, student, data=taught(), loss=teach).run()
    assert equal(teacher.state_dict(), before) and not teacher.training
    assert all(parameter.grad is None for parameter in teacher.parameters())
    assert not equal(student.state_dict(), first)


def test_without_hidden_states_the_teacher_is_never_asked(monkeypatch):
    teacher, model, (ids, targets) = encoder(seed=2), pupil(), batch()

    def asked(_):
        raise AssertionError

    monkeypatch.setattr(teacher, "hidden_states", asked)
    Lesson(teacher, [0, 1], 0.5, 2.0, 0.0)(model, ids, targets)
    with pytest.raises(AssertionError):
        Lesson(teacher, [0, 1], 0.5, 2.0, 1.0)(model, ids, targets)


# Adapters

LINEAR = ("query", "key", "value", "mix", "wide", "narrow")


def adapted(place, rank=2):
    """A network with adapters, trained, and the state that it began with."""
    plain = encoder()
    begun = copy.deepcopy(plain.state_dict())
    model = adapters.with_adapters(plain, rank)
    training(place, model, plan=replace(PLAN, learning_rate=0.01)).run()
    return model, begun


def test_adapters_change_nothing_at_first_and_move_few_weights():
    plain = encoder().eval()
    ids = torch.from_numpy(texts(5)[0])
    before = plain(ids).detach()
    model = adapters.with_adapters(plain, 2)
    assert torch.equal(model.eval()(ids), before)
    shapes = [(32, 32)] * 4 + [(64, 32), (32, 64)]
    assert adapters.trained_parameters(model) == 2 * sum(2 * (rows + columns) for rows, columns in shapes) + 32 + 1
    free = {name for name, value in model.named_parameters() if value.requires_grad}
    assert all("lora_" in name or name.startswith("head.") for name in free)
    assert adapters.trained_parameters(model) < 0.1 * sum(value.numel() for value in encoder().parameters())


def test_merged_adapters_give_the_same_and_leave_all_else_as_it_was(tmp_path):
    model, begun = adapted(tmp_path)
    ids = torch.from_numpy(texts(30, seed=7)[0])
    with torch.inference_mode():
        before = model(ids)
        plain = adapters.merged(model)
        np.testing.assert_allclose(plain(ids).numpy(), before.numpy(), atol=1e-5)
        assert torch.equal(model(ids), before)  # merging is done on a copy
        assert (encoder().eval()(ids) - before).abs().max() > 0.1
    assert not plain.training and plain.state_dict().keys() == begun.keys()
    for name, value in plain.state_dict().items():
        adapted_one = name.endswith(".weight") and name.split(".")[-2] in LINEAR
        assert torch.equal(value, begun[name]) != (adapted_one or name.startswith("head.")), name
        if adapted_one:
            ranks = torch.linalg.matrix_rank((value - begun[name]).double(), atol=1e-5)
            assert 1 <= int(ranks) <= 2, name


def test_a_merged_network_can_be_saved_and_is_the_same_each_time(tmp_path):
    from sentipress.runtimes.encoder_file import save_encoder

    for name in "ab":
        (tmp_path / name).mkdir()
        save_encoder(adapters.merged(adapted(tmp_path / name)[0]), tmp_path / name / "m.safetensors")
    assert files.sha256(tmp_path / "a" / "m.safetensors") == files.sha256(tmp_path / "b" / "m.safetensors")
