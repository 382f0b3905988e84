"""Broadcasts, and how each of their sendings went."""

from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from rest_framework.mixins import ListModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.models import Broadcast, BroadcastRun
from lifecycle.api import describe, examples
from lifecycle.api.models import Scope
from lifecycle.api.serializers.broadcasts import BroadcastRunSerializer, BroadcastSerializer
from lifecycle.api.views.base import KeyView


@describe.reading("broadcasts_list", "All broadcasts", examples.BROADCAST)
class Broadcasts(ListModelMixin, KeyView):
    """Newest first, drafts included."""

    scopes = {"GET": (Scope.REPORTS_READ,)}
    queryset = Broadcast.objects.select_related("segment", "crontab")
    serializer_class = BroadcastSerializer

    def get(self, request: Request) -> Response:
        return self.list(request)


@describe.reading("broadcasts_runs", "The sendings of a broadcast", examples.BROADCAST_RUN)
class BroadcastRuns(ListModelMixin, KeyView):
    """Newest first, with the recipients counted by state a few seconds ago."""

    scopes = {"GET": (Scope.REPORTS_READ,)}
    queryset = BroadcastRun.objects.all()
    serializer_class = BroadcastRunSerializer

    def get(self, request: Request, slug: str) -> Response:
        self.broadcast = get_object_or_404(Broadcast, slug=slug)
        return self.list(request)

    def get_queryset(self) -> "QuerySet[Any]":
        runs = super().get_queryset()
        return runs.none() if getattr(self, "swagger_fake_view", False) else runs.filter(broadcast=self.broadcast)
