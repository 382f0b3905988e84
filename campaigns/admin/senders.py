"""How fast mail may leave, and when a provider asked us to wait."""

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from unfold.decorators import action, display

from campaigns.models import SenderAccount
from campaigns.sending import rates
from lifecycle.core import clock
from lifecycle.core.admin import EditAdmin, dialog
from lifecycle.core.admin.frames import reload_page


@admin.register(SenderAccount)
class SenderAccountAdmin(EditAdmin):
    list_display = ["name", "limit", "tokens_now", "state"]
    search_fields = ["name"]
    actions_detail = ["lift"]
    fieldsets = [
        (None, {"fields": ["name", ("per_second", "burst")]}),
        ("Now", {"fields": [("tokens_now", "standing"), "blocked_reason"]}),
    ]
    readonly_fields = ["name", "tokens_now", "standing", "blocked_reason"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """A row is made with the first mail of an account."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @display(description="Limit")
    def limit(self, account: SenderAccount) -> str:
        if account.per_second is None:
            return "None of ours"
        return f"{account.per_second:g} a second, {account.burst:,} at once after a rest"

    @display(description="Free now")
    def tokens_now(self, account: SenderAccount) -> str:
        if account.per_second is None:
            return "–"
        return f"{int(rates.bucket_of(account).at(clock.now()).tokens):,} mails"

    @display(description="State", label={"Sends": "success", "Waits": "warning"})
    def state(self, account: SenderAccount) -> tuple[str, str]:
        return ("Waits" if is_waiting(account) else "Sends"), self.standing(account)

    @display(description="State")
    def standing(self, account: SenderAccount) -> str:
        return f"Waits until {account.blocked_until:%Y-%m-%d %H:%M} UTC" if is_waiting(account) else "Sends"

    def has_lift_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Only where there is something to lift."""
        account = SenderAccount.objects.filter(pk=object_id or 0).first()
        return bool(account and is_waiting(account) and self.has_change_permission(request))

    @action(
        description="Send again now",
        url_path="lift",
        icon="lock_open",
        permissions=["lift"],
        dialog=dialog(
            "Send again now",
            "The provider asked us to wait. If that is settled with them, mails leave again with the next tick; "
            "if not, it will ask again.",
            "Send again",
        ),
    )
    def lift(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponseBase:
        account = SenderAccount.objects.get(pk=object_id)
        if rates.lift(account.name, now=clock.now()):
            self.log_change(request, account, f"Lifted the block: {account.blocked_reason}")
            messages.success(request, "Mails leave again.")
        else:
            messages.warning(request, "It was not waiting.")
        return reload_page(request, account)


def is_waiting(account: SenderAccount) -> bool:
    return account.blocked_until is not None and account.blocked_until > clock.now()
