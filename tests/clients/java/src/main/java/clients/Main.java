package clients;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import verify.v1.ErrorReason;

/** Runs the scenarios that all languages share with grpc-java. */
public final class Main {
    private Main() {}

    public static void main(String[] args) throws Exception {
        String text = Files.readString(Path.of(System.getenv("SCENARIOS")));
        JsonObject file = JsonParser.parseString(text).getAsJsonObject();
        Set<String> reasons = ConcurrentHashMap.newKeySet();
        int passed = 0;
        int failed = 0;
        for (JsonElement element : file.getAsJsonArray("cases")) {
            JsonObject one = element.getAsJsonObject();
            String name = one.get("name").getAsString();
            JsonArray only = one.getAsJsonArray("only");
            if (only != null && !only.contains(new JsonPrimitive("java"))) {
                System.out.println("not offered by grpc-java: " + name);
                continue;
            }
            try (Player player = new Player(one, reasons)) {
                for (JsonElement step : one.getAsJsonArray("steps")) {
                    player.play(step.getAsJsonObject());
                }
                passed++;
            } catch (Exception | AssertionError error) {
                System.out.println("FAILED: " + name + ": " + error);
                failed++;
            }
        }
        for (ErrorReason reason : ErrorReason.values()) {
            String name = reason.name().replace("ERROR_REASON_", "");
            boolean provoked = reason != ErrorReason.UNRECOGNIZED
                    && reason != ErrorReason.ERROR_REASON_UNSPECIFIED
                    && !file.getAsJsonObject("not_provoked").has(name);
            if (provoked && !reasons.contains(name)) {
                System.out.println("FAILED: no case is answered with " + name);
                failed++;
            }
        }
        System.out.println("java: " + passed + " passed, " + failed + " failed");
        System.exit(failed == 0 ? 0 : 1);
    }
}
