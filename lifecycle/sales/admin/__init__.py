"""The admin of sales: who gets a lead, what sales was told, what there is to do."""

from lifecycle.sales.admin import alerts, tasks

__all__ = ["alerts", "tasks"]
