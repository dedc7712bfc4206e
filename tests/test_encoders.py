"""Encoders: the same function as the library's models, pretrained weights and their errors, and every file they are saved as."""

import importlib
import json
import shutil
import zipfile
from importlib import metadata

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs pip install -r requirements-encoder.txt")
pytest.importorskip("transformers", reason="needs pip install -r requirements-encoder.txt")
pytest.importorskip("litert_torch", reason="needs pip install -r requirements-encoder.txt")
pytest.importorskip("onnx", reason="needs pip install -r requirements-encoder.txt")
pytest.importorskip("onnxruntime", reason="needs pip install -r requirements-encoder.txt")

import huggingface_hub
import onnxruntime
import torch
import transformers
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from encoders import KINDS, LAYERS, WIDTH, library_model, sentences, small_folder
from safetensors.torch import load_file, save_file

from sentipress.browser import encoder_files, piece_rules
from sentipress.core.errors import UserError
from sentipress.data.task import SENTIMENT, Task
from sentipress.runtimes import litert, registry
from sentipress.runtimes.encoder_file import EncoderModel, load_encoder, save_encoder
from sentipress.runtimes.litert_encoder import LiteRTEncoder
from sentipress.runtimes.onnx_file import OnnxEncoder
from sentipress.text.pieces import PieceTokenizer
from sentipress.transformer import conversion, pretrained
from sentipress.transformer.attention import Encoder, parameters_of
from sentipress.transformer.inference import batches, logits_of
from sentipress.transformer.shapes import EncoderSpec

LENGTHS = (8, 16)
THREE = Task(("bad", "neither", "good"))
REMEDY = "run the stage that makes it"


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    return {kind: small_folder(tmp_path_factory.mktemp("encoders") / kind, kind) for kind in KINDS}


