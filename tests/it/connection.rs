//! Connections, and what every call meets before its RPC: TLS, HTTP/2, gRPC-Web, health and reflection.

mod connections;
mod health;
mod messages;
mod reflection;
mod tls;
mod web;
