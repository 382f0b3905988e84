"""The way out of a message: `contract` says what a transport must do, each other module is one."""

from campaigns.delivery.contract import Outcome, Outgoing, Receipt, Transport, open_transport

__all__ = ["Outcome", "Outgoing", "Receipt", "Transport", "open_transport"]
