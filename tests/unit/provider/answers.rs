//! What an answer shows.

use crate::support::raw_server::{RawServer, answer};

use super::{account_at, answered, create, lookup};

#[tokio::test]
async fn every_status_comes_back_as_it_is_after_one_request() {
    for status in [
        200, 201, 202, 204, 300, 304, 400, 401, 402, 403, 404, 405, 408, 409, 415, 421, 422, 425,
        429, 500, 501, 502, 503, 504, 505,
    ] {
        let server = RawServer::answering(move |_, _| match status {
            204 | 304 => format!("HTTP/1.1 {status} X\r\n\r\n").into_bytes(),
            _ => answer(&format!("{status} X"), "", "<html>"),
        });
        for result in [create(&account_at(&server)).await, lookup(&account_at(&server)).await] {
            let answer = answered(result);
            assert_eq!((answer.status, answer.envelope), (status, None));
        }
        assert_eq!(server.log().seen.len(), 2, "{status}");
    }
}
