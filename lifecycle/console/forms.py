"""What a rep can say on a lead's page."""

from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from campaigns.models import Sequence
from leads.admin.lead_questions import OwnerQuestion
from leads.models import Lead
from leads.models.lead import Stage
from leads.stages import may_move


class AssignForm(OwnerQuestion):
    pass


class MoveForm(forms.Form):
    to = forms.ChoiceField(label="Stage", widget=UnfoldAdminSelectWidget)
    reason = forms.CharField(
        max_length=200, widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "Why: kept in the history"})
    )

    def __init__(self, *args: Any, lead: Lead, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        open_to = [choice for choice in Stage.choices if may_move(lead.stage, choice[0])]
        self.fields["to"].choices = open_to  # type: ignore[attr-defined]


class EnrollForm(forms.Form):
    sequence = forms.ModelChoiceField(
        queryset=Sequence.objects.filter(status=Sequence.Status.LIVE),
        widget=UnfoldAdminSelectWidget,
        empty_label="Choose a sequence",
    )
