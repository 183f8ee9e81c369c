"""The kinds of faults: how the origin answers a request in another way than well.

REFUSED kinds answer before the request takes effect, and say so truly. LOST kinds leave the client without a readable answer;
the request takes effect before, after, or not at all. ODD kinds carry out the request and give the true and whole answer in an
unusual form, which a client may or may not be able to read. LIST kinds answer a list of verifications.
"""

import asyncio
import gzip
import json
import random
from dataclasses import dataclass, replace
from email.utils import formatdate
from typing import Callable

REFUSED, LOST, ODD, LIST = {}, {}, {}, {}

# How long the gateway waits for an answer (the driver configures it), and how long it certainly does not.
ATTEMPT_TIMEOUT = 0.4
SHORT, LONG = 0.15, 0.9


@dataclass
class Answer:
    status: int
    body: bytes
    content_type: str = "application/json"
    headers: tuple = ()
    version: str = "HTTP/1.1"
    date: str | None = None
    # "length", "chunked", "eof", or a list of header values for content-length.
    framing: object = "length"
    # Of the request.
    path: str = "/"

    def head(self) -> bytes:
        lines = [f"{self.version} {self.status} {'OK' if self.status == 200 else 'Other'}"]
        if self.date is not None:
            lines.append(f"Date: {self.date}")
        if self.content_type:
            lines.append(f"Content-Type: {self.content_type}")
        lengths = [len(self.body)] if self.framing == "length" else self.framing if isinstance(self.framing, list) else []
        lines += [f"Content-Length: {length}" for length in lengths]
        if self.framing == "chunked":
            lines.append("Transfer-Encoding: chunked")
        lines += [f"{name}: {value}".replace("{path}", self.path) for name, value in self.headers]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    def whole(self) -> bytes:
        return self.head() + (chunks(self.body) + b"0\r\n\r\n" if self.framing == "chunked" else self.body)


def chunks(body: bytes) -> bytes:
    parts = [body[at : at + 37] for at in range(0, len(body), 37)]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)


def errors(code: str, title: str) -> bytes:
    return json.dumps({"errors": [{"code": code, "title": title, "detail": title}]}).encode()


HTML = b"<!DOCTYPE html><html><head><title>Please wait</title></head><body><h1>One moment</h1></body></html>"


def kind(table: dict, name: str):
    def register(write: Callable):
        table[name] = write
        return write

    return register


# ---- REFUSED


def refusal(name: str, status: int, code: str = "", headers: Callable = lambda: (), html: bool = False) -> None:
    @kind(REFUSED, name)
    async def _(connection, answer: Answer) -> None:
        body = HTML if html else errors(code, "refused")
        content_type = "text/html" if html else "application/json"
        await connection.send(replace(answer, status=status, body=body, content_type=content_type, headers=headers()).whole())


refusal("400", 400, "10015")
refusal("400 region", 400, "40309")
refusal("401", 401, "10009")
refusal("402", 402, "20100")
refusal("403", 403, "10010")
refusal("403 html", 403, html=True)
refusal("404", 404, "10005")
refusal("405", 405, "10030")
refusal("409 state", 409, "10012")
refusal("410", 410, "10005")
refusal("415", 415, "10014")
refusal("422", 422, "10027")
# These say that the request belongs elsewhere.
for _status in (301, 307, 308):
    refusal(str(_status), _status, headers=lambda: (("Location", "{path}"),), html=True)
refusal("429", 429, "10011")
refusal("429 retry-after 0", 429, "10011", lambda: (("Retry-After", "0"),))
refusal("429 retry-after-ms", 429, "10011", lambda: (("Retry-After-Ms", "60"),))
refusal("429 retry-after date", 429, "10011", lambda: (("Retry-After", formatdate(usegmt=True)),))
refusal("429 retry-after far", 429, "10011", lambda: (("Retry-After", "3600"),))
refusal("429 reset header", 429, "10011", lambda: (("X-RateLimit-Reset", "1"),))


# ---- LOST: no answer


@kind(LOST, "reset")
async def _(connection, answer):
    connection.reset()


@kind(LOST, "fin")
async def _(connection, answer):
    connection.close()


@kind(LOST, "half-close")
async def _(connection, answer):
    connection.half_close()
    await asyncio.sleep(LONG)
    connection.close()


@kind(LOST, "hang, then close")
async def _(connection, answer):
    await asyncio.sleep(LONG)
    connection.close()


