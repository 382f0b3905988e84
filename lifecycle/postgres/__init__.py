"""The embedded PostgreSQL: a private server under VAR_DIR for machines where no DATABASE_URL is given."""

from lifecycle.postgres.connection import django_database
from lifecycle.postgres.place import Place, Unavailable, locate
from lifecycle.postgres.server import Server, running

__all__ = ["Place", "Server", "Unavailable", "django_database", "locate", "running"]
