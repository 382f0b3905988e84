"""Django's settings: facts that hold everywhere, and what `lifecycle.env` read from outside."""

import os
from datetime import timedelta
from pathlib import Path

from csp.constants import NONE, SELF

from lifecycle import broker, env, logs, postgres, secret
from lifecycle.api import conf
from lifecycle.unfold import UNFOLD as UNFOLD

BASE_DIR = Path(__file__).resolve().parent.parent
ENVIRONMENT = env.read(os.environ, base_dir=BASE_DIR)
VAR_DIR = ENVIRONMENT.var_dir

# --- what it is
DEBUG = ENVIRONMENT.debug
SANDBOX = ENVIRONMENT.sandbox
INSTANCE_ID = ENVIRONMENT.instance_id
INSTANCE_FILE: Path | None = VAR_DIR / "instance.json"  # what tells this installation from a copy of its database
DEMO = ENVIRONMENT.demo  # an invented company's data: no mail may leave
SITE_URL = ENVIRONMENT.site_url
HTTPS = SITE_URL.startswith("https://")
SECRET_KEY = ENVIRONMENT.secret_key or secret.kept_in(VAR_DIR / "secret-key")
SECRET_KEY_FALLBACKS = ENVIRONMENT.secret_key_fallbacks
ALLOWED_HOSTS = ENVIRONMENT.allowed_hosts
CSRF_TRUSTED_ORIGINS = [SITE_URL]
ROOT_URLCONF = "lifecycle.urls"
WSGI_APPLICATION = "lifecycle.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "unfold",  # before the admin, whose templates it replaces
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_celery_beat",
    "pgtrigger",
    "anymail",
    "axes",
    "csp",
    # ours, lowest layer first
    "leads",
    "campaigns",
    "lifecycle.sales",
    "lifecycle.customers",
    "webinars",
    "lifecycle.integrations",
    "lifecycle.console",
    "lifecycle.api",
    "lifecycle",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "lifecycle.security.AdminPolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

# --- database: no session state anywhere, so PgBouncer in transaction mode works
EMBEDDED_POSTGRES = None if ENVIRONMENT.database else postgres.locate(VAR_DIR)
LOCK_TIMEOUT = timedelta(seconds=10)
POOLED = ENVIRONMENT.pgbouncer  # through a pooler nothing can be prepared
DATABASES = {
    "default": postgres.django_database(
        ENVIRONMENT.database, EMBEDDED_POSTGRES, pgbouncer=ENVIRONMENT.pgbouncer, lock_timeout=LOCK_TIMEOUT
    )
}

# --- time and language
USE_TZ = True
TIME_ZONE = ENVIRONMENT.time_zone
LANGUAGE_CODE = "en-us"
USE_I18N = True
FORMAT_MODULE_PATH = ["lifecycle.formats"]

# --- files
STATIC_URL = "static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
WHITENOISE_MANIFEST_STRICT = False
MEDIA_ROOT = VAR_DIR / "media"
MEDIA_URL = "media/"

# --- people
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "/"
AXES_FAILURE_LIMIT = 8
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_SENSITIVE_PARAMETERS = ["username", "password", "ip_address"]
AXES_VERBOSE = False
TRUSTED_PROXIES = ENVIRONMENT.trusted_proxies
AXES_CLIENT_IP_CALLABLE = "lifecycle.security.client_address"

# --- headers
SECURE_SSL_REDIRECT = False  # TLS ends at the proxy, which redirects; behind it /healthz stays plain
SILENCED_SYSTEM_CHECKS = ["security.W008", "security.W019"]  # see SECURE_SSL_REDIRECT and X_FRAME_OPTIONS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if ENVIRONMENT.trusted_proxies else None
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_HTTPONLY = True
X_FRAME_OPTIONS = "SAMEORIGIN"  # previews of mails are sandboxed frames of our own pages
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [SELF],
    }
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2000

