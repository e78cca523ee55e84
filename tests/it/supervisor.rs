//! Sessions that come, break, and come again.

mod attempts;
mod waits;

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
};
use smartsend::amqp::{Broker, BrokerState, Publisher, Topology};
use smartsend::clock::SystemClock;
use smartsend::config::{self, ClientCertificate};
use smartsend::ports::{Copied, Headers, Outbox, Outgoing, Properties, PublishError};
use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::support::amqp::{declared, settings, start};
use crate::support::amqp_proxy::AmqpProxy;
use crate::support::brake::Mode;
use crate::support::broker::Node;

const SOON: Duration = Duration::from_secs(30);

fn connected(state: &BrokerState) -> bool {
    *state == BrokerState::Connected
}

fn disconnected(state: &BrokerState) -> bool {
    matches!(state, BrokerState::Disconnected { .. })
}

fn parked(body: &'static str) -> Outgoing {
    Outgoing::Parked(Copied {
        merchant: "default".to_owned(),
        body: Bytes::from_static(body.as_bytes()),
        properties: Properties::default(),
        headers: Headers::new(),
    })
}

fn topology() -> Topology {
    Topology::new("smartsend", ["default"], &[Duration::from_secs(1)]).unwrap()
}

#[tokio::test]
async fn a_broker_that_is_absent_at_the_start_is_used_once_it_is_there() {
    let node = Node::shared();
    let vhost = node.vhost().await;
    let proxy = AmqpProxy::plain(node.address(), Mode::Down).await;
    let running = start(&settings(&[&Node::url_at(proxy.port(), &vhost)]));
    let state = running
        .reaches(|state| matches!(state, BrokerState::Disconnected { reason } if reason.contains("cannot")))
        .await;
    let BrokerState::Disconnected { reason } = state else {
        panic!("{state:?}");
    };
    assert!(reason.contains(&proxy.port().to_string()), "{reason}");
    assert!(!reason.contains("guest"), "a reason shows no login: {reason}");
    tokio::time::sleep(Duration::from_secs(3)).await;
    let tries = proxy.accepted();
    assert!((3..40).contains(&tries), "{tries} connections in 3 seconds");
    proxy.set(Mode::Up);
    timeout(Duration::from_secs(2), running.broker.session())
        .await
        .expect("the broker is back, and is used within 2 seconds");
    running.reaches(connected).await;
}

#[tokio::test]
async fn a_cut_connection_ends_the_session_and_a_new_one_follows() {
    let node = Node::shared();
    let vhost = node.vhost().await;
    let settings = settings(&[&node.amqp_url(&vhost)]);
    declared(&settings, &["default"]).await;
    let running = start(&settings);
    let publisher = Publisher::new(running.broker.clone(), &topology());
    for _ in 0..3 {
        let session = running.broker.session().await;
        assert_eq!(publisher.publish(&parked("before")).await, Ok(()));
        node.close_connections(&vhost).await;
        timeout(SOON, session.ended()).await.unwrap();
        let next = timeout(SOON, running.broker.session()).await.unwrap();
        assert!(next.is_live() && !session.is_live());
        assert_eq!(publisher.publish(&parked("after")).await, Ok(()));
    }
    assert_eq!(node.queue_depth(&vhost, "smartsend.parked").await, 6);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_node_is_used_again_within_two_seconds_and_has_every_confirmed_publish() {
    let node = Node::private();
    let vhost = node.vhost().await;
    let settings = settings(&[&node.amqp_url(&vhost)]);
    declared(&settings, &["default"]).await;
    let running = start(&settings);
    let publisher = Publisher::new(running.broker.clone(), &topology());
    assert_eq!(publisher.publish(&parked("before")).await, Ok(()));
    tokio::task::block_in_place(|| node.kill());
    running.reaches(disconnected).await;
    tokio::task::block_in_place(|| node.start());
    timeout(Duration::from_secs(2), running.broker.session())
        .await
        .expect("the node listens again, and is used within 2 seconds");
    let repeated =
        timeout(SOON, async { while publisher.publish(&parked("after")).await.is_err() {} });
    repeated.await.unwrap();
    assert!(node.queue_depth(&vhost, "smartsend.parked").await >= 2);
}

#[tokio::test]
async fn the_next_host_is_used_when_the_first_does_not_answer() {
    let node = Node::shared();
    let vhost = node.vhost().await;
    let dead = Node::url_at(1, &vhost);
    let running = start(&settings(&[&dead, &node.amqp_url(&vhost)]));
    timeout(SOON, running.broker.session()).await.unwrap();
    running.reaches(connected).await;
}

/// A peer that takes the connection and says nothing: lapin would wait for ever, and each attempt
/// that is given up would leave a thread behind.
#[tokio::test]
async fn a_peer_that_never_speaks_is_given_up_and_leaves_no_thread_behind() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (count, mut counted) = tokio::sync::watch::channel(0);
    let accepting = tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            held.push(stream);
            count.send_replace(held.len());
        }
    });
    let running = start(&settings(&[&Node::url_at(port, "/")]));
    // The third attempt is under way.
    let tried = timeout(SOON, counted.wait_for(|count| *count >= 3)).await;
    tried.unwrap().unwrap();
    let reason = running.reaches(|state| !connected(state)).await;
    assert!(format!("{reason:?}").contains("handshake"), "{reason:?}");
    let threads = lapin_threads_to(port);
    assert!(threads <= 1, "{threads} sockets of ours are still open");
    accepting.abort();
}

