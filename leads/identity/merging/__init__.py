"""Merging two leads by hand: look first, then do it, and undo it if it was wrong."""

from leads.identity.merging.forgetting import forget_person
from leads.identity.merging.merge import MergeError, merge
from leads.identity.merging.preview import MergePreview, in_words, preview
from leads.identity.merging.rows import names
from leads.identity.merging.settling import settle_pair
from leads.identity.merging.undo import undo

__all__ = [
    "MergeError",
    "MergePreview",
    "forget_person",
    "in_words",
    "merge",
    "names",
    "preview",
    "settle_pair",
    "undo",
]
