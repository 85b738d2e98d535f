"""`pycouple generate` with damaged and hostile models: one line says what is wrong, and nothing large is made."""

import io
import json
import os
import random
import shutil
import struct
import sys
from collections import Counter
from contextlib import redirect_stderr, redirect_stdout, suppress

import pytest

pytestmark = [pytest.mark.engines, pytest.mark.filterwarnings("default")]
pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
pytest.importorskip("gguf")

from tokenizers import Tokenizer  # noqa: E402

from pycouple.cli.generate import engine  # noqa: E402
from pycouple.cli.main import main  # noqa: E402
from pycouple.plugins import _loading  # noqa: E402
from tests.support import tiny_models  # noqa: E402
from tests.support.mutations import hostile_gguf, hostile_json, hostile_safetensors  # noqa: E402

JSON = ("config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json")


@pytest.fixture(scope="module")
def sound(one_thread, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sound")
    tiny_models.save_folder(folder / "model")
    names = tiny_models.save_gguf(folder / "model.gguf")
    return folder / "model", folder / "model.gguf", [name.encode() for name in names]


@pytest.fixture
def folder(sound, tmp_path):
    return shutil.copytree(sound[0], tmp_path / "model")


def answer(model, *options):
    """The exit status and what stands on stderr."""
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()) as errors:
        status = main(["generate", "--prompt", "abcd", "--model", str(model), "--max-new-tokens", "3", *options])
    return status, errors.getvalue()


def refused(model, *options):
    """What the one line says after the model's name."""
    status, error = answer(model, *options)
    where = f"pycouple: error: --model {model}: "
    assert status == 2
    assert error.startswith(where)
    assert error.count("\n") == 1
    return error.removeprefix(where).rstrip()


def fuzz(kind, count, sound, folder, seed=0):
    """Generate with so many hostile models, of "gguf", "safetensors" or "json"; how often which answer came."""
    model, gguf, names = sound
    rng, answers = random.Random(seed), Counter()
    target = folder / "hostile.gguf" if kind == "gguf" else folder / "hostile"
    for _ in range(count):
        if kind == "gguf":
            target.write_bytes(hostile_gguf(gguf.read_bytes(), names, rng))
        else:
            shutil.copytree(model, target, dirs_exist_ok=True)
            name, change = ("model.safetensors", hostile_safetensors) if kind == "safetensors" else ("", hostile_json)
            name = name or rng.choice(JSON)
            (target / name).write_bytes(change((model / name).read_bytes(), rng))
        status, error = answer(target)
        if status == 0:
            assert not error or error.startswith("pycouple: warning: ")
            answers["read"] += 1
        else:
            assert status == 2
            assert error.startswith("pycouple: error: ")
            assert error.count("\n") == 1
            answers[error.removeprefix(f"pycouple: error: --model {target}: ")[:40]] += 1
    return answers


@pytest.mark.parametrize("kind", ["gguf", "safetensors", "json"])
def test_hostile_files(kind, sound, tmp_path, capfd):
    answers = fuzz(kind, 20, sound, tmp_path)
    assert answers.total() == 20
    assert len(answers) > 3
    assert capfd.readouterr() == ("", "")  # nor does a library write there


def test_sound_files(sound):
    for model in sound[:2]:
        assert answer(model) == (0, "")