@kind(LOST, "hang, then reset")
async def _(connection, answer):
    await asyncio.sleep(LONG)
    connection.reset()


# ---- LOST: an answer that is cut, or none of HTTP


def cut(name: str, bytes_of: Callable[[Answer], bytes], end: str = "close", wait: float = 0) -> None:
    @kind(LOST, name)
    async def _(connection, answer: Answer) -> None:
        await connection.send(bytes_of(answer))
        await asyncio.sleep(wait)
        getattr(connection, end)()


def half(body: bytes) -> bytes:
    return body[: len(body) // 2]


cut("cut in the status line", lambda answer: answer.head()[:9])
cut("cut in the headers", lambda answer: answer.head()[:-6])
cut("cut after the headers", lambda answer: answer.head(), wait=0.02)
cut("cut in the body", lambda answer: answer.head() + half(answer.body))
cut("cut in the body, reset", lambda answer: answer.head() + half(answer.body), "reset", wait=0.02)
cut("cut in the body, hang", lambda answer: answer.head() + half(answer.body), wait=LONG)
cut("cut in a chunk", lambda answer: replace(answer, framing="chunked").head() + half(chunks(answer.body)))
cut("chunk of a bad size", lambda answer: replace(answer, framing="chunked").head() + b"zz\r\n" + half(answer.body) + b"\r\n0\r\n\r\n")
cut("chunk of a huge size", lambda answer: replace(answer, framing="chunked").head() + b"fffffffffffffffff\r\n" + half(answer.body))
cut("until the end, cut", lambda answer: replace(answer, framing="eof").head() + half(answer.body))
cut("HTTP/1.0, cut", lambda answer: replace(answer, version="HTTP/1.0", framing="eof").head() + half(answer.body))
cut("banner of SSH", lambda answer: b"SSH-2.0-OpenSSH_9.6\r\n")
cut("frames of HTTP/2", lambda answer: b"\x00\x00\x00\x04\x00\x00\x00\x00\x00")
cut("record of TLS", lambda answer: b"\x15\x03\x01\x00\x02\x02\x46")
cut("102, then close", lambda answer: b"HTTP/1.1 102 Processing\r\n\r\n" * 3)
cut("100, then hang", lambda answer: b"HTTP/1.1 100 Continue\r\n\r\n", wait=LONG)
cut("101", lambda answer: b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: other\r\n\r\n", wait=0.05)
cut("408, then close", lambda answer: b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")


# ---- LOST: an answer without the result


def instead(name: str, status: int, body: bytes | Callable = b"", content_type: str = "application/json", headers: tuple = ()) -> None:
    @kind(LOST, name)
    async def _(connection, answer: Answer) -> None:
        content = body(answer) if callable(body) else body
        changed = replace(answer, status=status, body=content, content_type=content_type, headers=headers)
        if status in (204, 304):
            changed = replace(changed, framing="none", content_type="")
        await connection.send(changed.whole())


def without(*keys: str, value=None) -> Callable:
    """The JSON of an answer without its main field, or with another value in it."""

    def change(answer: Answer) -> bytes:
        document = json.loads(answer.body)
        data = document.get("data")
        for key in keys:
            if isinstance(data, dict) and key in data:
                if value is None:
                    del data[key]
                else:
                    data[key] = value
        return json.dumps(document if isinstance(data, dict) else {"data": None}).encode()

    return change


instead("HTML with 200", 200, HTML, "text/html")
instead("HTML with 200, as JSON", 200, HTML)
instead("empty 200", 200)
instead("204", 204)
instead("202 empty", 202)
instead("gzip garbage", 200, bytes(range(200)), headers=(("Content-Encoding", "gzip"),))
instead("gzip cut", 200, lambda answer: half(gzip.compress(answer.body)), headers=(("Content-Encoding", "gzip"),))
instead("unknown encoding", 200, bytes(range(100, 250)), headers=(("Content-Encoding", "br"),))
instead("truncated JSON", 200, lambda answer: half(answer.body))
instead("invalid UTF-8", 200, lambda answer: b'{"data":{"id":"\xff\xfe' + half(answer.body))
instead("no main field", 200, without("id", "response_code"))
instead("empty main field", 200, without("id", "response_code", value=""))
instead("main field is an object", 200, without("id", "response_code", value={"a": [1]}))
instead("data is null", 200, b'{"data":null}')
instead("data is a text", 200, b'{"data":"ok"}')
instead("errors with 200", 200, errors("10007", "unexpected"))
instead("deep JSON", 200, b'{"data":' + b"[" * 2000 + b"]" * 2000 + b"}")
# These do not say whether the request was carried out (RFC 9110 §15.4): a result may be found elsewhere.
for _status in (300, 302, 303):
    instead(str(_status), _status, headers=(("Location", "{path}"),))
instead("304", 304)
instead("408", 408, errors("10008", "timeout"))
instead("409 busy", 409, errors("10036", "being processed"))
instead("500", 500, errors("10007", "unexpected"))
instead("500 html", 500, HTML, "text/html")
instead("501", 501)
instead("502", 502, HTML, "text/html")
instead("503", 503, errors("10037", "unavailable"))
instead("503 retry-after", 503, errors("10037", "unavailable"), headers=(("Retry-After", "1"),))
instead("504", 504, errors("10008", "timeout"))
instead("520", 520, b"error code: 520", "text/plain")
instead("599", 599)


@kind(LOST, "length too short")
async def _(connection, answer):
    await connection.send(replace(answer, framing=[len(half(answer.body))]).head() + half(answer.body) + b"}}")


# ---- ODD: the true answer in an unusual form


def odd(name: str, bytes_of: Callable[[Answer], bytes], end: str | None = None, wait: float = 0) -> None:
    @kind(ODD, name)
    async def _(connection, answer: Answer) -> None:
        await connection.send(bytes_of(answer))
        if end:
            await asyncio.sleep(wait)
            getattr(connection, end)()


def repeated_keys(body: bytes) -> bytes:
    """The first of two equal keys has another value. Most parsers take the last one."""
    return body.replace(b'"id": "', b'"id": "0bad", "id": "', 1).replace(
        b'"response_code": "', b'"response_code": "accepted", "response_code": "', 1
    )


def with_unknown_keys(body: bytes) -> bytes:
    document = json.loads(body)
    if isinstance(document.get("data"), dict):
        document["data"] |= {"extra": {"a": [None, 1.5, "x"]}, "record_type": 7}
    return json.dumps({"meta": None, **document}).encode()


odd("chunked", lambda answer: replace(answer, framing="chunked").whole())
odd("chunked with extensions and trailers", lambda answer: replace(answer, framing="chunked").head() + b"%x;a=b\r\n%s\r\n0\r\nX-End: 1\r\n\r\n" % (len(answer.body), answer.body))
odd("gzip", lambda answer: replace(answer, body=gzip.compress(answer.body), headers=(("Content-Encoding", "gzip"),)).whole())
odd("1xx before it", lambda answer: b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + answer.whole())
odd("HTTP/1.0 with a length", lambda answer: replace(answer, version="HTTP/1.0").whole(), "close")
odd("HTTP/1.0 until the end", lambda answer: replace(answer, version="HTTP/1.0", framing="eof").whole(), "close")
odd("until the end", lambda answer: replace(answer, framing="eof").whole(), "close")
odd("another content type", lambda answer: replace(answer, content_type="text/plain").whole())
odd("no content type", lambda answer: replace(answer, content_type="").whole())
odd("201", lambda answer: replace(answer, status=201 if answer.status == 200 else answer.status).whole())
odd("header names in capitals", lambda answer: answer.head().replace(b"Content-Length", b"CONTENT-LENGTH") + answer.body)
odd("no Date", lambda answer: replace(answer, date=None).whole())
odd("bad Date", lambda answer: replace(answer, date="yesterday").whole())
odd("byte order mark", lambda answer: replace(answer, body=b"\xef\xbb\xbf" + answer.body).whole())
odd("repeated keys", lambda answer: replace(answer, body=repeated_keys(answer.body)).whole())
odd("unknown keys", lambda answer: replace(answer, body=with_unknown_keys(answer.body)).whole())
odd("padded JSON", lambda answer: replace(answer, body=b"\r\n\t " + answer.body + b"\n\n").whole())
odd("huge headers", lambda answer: replace(answer, headers=tuple((f"X-Filler-{at}", "x" * 2000) for at in range(60))).whole())
odd("endless headers", lambda answer: replace(answer, headers=tuple((f"X-Filler-{at}", "x" * 5000) for at in range(140))).whole())
odd("many headers", lambda answer: replace(answer, headers=tuple((f"X-Filler-{at}", "x") for at in range(300))).whole())
odd("huge body", lambda answer: replace(answer, body=answer.body + b" " * (2 << 20)).whole())
odd("length twice", lambda answer: replace(answer, framing=[len(answer.body)] * 2).whole())
odd("two lengths", lambda answer: replace(answer, framing=[len(answer.body), len(answer.body) + 9]).whole(), "close", 0.05)
odd("length and chunks", lambda answer: answer.head()[:-2] + b"Transfer-Encoding: chunked\r\n\r\n" + chunks(answer.body) + b"0\r\n\r\n", "close", 0.05)
odd("length that is no number", lambda answer: replace(answer, framing=["many"]).whole(), "close", 0.05)
odd("length too long", lambda answer: replace(answer, framing=[len(answer.body) + 40]).whole(), "close", 0.05)
odd("length too long, hang", lambda answer: replace(answer, framing=[len(answer.body) + 40]).whole(), "close", LONG)
odd("answer, then close", lambda answer: answer.whole(), "close")
odd("announced close", lambda answer: replace(answer, headers=(("Connection", "close"),)).whole(), "close")
odd("announced close that does not come", lambda answer: replace(answer, headers=(("Connection", "close"),)).whole())
odd("answer, then garbage", lambda answer: answer.whole() + b"\x00\x01garbage\r\n\r\n")
odd("answer, then another answer", lambda answer: answer.whole() + b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
odd("answer twice", lambda answer: answer.whole() * 2)


@kind(ODD, "answer after the timeout")
async def _(connection, answer):
    await asyncio.sleep(LONG)
    await connection.send(answer.whole())


@kind(ODD, "slow answer")
async def _(connection, answer):
    await asyncio.sleep(SHORT)
    await connection.send(answer.whole())


async def drip(connection, answer: Answer, seconds: float) -> None:
    whole = answer.whole()
    for at in range(0, len(whole), 10):
        await connection.send(whole[at : at + 10])
        await asyncio.sleep(seconds * 10 / len(whole))


@kind(ODD, "slow drip")
async def _(connection, answer):
    await drip(connection, answer, SHORT)


@kind(ODD, "slow drip beyond the timeout")
async def _(connection, answer):
    await drip(connection, answer, LONG)


# Races of keep-alive: something happens on the idle connection, perhaps as the next request arrives.
def afterwards(name: str, act: Callable) -> None:
    @kind(ODD, name)
    async def _(connection, answer: Answer) -> None:
        await connection.send(answer.whole())
        connection.later(random.choice([0, 0.001, 0.003, 0.01, 0.03, 0.1]), lambda: act(connection, answer))


afterwards("idle, then close", lambda connection, answer: connection.close())
afterwards("idle, then reset", lambda connection, answer: connection.reset())
afterwards("idle, then 408", lambda connection, answer: connection.write_and_close(b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"))
afterwards("idle, then garbage", lambda connection, answer: connection.write_and_close(b"\x00\x00\x00"))


@kind(ODD, "close as the next request arrives")
async def _(connection, answer):
    await connection.send(answer.whole())
    connection.drops_next = True


# ---- LIST: changes of the entries and the meta


def listing(name: str, change: Callable[[dict], dict]) -> None:
    LIST[name] = change


def each(change: Callable[[dict], object], only_first: bool = False) -> Callable[[dict], dict]:
    def changed(document: dict) -> dict:
        data = document["data"]
        return {**document, "data": [one if only_first and at else change(one) for at, one in enumerate(data)]}

    return changed


listing("list: an entry is a text", lambda document: {**document, "data": [*document["data"], "entry"]})
listing("list: an entry is null", lambda document: {**document, "data": [None, *document["data"]]})
listing("list: an entry without ID", each(lambda one: {**one, "id": None}, only_first=True))
listing("list: an entry without creation time", each(lambda one: {**one, "created_at": None}, only_first=True))
listing("list: entries with bad times", each(lambda one: {**one, "created_at": "soon", "updated_at": 7}))
listing("list: entries without timeout", each(lambda one: {**one, "timeout_secs": None}))
listing("list: entries without code", each(lambda one: {**one, "custom_code": None}))
listing("list: without meta", lambda document: {"data": document["data"]})
listing("list: other order", lambda document: {**document, "data": document["data"][::-1]})
listing("list: an entry twice", lambda document: {**document, "data": document["data"] + document["data"][:1]})
listing("list: part of the page", lambda document: {**document, "data": document["data"][: len(document["data"]) // 2]})
listing("list: data is an object", lambda document: {"data": {}})
