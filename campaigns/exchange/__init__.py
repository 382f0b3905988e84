"""Sequences as YAML files: read, checked with the exact place of every mistake, written back the same."""

from campaigns.exchange.refusing import ImportRefused
from campaigns.exchange.storing import import_sequence, load_topics
from campaigns.exchange.writing import export_sequence

__all__ = ["ImportRefused", "export_sequence", "import_sequence", "load_topics"]
