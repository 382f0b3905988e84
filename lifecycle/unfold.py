"""The look of the admin: its name, its colours, and a sidebar in the order of a marketer's day."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse, reverse_lazy

from lifecycle.core import clock, gate


def may_view(label: str) -> Callable[[HttpRequest], bool]:
    """Whether the reader may see that model: `leads.lead`."""
    app, model = label.split(".")
    return lambda request: request.user.has_perm(f"{app}.view_{model}")


def keeps_mail_here(request: HttpRequest) -> bool:
    return bool(settings.MAIL["transport"] == "mailbox")


def is_about_leads(request: HttpRequest) -> bool:
    """The console begins with the hot leads; its other pages have entries of their own."""
    start = reverse("console:hot-leads")
    return request.path == start or request.path.startswith(f"{start}leads/")


def page(title: str, icon: str, label: str) -> dict[str, Any]:
    """An entry for the list of a model."""
    app, model = label.split(".")
    link = reverse_lazy(f"admin:{app}_{model}_changelist")
    return {"title": title, "icon": icon, "link": link, "permission": may_view(label)}


def group(title: str, *items: dict[str, Any], collapsible: bool = False) -> dict[str, Any]:
    return {"title": title, "separator": True, "collapsible": collapsible, "items": list(items)}


def environment(request: HttpRequest) -> list[str] | None:
    """The badge beside the page's title while something is not for real."""
    if gate.closed(clock.now()):
        return ["Sending is locked", "danger"]
    if settings.DEMO:
        return ["Demo", "info"]
    if settings.SANDBOX:
        return ["Sandbox clock", "warning"]
    return ["Mail stays here", "info"] if settings.MAIL["transport"] == "mailbox" else None


def stylesheet(request: HttpRequest) -> str:
    return static("css/desk.css")


def script(request: HttpRequest) -> str:
    return static("js/desk.js")


def favicon(request: HttpRequest) -> str:
    return static("img/mark.svg")


