"""The admin of sales: who gets a lead, what sales was told, what there is to do, whom it meets."""

from lifecycle.sales.admin import alerts, meetings, tasks

__all__ = ["alerts", "meetings", "tasks"]
