"""actors/rpc/response.py: what every answer has."""

from peerage.actors.rpc.response import respond, server_time


def test_answer_is_json_as_go_writes_it() -> None:
    """With the server's time, and headers of one's own."""
    answer = respond({"a": "<é>"}, 500, {"X": "y"})
    assert bytes(answer.body) == b'{"a":"\\u003c\xc3\xa9\\u003e"}'
    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/json")
    assert answer.headers["x"] == "y"
    assert answer.headers["x-server-time"].isdigit()


def test_time_is_in_seconds() -> None:
    assert 1_700_000_000 < int(server_time()["X-Server-Time"]) < 10_000_000_000
