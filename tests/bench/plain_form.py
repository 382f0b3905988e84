"""The floor of accepting: the least that a REST form can be, with a serializer and one insert. Served by granian."""

from django.db import models
from django.urls import path
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView


class Post(models.Model):
    email = models.EmailField()
    first_name = models.CharField(max_length=100)
    company = models.CharField(max_length=200)
    message = models.TextField()

    class Meta:
        app_label = "plain"
        managed = False  # the run makes the table

    def __str__(self) -> str:
        return self.email


class PostSerializer(serializers.ModelSerializer[Post]):
    class Meta:
        model = Post
        fields = ["email", "first_name", "company", "message"]


class Posts(APIView):
    def post(self, request: Request) -> Response:
        serializer = PostSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        serializer.save()
        return Response({"status": "accepted"}, status=201)


urlpatterns = [path("", Posts.as_view())]