NAVIGATION = [
    group(
        "Work",
        {
            "title": "Hot leads",
            "icon": "local_fire_department",
            "link": reverse_lazy("console:hot-leads"),
            "active": is_about_leads,
        },
        {
            "title": "Meetings to come",
            "icon": "event_upcoming",
            "link": reverse_lazy("console:meetings"),
            "permission": may_view("sales.meeting"),
        },
        page("Leads", "group", "leads.lead"),
        page("Possible duplicates", "join", "leads.possibleduplicate"),
        page("Tasks", "task_alt", "sales.task"),
        page("Meetings", "event", "sales.meeting"),
        page("Companies", "apartment", "leads.company"),
        page("Imports", "upload_file", "leads.importrun"),
        page("Segments", "filter_alt", "leads.segment"),
    ),
    group(
        "Campaigns",
        page("Sequences", "conversion_path", "campaigns.sequence"),
        page("Broadcasts", "campaign", "campaigns.broadcast"),
        page("Email templates", "drafts", "campaigns.emailtemplate"),
        page("Experiments", "experiment", "campaigns.experiment"),
        page("Rehearsals", "theater_comedy", "campaigns.rehearsalrun"),
        page("Enrollments", "directions_walk", "campaigns.enrollment"),
        page("Waiting to enter", "hourglass_top", "campaigns.waitingentry"),
        page("Messages", "outgoing_mail", "campaigns.message"),
        page("Topics", "interests", "campaigns.topic"),
        page("Suppressions", "block", "campaigns.suppression"),
        {
            "title": "Local mailbox",
            "icon": "inbox",
            "link": reverse_lazy("mailbox:list"),
            "permission": keeps_mail_here,
        },
    ),
    group(
        "Webinars",
        page("Webinars", "video_camera_front", "webinars.webinar"),
        page("Registrations", "how_to_reg", "webinars.registration"),
    ),
    group(
        "Customers",
        {
            "title": "Renewals and payments",
            "icon": "autorenew",
            "link": reverse_lazy("console:customers"),
            "permission": may_view("customers.subscription"),
        },
        page("Subscriptions", "card_membership", "customers.subscription"),
        page("Purchases", "payments", "customers.purchase"),
        page("Bills", "receipt", "customers.invoice"),
        page("Products", "inventory_2", "customers.product"),
        page("Reasons for leaving", "logout", "customers.leavingreason"),
    ),
    group(
        "Reports",
        {
            "title": "Attribution",
            "icon": "query_stats",
            "link": reverse_lazy("reports:attribution"),
            "permission": may_view("leads.conversion"),
        },
        page("Conversions", "paid", "leads.conversion"),
        {
            "title": "Engagement",
            "icon": "monitor_heart",
            "link": reverse_lazy("reports:engagement"),
            "permission": may_view("leads.lead"),
        },
    ),
    group(
        "Capture and scoring",
        page("Forms", "dynamic_form", "leads.form"),
        page("Landing pages", "web", "leads.landingpage"),
        page("Lead magnets", "attach_file", "leads.magnet"),
        page("Audience mapping", "diversity_3", "leads.audience"),
        page("Event names", "label", "leads.eventname"),
        page("Pages that mean something", "web", "leads.pagerule"),
        page("Channels", "alt_route", "leads.channelrule"),
        page("Job titles", "badge", "leads.titlerule"),
        page("Answers in Calendly", "quiz", "integrations.answerrule"),
        page("Score rules", "add_task", "leads.scorerule"),
        page("Score groups", "speed", "leads.scoregroup"),
        page("Stage rules", "stairs", "leads.stagerule"),
        page("Assignment rules", "assignment_ind", "sales.assignmentrule"),
    ),
    group(
        "History",
        page("Events", "history", "leads.event"),
        page("Events not processed", "pending_actions", "leads.pendingevent"),
        page("Calls not acted on", "person_search", "leads.pendingidentity"),
        page("Merges", "merge", "leads.leadmerge"),
        page("Merged addresses", "alternate_email", "leads.addressalias"),
        page("Submissions", "move_to_inbox", "leads.submission"),
        page("Rejected tracking calls", "report", "api.rejectedcall"),
        page("Touches", "ads_click", "leads.touch"),
        page("Score ledger", "receipt_long", "leads.scoreentry"),
        page("Stage changes", "swap_vert", "leads.stagechange"),
        page("Billing accounts", "account_balance_wallet", "customers.billingaccount"),
        page("Consents", "verified_user", "leads.consent"),
        page("Opens and clicks", "mouse", "campaigns.hit"),
        page("Provider reports", "mark_email_read", "campaigns.providerevent"),
        page("Sales alerts", "notifications", "sales.alert"),
        page("Inbox", "inbox", "integrations.inboxevent"),
        page("Refused webhooks", "gpp_bad", "integrations.refusedcall"),
        page("Webhooks", "webhook", "campaigns.webhookcall"),
        collapsible=True,
    ),
    group(
        "Setup",
        page("Workspace", "tune", "leads.workspace"),
        {
            "title": "Health",
            "icon": "monitor_heart",
            "link": reverse_lazy("health"),
            "permission": may_view("leads.workspace"),
        },
        page("Sender accounts", "outbox", "campaigns.senderaccount"),
        page("Exclusive groups", "join_inner", "campaigns.exclusivegroup"),
        page("Holidays", "beach_access", "campaigns.holiday"),
        page("Webhook sources", "input", "integrations.webhooksource"),
        page("API keys", "key", "api.apikey"),
        page("Users", "person", "auth.user"),
        page("Roles", "admin_panel_settings", "auth.group"),
        page("Periodic tasks", "schedule", "django_celery_beat.periodictask"),
        page("Intervals", "timelapse", "django_celery_beat.intervalschedule"),
        page("Crontabs", "calendar_clock", "django_celery_beat.crontabschedule"),
        collapsible=True,
    ),
]

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Lifecycle",
    "SITE_HEADER": "Lifecycle",
    "SITE_SUBHEADER": "From first touch to customer",
    "SITE_URL": "/console/",
    "SITE_SYMBOL": "conversion_path",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": favicon}],
    "SHOW_VIEW_ON_SITE": False,
    "ENVIRONMENT": "lifecycle.unfold.environment",
    "STYLES": [stylesheet],
    "SCRIPTS": [script],
    "BORDER_RADIUS": "8px",
    "COLORS": {
        "primary": {
            "50": "oklch(97.7% .016 175)",
            "100": "oklch(94.8% .036 175)",
            "200": "oklch(89.6% .068 175)",
            "300": "oklch(83% .1 176)",
            "400": "oklch(74% .118 178)",
            "500": "oklch(64% .112 180)",
            "600": "oklch(53% .094 182)",
            "700": "oklch(45.5% .08 183)",
            "800": "oklch(39% .066 184)",
            "900": "oklch(34.5% .054 185)",
            "950": "oklch(25% .044 187)",
        },
    },
    "SIDEBAR": {"show_search": True, "show_all_applications": False, "navigation": NAVIGATION},
}
