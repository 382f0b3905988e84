"""A Zoom of our own: its tokens and the registrants of webinars and meetings, over real HTTP."""

import base64
import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

Answer = tuple[int, dict[str, str], dict[str, Any]]


class ZoomServer:
    """`answers`: what it says to the next calls of its API instead of doing them. `tokens`: those that it takes."""

    def __init__(self) -> None:
        self.credentials = ("client", "secret")
        self.webinars, self.meetings = {"93300000008"}, set[str]()
        self.registrants: dict[str, dict[str, Any]] = {}  # by address
        self.answers: list[Answer | Callable[[], Answer]] = []
        self.calls: list[tuple[str, str, dict[str, Any]]] = []
        self.tokens: list[str] = []
        self.tokens_given, self.lasts = 0, 3599
        self.lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/v2"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        zoom = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers["content-length"]))
                if self.path == "/oauth/token":
                    self._say(zoom.token(self.headers["authorization"], raw.decode()))
                else:
                    self._say(zoom.call(self.command, self.path, self.headers["authorization"], json.loads(raw)))

            do_PUT = do_POST

            def _say(self, answer: Answer) -> None:
                status, headers, body = answer
                raw = json.dumps(body).encode() if body else b""
                self.send_response(status)
                for name, value in {"content-length": str(len(raw)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(raw)

            def log_message(self, *args: object) -> None:
                """Not into the tests' output."""

        return Handler

    def token(self, authorization: str, form: str) -> Answer:
        pair = base64.b64decode(authorization.removeprefix("Basic ")).decode().split(":")
        asked = {name: values[0] for name, values in parse_qs(form).items()}
        if tuple(pair) != self.credentials or asked != {"grant_type": "account_credentials", "account_id": "account"}:
            return 401, {}, {"reason": "Invalid client_id or client_secret", "error": "invalid_client"}
        with self.lock:
            self.tokens_given += 1
            self.tokens.append(f"token-{self.tokens_given}")
        return 200, {}, {"access_token": self.tokens[-1], "token_type": "bearer", "expires_in": self.lasts}

    def call(self, verb: str, path: str, authorization: str, body: dict[str, Any]) -> Answer:
        with self.lock:
            self.calls.append((verb, path, body))
            said = self.answers.pop(0) if self.answers else None
        if said:
            return said() if callable(said) else said
        if authorization.removeprefix("Bearer ") not in self.tokens:
            return 401, {}, {"code": 124, "message": "Access token is expired."}
        _, _, thing, zoom_id, *rest = path.split("/")
        if zoom_id not in (self.webinars if thing == "webinars" else self.meetings):
            return 404, {}, {"code": 3001, "message": f"Meeting does not exist: {zoom_id}."}
        return self.cancel(body) if rest == ["registrants", "status"] else self.add(body)

    def add(self, body: dict[str, Any]) -> Answer:
        if "@" not in body["email"] or not body["first_name"]:
            return 400, {}, {"code": 300, "message": f"Invalid field: {body['email']}."}
        with self.lock:
            known = self.registrants.setdefault(body["email"].lower(), {"id": f"R{len(self.registrants) + 1}"})
            known |= {**body, "status": "approved"}
        join_url = f"https://zoom.us/w/93300000008?tk={known['id']}"
        return 201, {}, {"id": 93300000008, "registrant_id": known["id"], "join_url": join_url, "topic": "Scoring"}

    def cancel(self, body: dict[str, Any]) -> Answer:
        for who in body["registrants"]:
            if who["email"].lower() in self.registrants:
                self.registrants[who["email"].lower()]["status"] = body["action"] + "ed"
        return 204, {}, {}
