"""Plays attacks against a running gateway with a victim of another tenant beside each, in a process of its own. See run.

usage: attack.py HOST:PORT PID SETTLE [attack ...]
"""

import collections
import multiprocessing
import resource
import socket
import statistics
import sys
import time

import h2.config
import h2.connection
import h2.events

ATTACKER, VICTIM = "hostile-attacker", "hostile-victim"
LIST = "/verify.v1.TemplateService/ListTemplates"
WATCH = "/grpc.health.v1.Health/Watch"
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0"
EMPTY = bytes(5)
# How long a victim calls, before an attack and during it.
SECONDS = 5


class Connection:
    """An HTTP/2 connection that makes calls one after the other."""

    def __init__(self, address):
        self.socket = socket.create_connection(address, timeout=10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.http2 = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        self.http2.initiate_connection()
        self.flush()

    def flush(self):
        self.socket.sendall(self.http2.data_to_send())

    def begin(self, path, token=None, message=None):
        stream = self.http2.get_next_available_stream_id()
        headers = [(":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "gateway"),
                   ("te", "trailers"), ("content-type", "application/grpc")]
        if token:
            headers.append(("authorization", f"Bearer {token}"))
        self.http2.send_headers(stream, headers)
        if message is not None:
            self.http2.send_data(stream, message, end_stream=True)
        return stream

    def call(self, path, token):
        """The gRPC code of a whole call."""
        stream, code = self.begin(path, token, EMPTY), None
        self.flush()
        while True:
            data = self.socket.recv(65536)
            if not data:
                raise ConnectionError("closed")
            for event in self.http2.receive_data(data):
                if isinstance(event, h2.events.DataReceived):
                    self.http2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                if isinstance(event, (h2.events.ResponseReceived, h2.events.TrailersReceived)):
                    code = dict(event.headers).get("grpc-status", code)
                if isinstance(event, h2.events.StreamReset):
                    code = "reset"
                if isinstance(event, (h2.events.StreamEnded, h2.events.StreamReset)) and event.stream_id == stream:
                    self.flush()
                    return code
            self.flush()


def victim(address, seconds):
    """Calls on a kept connection and on new ones by turns. Returns the durations and how many failed, by cause."""
    durations, failures, end = [], collections.Counter(), time.monotonic() + seconds
    kept, number = Connection(address), 0
    while time.monotonic() < end:
        began, number = time.monotonic(), number + 1
        try:
            connection = Connection(address) if number % 10 == 0 else kept
            code = connection.call(LIST, VICTIM)
            if connection is not kept:
                connection.socket.close()
            if code != "0":
                failures[code] += 1
        except OSError as error:
            failures[type(error).__name__] += 1
            kept = Connection(address)
        durations.append(time.monotonic() - began)
    kept.socket.close()
    return durations, failures


def unfinished(address, stop):
    """1,250 calls on five connections whose messages never end."""
    connections = [Connection(address) for _ in range(5)]
    for connection in connections:
        for _ in range(250):
            connection.begin(LIST, ATTACKER)
        connection.flush()
    stop.wait()
    return connections


def watches(address, stop):
    """10,000 streams of health on forty connections."""
    connections = [Connection(address) for _ in range(40)]
    for connection in connections:
        for _ in range(250):
            connection.begin(WATCH, message=EMPTY)
        connection.flush()
    stop.wait()
    return connections


def connections(address, stop):
    """5,000 connections of five addresses, of which half are silent."""
    sockets = []
    for number in range(5000):
        try:
            one = socket.create_connection(address, timeout=5, source_address=(f"127.0.1.{number % 5 + 1}", 0))
            if number % 2:
                one.sendall(PREFACE)
            sockets.append(one)
        except OSError:
            pass
        if stop.is_set():
            break
    stop.wait()
    return sockets


def frames(address, stop):
    """Floods of WINDOW_UPDATE, PRIORITY, PING and SETTINGS, on a new connection as soon as one is closed."""
    kinds = [b"\0\0\4\x08\0\0\0\0\0\0\0\0\1", b"\0\0\5\2\0\0\0\0\3\0\0\0\0\1", b"\0\0\x08\6\0\0\0\0\0" + bytes(8),
             b"\0\0\0\4\0\0\0\0\0"]
    number = 0
    while not stop.is_set():
        try:
            one, number = socket.create_connection(address, timeout=1), number + 1
            one.sendall(PREFACE)
            while not stop.is_set():
                one.sendall(kinds[number % len(kinds)] * 2000)
        except OSError:
            pass
        finally:
            one.close()


def resident(pid):
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) // 1024 for line in status if line.startswith("VmRSS"))


def p99(durations):
    return statistics.quantiles(durations, n=100)[98] * 1000


COLUMNS = "{:<12} {:>6} {:>8} {:>14} {:>14} {:>6} {:>12} {:>12} {:>15} {:>8}"


def main():
    host, port = sys.argv[1].rsplit(":", 1)
    address, pid, settle, names = (host, int(port)), sys.argv[2], int(sys.argv[3]), sys.argv[4:]
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    failed = 0
    print(COLUMNS.format("attack", "calls", "failed", "quiet p99 (ms)", "p99 (ms)", "ratio", "quiet (MiB)", "during (MiB)",
                         "after (MiB)", "+10 % in"))
    # The attacker has another interpreter, so that the victim waits for the gateway alone.
    processes = multiprocessing.get_context("spawn")
    for attack in (unfinished, watches, connections, frames):
        if names and attack.__name__ not in names:
            continue
        baseline, before = p99(victim(address, SECONDS)[0]), resident(pid)
        stop = processes.Event()
        attacker = processes.Process(target=attack, args=(address, stop))
        attacker.start()
        durations, failures = victim(address, SECONDS)
        peak = resident(pid)
        stop.set()
        attacker.join()
        back = None
        for second in range(settle + 1):
            if resident(pid) <= before * 1.1:
                back = f"{second} s"
                break
            time.sleep(1)
        print(COLUMNS.format(attack.__name__, len(durations), sum(failures.values()), f"{baseline:.1f}", f"{p99(durations):.1f}",
                             f"{p99(durations) / baseline:.1f}", before, peak, resident(pid), back or "no"), flush=True)
        for cause, number in failures.items():
            print(f"  {number} calls failed: {cause}")
        failed += sum(failures.values())
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
