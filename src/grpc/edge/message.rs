//! The message of a call, read as a whole before the call takes a permit: a peer that never finishes it holds none.

use std::time::Duration;

use futures_util::stream;
use http_body_util::{BodyExt, LengthLimitError, Limited, StreamBody};
use hyper::body::Frame;
use tokio::time::timeout;
use tonic::{Status, body::Body};

use crate::{config::GrpcConfig, domain::Error, pb::ErrorReason};

/// The flag and the length before a message of gRPC.
const PREFIX: usize = 5;

/// The bounds of messages.
#[derive(Clone, Copy)]
pub(super) struct MessageBounds {
    size: usize,
    time: Duration,
}

impl MessageBounds {
    pub(super) fn new(config: &GrpcConfig) -> Self {
        Self { size: config.max_message_size + PREFIX, time: config.message_timeout }
    }

    /// Reads `body` to its end. The result is the same body, at hand.
    pub(super) async fn read(&self, body: Body) -> Result<Body, Error> {
        match timeout(self.time, Limited::new(body, self.size).collect()).await {
            Ok(Ok(whole)) => Ok(Body::new(whole)),
            Ok(Err(error)) if error.is::<LengthLimitError>() => {
                Err(Error::new(ErrorReason::MessageTooLarge, "the message is too large"))
            }
            // The service finds the same error in its place.
            Ok(Err(error)) => {
                let failed = stream::once(async { Err::<Frame<bytes::Bytes>, _>(Status::from_error(error)) });
                Ok(Body::new(StreamBody::new(failed)))
            }
            Err(_) => {
                let message = "the message of the call did not arrive within grpc.message_timeout";
                Err(Error::new(ErrorReason::DeadlineExceeded, message))
            }
        }
    }
}
