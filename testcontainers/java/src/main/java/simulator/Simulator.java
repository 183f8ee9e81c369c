package simulator;

import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;

/** The control endpoints of a running Telnyx Verify simulator. */
public record Simulator(String url) {
  private static final HttpClient HTTP = HttpClient.newHttpClient();

  /** What a client of Telnyx takes. */
  public String baseUrl() {
    return url + "/v2";
  }

  /** A phone number that no other test has. */
  public String newNumber() throws IOException, InterruptedException {
    return call("POST", "numbers", "").split("\"")[3];
  }

  /** The newest code for a phone number. Waits for the first one, at most 10 s. */
  public String latestCode(String phone) throws IOException, InterruptedException {
    return call("GET", "messages/latest/code?wait=10s&phone=" + encode(phone), "").strip();
  }

  /** Adds a fault, in JSON, such as {@code {"status": 503}}. */
  public void addFault(String json) throws IOException, InterruptedException {
    call("POST", "faults", json);
  }

  /** Deletes the state of one API key. */
  public void reset(String key) throws IOException, InterruptedException {
    call("POST", "reset?key=" + encode(key), "");
  }

  public Simulator waitUntilHealthy(Duration most) throws IOException, InterruptedException {
    for (Instant end = Instant.now().plus(most); ; Thread.sleep(100)) {
      try {
        call("GET", "health", "");
        return this;
      } catch (IOException error) {
        if (Instant.now().isAfter(end)) {
          throw error;
        }
      }
    }
  }

  private static String encode(String text) {
    return URLEncoder.encode(text, StandardCharsets.UTF_8);
  }

  private String call(String method, String path, String body) throws IOException, InterruptedException {
    HttpRequest request = HttpRequest.newBuilder(URI.create(url + "/_simulator/" + path))
        .header("content-type", "application/json").method(method, BodyPublishers.ofString(body)).build();
    var response = HTTP.send(request, BodyHandlers.ofString());
    if (response.statusCode() >= 300) {
      throw new IOException(response.body());
    }
    return response.body();
  }
}
