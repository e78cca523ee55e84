//! What Linux shows of a process (proc(5)).

/// A number of `/proc/PROCESS/status`, such as `Threads` or, in KiB, `VmRSS`. The process is an id
/// or `self`.
pub(crate) fn status(process: &str, name: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let mut lines = status.lines().filter_map(|line| line.split_once(':'));
    let (_, value) = lines.find(|line| line.0 == name).unwrap();
    value.split_whitespace().next().unwrap().parse().unwrap()
}