/// How many of this process's sockets are connected to a port; each keeps one thread of lapin.
fn lapin_threads_to(port: u16) -> usize {
    let wanted = format!("0100007F:{port:04X}");
    let table = fs::read_to_string("/proc/self/net/tcp").unwrap();
    let established = "01";
    let to_port = |line: &&str| {
        let mut fields = line.split_whitespace().skip(2);
        fields.next() == Some(wanted.as_str()) && fields.next() == Some(established)
    };
    table.lines().filter(to_port).count()
}

/// A frozen network: nothing is refused, nothing answers.
#[tokio::test]
async fn a_publish_whose_confirm_does_not_come_is_unconfirmed_and_ends_the_session() {
    let node = Node::shared();
    let vhost = node.vhost().await;
    let proxy = AmqpProxy::plain(node.address(), Mode::Up).await;
    let mut settings = settings(&[&Node::url_at(proxy.port(), &vhost)]);
    settings.confirm_timeout = Duration::from_secs(1);
    declared(&settings, &["default"]).await;
    let running = start(&settings);
    let publisher = Publisher::new(running.broker.clone(), &topology());
    let session = running.broker.session().await;
    assert_eq!(publisher.publish(&parked("before")).await, Ok(()));
    proxy.set(Mode::Frozen);
    let result = timeout(SOON, publisher.publish(&parked("lost?"))).await.unwrap();
    assert_eq!(result, Err(PublishError::Unconfirmed));
    timeout(SOON, session.ended()).await.unwrap();
    assert!(session.reason().contains("no longer answers"), "{}", session.reason());
    proxy.set(Mode::Down);
    proxy.set(Mode::Up);
    timeout(SOON, running.broker.session()).await.unwrap();
    assert_eq!(publisher.publish(&parked("after")).await, Ok(()));
}

#[tokio::test]
async fn a_broker_that_does_not_answer_is_closed_all_the_same() {
    let node = Node::shared();
    let vhost = node.vhost().await;
    let proxy = AmqpProxy::plain(node.address(), Mode::Up).await;
    let running = start(&settings(&[&Node::url_at(proxy.port(), &vhost)]));
    let session = running.broker.session().await;
    proxy.set(Mode::Frozen);
    let closed = timeout(Duration::from_secs(4), running.broker.close()).await;
    closed.expect("close does not wait for the broker");
    assert!(!session.is_live());
    assert!(disconnected(&running.broker.state().borrow()));
    let next = timeout(Duration::from_millis(300), running.broker.session()).await;
    assert!(next.is_err(), "there is no session after close");
}

#[tokio::test]
async fn connections_have_names_that_operators_can_read() {
    let node = Node::shared();
    let vhost = node.vhost().await;
    let running = start(&settings(&[&node.amqp_url(&vhost)]));
    let _publishing = running.broker.session().await;
    let _consuming = running.consuming().await;
    let list = ["list_connections", "vhost", "client_properties"];
    let list = node.ctl(&list).await;
    let ours: Vec<_> = list.lines().filter(|line| line.starts_with(&vhost)).collect();
    let named = |name: &str| ours.iter().filter(|line| line.contains(name)).count();
    assert_eq!(
        (named("smartsend/consume/default/"), named("smartsend/publish/")),
        (1, 1),
        "{ours:?}"
    );
}

