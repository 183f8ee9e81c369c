package main

// coming has the rows of knobs that the chart sets or needs and docs/CONFIGURATION.md does not list yet. A row of the
// document goes before one of these.
const coming = "" +
	"| `store.backend` | `memory` | memory or redis | Where the records are. |\n" +
	"| `store.replicas` | `1` | a whole number from 1 to 10000 | How many gateways share the load. |\n" +
	"| `store.redis.url` | empty | a redis or rediss URL, or empty | Where it is. |\n" +
	"| `store.redis.urls` | empty | URLs with commas between them, or empty | Where it is. |\n" +
	"| `store.redis.mode` | `standalone` | standalone, cluster or sentinel | What it is. |\n" +
	"| `store.redis.sentinel_master` | empty | a text or empty | The name of the master. |\n" +
	"| `store.redis.username` | empty | a text or empty | The user. |\n" +
	"| `store.redis.password_file` | empty | a path or empty | The password. |\n" +
	"| `store.redis.ca_file` | empty | a path or empty | The CA. |\n" +
	"| `store.redis.hash_key_file` | empty | a path or empty | The key of digests. |\n" +
	"| `store.redis.key_prefix` | `verify-gateway` | a text | What keys begin with. |\n" +
	"| `store.redis.timeout` | `500ms` | a duration from 1ms to 1m | How long a command may take. |\n"
