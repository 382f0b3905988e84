"""How the OpenAPI document is made: the scheme of keys, the scope of each call and the errors all calls share."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema

from lifecycle.api.described_errors import ERRORS


class KeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "lifecycle.api.authentication.KeyAuthentication"
    name = "key"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "A key made by `manage.py create_api_key NAME --scopes …` or in the admin.",
        }


class Schema(AutoSchema):
    """Adds to each operation the scope it needs and the errors it can answer."""

    def get_description(self) -> str:  # type: ignore[override]
        description: str = super().get_description()
        scopes = getattr(self.view, "scopes", {}).get(self.method, ())
        needs = f"Scope: {' or '.join(f'`{scope}`' for scope in scopes)}." if scopes else ""
        return "\n\n".join(part for part in (description, needs) if part)

    def get_operation(self, *args: Any, **kwargs: Any) -> Any:
        operation = super().get_operation(*args, **kwargs)
        if operation:
            for status in self.error_statuses(operation):
                reference = {"$ref": f"#/components/responses/{ERRORS[status][0]}"}
                operation["responses"].setdefault(status, reference)
            operation["responses"] = dict(sorted(operation["responses"].items()))
        return operation

    def error_statuses(self, operation: dict[str, Any]) -> list[str]:
        statuses = ["400", "429", "500", "503"]
        if getattr(self.view, "scopes", None):
            statuses += ["401", "403"]
        if "{" in self.path:
            statuses.append("404")
        if "requestBody" in operation:
            statuses += ["413", "415"]
        return statuses + list(getattr(self.view, "more_errors", {}).get(self.method, ()))
