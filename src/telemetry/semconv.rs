//! Names of OpenTelemetry's semantic conventions, version 1.42, and the one setting that they are subject to.
//!
//! Those of HTTP are stable. Those of RPC had other names before they became release candidates: who still reads the old
//! ones sets `OTEL_SEMCONV_STABILITY_OPT_IN=rpc/dup`, and server spans have both.

/// `grpc`.
pub const RPC_SYSTEM_NAME: &str = "rpc.system.name";
/// The full name of the rpc.
pub const RPC_METHOD: &str = "rpc.method";
/// The gRPC code by its name.
pub const RPC_RESPONSE_STATUS_CODE: &str = "rpc.response.status_code";
/// Why something failed.
pub const ERROR_TYPE: &str = "error.type";
/// The method of a request.
pub const HTTP_REQUEST_METHOD: &str = "http.request.method";
/// How many attempts there were before this one.
pub const HTTP_REQUEST_RESEND_COUNT: &str = "http.request.resend_count";
/// The status of an answer.
pub const HTTP_RESPONSE_STATUS_CODE: &str = "http.response.status_code";
/// The path of a URL with the names of its variable parts.
pub const URL_TEMPLATE: &str = "url.template";
/// The host that is called.
pub const SERVER_ADDRESS: &str = "server.address";
/// The port that is called.
pub const SERVER_PORT: &str = "server.port";
/// The duration of a call at the server.
pub const RPC_SERVER_CALL_DURATION: &str = "rpc.server.call.duration";
/// The duration of a request at the client.
pub const HTTP_CLIENT_REQUEST_DURATION: &str = "http.client.request.duration";

/// The names that RPC spans had before.
pub mod legacy {
    /// `grpc`.
    pub const RPC_SYSTEM: &str = "rpc.system";
    /// The full name of the service.
    pub const RPC_SERVICE: &str = "rpc.service";
    /// The gRPC code by its number.
    pub const RPC_GRPC_STATUS_CODE: &str = "rpc.grpc.status_code";
}
