"""Why a recipient's message is held. The reasons are what tells one kind of holding from another."""

from campaigns.running.pausing import HELD_BY_HAND

HOLDBACK = "hold: waits for the winner of the variants"
PAUSED = "hold: the broadcast is paused"
BY_HAND = HELD_BY_HAND
