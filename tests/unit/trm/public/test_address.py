"""Addresses on the hub, in short form and as URLs from a browser."""

import pytest
from checkpoints import refusal

from trm.checkpoint import load_model
from trm.errors import CheckpointError
from trm.public.address import HubAddress, is_hub, parse_address


@pytest.mark.parametrize(
    "spec, repo, inside",
    [
        ("hf://owner/repo", "owner/repo", ""),
        ("hf://owner/repo/", "owner/repo", ""),
        ("HF://owner/repo/step_5", "owner/repo", "step_5"),
        ("hf://o.w-n_r/r/a folder/step_5", "o.w-n_r/r", "a folder/step_5"),
    ],
)
def test_an_address(spec, repo, inside):
    assert parse_address(spec) == HubAddress(repo, inside)


@pytest.mark.parametrize(
    "spec",
    [
        "hf://", "hf://owner", "hf://owner/", "hf:///repo", "hf://owner/repo/../x", "hf://../../etc/passwd",
        "hf://owner/repo//x", "hf://owner/re po", "hf://owner/repo/\x00", "hf://owner/" + "x" * 200,
    ],
)  # fmt: skip
def test_invalid_addresses(spec):
    with pytest.raises(CheckpointError, match="not a valid address on the hub"):
        parse_address(spec)


@pytest.mark.parametrize(
    "spec, meant",
    [
        ("https://huggingface.co/owner/repo", "hf://owner/repo"),
        ("https://huggingface.co/owner/repo/", "hf://owner/repo"),
        ("huggingface.co/owner/repo", "hf://owner/repo"),
        ("http://www.huggingface.co/owner/repo.git", "hf://owner/repo"),
        ("https://hf.co/owner/repo/tree/main", "hf://owner/repo"),
        ("https://huggingface.co/owner/repo/tree/main/a/b", "hf://owner/repo/a/b"),
        ("https://huggingface.co/owner/repo/blob/main/a%20b/step_5", "hf://owner/repo/a b/step_5"),
        ("https://huggingface.co/owner/repo/resolve/main/step_5?download=true", "hf://owner/repo/step_5"),
        ("https://huggingface.co/owner/repo/raw/main/step_5#L3", "hf://owner/repo/step_5"),
        ("https://huggingface.co/owner/repo/blob/abc123/step_5", "hf://owner/repo@abc123/step_5"),
        (
            "https://huggingface.co/owner/repo/blob/refs%2Fpr%2F1/step_5",
            "hf://owner/repo@refs%2Fpr%2F1/step_5",
        ),
        ("https://huggingface.co/owner/repo/blob/refs/pr/1/step_5", "hf://owner/repo@refs%2Fpr%2F1/step_5"),
        ("https://huggingface.co/owner/repo/commit/abc123", "hf://owner/repo@abc123"),
        ("https://huggingface.co/owner/repo/commit/abc123/step_5", "hf://owner/repo@abc123"),
        ("https://huggingface.co/owner/repo/discussions/3", "hf://owner/repo"),
        ("git clone https://huggingface.co/owner/repo", "hf://owner/repo"),
        ("git@hf.co:owner/repo.git", "hf://owner/repo"),
        (" <https://huggingface.co/owner/repo> ", "hf://owner/repo"),
        ("https://hf-mirror.com/owner/repo", "hf://owner/repo"),
        ("hf://owner/repo@v1/step_5", "hf://owner/repo@v1/step_5"),
        ("hf://owner/repo@main", "hf://owner/repo"),
    ],
)
def test_addresses_as_a_browser_has_them(spec, meant):
    assert is_hub(spec) and str(parse_address(spec)) == meant and parse_address(meant) == parse_address(spec)


@pytest.mark.parametrize(
    "spec, words",
    [
        ("https://huggingface.co/datasets/owner/repo", "is a data set, not a model"),
        ("https://huggingface.co/spaces/owner/repo", "is a Space, not a model"),
        ("https://huggingface.co/papers/2510.04871", "is a paper"),
        ("https://huggingface.co/owner", "does not name a repository"),
        ("https://huggingface.co/", "does not name a repository"),
        ("https://huggingface.co/owner/repo/blob/main/../x", "not a valid address on the hub"),
    ],
)
def test_hub_pages_that_are_not_models(spec, words):
    assert is_hub(spec)
    refusal(spec, words)


@pytest.mark.parametrize("spec", ["https://github.com/owner/repo", "ftp://huggingface.co/a/b", "https://huggingface.co.evil.org/a/b",
                                  "https://example.org/huggingface.co/a/b", "s3://bucket/step_5", "https://[::1"])  # fmt: skip
def test_other_addresses_are_not_hub_addresses(spec):
    assert not is_hub(spec)
    with pytest.raises(CheckpointError, match="is not on the Hugging Face hub"):
        load_model(spec)


def test_an_address_round_trips():
    assert str(HubAddress("o/r", "a/b")) == "hf://o/r/a/b" and str(HubAddress("o/r")) == "hf://o/r"
