"""Untrusted yaml: plain values, bounded memory, nothing executed."""

import pytest
from checkpoints import refusal

from trm.errors import CheckpointError
from trm.public.plain_yaml import read_yaml


@pytest.mark.parametrize(
    "text, words",
    [
        ("arch: !!python/object/apply:os.system ['touch {mark}']", "no `arch` section"),
        ("arch: !!python/object/new:os.system ['touch {mark}']", "no `arch` section"),
        (
            "arch: {L_cycles: !!python/object/apply:os.system ['touch {mark}']}",
            "L_cycles must be of type int",
        ),
        ("arch: !os.system 'touch {mark}'", "no `arch` section"),
        ("arch: [1, 2", "not plain yaml"),
        ("[" * 60_000, "not plain yaml"),
        ("? " * 20_000, "not plain yaml"),
        ("just a sentence", "no `arch` section"),
        ("arch: 5", "no `arch` section"),
        ("", "no `arch` section"),
        ("# " + "x" * (1 << 20), "larger than 64 KiB"),
    ],
)
def test_invalid_yaml(tmp_path, public_checkpoint, text, words):
    path, mark = public_checkpoint().save(tmp_path), tmp_path / "mark"
    (tmp_path / "all_config.yaml").write_text(text.replace("{mark}", str(mark)))
    refusal(path, words)
    assert not mark.exists()


def test_a_yaml_that_expands_to_billions(tmp_path, public_checkpoint):
    path = public_checkpoint().save(tmp_path)
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]" for level in range(1, 12)]
    (tmp_path / "all_config.yaml").write_text("\n".join([*lines, "arch: {name: *a11}"]))
    refusal(path, "name must be of type str")


def test_a_yaml_that_grows_by_merging(tmp_path, public_checkpoint):
    """Merge keys copy what they name: nine levels of ten would be a billion pairs."""
    path = public_checkpoint().save(tmp_path)
    lines = ["a0: &a0 {x: 1, y: 2}"]
    lines += [f"a{level}: &a{level} {{<<: [{', '.join([f'*a{level - 1}'] * 10)}]}}" for level in range(1, 10)]
    (tmp_path / "all_config.yaml").write_text("\n".join([*lines, "arch: {<<: *a9}"]))
    refusal(path, "not plain yaml")


@pytest.mark.parametrize(
    "value", ["2001-99-99", "2001-02-30 25:61:00", "0b", "0x", "9" * 5000, "!!int x", "!!set [1]", "{[1]: 2}", "*none",
              "!!binary é", "1:99:1" * 900, "%", "\x00"],
)  # fmt: skip
def test_invalid_values(tmp_path, public_checkpoint, value):
    """Whatever its parsers think of it, it is one line or no matter."""
    path = public_checkpoint().save(tmp_path)
    (tmp_path / "all_config.yaml").write_text(f"arch: {{L_cycles: {value}}}")
    refusal(path, "not plain yaml|must be of type int|tensor|no `arch`|n must be")


def test_an_anchor_may_be_repeated(tmp_path):
    (tmp_path / "x.yaml").write_text("a: &id001 [data/maze]\nb: *id001\n")
    assert read_yaml(tmp_path / "x.yaml") == {"a": ["data/maze"], "b": ["data/maze"]}


def test_tags_of_plain_python_types_are_read_and_others_are_placeholders(tmp_path):
    (tmp_path / "x.yaml").write_text(
        "a: !!python/unicode '7'\nb: !!python/long 7\nc: !!python/none ''\nd: !!python/tuple [1]\n"
        "e: !!python/name:torch.bfloat16 ''\n"
    )
    assert read_yaml(tmp_path / "x.yaml") == {"a": "7", "b": 7, "c": None, "d": [1], "e": "torch.bfloat16"}
    (tmp_path / "x.yaml").write_text(
        "[!!unicode '7', !!tuple [1], !!name:torch.bfloat16 '', !!python/dict 5, !" + "t" * 40 + " 1]"
    )
    placeholders = ["<unicode>", "<tuple>", "<bfloat16>", "<python/dict>", f"<{'t' * 30}>"]
    assert [repr(value) for value in read_yaml(tmp_path / "x.yaml")] == placeholders


def test_a_yaml_that_cannot_be_read(tmp_path):
    with pytest.raises(CheckpointError, match="cannot be read"):
        read_yaml(tmp_path / "nowhere.yaml")
