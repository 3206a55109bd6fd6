"""A client of the chat service for Python 3.9 or later, with the standard library alone.

    from chat import ChatClient

    client = ChatClient("http://127.0.0.1:3000")
    client.sign_in("ada")                    # or ChatClient(url, jwt=...), with a JWT of your provider
    client.start_session()
    print(client.ask("My name is Ada."))
    for event in client.stream("Tell me a long story."):
        print(event.get("text", ""), end="", flush=True)
    client.memory["diet"] = {"vegetarian": True}

`stream` comes back by itself when its connection is lost, and gets exactly the rest. GET /openapi.json of the service has
everything else that it can do: `client.request(method, path, body)`.
"""

from __future__ import annotations

import json
import time
import uuid
from http.client import HTTPException, HTTPResponse
from typing import Any, Dict, Iterator, List, MutableMapping, Optional
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode
from urllib.request import Request, urlopen

# The service sends a sign of life every 15 seconds, so a silence of this length means that the connection is lost.
SILENCE_SECONDS = 30
MAX_RETRIES = 5
LOST = (URLError, HTTPException, ConnectionError, TimeoutError)


class Problem(Exception):
    """The service refused or failed. Branch on `code`; `detail` says what to do."""

    def __init__(self, document: Dict[str, Any]) -> None:
        super().__init__(f"{document.get('code')}: {document.get('detail')}")
        self.document = document
        self.code: str = document.get("code", "")
        self.status: int = document.get("status", 0)
        self.retry_after: Optional[float] = document.get("retryAfter")


class AnswerEnded(Exception):
    """An answer ended otherwise than stored. `how` is the end: interrupted, stopped, waiting and so on."""

    def __init__(self, how: str, problem: Optional[Dict[str, Any]] = None) -> None:
        super().__init__(problem["detail"] if problem else f"The answer ended: {how}.")
        self.how = how
        self.problem = problem


