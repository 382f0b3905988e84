"""The signals of the spine. Receivers do set-based work on the batch and write rows only: no network, no commit."""

from django.dispatch import Signal

events_projected = Signal()
"""Sent once per wave, when its events were folded into their leads and before anything is judged by them, with `batch`:
bring columns of the leads in line with facts of your own, so that score, stage, segments and sequences all see them."""

events_recorded = Signal()
"""Sent once per wave inside the batch's transaction, with `batch: leads.batch.Batch`. See leads.pipeline."""

form_entered = Signal()
"""Sent in the transaction in which a form post counts, at once or when it is confirmed, with `lead_id` (locked),
`said: leads.entering.Said` and `now`."""

lead_leaving = Signal()
"""Sent before a person is erased, with `lead` and `now`, in no transaction: stop what is under way, and wait for it."""

lead_erased = Signal()
"""Sent in the transaction that erases a person, with `lead` and `now`: delete what does not hang on their row."""

opted_out = Signal()
"""Sent in the transaction of an import, with `addresses` (keyed hash → lead id, or None), `source` and `now`: people
who opted out of mail where they come from. Block them."""

leads_merging = Signal()
"""Sent in the transaction that merges two leads, both locked, before any row moves, with `kept_id`, `other_id`, `now`:
settle what cannot be twice with one person (two active runs of a sequence), and let opt-outs bind both."""

leads_parted = Signal()
"""Sent in the transaction that undoes a merge, when rows are back, with `kept_id`, `other_id` and `now`."""

merge_foreseen = Signal()
"""Sent when somebody looks at what a merge would do, with `kept_id` and `other_id`; a receiver returns sentences."""
