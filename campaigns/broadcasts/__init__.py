"""Broadcasts: one mail to many people, once or by a crontab, watched until each of them has its end.

`running.run_due` is the tick: `scheduling` begins what is due, `queuing` gives each recipient a message, `deciding`
picks the winner of the variants, `progress` counts and ends runs. `control` has what people do: schedule, pause,
resume, stop; `testing` sends a mail to colleagues; `files` reads a broadcast from YAML.
Pure: `occurring` (when), `assigning` (who gets what, and when), `choosing` (which variant won).
"""
