"""What the actions on leads ask before they act."""

from django import forms
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractUser
from django.db.models import QuerySet
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from leads.models.lead import Stage


class OwnerQuestion(forms.Form):
    owner = forms.ModelChoiceField(
        queryset=get_user_model().objects.none(),
        widget=UnfoldAdminSelectWidget,
        empty_label="Choose a person",
        help_text="Only people who may log in here.",
    )

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.fields["owner"].queryset = owners()  # type: ignore[attr-defined]


class StageQuestion(forms.Form):
    to = forms.ChoiceField(choices=Stage.choices, label="To", widget=UnfoldAdminSelectWidget)
    reason = forms.CharField(
        max_length=200, widget=UnfoldAdminTextInputWidget, help_text="Kept in the lead's history with your name."
    )


class OwnerDialog(OwnerQuestion, BaseDialogForm):
    pass


class StageDialog(StageQuestion, BaseDialogForm):
    pass


def owners() -> "QuerySet[AbstractUser]":
    """People a lead can be given to."""
    return get_user_model().objects.filter(is_active=True, is_staff=True).order_by(AbstractUser.USERNAME_FIELD)
