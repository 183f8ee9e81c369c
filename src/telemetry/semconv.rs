//! Names of OpenTelemetry's semantic conventions, version 1.42.
//!
//! Those of HTTP are stable. Those of RPC had other names before they became release candidates. With
//! `OTEL_SEMCONV_STABILITY_OPT_IN=rpc/dup`, server spans have both.

pub(crate) const RPC_SYSTEM_NAME: &str = "rpc.system.name";
pub(crate) const RPC_METHOD: &str = "rpc.method";
pub(crate) const RPC_RESPONSE_STATUS_CODE: &str = "rpc.response.status_code";
pub(crate) const ERROR_TYPE: &str = "error.type";
pub(crate) const HTTP_REQUEST_METHOD: &str = "http.request.method";
pub(crate) const HTTP_REQUEST_RESEND_COUNT: &str = "http.request.resend_count";
pub(crate) const HTTP_RESPONSE_STATUS_CODE: &str = "http.response.status_code";
pub(crate) const URL_TEMPLATE: &str = "url.template";
pub(crate) const SERVER_ADDRESS: &str = "server.address";
pub(crate) const SERVER_PORT: &str = "server.port";
pub(crate) const RPC_SERVER_CALL_DURATION: &str = "rpc.server.call.duration";
pub(crate) const HTTP_CLIENT_REQUEST_DURATION: &str = "http.client.request.duration";

/// The earlier names of RPC attributes.
pub(crate) mod legacy {
    pub(crate) const RPC_SYSTEM: &str = "rpc.system";
    pub(crate) const RPC_SERVICE: &str = "rpc.service";
    pub(crate) const RPC_GRPC_STATUS_CODE: &str = "rpc.grpc.status_code";
}
