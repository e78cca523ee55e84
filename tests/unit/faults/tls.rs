//! F4: a server that cannot prove who it is gets nothing.

use std::ffi::OsStr;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, version};
use smartsend::domain::call::NotSent;
use smartsend::domain::classify::create::Outcome;
use smartsend::payu::PayuAccount;

use super::{Line, account, create, ended_at_once, look_not_sent, lookup};
use crate::support::account::merchant;
use crate::support::canary::LINK;
use crate::support::child;
use crate::support::clock::ManualClock;
use crate::support::raw_server::{RawServer, Step, answer};

/// A certificate authority.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
    roots: Arc<RootCertStore>,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(certificate.der().clone()).unwrap();
        Self { pem: certificate.pem(), issuer: Issuer::new(params, key), roots: Arc::new(roots) }
    }

    /// A server's settings with a certificate for `name`, changed by `change`.
    fn server(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> ServerConfig {
        let builder = ServerConfig::builder().with_no_client_auth();
        self.finish(name, change, builder)
    }

    /// As [`Self::server`], but the client has to show a certificate, and ours has none.
    fn demanding(&self, version: &'static rustls::SupportedProtocolVersion) -> ServerConfig {
        let verifier = WebPkiClientVerifier::builder(self.roots.clone()).build().unwrap();
        let builder = ServerConfig::builder_with_protocol_versions(&[version])
            .with_client_cert_verifier(verifier);
        self.finish("127.0.0.1", |_| {}, builder)
    }

    fn finish(
        &self,
        name: &str,
        change: impl FnOnce(&mut CertificateParams),
        builder: rustls::ConfigBuilder<ServerConfig, rustls::server::WantsServerCert>,
    ) -> ServerConfig {
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        builder.with_single_cert(vec![certificate.der().clone()], key).unwrap()
    }
}

/// The account of a merchant that is not on a sandbox, so that only https is spoken.
fn strict(server: &RawServer) -> PayuAccount<ManualClock> {
    let url = server.url("/payout").replace("http://", "https://");
    let mut merchant = merchant(&url, &url);
    merchant.sandbox = false;
    account(&merchant)
}

#[tokio::test]
async fn f04_a_server_that_cannot_prove_its_name_gets_no_request() {
    const TEST: &str = "faults::tls::f04_a_server_that_cannot_prove_its_name_gets_no_request";
    let roots = std::env::var_os("SSL_CERT_FILE");
    if !child::is_child() {
        // The system's roots are read from this file, and by this process only.
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("roots.pem");
        let file: &OsStr = file.as_ref();
        return child::run(TEST, &[("SSL_CERT_FILE", file)]).await;
    }
    let trusted = Authority::new();
    std::fs::write(roots.unwrap(), &trusted.pem).unwrap();
    let stranger = Authority::new();
    let created = format!(r#"{{"status":0,"data":{{"link":"{LINK}"}}}}"#);
    let script = vec![Step::ReadRequest, Step::Write(answer("200 OK", "", &created))];
    let expire = |params: &mut CertificateParams| params.not_after = date_time_ymd(2024, 1, 1);

    let good = RawServer::doing_over_tls(trusted.server("127.0.0.1", |_| {}), script.clone());
    let outcome = create(&strict(&good)).await;
    assert!(matches!(outcome, Outcome::Created(_)), "the test's own certificates are not valid");
    assert_eq!(good.log().seen.len(), 1);

    let mut line = Line::new("F4 TLS");
    for (what, tls) in [
        ("another name", trusted.server("other.example", |_| {})),
        ("expired", trusted.server("127.0.0.1", expire)),
        ("unknown authority", stranger.server("127.0.0.1", |_| {})),
        ("certificate demanded, TLS 1.2", trusted.demanding(&version::TLS12)),
    ] {
        let server = RawServer::doing_over_tls(tls, script.clone());
        assert_eq!(create(&strict(&server)).await, Outcome::NotSent(NotSent::Connect), "{what}");
        server.wait_for("the end of the connection", |log| log.closed == 1).await;
        assert_eq!((server.log().opened, server.log().seen.len()), (1, 0), "{what}");
        line.unmade();
    }

    // In TLS 1.3 the server's refusal comes after our handshake is done: before hyper takes the
    // request, or after, and then it may have arrived for all we know.
    let server = RawServer::doing_over_tls(trusted.demanding(&version::TLS13), script);
    let outcome = create(&strict(&server)).await;
    assert!(ended_at_once(&outcome), "{outcome:?}");
    assert_eq!(server.log().seen.len(), 0);
    line.unmade();

    for end in [vec![], vec![Step::Reset], vec![Step::Write(b"HTTP/1.1 200 OK\r\n\r\n".to_vec())]] {
        let server = RawServer::doing(end);
        assert_eq!(create(&strict(&server)).await, Outcome::NotSent(NotSent::Connect));
        assert_eq!(lookup(&strict(&server)).await, look_not_sent(NotSent::Connect));
        assert_eq!((server.log().opened, server.log().seen.len()), (2, 0));
        line.unmade();
    }
    line.show();
}
