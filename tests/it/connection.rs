//! Connections, and what every call meets before its RPC: TLS, HTTP/2, gRPC-Web, health and reflection.

mod abuse;
mod health;
mod lifetime;
mod media_types;
mod messages;
mod metadata;
mod reflection;
mod tls;
mod web;
