package simulator;

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;

/** Uses the module against the simulator at SIMULATOR. */
final class Check {
  private static final String PROFILE = "4900017a-e7c8-e79e-0a7c-0d98f49b09cc";

  public static void main(String[] arguments) throws Exception {
    Simulator simulator = new Simulator(System.getenv("SIMULATOR")).waitUntilHealthy(Duration.ofSeconds(30));
    simulator.reset("KEYjava");
    String number = simulator.newNumber();
    String body = "{\"phone_number\": \"%s\", \"verify_profile_id\": \"%s\"}".formatted(number, PROFILE);
    post(simulator.baseUrl() + "/verifications/sms", body);
    String code = simulator.latestCode(number);
    String check = "/verifications/by_phone_number/%s/actions/verify".formatted(number.replace("+", "%2B"));
    String answer = post(simulator.baseUrl() + check,
        "{\"code\": \"%s\", \"verify_profile_id\": \"%s\"}".formatted(code, PROFILE));
    if (!answer.contains("\"response_code\":\"accepted\"")) {
      throw new AssertionError(answer);
    }
    simulator.addFault("{\"status\": 503, \"key\": \"KEYjava\"}");
    if (!SimulatorContainer.class.getSuperclass().getSimpleName().equals("GenericContainer")) {
      throw new AssertionError();
    }
  }

  private static String post(String url, String body) throws Exception {
    HttpRequest request = HttpRequest.newBuilder(URI.create(url)).header("authorization", "Bearer KEYjava")
        .header("content-type", "application/json").POST(BodyPublishers.ofString(body)).build();
    return HttpClient.newHttpClient().send(request, BodyHandlers.ofString()).body();
  }
}
