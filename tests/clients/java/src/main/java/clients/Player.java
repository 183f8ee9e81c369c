package clients;

import com.google.gson.Gson;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.gson.reflect.TypeToken;
import io.grpc.ChannelCredentials;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import io.grpc.TlsChannelCredentials;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthGrpc;
import java.io.File;
import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Plays the steps of a case. */
final class Player implements AutoCloseable {
    private static final Pattern VARIABLE = Pattern.compile("\\$\\{(\\w+)\\}");
    private static final HttpClient HTTP = HttpClient.newHttpClient();

    private final Set<String> reasons;
    private final Map<String, String> saved = new ConcurrentHashMap<>();
    private final ManagedChannel channel;
    private Call background;

    Player(JsonObject one, Set<String> reasons) throws Exception {
        this.reasons = reasons;
        // Faults that a failed case left behind.
        control("/faults", "DELETE", "");
        this.channel = connect(one);
    }

    private static ManagedChannel connect(JsonObject one) throws IOException {
        JsonObject gateways = JsonParser.parseString(System.getenv("GATEWAYS")).getAsJsonObject();
        String gateway = one.has("gateway") ? one.get("gateway").getAsString() : "dev";
        ChannelCredentials credentials = InsecureChannelCredentials.create();
        if (one.has("tls")) {
            JsonObject tls = one.getAsJsonObject("tls");
            var builder = TlsChannelCredentials.newBuilder().trustManager(certificate(tls.get("ca").getAsString()));
            if (tls.has("certificate")) {
                String own = tls.get("certificate").getAsString();
                builder.keyManager(certificate(own), certificate(own + "-key"));
            }
            credentials = builder.build();
        }
        ManagedChannelBuilder<?> builder =
                Grpc.newChannelBuilder("dns:///" + gateways.get(gateway).getAsString(), credentials);
        if (one.has("service_config")) {
            Path file = Path.of(System.getenv("SERVICE_CONFIGS"), one.get("service_config").getAsString());
            builder.defaultServiceConfig(
                    new Gson().fromJson(Files.readString(file), new TypeToken<Map<String, Object>>() {}.getType()));
        }
        return builder.build();
    }

    private static File certificate(String name) {
        return new File(System.getenv("CERTIFICATES"), name + ".pem");
    }

    @Override
    public void close() {
        channel.shutdownNow();
    }

    /** Replaces ${…} by a saved value, a new UUID, or a number of letters. */
    private JsonObject expanded(JsonObject step) {
        Matcher matcher = VARIABLE.matcher(step.toString());
        String text = matcher.replaceAll(found -> {
            String name = found.group(1);
            if (name.equals("uuid")) {
                return UUID.randomUUID().toString();
            }
            return name.matches("\\d+") ? "x".repeat(Integer.parseInt(name)) : saved.get(name);
        });
        return JsonParser.parseString(text).getAsJsonObject();
    }

    void play(JsonObject unexpanded) throws Exception {
        JsonObject step = expanded(unexpanded);
        if (step.has("fault")) {
            control("/faults", "POST", step.get("fault").toString());
        } else if (step.has("faults_used")) {
            faultsUsed();
        } else if (step.has("code_of")) {
            String path = "/messages/latest/code?phone=" + encoded(step.get("code_of"));
            saved.put(step.get("save").getAsString(), control(path, "GET", ""));
        } else if (step.has("new_uuid")) {
            saved.put(step.get("new_uuid").getAsString(), UUID.randomUUID().toString());
        } else if (step.has("outbox")) {
            String sent = control("/messages?phone=" + encoded(step.get("outbox")), "GET", "");
            int messages = JsonParser.parseString(sent).getAsJsonArray().size();
            Json.require(messages == step.get("messages").getAsInt(), messages + " messages were sent");
        } else if (step.has("health")) {
            health(step.getAsJsonObject("health"));
        } else if (step.has("reflection")) {
            Reflection.expect(channel, step.getAsJsonArray("reflection"));
        } else if (step.has("cancel") || step.has("join")) {
            if (step.has("cancel")) {
                background.cancel();
            }
            background.compare(saved, reasons);
        } else if (step.has("background")) {
            background = Call.begin(channel, step);
        } else if (step.has("for_ms")) {
            long end = System.nanoTime() + Duration.ofMillis(step.get("for_ms").getAsLong()).toNanos();
            while (System.nanoTime() < end) {
                make(step);
            }
        } else if (step.has("times")) {
            many(unexpanded, step.get("times").getAsInt(), step.get("at_once").getAsInt());
        } else {
            make(step);
        }
    }

    private void make(JsonObject step) throws Exception {
        Call.begin(channel, step).compare(saved, reasons);
    }

    private void many(JsonObject unexpanded, int times, int atOnce) throws Exception {
        ExecutorService pool = Executors.newFixedThreadPool(atOnce);
        try {
            Callable<Void> one = () -> {
                make(expanded(unexpanded));
                return null;
            };
            List<Future<Void>> ends = new ArrayList<>();
            for (int begun = 0; begun < times; begun++) {
                ends.add(pool.submit(one));
            }
            for (Future<Void> end : ends) {
                end.get();
            }
        } finally {
            pool.shutdownNow();
        }
    }

    private void health(JsonObject states) {
        HealthGrpc.HealthBlockingStub health = HealthGrpc.newBlockingStub(channel);
        states.entrySet().forEach(entry -> {
            var request = HealthCheckRequest.newBuilder().setService(entry.getKey()).build();
            String state = health.check(request).getStatus().name();
            Json.require(state.equals(entry.getValue().getAsString()), entry.getKey() + " is " + state);
        });
    }

    private static String encoded(JsonElement phone) {
        return URLEncoder.encode(phone.getAsString(), StandardCharsets.UTF_8);
    }

    /** Calls the simulator's control API. */
    private static String control(String path, String method, String body) throws IOException, InterruptedException {
        HttpRequest request = HttpRequest.newBuilder(URI.create(System.getenv("SIMULATOR") + "/_simulator" + path))
                .header("content-type", "application/json")
                .method(method, BodyPublishers.ofString(body))
                .build();
        HttpResponse<String> answer = HTTP.send(request, BodyHandlers.ofString());
        Json.require(answer.statusCode() / 100 == 2, method + " " + path + ": " + answer.body());
        return answer.body().strip();
    }

    /** Waits until all faults are used up, which proves that the calls have reached the simulator. */
    private static void faultsUsed() throws IOException, InterruptedException {
        long end = System.nanoTime() + Duration.ofSeconds(10).toNanos();
        while (!JsonParser.parseString(control("/faults", "GET", "")).equals(new JsonArray())) {
            Json.require(System.nanoTime() < end, "a fault was not met");
            Thread.sleep(5);
        }
    }
}
