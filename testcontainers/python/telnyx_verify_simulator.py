"""The Telnyx Verify simulator in tests: a client of its control endpoints, and a container that runs it."""

import json
import time
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from testcontainers.core.container import DockerContainer

PORT = 4010


class Simulator:
    """The control endpoints of a running simulator."""

    def __init__(self, url: str):
        self.url = url
        self.base_url = f"{url}/v2"

    def wait_until_healthy(self, seconds: float = 30) -> "Simulator":
        end = time.monotonic() + seconds
        while True:
            try:
                self._call("GET", "health")
                return self
            except (URLError, ConnectionError):
                if time.monotonic() > end:
                    raise
                time.sleep(0.1)

    def new_number(self) -> str:
        """A phone number that no other test has."""
        return json.loads(self._call("POST", "numbers"))["phone_number"]

    def latest_code(self, phone: str, wait: str = "10s") -> str:
        """The newest code for a phone number. Waits for the first one."""
        return self._call("GET", f"messages/latest/code?{urlencode({'phone': phone, 'wait': wait})}").strip()

    def add_fault(self, **fault) -> dict:
        return json.loads(self._call("POST", "faults", fault))

    def reset(self, key: str | None = None) -> None:
        """Deletes all state, or that of one API key."""
        self._call("POST", "reset" + (f"?{urlencode({'key': key})}" if key else ""))

    def _call(self, method: str, path: str, body: dict | None = None) -> str:
        data = None if body is None else json.dumps(body).encode()
        request = Request(f"{self.url}/_simulator/{path}", data, {"content-type": "application/json"}, method=method)
        with urlopen(request, timeout=70) as response:
            return response.read().decode()


class SimulatorContainer(DockerContainer):
    """A container with the simulator. Keyword arguments are settings, such as `attempt_limit=3`."""

    def __init__(self, image: str, **settings):
        super().__init__(image)
        self.with_command("simulator").with_exposed_ports(PORT)
        variables = {"listen": f"0.0.0.0:{PORT}", "allow_remote": "true", **settings}
        for name, value in variables.items():
            self.with_env(f"SIMULATOR_{name.upper()}", str(value))

    def start(self) -> "SimulatorContainer":
        super().start()
        self.simulator = Simulator(f"http://{self.get_container_host_ip()}:{self.get_exposed_port(PORT)}")
        self.simulator.wait_until_healthy()
        return self