class ChatClient:
    def __init__(self, url: str, jwt: str = "", token: str = "", agent: str = "assistant") -> None:
        self.url = url.rstrip("/")
        self.jwt = jwt
        self.token = token
        self.agent = agent
        self.conversation_id = ""
        self.memory = Memory(self)

    def sign_in(self, user: str) -> None:
        """Signs in as a demo user."""
        self.jwt = self.request("POST", "/sign-in", {"user": user})["jwt"]

    def start_session(self, conversation_id: Optional[str] = None) -> Dict[str, Any]:
        """Starts a session. Its token is kept in `token`: a secret."""
        body = {"agentId": self.agent, **({"conversationId": conversation_id} if conversation_id else {})}
        started = self.request("POST", "/sessions", body)
        self.token = started["token"]
        self.conversation_id = started["session"]["conversationId"]
        return started["session"]

    def ask(self, message: str, key: Optional[str] = None) -> str:
        """Returns the whole answer, once it is stored."""
        body = {"message": message, "conversationId": self.conversation_id}
        return self.request("POST", f"/agents/{self.agent}/chat", body, {"Idempotency-Key": key or str(uuid.uuid4())})[
            "response"
        ]

    def stream(self, message: str, key: Optional[str] = None) -> Iterator[Dict[str, Any]]:
        """Yields the events of an answer as they come: `{"type": "text", "text": …}`, `call`, `result`, `approval`.

        Sends the message again under its key, and follows from the last event on, when the connection is lost. Returns when
        the turn is stored, and raises AnswerEnded for any other end.
        """
        body = {"message": message, "conversationId": self.conversation_id}
        headers = {"Idempotency-Key": key or str(uuid.uuid4())}
        return self._events("POST", f"/agents/{self.agent}/chat", body, headers)

    def follow(self, after: Optional[str] = None) -> Iterator[Dict[str, Any]]:
        """Yields the events of the answer that runs in the conversation, whoever asked for it. None: there is none."""
        return self._events("GET", self._answer("/events"), None, {}, after)

    def current(self) -> Optional[Dict[str, Any]]:
        """Returns the answer that runs, waits for a decision, or can be asked again."""
        return self.request("GET", self._answer())["answer"]

    def stop(self) -> bool:
        """Stops the answer, wherever it runs."""
        return self.request("POST", self._answer("/stop"), {})["stopped"]

    def decide(self, operation_id: str, approve: bool) -> str:
        """Allows or refuses what an answer waits for, and returns the rest of it."""
        return self.request("POST", self._answer("/decision"), {"operationId": operation_id, "approve": approve})[
            "response"
        ]

    def messages(self, limit: int = 50) -> List[Dict[str, Any]]:
        path = f"/conversations/{quote(self.conversation_id, safe='')}/messages?{urlencode({'limit': limit})}"
        return self.request("GET", path)["messages"]

    def request(
        self, method: str, path: str, body: Any = None, headers: Optional[Dict[str, str]] = None
    ) -> Any:
        """Returns the JSON of an answer. Raises Problem, or an OSError when the service cannot be reached."""
        with self._open(method, path, body, headers or {}) as response:
            text = response.read()
        return json.loads(text) if text else None

    def _answer(self, rest: str = "") -> str:
        return f"/conversations/{quote(self.conversation_id, safe='')}/answer{rest}"

    def _open(self, method: str, path: str, body: Any, headers: Dict[str, str]) -> HTTPResponse:
        sent = {"Content-Type": "application/json", **headers}
        if self.jwt:
            sent["Authorization"] = f"Bearer {self.jwt}"
        if self.token:
            sent["X-Session-Id"] = self.token
        data = None if body is None else json.dumps(body).encode()
        try:
            return urlopen(Request(self.url + path, data, sent, method=method), timeout=SILENCE_SECONDS)
        except HTTPError as error:
            raise Problem(_problem_in(error)) from None

    def _events(
        self, method: str, path: str, body: Any, headers: Dict[str, str], after: Optional[str] = None
    ) -> Iterator[Dict[str, Any]]:
        problem = None
        failures = 0
        while True:
            try:
                accept = {"Accept": "text/event-stream", **headers, **({"Last-Event-ID": after} if after else {})}
                with self._open(method, path, body, accept) as response:
                    if response.status == 204:
                        return
                    for name, event_id, data in _server_sent_events(response):
                        if name == "error":
                            break
                        after = event_id or after
                        failures = 0
                        if name == "end":
                            if data["end"] != "stored":
                                raise AnswerEnded(data["end"], problem)
                            return
                        if data.get("type") == "problem":
                            problem = data["problem"]
                        else:
                            yield data
            except LOST as error:
                if isinstance(error, HTTPError):
                    raise
            failures += 1
            if failures > MAX_RETRIES:
                raise ConnectionError("The connection was lost, and could not be made again.")
            time.sleep(min(0.25 * 2**failures, 5))
            if after is not None:
                # The answer goes on without this reader.
                method, path, body, headers = "GET", self._answer("/events"), None, {}


class Memory(MutableMapping[str, Any]):
    """What the agent remembers of the user, as a dictionary."""

    def __init__(self, client: ChatClient) -> None:
        self._client = client

    def __getitem__(self, key: str) -> Any:
        try:
            return self._client.request("GET", self._path(key))["value"]
        except Problem as problem:
            if problem.code == "MEMORY_NOT_FOUND":
                raise KeyError(key) from None
            raise

    def __setitem__(self, key: str, value: Any) -> None:
        self._client.request("PUT", self._path(key), {"value": value})

    def __delitem__(self, key: str) -> None:
        try:
            self._client.request("DELETE", self._path(key))
        except Problem as problem:
            if problem.code == "MEMORY_NOT_FOUND":
                raise KeyError(key) from None
            raise

    def __iter__(self) -> Iterator[str]:
        return iter(self._client.request("GET", "/memory")["keys"])

    def __len__(self) -> int:
        return len(self._client.request("GET", "/memory")["keys"])

    def _path(self, key: str) -> str:
        return f"/memory/{quote(key, safe='')}"


def _server_sent_events(response: HTTPResponse) -> Iterator[tuple]:
    name, event_id, data = "message", None, []
    for raw in response:
        line = raw.decode().rstrip("\r\n")
        if line == "":
            if data:
                yield name, event_id, json.loads("\n".join(data))
            name, event_id, data = "message", None, []
        elif not line.startswith(":"):
            field, _, value = line.partition(":")
            value = value[1:] if value.startswith(" ") else value
            if field == "event":
                name = value
            elif field == "id":
                event_id = value
            elif field == "data":
                data.append(value)


def _problem_in(error: HTTPError) -> Dict[str, Any]:
    try:
        return json.loads(error.read())
    except ValueError:
        return {"status": error.code, "code": "", "detail": str(error.reason)}