def gguf_of(sound, tmp_path, *changes):
    """The GGUF file with numbers changed: the name behind which one stands, its distance, its layout, its value."""
    data, path = bytearray(sound[1].read_bytes()), tmp_path / "model.gguf"
    for name, distance, layout, value in changes:
        struct.pack_into(layout, data, data.index(name) + len(name) + distance, value)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ((b"GGUF", 0, "<I", 1), "it is of version 1 of GGUF; 2 and 3 are known"),
        ((b"GGUF", 0, ">I", 3), "it is of version 50331648 of GGUF; 2 and 3 are known"),
        ((b"GGUF", 4, "<Q", 2**62), "4611686018427387904 tensors and 16 values of metadata do not fit into "),
        ((b"GGUF", 12, "<Q", 2**64 - 1), "12 tensors and 18446744073709551615 values of metadata do not fit into "),
        ((b"llama.block_count", 0, "<I", 77), "llama.block_count is of the unknown type 77"),
        ((b"llama.block_count", 4, "<I", 2**31), "llama.block_count is 2147483648, and it has 12 tensors"),
        ((b"llama.embedding_length", 4, "<I", 2**31), "its configuration describes "),
        ((b"llama.vocab_size", 4, "<I", 2**31), "its configuration describes "),
        ((b"tokenizer.ggml.tokens", 4, "<I", 9), "tokenizer.ggml.tokens is an array of the unknown type 9"),
        ((b"tokenizer.ggml.tokens", 8, "<Q", 2**60), "it ends too early: "),
        ((b"tokenizer.ggml.tokens", 16, "<Q", 2**64 - 8), "it ends too early: 18446744073709551608 more bytes"),
        ((b"tokenizer.ggml.token_type", 8, "<Q", 2**61), "it ends too early: 9223372036854775808 more bytes"),
        ((b"general.architecture", -28, "<Q", 2**40), "a name of 1099511627776 bytes in its metadata is too long"),
        ((b"token_embd.weight", 0, "<I", 5), "tensor token_embd.weight has 5 axes"),
        ((b"token_embd.weight", 4, "<Q", 2**40), "it ends before its tensor token_embd.weight does"),
        ((b"token_embd.weight", 20, "<I", 99), "tensor token_embd.weight is of the unknown type 99"),
        ((b"token_embd.weight", 24, "<Q", 2**63), "it ends before its tensor token_embd.weight does"),
    ],
)
def test_gguf_files(sound, tmp_path, change, message):
    assert refused(gguf_of(sound, tmp_path, change)).startswith(message)


def test_half_a_gguf_file(sound, tmp_path):
    path, data = tmp_path / "model.gguf", sound[1].read_bytes()
    for length, message in (
        (0, "it does not begin as a GGUF file"),
        (4, "it ends too early: 4 more bytes are wanted at byte 4 of 4"),
        (500, "it ends too early: "),
        (len(data) - 1, "it ends before its tensor blk.0.ffn_down.weight does"),
    ):
        path.write_bytes(data[:length])
        assert refused(path).startswith(message)


def changed(folder, file, **changes):
    path = folder / file
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    return folder


@pytest.mark.parametrize(
    ("file", "changes", "message"),
    [
        ("config.json", {"vocab_size": 10**18}, ""),
        ("config.json", {"vocab_size": 10**9}, "its configuration describes 32000005200 weights, and its files have "),
        ("config.json", {"hidden_size": 2**20}, "its configuration describes "),
        ("config.json", {"intermediate_size": 10**12}, "its configuration describes "),
        ("config.json", {"num_hidden_layers": 2**31}, "num_hidden_layers must be at most 4096 in config.json"),
        ("config.json", {"num_hidden_layers": "2"}, ""),
        ("config.json", {"num_hidden_layers": -1}, "its configuration has -1 layers"),
        ("config.json", {"text_config": {"num_experts": 10**10}}, "num_experts must be at most 32768 in config.json"),
        ("config.json", {"n_layer": 2**12 + 1}, "n_layer must be at most 4096 in config.json"),
        ("config.json", {"decoder_layers": 2**12 + 1}, "decoder_layers must be at most 4096 in config.json"),
        ("config.json", {"n_routed_experts": 2**15 + 1}, "n_routed_experts must be at most 32768 in config.json"),
        ("config.json", {"model_type": "gpt2", "n_positions": 10**7}, ""),
        ("config.json", {"max_position_embeddings": "many"}, ""),
        ("config.json", {"head_dim": 10**15}, ""),
        ("tokenizer_config.json", {"model_max_length": [1]}, "'>' not supported between instances of 'int' and 'list'"),
        ("tokenizer_config.json", {"chat_template": "{{ 1 / 0 }}"}, ""),
        ("generation_config.json", {"eos_token_id": "x"}, "eos_token_id must be an integer, got str"),
        ("generation_config.json", {"eos_token_id": [[5]]}, "eos_token_id must be an integer, got list"),
    ],
)
def test_numbers_and_types(folder, file, changes, message):
    if "chat_template" in changes:
        (folder / "chat_template.jinja").unlink()
    assert refused(changed(folder, file, **changes)).startswith(message)