def with_head(found: pretrained.Pretrained, outputs: int = 1, pooling: str = "mean") -> Encoder:
    """A network whose head is large enough for texts to get logits apart from each other."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        model = found.network(outputs, pooling).eval()
        model.head.weight.data.normal_(std=1.0)
        model.head.bias.data.normal_(std=0.5)
    return model


@pytest.fixture(scope="module")
def model(folders):
    return with_head(pretrained.load(str(folders["bert"])))


@pytest.fixture(scope="module")
def tokenizer(folders):
    return pretrained.load(str(folders["bert"])).tokenizer(LENGTHS[-1])


@pytest.fixture(scope="module")
def ids(tokenizer):
    """1,000 sentences, most of them cut; a hundred begin of sentences that fit into the shorter signature."""
    return tokenizer.encode([*sentences()[:900], *(" ".join(text.split()[:2]) for text in sentences()[900:1000])])


@pytest.fixture(scope="module")
def tflite(model):
    return conversion.to_tflite(model, LENGTHS)


@pytest.fixture(scope="module")
def onnx_file(model):
    return conversion.to_onnx(model)


def library_logits(folder, model: Encoder, ids: np.ndarray, pooling: str = "mean") -> np.ndarray:
    """Logits by the library's own model, its mean over the ids or its first id, and the head's weights."""
    theirs = transformers.AutoModel.from_pretrained(folder, add_pooling_layer=False).eval()
    present = torch.from_numpy((ids != model.spec.padding_id).astype(np.int64))
    with torch.inference_mode():
        states = theirs(input_ids=torch.from_numpy(ids).long(), attention_mask=present).last_hidden_state
        pooled = states[:, 0] if pooling == "first" else (states * present[:, :, None]).sum(1) / present.sum(1, keepdim=True)
        return torch.nn.functional.linear(pooled, model.head.weight, model.head.bias).numpy()


# The network


@pytest.mark.parametrize("pooling", ["mean", "first"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_network_computes_what_the_librarys_model_does(kind, pooling, folders):
    found = pretrained.load(str(folders[kind]))
    model = with_head(found, 3, pooling)
    ids = found.tokenizer(40).encode(sentences()[:300])
    expected = library_logits(folders[kind], model, ids, pooling)
    assert expected.std(axis=0).min() > 0.05  # texts differ by more than what is allowed here
    with torch.inference_mode():
        np.testing.assert_allclose(model(torch.from_numpy(ids)).numpy(), expected, atol=1e-4)


def test_the_bundled_encoder_computes_what_the_librarys_model_does(tmp_path):
    archive = metadata.distribution(pretrained.PACKAGE).locate_file(pretrained.PACKAGE_FILE)
    with zipfile.ZipFile(archive) as content:
        for name in pretrained.NEEDED:
            content.extract(name, tmp_path)
    found = pretrained.load(pretrained.BUNDLED)
    model = with_head(found)
    assert (found.name, model.spec.layers, model.spec.width, model.spec.longest) == (pretrained.BUNDLED_NAME, 6, 384, 512)
    ids = found.tokenizer(32).encode(sentences()[:16])
    with torch.inference_mode():
        np.testing.assert_allclose(model(torch.from_numpy(ids)).numpy(), library_logits(tmp_path, model, ids), atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_padding_changes_no_logit(kind, folders):
    found = pretrained.load(str(folders[kind]))
    model = with_head(found)
    longest = found.tokenizer(model.spec.longest).encode(sentences()[:40])
    with torch.inference_mode():
        padded = model(torch.from_numpy(longest)).numpy()
        for row, expected in zip(longest, padded, strict=True):
            own = row[row != model.spec.padding_id][np.newaxis]
            np.testing.assert_allclose(model(torch.from_numpy(own)).numpy()[0], expected, atol=1e-5)
        empty = np.full((1, 8), model.spec.padding_id, np.int32)
        assert np.isfinite(model(torch.from_numpy(empty)).numpy()).all()


def test_logits_come_in_the_texts_order_whatever_their_batches(model, ids):
    with torch.inference_mode():
        np.testing.assert_allclose(logits_of(model, ids), model(torch.from_numpy(ids)).numpy(), atol=1e-5)
    parts = batches(ids, 0, ids_a_batch=64)
    assert sorted(np.concatenate([rows for rows, _ in parts]).tolist()) == list(range(len(ids)))
    assert all(part.size <= 64 for _, part in parts) and len(parts) > 100
    assert logits_of(model, ids[:0]).shape == (0, 1)


def test_the_states_of_each_layer_are_those_of_the_library(folders, model, ids):
    theirs = transformers.AutoModel.from_pretrained(folders["bert"], add_pooling_layer=False).eval()
    some = torch.from_numpy(ids[:20])
    with torch.inference_mode():
        expected = theirs(input_ids=some.long(), attention_mask=(some != 0).long(), output_hidden_states=True).hidden_states
        ours = model.hidden_states(some)
    assert len(ours) == len(expected) == LAYERS + 1
    present = (some != 0).numpy()
    for our, their in zip(ours, expected, strict=True):
        np.testing.assert_allclose(our.numpy()[present], their.numpy()[present], atol=1e-4)


def test_a_shape_goes_through_json(model):
    content = json.loads(json.dumps(model.spec.as_dict()))
    assert EncoderSpec.of(content) == model.spec and content["heads"] == [2, 2]
    assert (model.spec.width, model.spec.layers, model.spec.longest, model.spec.first_position) == (WIDTH, LAYERS, 64, 0)
    with pytest.raises(TypeError):
        EncoderSpec.of({**content, "another": 1})
    for name in content:
        with pytest.raises((TypeError, KeyError)):
            EncoderSpec.of({key: value for key, value in content.items() if key != name})


def test_robertas_positions_begin_behind_its_padding_id(folders):
    spec = pretrained.load(str(folders["xlm-roberta"])).spec(1, "mean")
    assert (spec.first_position, spec.padding_id, spec.longest, spec.positions) == (2, 1, 62, 64)


def test_layers_may_have_sizes_of_their_own(tmp_path):
    spec = EncoderSpec("cut", 50, 32, 20, 0, 0, 16, (1, 2), (8, 24), 1e-12, "first", 3)
    model = Encoder(spec).eval()
    with torch.inference_mode():
        assert model(torch.ones((2, 5), dtype=torch.int32)).shape == (2, 3)
    save_encoder(model, tmp_path / "cut.safetensors")
    assert load_encoder(tmp_path / "cut.safetensors", REMEDY).spec == spec


# Weights that others trained


def test_the_head_follows_pytorchs_seed_and_the_rest_does_not(folders):
    found = pretrained.load(str(folders["bert"]))
    made = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        made.append(parameters_of(found.network(1, "mean")))
    assert all(np.array_equal(made[0][name], made[1][name]) for name in made[0])
    assert [name for name in made[0] if not np.array_equal(made[0][name], made[2][name])] == ["head.weight"]


def changed_config(**changes):
    def change(folder):
        content = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        (folder / "config.json").write_text(json.dumps({**content, **changes}), encoding="utf-8")

    return change


def without_a_layer(folder):
    weights = {name: value for name, value in load_file(folder / "model.safetensors").items() if "layer.1." not in name}
    save_file(weights, folder / "model.safetensors", {"format": "pt"})


def cut(name, end):
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:end])


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda folder: (folder / "config.json").unlink(), "has no config.json"),
        (lambda folder: (folder / "model.safetensors").unlink(), "has no model.safetensors"),
        (lambda folder: (folder / "tokenizer.json").unlink(), "has no tokenizer.json"),
        (cut("config.json", 100), "config.json cannot be read"),
        (cut("model.safetensors", -100), "model.safetensors cannot be read"),
        (cut("model.safetensors", 0), "model.safetensors cannot be read"),
        (cut("tokenizer.json", -100), "tokenizer that can be read"),
        (lambda folder: (folder / "tokenizer.json").write_text('{"model": 1}', encoding="utf-8"), "tokenizer.json cannot be read"),
        (lambda folder: (folder / "tokenizer.json").write_text("[]", encoding="utf-8"), "tokenizer.json cannot be read"),
        (without_a_layer, "model.safetensors lacks 16 of the weights"),
        (lambda folder: save_file({"a": torch.zeros(3)}, folder / "model.safetensors", {"format": "pt"}), "lacks 37 of the weights"),
        (changed_config(num_hidden_layers=3), "model.safetensors lacks 16 of the weights"),
        (changed_config(hidden_size=64), "model.safetensors cannot be read"),
        (changed_config(pad_token_id=None), "names no pad_token_id"),
        (changed_config(hidden_act="relu"), "another activation than gelu"),
        (changed_config(model_type="nothing"), "config.json cannot be read"),
        (lambda folder: transformers.GPT2Config().save_pretrained(folder), "is of the kind gpt2"),
        (lambda folder: library_model("bert", 400).save_pretrained(folder), "the tokenizer has 500 pieces, the weights have 400"),
    ],
)
def test_a_folder_that_cannot_be_read_is_one_clear_line(change, problem, folders, tmp_path):
    folder = shutil.copytree(folders["bert"], tmp_path / "encoder")
    change(folder)
    with pytest.raises(UserError) as caught:
        pretrained.load(str(folder))
    assert problem in caught.value.problem and "encoder" in caught.value.problem and "give --encoder" in caught.value.remedy


def test_a_name_that_cannot_be_fetched_is_one_clear_line(monkeypatch):
    def refuse(*_, **__):
        raise ConnectionError("no way to the hub\nand more lines")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", refuse)
    with pytest.raises(UserError) as caught:
        pretrained.load("someone/nothing")
    assert "'someone/nothing'" in str(caught.value) and "no way to the hub" in str(caught.value) and "bundled" in caught.value.remedy
    assert "more lines" not in str(caught.value)
    for missing in ("./nowhere", "/nowhere/at/all", "~/nowhere"):
        with pytest.raises(UserError, match="does not exist -> give --encoder"):
            pretrained.load(missing)


def test_a_name_of_the_hub_keeps_its_name_and_gets_its_prefix(monkeypatch, folders, tmp_path):
    asked = []

    def fetch(name, **options):
        asked.append((name, options["cache_dir"]))
        return str(folders["xlm-roberta"])

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fetch)
    found = pretrained.load("someone/multilingual-e5-tiny", tmp_path)
    assert asked == [("someone/multilingual-e5-tiny", tmp_path)] and found.name == "someone/multilingual-e5-tiny"
    assert found.tokenizer(16).prefix == "query: " and pretrained.load(str(folders["xlm-roberta"])).tokenizer(16).prefix == ""


def test_a_bundled_encoder_that_is_missing_or_damaged_is_one_clear_line(monkeypatch, tmp_path):
    for content in (b"", b"PK\x03\x04 half"):
        (tmp_path / "model.zip").write_bytes(content)
        monkeypatch.setattr(pretrained, "PACKAGE_FILE", str(tmp_path / "model.zip"))
        with pytest.raises(UserError, match=r"model\.zip is damaged .* -> pip install all-minilm"):
            pretrained.load(pretrained.BUNDLED)
    with zipfile.ZipFile(tmp_path / "model.zip", "w") as archive:
        archive.writestr("config.json", "{}")
    with pytest.raises(UserError, match=r"model\.zip is damaged .*model\.safetensors"):
        pretrained.load(pretrained.BUNDLED)
    monkeypatch.setattr(pretrained, "PACKAGE", "no-such-package")
    with pytest.raises(UserError, match="no-such-package is not installed"):
        pretrained.load(pretrained.BUNDLED)


# .safetensors


def test_a_saved_encoder_has_the_same_bytes_and_the_same_logits(model, ids, tmp_path):
    first, second = tmp_path / "a.safetensors", tmp_path / "b.safetensors"
    save_encoder(model, first)
    loaded = load_encoder(first, REMEDY)
    save_encoder(loaded, second)
    assert first.read_bytes() == second.read_bytes() and loaded.spec == model.spec
    np.testing.assert_array_equal(logits_of(loaded.eval(), ids[:200]), logits_of(model, ids[:200]))
    assert np.allclose(load_file(first)["head.weight"].numpy(), model.head.weight.detach().numpy())


@pytest.mark.parametrize("outputs", [1, 3])
def test_a_saved_encoder_gives_probabilities_of_its_task(outputs, folders, tokenizer, ids, tmp_path):
    task = SENTIMENT if outputs == 1 else THREE
    model = with_head(pretrained.load(str(folders["bert"])), outputs)
    save_encoder(model, tmp_path / "model.safetensors")
    runtime = EncoderModel(tmp_path / "model.safetensors", REMEDY, tokenizer, task)
    many = runtime.predict(ids[:50])
    assert many.shape == ((50,) if outputs == 1 else (50, 3)) and many.min() >= 0 and many.max() <= 1
    np.testing.assert_allclose(many, task.probabilities(task.shaped(logits_of(model, ids[:50]))), atol=1e-6)
    for row, expected in zip(ids[:20], many, strict=False):
        np.testing.assert_allclose(runtime.predict_one(row[np.newaxis]), expected, atol=1e-5)
        np.testing.assert_allclose(runtime.predict_padded(row[np.newaxis]), expected, atol=1e-5)
    assert set(runtime.stored_arrays()) == set(model.state_dict())


@pytest.mark.parametrize(
    "change",
    [
        lambda content: b"",
        lambda content: content[:-50],
        lambda content: content[:40],
        lambda content: b"\xff" * 100,
        lambda content: content.replace(b"sentipress.encoder", b"sentipress.another"),
        lambda content: content.replace(b'\\"pooling\\"', b'\\"poolinG\\"'),
        lambda content: content.replace(b'"head.bias"', b'"head.bIas"'),
        lambda content: content.replace(b'\\"positions\\": 64', b'\\"positions\\": 63'),
    ],
)
def test_a_damaged_encoder_is_one_clear_line(change, model, tmp_path):
    path = tmp_path / "model.safetensors"
    save_encoder(model, path)
    content = change(path.read_bytes())
    assert content != path.read_bytes()
    path.write_bytes(content)
    with pytest.raises(UserError) as caught:
        load_encoder(path, REMEDY)
    assert "model.safetensors" in caught.value.problem and caught.value.remedy == REMEDY


def test_a_foreign_or_missing_file_is_one_clear_line(folders, tmp_path):
    with pytest.raises(UserError, match=r"model\.safetensors is no encoder of this project"):
        load_encoder(folders["bert"] / "model.safetensors", REMEDY)
    with pytest.raises(UserError, match=r"none\.safetensors is missing"):
        load_encoder(tmp_path / "none.safetensors", REMEDY)


def test_a_tokenizer_or_labels_of_another_encoder_are_refused(folders, model, tokenizer, tmp_path):
    path = tmp_path / "model.safetensors"
    save_encoder(model, path)
    xlm = pretrained.load(str(folders["xlm-roberta"])).tokenizer(16)
    with pytest.raises(UserError, match=r"model\.safetensors reads 500 ids, its vocabulary gives 501"):
        EncoderModel(path, REMEDY, xlm)
    with pytest.raises(UserError, match="reads 500 ids"):
        EncoderModel(path, REMEDY, PieceTokenizer(tokenizer.library, 16, 3))
    with pytest.raises(UserError, match="reads texts of 64 ids, its vocabulary gives 65"):
        EncoderModel(path, REMEDY, PieceTokenizer(tokenizer.library, 65, 0))
    with pytest.raises(UserError, match="gives 1 numbers, its 3 labels need 3"):
        EncoderModel(path, REMEDY, tokenizer, THREE)
    with pytest.raises(UserError, match="without a vocabulary"):
        EncoderModel(path, REMEDY).prepare(["a film"])


# .tflite


def signature_logits(content: bytes, ids: np.ndarray, length: int) -> np.ndarray:
    """Logits float32 (texts, outputs) by one signature of a file."""
    interpreter = Interpreter(model_content=content, num_threads=1)
    runner = interpreter.get_signature_runner(f"{conversion.SIGNATURE}{length}")
    (source,), (target,) = runner.get_input_details(), runner.get_output_details()
    return np.concatenate([runner(**{source: row[np.newaxis, :length]})[target] for row in ids])


def test_the_tflite_file_computes_what_the_librarys_model_does(folders, model, tflite, ids):
    expected = library_logits(folders["bert"], model, ids)
    assert expected.std() > 0.3
    np.testing.assert_allclose(signature_logits(tflite, ids, 16), expected, atol=1e-4)
    fitting = (ids[:, 8:] == 0).all(axis=1)
    assert fitting.sum() > 50
    np.testing.assert_allclose(signature_logits(tflite, ids[fitting], 8), expected[fitting], atol=1e-4)


def test_the_tflite_file_needs_no_custom_operator(tflite, tmp_path):
    for number_format in (None, *conversion.FORMATS):
        path = tmp_path / f"{number_format}.tflite"
        path.write_bytes(conversion.quantized(tflite, number_format) if number_format else tflite)
        assert litert.custom_operators(path) == [] and len(litert.operators(path)) > 5


@pytest.mark.parametrize(
    ("number_format", "agreement", "correlation"),
    [("linear_8bit", 0.95, 0.998), ("dynamic_8bit", 0.95, 0.998), ("dynamic_4bit", 0.8, 0.93)],
)
def test_a_quantized_file_is_smaller_and_decides_nearly_the_same(number_format, agreement, correlation, tflite, ids, tmp_path):
    small = conversion.quantized(tflite, number_format)
    assert len(small) < (0.95 if number_format == "linear_8bit" else 0.75) * len(tflite)
    before, after = signature_logits(tflite, ids, 16)[:, 0], signature_logits(small, ids, 16)[:, 0]
    assert not np.array_equal(before, after)
    assert np.mean((before > np.median(before)) == (after > np.median(before))) > agreement
    assert np.corrcoef(before, after)[0, 1] > correlation
    path = tmp_path / "small.tflite"
    path.write_bytes(small)
    arrays = litert.stored_arrays(path)
    embedding = max(arrays, key=lambda name: arrays[name].size)
    assert arrays[embedding].size == 500 * WIDTH
    assert arrays[embedding].dtype == (np.float32 if number_format == "linear_8bit" else np.int8)
    assert ("4 bits" in embedding) == (number_format == "dynamic_4bit")


def test_every_format_has_a_test():
    marks = test_a_quantized_file_is_smaller_and_decides_nearly_the_same.pytestmark
    assert {values[0] for mark in marks for values in mark.args[1]} == set(conversion.FORMATS)


def test_signatures_share_weights_scales_and_zero_points(tflite):
    content = conversion.quantized(tflite, "dynamic_8bit")
    model = schema.Model.GetRootAs(content)
    places: dict[str, dict[bytes, set[int]]] = {"scale": {}, "zero point": {}}
    tables = 0
    for graph in map(model.Subgraphs, range(model.SubgraphsLength())):
        for tensor in map(graph.Tensors, range(graph.TensorsLength())):
            found = tensor.Quantization()
            if found is None or found.ScaleIsNone() or found.ScaleLength() < 2:
                continue
            tables += 1
            assert found.ScaleLength() == found.ZeroPointLength()
            for name, vector in (("scale", found.ScaleAsNumpy()), ("zero point", found.ZeroPointAsNumpy())):
                places[name].setdefault(vector.tobytes(), set()).add(vector.__array_interface__["data"][0])
    assert model.SubgraphsLength() == len(LENGTHS) and tables > len(places["scale"]) > len(places["zero point"]) > 1
    assert all(len(addresses) == 1 for vectors in places.values() for addresses in vectors.values())
    for buffer in map(model.Buffers, range(model.BuffersLength())):
        if not buffer.DataIsNone():
            start = buffer.DataAsNumpy().__array_interface__["data"][0] - np.frombuffer(content, np.uint8).__array_interface__["data"][0]
            assert start % conversion.ALIGNMENT == 0


def with_weights_outside(content: bytes) -> bytes:
    """The file as the quantizer writes a large one: long buffers behind the flatbuffer, by offset and size."""
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    moved = [(buffer, bytes(buffer.data)) for buffer in model.buffers if buffer.data is not None and len(buffer.data) >= 1024]
    for buffer, data in moved:
        buffer.data, buffer.offset, buffer.size = None, 1, len(data)

    def packed() -> bytes:
        builder = conversion.flatbuffers.Builder(1024)
        builder.Finish(model.Pack(builder), b"TFL3")
        return bytes(builder.Output())

    end = -(-len(packed()) // 16) * 16
    for buffer, data in moved:
        buffer.offset = end
        end = -(-(end + len(data)) // 16) * 16
    whole = bytearray(end)
    start = packed()
    whole[: len(start)] = start
    for buffer, data in moved:
        whole[buffer.offset : buffer.offset + len(data)] = data
    return bytes(whole)


def test_weights_outside_the_flatbuffer_come_back_into_it(tflite, ids, tmp_path):
    inside = conversion.quantized(tflite, "dynamic_8bit")
    outside = with_weights_outside(inside)
    expected = signature_logits(inside, ids[:50], 16)
    np.testing.assert_array_equal(signature_logits(outside, ids[:50], 16), expected)  # such a file is sound
    again = conversion.shared(outside)
    assert len(again) == len(inside)
    np.testing.assert_array_equal(signature_logits(again, ids[:50], 16), expected)
    (tmp_path / "again.tflite").write_bytes(again)
    (tmp_path / "inside.tflite").write_bytes(inside)
    ours, theirs = litert.stored_arrays(tmp_path / "again.tflite"), litert.stored_arrays(tmp_path / "inside.tflite")
    assert ours.keys() == theirs.keys() and all(np.array_equal(ours[name], theirs[name]) for name in theirs)


def test_a_quantization_that_saves_nothing_is_refused(tflite):
    with pytest.raises(UserError, match="dynamic_8bit saved nothing"):
        conversion.quantized(conversion.quantized(tflite, "dynamic_8bit"), "dynamic_8bit")


def test_the_shortest_signature_that_holds_a_text_runs(tflite, model, tokenizer, ids, tmp_path, monkeypatch):
    path = tmp_path / "model.tflite"
    path.write_bytes(tflite)
    runtime = LiteRTEncoder(path, REMEDY, tokenizer)
    assert runtime.lengths == list(LENGTHS)
    expected = logits_of(model, ids)
    used: list[int] = []
    run = LiteRTEncoder._logits
    monkeypatch.setattr(LiteRTEncoder, "_logits", lambda self, inputs, length: used.append(length) or run(self, inputs, length))
    for row, logits in zip(ids, expected, strict=True):
        np.testing.assert_allclose(runtime.logits(row[np.newaxis])[0], logits, atol=1e-4)
        assert used.pop() == (8 if (row != 0).sum() <= 8 else 16) and not used
    runtime.predict_padded(ids[-1:])
    assert used == [16] and (ids[-1] != 0).sum() <= 8


def test_the_page_is_told_how_to_run_a_tflite_file(tflite, tokenizer, tmp_path, monkeypatch):
    monkeypatch.setattr(piece_rules, "described", lambda _: {"space": " "})  # tests/test_browser_pieces.py asks it
    model, vocabulary = tmp_path / "model.tflite", tmp_path / "tokenizer.json"
    model.write_bytes(tflite)
    tokenizer.save(vocabulary)
    about, read = encoder_files.served(encoder_files.known(model, vocabulary, SENTIMENT, REMEDY), "models/tokenizer.json")
    assert about["lengths"] == list(LENGTHS) and about["labels"] == ["negative", "positive"] and about["cleaning"] == "plain"
    content = read[about["tokenizer"]["file"]]
    assert about["tokenizer"]["bytes"] == len(content) and json.loads(content)["library"] == tokenizer.library
    with pytest.raises(UserError, match="its 3 labels need 3"):
        encoder_files.known(model, vocabulary, THREE, REMEDY)


@pytest.mark.parametrize("change", [lambda content: b"", lambda content: content[: len(content) // 2], lambda content: b"\xff" * 2000])
def test_a_damaged_tflite_file_is_one_clear_line(change, tflite, tokenizer, tmp_path):
    path = tmp_path / "model.tflite"
    path.write_bytes(change(tflite))
    with pytest.raises(UserError) as caught:
        LiteRTEncoder(path, REMEDY, tokenizer)
    assert "model.tflite is damaged" in caught.value.problem and caught.value.remedy == REMEDY


def renamed(content: bytes, name: bytes) -> bytes:
    """The file with another name for its signatures."""
    return content.replace(b"ids_8", name).replace(b"ids_16", name + b"0")


def test_a_tflite_file_of_another_kind_is_refused(tflite, tokenizer, tmp_path):
    path = tmp_path / "model.tflite"
    path.write_bytes(tflite)
    with pytest.raises(UserError, match=r"model\.tflite reads 16 ids, its vocabulary gives 24"):
        LiteRTEncoder(path, REMEDY, PieceTokenizer(tokenizer.library, 24, 0))
    with pytest.raises(UserError, match="gives 1 numbers, its 3 labels need 3"):
        LiteRTEncoder(path, REMEDY, tokenizer, THREE)
    with pytest.raises(UserError, match=r"none\.tflite is missing"):
        LiteRTEncoder(tmp_path / "none.tflite", REMEDY, tokenizer)
    for name in (b"ods_8", b"ids_x"):
        path.write_bytes(renamed(tflite, name))
        with pytest.raises(UserError, match="no signature ids_<length>"):
            LiteRTEncoder(path, REMEDY, tokenizer)


# .onnx


def test_the_onnx_file_computes_what_the_network_does_at_any_length(model, onnx_file, ids):
    session = onnxruntime.InferenceSession(onnx_file, providers=["CPUExecutionProvider"])
    expected = logits_of(model, ids[:200])
    for row, logits in zip(ids[:200], expected, strict=True):
        for inputs in (row, row[row != 0]):
            np.testing.assert_allclose(session.run(["logits"], {"ids": inputs[np.newaxis]})[0][0], logits, atol=1e-4)


def test_the_onnx_file_of_8_bits_is_smaller_and_decides_nearly_the_same(onnx_file, tokenizer, ids, tmp_path):
    small = conversion.onnx_8bit(onnx_file)
    assert len(small) < 0.75 * len(onnx_file)
    found = []
    for name, content in (("float", onnx_file), ("small", small)):
        (tmp_path / f"{name}.onnx").write_bytes(content)
        found.append(OnnxEncoder(tmp_path / f"{name}.onnx", REMEDY, tokenizer).predict(ids[:300]))
    assert np.corrcoef(*found)[0, 1] > 0.98 and not np.array_equal(*found)


def test_an_onnx_file_that_is_damaged_or_of_another_kind_is_one_clear_line(onnx_file, tokenizer, tmp_path):
    path = tmp_path / "model.onnx"
    for content in (b"\xff" * 500, onnx_file[:-2000]):
        path.write_bytes(content)
        with pytest.raises(UserError, match=r"model\.onnx is damaged .* -> run the stage"):
            OnnxEncoder(path, REMEDY, tokenizer)
    path.write_bytes(onnx_file)
    with pytest.raises(UserError, match="gives 1 numbers, its 3 labels need 3"):
        OnnxEncoder(path, REMEDY, tokenizer, THREE)
    with pytest.raises(UserError, match=r"none\.onnx is missing"):
        OnnxEncoder(tmp_path / "none.onnx", REMEDY, tokenizer)
    import onnx

    foreign = onnx.load_from_string(onnx_file)
    for node in foreign.graph.node:
        node.input[:] = ["words" if name == "ids" else name for name in node.input]
    foreign.graph.input[0].name = "words"
    path.write_bytes(foreign.SerializeToString())
    with pytest.raises(UserError, match="no encoder of this project"):
        OnnxEncoder(path, REMEDY, tokenizer)


# By their endings


def test_the_registry_opens_each_ending_with_its_class_and_all_agree(model, tokenizer, tflite, onnx_file, ids, tmp_path):
    tokenizer.save(tmp_path / "tokenizer.json")
    save_encoder(model, tmp_path / "a.safetensors")
    (tmp_path / "a.tflite").write_bytes(tflite)
    (tmp_path / "a.onnx").write_bytes(onnx_file)
    found = {}
    for ending, kind in ((".safetensors", EncoderModel), (".tflite", LiteRTEncoder), (".onnx", OnnxEncoder)):
        runtime = registry.open_model(tmp_path / f"a{ending}")
        assert type(runtime) is kind and runtime.cleaning == tokenizer.cleaning
        np.testing.assert_array_equal(runtime.prepare(sentences()[:5]), ids[:5])
        assert runtime.known_share("a film") == tokenizer.known_share("a film")
        found[ending] = runtime.predict(ids[:100])
        assert found[ending].shape == (100,) and runtime.predict(ids[:0]).shape == (0,)
        np.testing.assert_allclose(runtime.predict_one(ids[:1]), found[ending][0], atol=1e-5)
        np.testing.assert_allclose(runtime.predict_padded(ids[:1]), found[ending][0], atol=1e-5)
        sizes = [array.size for array in runtime.stored_arrays().values()]
        assert sum(sizes) >= 500 * WIDTH
    np.testing.assert_allclose(found[".tflite"], found[".safetensors"], atol=1e-4)
    np.testing.assert_allclose(found[".onnx"], found[".safetensors"], atol=1e-4)


@pytest.mark.parametrize(
    ("ending", "package", "remedy"),
    [
        (".safetensors", "torch", "pip install -r requirements-encoder.txt"),
        (".safetensors", "safetensors.torch", "pip install -r requirements-encoder.txt"),
        (".onnx", "onnxruntime", "pip install -r requirements-encoder.txt"),
        (".tflite", "ai_edge_litert.interpreter", "pip install -r requirements.txt"),
    ],
)
def test_a_package_that_is_not_installed_is_named_with_its_command(ending, package, remedy, tokenizer, tmp_path, monkeypatch):
    tokenizer.save(tmp_path / "tokenizer.json")
    (tmp_path / f"a{ending}").write_bytes(b"not read")

    def missing(name):
        raise ModuleNotFoundError(f"No module named {package!r}", name=package)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(UserError) as caught:
        registry.open_model(tmp_path / f"a{ending}")
    assert caught.value.problem == f"the package {package.partition('.')[0]} is not installed" and caught.value.remedy == remedy
