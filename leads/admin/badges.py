"""The colours of stages and temperatures, the same on every page of the admin."""

STAGE = {
    "Cold lead": "",
    "MQL": "info",
    "SQL": "primary",
    "Customer": "success",
    "Recycled": "warning",
    "Former customer": "danger",
}
TEMPERATURE = {"Cold": "info", "Warm": "warning", "Hot": "danger"}
