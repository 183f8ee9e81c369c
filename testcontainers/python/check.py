"""Uses the module against the simulator at SIMULATOR."""

import json
import os
from urllib.request import Request, urlopen

from telnyx_verify_simulator import Simulator, SimulatorContainer

PROFILE = "4900017a-e7c8-e79e-0a7c-0d98f49b09cc"
simulator = Simulator(os.environ["SIMULATOR"]).wait_until_healthy()
simulator.reset("KEYpython")


def post(path, body):
    headers = {"authorization": "Bearer KEYpython", "content-type": "application/json"}
    with urlopen(Request(f"{simulator.base_url}/{path}", json.dumps(body).encode(), headers)) as response:
        return json.load(response)["data"]


number = simulator.new_number()
sent = post("verifications/sms", {"phone_number": number, "verify_profile_id": PROFILE})
checked = post(f"verifications/{sent['id']}/actions/verify", {"code": simulator.latest_code(number)})
assert checked["response_code"] == "accepted", checked
assert simulator.add_fault(status=503, key="KEYpython")["hits"] == 0
assert callable(SimulatorContainer.start)
