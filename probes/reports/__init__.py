"""The sections of docs/findings.md, written from recorded results."""
