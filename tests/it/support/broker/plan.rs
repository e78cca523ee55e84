//! What a node is given before it boots: its name, folder, ports and environment.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use super::version::{SCRIPTS, Version};

/// A node to be.
pub(super) struct Plan {
    pub(super) version: &'static Version,
    pub(super) name: String,
    pub(super) dir: PathBuf,
    pub(super) port: u16,
    pub(super) tls_port: u16,
    dist_port: u16,
    /// Where its `epmd` is.
    pub(super) epmd_port: u16,
    /// Whether that is another node's.
    pub(super) shares_epmd: bool,
}

impl Plan {
    pub(super) fn new(version: &'static Version) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("smartsend-{}-{number}@localhost", std::process::id());
        let dir = std::env::temp_dir().join(&name);
        let [port, tls_port, dist_port, epmd_port] = free_ports();
        Self { version, name, dir, port, tls_port, dist_port, epmd_port, shares_epmd: false }
    }

    /// Writes its files, and gives its environment.
    pub(super) fn prepare(&self, conf: &str) -> Vec<(&'static str, String)> {
        let dir = &self.dir;
        fs::create_dir_all(dir.join("home")).unwrap();
        let cookie = dir.join("home/.erlang.cookie");
        fs::write(&cookie, "SMARTSENDTESTS").unwrap();
        fs::set_permissions(&cookie, fs::Permissions::from_mode(0o400)).unwrap();
        let conf = conf.replace("TLS_PORT", &self.tls_port.to_string());
        let conf = format!(
            "loopback_users = none\nlog.console = false\nlog.file.level = info\n\
             disk_free_limit.absolute = 50MB\n{conf}"
        );
        fs::write(dir.join("node.conf"), conf).unwrap();
        fs::write(dir.join("plugins"), "[].").unwrap();
        let path = |name: &str| dir.join(name).display().to_string();
        let own_epmd = if self.shares_epmd { "" } else { "yes" };
        vec![
            ("DIR", dir.display().to_string()),
            ("HOME", path("home")),
            ("PATH", format!("{SCRIPTS}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin")),
            ("LANG", "C.UTF-8".to_owned()),
            ("OWN_EPMD", own_epmd.to_owned()),
            ("ERL_EPMD_PORT", self.epmd_port.to_string()),
            ("ERL_EPMD_ADDRESS", "127.0.0.1".to_owned()),
            // Else a `rabbitmqctl` that outlives the tests by a second starts one for good.
            ("ERL_FLAGS", "-start_epmd false".to_owned()),
            ("ERL_CRASH_DUMP_SECONDS", "0".to_owned()),
            ("RABBITMQ_CONF_ENV_FILE", path("none.conf")),
            ("RABBITMQ_MNESIA_BASE", path("mnesia")),
            ("RABBITMQ_LOG_BASE", path("log")),
            ("RABBITMQ_ENABLED_PLUGINS_FILE", path("plugins")),
            ("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", "+S 1:1 +sbwt none".to_owned()),
            ("RABBITMQ_NODENAME", self.name.clone()),
            ("RABBITMQ_NODE_IP_ADDRESS", "127.0.0.1".to_owned()),
            ("RABBITMQ_NODE_PORT", self.port.to_string()),
            ("RABBITMQ_DIST_PORT", self.dist_port.to_string()),
            ("RABBITMQ_CONFIG_FILE", path("node.conf")),
            ("RABBITMQ_PID_FILE", path("pid")),
        ]
    }
}

/// Four ports that are free now, from below those that the system gives to clients: a node that is
/// away for a moment must find its port free when it comes back, and a client that keeps trying
/// must not be connected with itself.
fn free_ports() -> [u16; 4] {
    let free = |()| loop {
        let port = rand::random_range(20_000..32_000);
        if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            return listener;
        }
    };
    [(); 4].map(free).map(|listener| listener.local_addr().unwrap().port())
}
