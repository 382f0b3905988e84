"""The way out of a message: `contract` says what a transport must do, each other module is one."""

from campaigns.sending.delivery.contract import Attachment, Outcome, Outgoing, Receipt, Transport, open_transport

__all__ = ["Attachment", "Outcome", "Outgoing", "Receipt", "Transport", "open_transport"]