/// A CA, and a server's and a client's certificate from it, as PEM files.
struct Tls {
    dir: tempfile::TempDir,
}

impl Tls {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params.distinguished_name.push(DnType::CommonName, "ca");
        let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        fs::write(dir.path().join("ca.pem"), ca.pem()).unwrap();
        for name in ["127.0.0.1", "client"] {
            let key = KeyPair::generate().unwrap();
            let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
            params.distinguished_name.push(DnType::CommonName, name);
            let cert = params.signed_by(&key, &ca).unwrap();
            fs::write(dir.path().join(format!("{name}.pem")), cert.pem()).unwrap();
            fs::write(dir.path().join(format!("{name}.key")), key.serialize_pem()).unwrap();
        }
        Self { dir }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn client(&self, cert: &str, key: &str) -> ClientCertificate {
        ClientCertificate { cert_file: self.file(cert), key_file: self.file(key) }
    }

    fn settings(&self, port: u16) -> config::Broker {
        let mut settings = settings(&[&format!("amqps://guest:guest@127.0.0.1:{port}/%2f")]);
        settings.ca_file = Some(self.file("ca.pem"));
        settings.client_certificate = Some(self.client("client.pem", "client.key"));
        settings
    }
}

#[tokio::test]
async fn amqps_with_a_private_ca_and_a_client_certificate_connects_and_without_them_does_not() {
    let tls = Tls::new();
    let (ca, cert, key) =
        (tls.file("ca.pem"), tls.file("127.0.0.1.pem"), tls.file("127.0.0.1.key"));
    let node = Node::with_tls(&ca, &cert, &key);
    let settings = tls.settings(node.tls_port());
    declared(&settings, &["default"]).await;
    let running = start(&settings);
    timeout(SOON, running.broker.session()).await.unwrap();
    let publisher = Publisher::new(running.broker.clone(), &topology());
    assert_eq!(publisher.publish(&parked("over TLS")).await, Ok(()));

    let mut without_certificate = settings.clone();
    without_certificate.client_certificate = None;
    let mut without_ca = settings.clone();
    without_ca.ca_file = None;
    for settings in [without_certificate, without_ca] {
        let refused = start(&settings);
        refused
            .reaches(|state| matches!(state, BrokerState::Disconnected { reason } if reason.contains("cannot")))
            .await;
        let session = timeout(Duration::from_secs(1), refused.broker.session()).await;
        assert!(session.is_err());
    }
}

fn refusal(settings: &config::Broker) -> String {
    match Broker::start(settings, SystemClock::start()) {
        Ok(_) => panic!("it must not start"),
        Err(err) => err.to_string(),
    }
}

/// lapin takes a CA file without a certificate for no CA file at all.
#[test]
fn tls_files_that_hold_nothing_usable_are_refused_at_the_start_by_name() {
    let tls = Tls::new();
    let empty = tls.file("empty.pem");
    fs::write(&empty, "no certificate\n").unwrap();
    let broken = tls.file("broken.pem");
    let pem = fs::read_to_string(tls.file("ca.pem")).unwrap();
    fs::write(&broken, pem.replace("MII", "AAA")).unwrap();
    let changed = |change: &dyn Fn(&mut config::Broker)| {
        let mut settings = tls.settings(5671);
        change(&mut settings);
        refusal(&settings)
    };
    let says = |text: String, words: &[&str]| {
        assert!(words.iter().all(|word| text.contains(word)), "{text}");
    };
    let path = |path: &Path| Some(path.to_owned());
    says(changed(&|s| s.ca_file = path(&empty)), &["ca_file", "empty.pem", "PEM certificate"]);
    says(changed(&|s| s.ca_file = path(&broken)), &["ca_file", "broken.pem"]);
    says(changed(&|s| s.ca_file = path(Path::new("/none"))), &["ca_file", "/none"]);
    let no_cert = tls.client("empty.pem", "client.key");
    let no_key = tls.client("client.pem", "empty.pem");
    let says_of = |client: &ClientCertificate, words| {
        says(changed(&|s| s.client_certificate = Some(client.clone())), words);
    };
    says_of(&no_cert, &["cert_file", "PEM certificate"]);
    says_of(&no_key, &["key_file", "PEM private key"]);
}
