"""The colours of stages, tiers and temperatures, the same on every page of the admin."""

STAGE = {
    "Cold lead": "",
    "MQL": "info",
    "SQL": "primary",
    "Customer": "success",
    "Recycled": "warning",
    "Former customer": "danger",
}
TIER = {"Most engaged": "success", "Engaged": "info", "Quiet": "warning", "Dormant": ""}
TEMPERATURE = {"Cold": "info", "Warm": "warning", "Hot": "danger"}
IMPORT = {
    "Columns to be matched": "info",
    "Being checked": "info",
    "Checked": "primary",
    "Being imported": "primary",
    "Done": "success",
    "Stopped by an error": "danger",
    "Canceled": "",
}
