//! F1 to F3: no connection, so nothing was sent.

use std::net::SocketAddr;
use std::time::Duration;

use smartsend::domain::call::NotSent;
use smartsend::domain::classify::create::Outcome;
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use super::{Line, account, create, look_not_sent, lookup};
use crate::support::account::merchant;
use crate::support::raw_server::{RawServer, Step};

/// Nothing can be sent to this address, and this is why.
async fn nothing_is_sent_to(line: &mut Line, url: &str, why: NotSent) {
    let account = account(&merchant(url, url));
    assert_eq!(create(&account).await, Outcome::NotSent(why));
    line.unmade();
    assert_eq!(lookup(&account).await, look_not_sent(why));
}

#[tokio::test]
async fn f01_a_name_without_an_address_sends_nothing() {
    let mut line = Line::new("F1 no address");
    // No resolver asks anyone about a label of more than 63 characters (RFC 1035, 2.3.4).
    let url = format!("http://{}.invalid/payout", "x".repeat(70));
    nothing_is_sent_to(&mut line, &url, NotSent::Dns).await;
    line.show();
}

#[tokio::test]
async fn f02_a_port_where_nobody_listens_sends_nothing() {
    let mut line = Line::new("F2 refused");
    let socket = TcpSocket::new_v4().unwrap(); // bound and not listening: the port stays ours
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{}/payout", socket.local_addr().unwrap());
    nothing_is_sent_to(&mut line, &url, NotSent::Connect).await;
    line.show();
}

/// A listener that takes no more connections: the kernel drops each further SYN.
async fn black_hole() -> (SocketAddr, Vec<TcpStream>, TcpListener) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut filling = Vec::new();
    while let Ok(stream) =
        tokio::time::timeout(Duration::from_millis(300), TcpStream::connect(address)).await
    {
        filling.push(stream.unwrap());
    }
    (address, filling, listener)
}

#[tokio::test]
async fn f03_a_black_hole_sends_nothing() {
    let mut line = Line::new("F3 black hole");
    let (address, _filling, _listener) = black_hole().await;
    let url = format!("http://{address}/payout");
    nothing_is_sent_to(&mut line, &url, NotSent::ConnectTimeout).await;
    // The same after the TCP handshake: nobody answers the TLS one.
    let server = RawServer::doing(vec![Step::Stall]);
    let url = server.url("/payout").replace("http://", "https://");
    nothing_is_sent_to(&mut line, &url, NotSent::ConnectTimeout).await;
    assert_eq!((server.log().opened, server.log().seen.len()), (2, 0));
    line.show();
}
