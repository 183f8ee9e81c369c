package main

// coming has the rows of knobs that the chart sets or needs and docs/CONFIGURATION.md does not list yet. A row of the
// document goes before one of these.
const coming = "" +
	"| `store.backend` | `memory` | memory or redis | Where they are kept. memory is this process's own: it ends with it, and no other replica knows of it. redis is a Redis or Valkey server that all replicas share. |\n" +
	"| `store.replicas` | `1` | a whole number from 1 to 10000 | How many gateways share the load. check warns if they are several and each has a memory of its own. |\n" +
	"| `store.max_records` | `500000` | a whole number from 1000 to 100000000 | How many records are kept in memory, some 500 bytes each. When there are as many, sends and checks are refused. |\n" +
	"| `store.redis.mode` | `standalone` | standalone, cluster or sentinel | What it is: one server, a cluster, or servers of which sentinels choose the master. |\n" +
	"| `store.redis.url` | empty | a redis, rediss or redis+unix URL without credentials, query and fragment, or empty | Where the one server is, such as rediss://redis.internal:6379. rediss is TLS; a path is the number of a database. |\n" +
	"| `store.redis.urls` | empty | redis or rediss URLs with nothing but host and port, with commas between them, or empty | Where some nodes of the cluster are, or the sentinels. With rediss, the servers themselves are spoken to by TLS too. |\n" +
	"| `store.redis.sentinel_master` | empty | a text | The name by which the sentinels know the master. |\n" +
	"| `store.redis.username` | empty | a text | The name to log in with. Empty: the default user. |\n" +
	"| `store.redis.password_file` | empty | a path or empty | A file with the password; one line break at its end does not count. It is read whenever a connection is made. Empty: none is needed. |\n" +
	"| `store.redis.sentinel_password_file` | empty | a path or empty | The same for the sentinels' own password. |\n" +
	"| `store.redis.ca_file` | empty | a path or empty | A PEM file with the certificates to trust instead of the system's. Empty: the system's. |\n" +
	"| `store.redis.key_prefix` | `vg` | 1 to 64 letters, digits, hyphens, underscores, dots and colons | What the names of all records begin with; the version of what is written follows it. |\n" +
	"| `store.redis.timeout` | `500ms` | a duration from 10ms to 10s | How long one command may take. What a call has to note may take four times as long in all. |\n" +
	"| `store.redis.hash_key_file` | empty | a path or empty | A file with the secret key of the hashes that stand for phone numbers: at least 32 bytes, the same for all replicas. Whoever changes it must change key_prefix too. |\n"
