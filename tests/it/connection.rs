//! Connections, and what every call meets before its RPC: TLS, HTTP/2, gRPC-Web, health and reflection.

mod connections;
pub mod edge;
mod tls;
mod web;