# --- mail
MAIL = {
    "transport": ENVIRONMENT.mail.transport,
    "host": ENVIRONMENT.mail.host,
    "port": ENVIRONMENT.mail.port,
    "user": ENVIRONMENT.mail.user,
    "password": ENVIRONMENT.mail.password,
    "tls": ENVIRONMENT.mail.tls,
    "provider": ENVIRONMENT.mail.provider,
}
EMAIL_BACKEND = {
    "mailbox": "campaigns.sending.delivery.preview.MailboxBackend",
    "smtp": "django.core.mail.backends.smtp.EmailBackend",
    "provider": f"anymail.backends.{MAIL['provider']}.EmailBackend",
}[ENVIRONMENT.mail.transport]
EMAIL_HOST = ENVIRONMENT.mail.host
EMAIL_PORT = ENVIRONMENT.mail.port
EMAIL_HOST_USER = ENVIRONMENT.mail.user
EMAIL_HOST_PASSWORD = ENVIRONMENT.mail.password
EMAIL_USE_TLS = ENVIRONMENT.mail.tls == "starttls"
EMAIL_USE_SSL = ENVIRONMENT.mail.tls == "implicit"
EMAIL_TIMEOUT = 20
ANYMAIL = ENVIRONMENT.mail.provider_settings
DEFAULT_FROM_EMAIL = ENVIRONMENT.default_from_email
SERVER_EMAIL = DEFAULT_FROM_EMAIL
SALES_EMAIL = ENVIRONMENT.sales_email or ENVIRONMENT.admin_email
ADMIN_EMAIL = ENVIRONMENT.admin_email

# --- vendors; several secrets are valid at once while one is being rotated
# A demo's invented calendar and payments sign with a secret of its own.
OWN_SECRETS = [secret.webhook_secret(SECRET_KEY)] if DEMO else []
CALENDLY_WEBHOOK_SECRETS = ENVIRONMENT.calendly_secrets or OWN_SECRETS
STRIPE_WEBHOOK_SECRETS = ENVIRONMENT.stripe_secrets or OWN_SECRETS
ZOOM_WEBHOOK_SECRETS = ENVIRONMENT.zoom_secrets
STRIPE_API_KEY = ENVIRONMENT.stripe_api_key
STRIPE_API_URL = ENVIRONMENT.stripe_api_url
ZOOM_ACCOUNT_ID = ENVIRONMENT.zoom_account_id
ZOOM_CLIENT_ID = ENVIRONMENT.zoom_client_id
ZOOM_CLIENT_SECRET = ENVIRONMENT.zoom_client_secret
ZOOM_API_URL = ENVIRONMENT.zoom_api_url
# Not given: made of the secret key, so that every process of an installation has the same.
WEBHOOK_SECRET = ENVIRONMENT.webhook_secret or secret.webhook_secret(SECRET_KEY)
ALLOW_PRIVATE_WEBHOOKS = ENVIRONMENT.allow_private_webhooks  # for development: posting into private networks

# --- facts about companies, asked in this order; docs/enrichment.md
ENRICHMENT_PROVIDERS = ENVIRONMENT.enrichment_providers
ENRICHMENT_URL = ENVIRONMENT.enrichment_url
ENRICHMENT_TOKEN = ENVIRONMENT.enrichment_token

# --- REST
LIMITS = ENVIRONMENT.limits
FORM_ORIGINS = ENVIRONMENT.form_origins  # empty: any website may post a form
REST_FRAMEWORK = conf.rest_framework(proxies=ENVIRONMENT.trusted_proxies)
SPECTACULAR_SETTINGS = conf.SPECTACULAR

NUDGE_WORKERS = True  # hints to the workers; off where nothing listens

# --- logs
LOGGING = logs.configuration(ENVIRONMENT.log_level)

# --- jobs: no result backend, nothing in a message but ids; the database claims work again after a crash
CELERY_BROKER_URL = ENVIRONMENT.broker_url or "filesystem://localhost//"
CELERY_BROKER_TRANSPORT = broker.transport(CELERY_BROKER_URL)
CELERY_BROKER_TRANSPORT_OPTIONS = broker.transport_options(CELERY_BROKER_URL, VAR_DIR / "broker")
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
# Under the lease of a claimed message (5 min) and over the longest carry of one claim (1 min).
CELERY_TASK_SOFT_TIME_LIMIT = 240
CELERY_TASK_TIME_LIMIT = 270
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TIMEZONE = TIME_ZONE
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
# Remote control is a broadcast queue, which a folder of files serves badly.
CELERY_WORKER_ENABLE_REMOTE_CONTROL = bool(ENVIRONMENT.broker_url)
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
CELERY_BEAT_MAX_LOOP_INTERVAL = 5
