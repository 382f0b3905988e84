"""The colours of states, the same on every page of the admin."""

SEQUENCE = {
    "Draft": "",
    "Live": "success",
    "Paused": "warning",
    "Frozen": "info",
    "Draining": "warning",
    "Stopped": "danger",
}
VERSION = {"Draft": "warning", "Published": "success"}
WEBHOOK = {"Ready": "info", "Sending": "primary", "Done": "success", "Failed": "danger"}
EXPERIMENT = {"Running": "info", "Decided": "success"}
BROADCAST = {
    "Draft": "",
    "Scheduled": "info",
    "Queuing": "primary",
    "Testing variants": "primary",
    "Sending": "primary",
    "Paused": "warning",
    "Missed": "warning",
    "Done": "success",
    "Stopped": "danger",
}
ENROLLMENT = {"Active": "success", "Ended": ""}
MESSAGE = {
    "Ready": "info",
    "Sending": "primary",
    "Sent": "success",
    "Failed": "danger",
    "Unknown": "danger",
    "Suppressed": "warning",
    "Expired": "warning",
    "Canceled": "",
}
REHEARSAL = {"Waiting": "info", "Running": "primary", "Done": "success", "Failed": "danger"}
