"""What job titles tell: the table of words, with a page to try titles on it."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.contrib.filters.admin import DropdownFilter
from unfold.decorators import action
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from leads import titles
from leads.models import TitleRule
from leads.models.lead import Role
from lifecycle.core.admin import EditAdmin

WORDS_HELP = (
    "Comma-separated, whole words, capitals and accents make no difference: cto, chief technology officer. "
    "* stands for letters (*leiter), alone for any title; a leading - says “but not in”: student, -student affairs."
)
EXAMPLES = "Head of Marketing\nVertriebsleiterin\nStudent Affairs Director\nCTO"


class DepartmentFilter(DropdownFilter):
    title = "department"
    parameter_name = "department"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, label(name)) for name in titles.DEPARTMENTS]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.filter(department=self.value()) if self.value() else queryset


def label(department: str) -> str:
    return "IT" if department == "it" else department.title()


class TitleRuleForm(forms.ModelForm):  # type: ignore[type-arg]
    words = forms.CharField(
        max_length=300, help_text=WORDS_HELP, widget=UnfoldAdminTextareaWidget(attrs={"rows": 2, "spellcheck": "false"})
    )
    role = forms.ChoiceField(
        required=False,
        choices=[("", "says nothing of the role"), *Role.choices],
        widget=UnfoldAdminSelectWidget,
    )
    department = forms.CharField(
        required=False,
        max_length=40,
        help_text=f"As shipped: {', '.join(titles.DEPARTMENTS)}; others are fine too. Empty: says nothing of it.",
        widget=UnfoldAdminTextInputWidget,
    )

    class Meta:
        model = TitleRule
        fields = "__all__"  # noqa: DJ007  the admin's fieldsets choose

    def clean_words(self) -> str:
        words: str = self.cleaned_data["words"]
        try:
            titles.check(words)
        except titles.WordsError as error:
            raise ValidationError(f"{str(error)[:1].upper()}{str(error)[1:]}.") from error
        return words

    def clean_department(self) -> str:
        return str(self.cleaned_data["department"]).strip().lower()


class TryForm(forms.Form):
    titles = forms.CharField(
        required=False,
        max_length=4_000,
        label="Job titles, one a line",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 5, "placeholder": EXAMPLES}),
    )


@admin.register(TitleRule)
class TitleRuleAdmin(EditAdmin):
    """For role and for department the first rule that fits counts, from top to bottom."""

    form = TitleRuleForm
    list_display = ["words", "role", "department", "position", "is_active"]
    list_editable = ["position", "is_active"]
    list_filter = ["is_active"]
    search_fields = ["words__icontains", "department__istartswith"]
    ordering = ["position", "id"]
    actions_list = ["try_titles"]
    fieldsets = [(None, {"fields": ["words", ("role", "department"), ("position", "is_active")]})]

    def save_model(self, request: HttpRequest, obj: TitleRule, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        titles.forget()

    def delete_model(self, request: HttpRequest, obj: TitleRule) -> None:
        super().delete_model(request, obj)
        titles.forget()

    @action(description="Try a title", url_path="try", icon="science")
    def try_titles(self, request: HttpRequest) -> HttpResponse:
        """What the rules read from titles that somebody types."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        form = TryForm(request.GET if "titles" in request.GET else {"titles": EXAMPLES})
        typed = form.cleaned_data["titles"].splitlines() if form.is_valid() else []
        rules = titles.current()
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Try a title",
            "form": form,
            "readings": [(text, *rules.read(text)) for text in typed if text.strip()],
            "back": reverse("admin:leads_titlerule_changelist"),
        }
        return TemplateResponse(request, "admin/leads/try_titles.html", context)
