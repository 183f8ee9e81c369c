package clients;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.MessageOrBuilder;
import com.google.protobuf.util.JsonFormat;

/** Messages as JSON, and comparisons of JSON. */
final class Json {
    private Json() {}

    static JsonObject of(MessageOrBuilder message) throws InvalidProtocolBufferException {
        String text = JsonFormat.printer().preservingProtoFieldNames().print(message);
        return JsonParser.parseString(text).getAsJsonObject();
    }

    /** Fails unless every expected value is found. "*" matches every value. */
    static void subset(JsonElement expected, JsonElement found, String path) {
        if (expected instanceof JsonObject object) {
            require(found instanceof JsonObject, path + " is " + found);
            object.entrySet().forEach(entry -> subset(
                    entry.getValue(), found.getAsJsonObject().get(entry.getKey()), path + "." + entry.getKey()));
        } else if (expected instanceof JsonArray list) {
            require(found instanceof JsonArray other && other.size() == list.size(), path + " is " + found);
            for (int at = 0; at < list.size(); at++) {
                subset(list.get(at), found.getAsJsonArray().get(at), path + "[" + at + "]");
            }
        } else {
            boolean any = expected.getAsString().equals("*") && found != null;
            require(any || expected.equals(found), path + " is " + found + ", not " + expected);
        }
    }

    static void require(boolean holds, String otherwise) {
        if (!holds) {
            throw new AssertionError(otherwise);
        }
    }
}
