"""The sections of docs/findings.md, generated from recorded results."""