@pytest.mark.parametrize("file", [*JSON, "model.safetensors"])
@pytest.mark.parametrize(
    "content", [b"", b"\xff\xfe\0", b"[" * 100_000, b'{"a":' * 5000, b"7", b"null", b'{"a": ' + b"9" * 5000 + b"}"]
)
def test_files_of_other_content(folder, file, content):
    """Of generation_config.json transformers takes some for one that is not there."""
    (folder / file).write_bytes(content)
    if file != "generation_config.json":
        refused(folder)
    else:
        assert answer(folder)[0] in (0, 2)


def test_names_that_count_nothing(folder):
    """Of Qwen2-MoE, Nemotron-H, Gemma 3n and Llama 4: sizes and places beside the words layer and expert."""
    changed(folder, "config.json", shared_expert_intermediate_size=20480, moe_shared_expert_intermediate_size=7688)
    changed(folder, "config.json", vocab_size_per_layer_input=262144, moe_layer_end_index=2**31, num_experts=2**14)
    assert answer(folder)[0] == 0


def test_no_kind_of_model_has_too_many_layers_or_experts():
    """Unless it is told otherwise."""
    checked = 0
    for kind in transformers.MODEL_FOR_CAUSAL_LM_MAPPING:
        with suppress(Exception):  # some cannot be made without arguments
            config = json.loads(kind().to_json_string(use_diff=False))
            checked += 1
        _loading._check_counts(config)
    assert checked > 50


def test_a_panic_of_a_tokenizer(folder, capfd):
    """Its template has a token that it does not define: no Exception comes, and Rust writes to stderr by itself."""
    piece = [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}]
    template = {"type": "TemplateProcessing", "single": piece, "pair": piece, "special_tokens": {}}
    changed(folder, "tokenizer.json", post_processor=template)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    with pytest.raises(ValueError, match=r"^--model m: no entry found for key$"), engine._naming_model("m"):
        tokenizer.encode("ab")
    assert capfd.readouterr() == ("", "")


def safetensors(header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


@pytest.mark.parametrize(
    "content",
    [
        (2**63).to_bytes(8, "little") + b"{}",
        (10**8).to_bytes(8, "little") + b"{}",
        safetensors(b"[" * 10**5),
        safetensors({"lm_head.weight": {"dtype": "F99", "shape": [1], "data_offsets": [0, 4]}}, bytes(4)),
        safetensors({"lm_head.weight": {"dtype": "F32", "shape": [2**62, 4], "data_offsets": [0, 4]}}, bytes(4)),
        safetensors({"lm_head.weight": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}}, bytes(4)),
        safetensors({"lm_head.weight": {"dtype": "F32", "shape": [1], "data_offsets": [4, 0]}}, bytes(4)),
        safetensors({name: {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]} for name in "ab"}, bytes(4)),
        safetensors({"lm_head.weight": {"dtype": "F32", "shape": [1], "data_offsets": [0, 2**60]}}, bytes(4)),
        safetensors({"lm_head.weight": [1, 2]}),
    ],
)
def test_headers_of_weights(folder, content):
    (folder / "model.safetensors").write_bytes(content)
    refused(folder)


@pytest.mark.parametrize("file", [*JSON, "model.safetensors"])
def test_files_without_an_end(folder, file):
    (folder / file).unlink()
    (folder / file).symlink_to("/dev/zero")
    assert refused(folder) == f"{file} is no regular file"
    (folder / file).unlink()
    os.mkfifo(folder / file)
    assert refused(folder) == f"{file} is no regular file"


def test_a_file_of_gigabytes(folder):
    with (folder / "tokenizer.json").open("r+b") as file:
        file.truncate(2**33)  # sparse
    assert refused(folder) == f"tokenizer.json has {2**33} bytes, more than {2**27}"


def test_a_large_file_that_nobody_reads(folder):
    with (folder / "trainer_state.json").open("wb") as file:
        file.truncate(2**28)  # sparse
    assert answer(folder)[0] == 0


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc")
def test_memory(folder):
    """What is refused is refused before it is made: 2^31 items of 16 numbers would take 128 GiB."""
    resource = pytest.importorskip("resource")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for changes in ({"vocab_size": 2**31}, {"num_hidden_layers": 2**31}, {"hidden_size": 2**20}):
        refused(changed(folder, "config.json", **changes))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000  # KiB
