//! What this process costs: CPU and memory, as the kernel counts them.
//!
//! Read from `/proc/self` on request, so that it costs nothing at rest. Only Linux has that folder;
//! elsewhere the metrics are absent rather than zero.

use std::fs;

/// Fields of `/proc/self/stat` between the command's closing parenthesis and the user time.
const FIELDS_BEFORE_USER_TIME: usize = 11;
/// The entry of the auxiliary vector that holds the clock ticks per second.
const CLOCK_TICKS_ENTRY: usize = 17;

/// CPU and memory of a process at one point in time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Usage {
    /// Seconds of CPU since the start, in user and kernel mode, over all threads.
    pub cpu_seconds: f64,
    /// Bytes of resident memory.
    pub resident_bytes: u64,
}

/// What this process has used; `None` if the system does not report it.
pub fn usage() -> Option<Usage> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let vector = fs::read("/proc/self/auxv").ok()?;
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let ticks = cpu_ticks(&stat)?;
    let per_second = ticks_per_second(&vector)?;
    Some(Usage {
        cpu_seconds: ticks as f64 / per_second as f64,
        resident_bytes: resident_bytes(&status)?,
    })
}

/// User and kernel time in clock ticks.
fn cpu_ticks(stat: &str) -> Option<u64> {
    // The command is in parentheses and may itself contain any character.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut times = fields.split_whitespace().skip(FIELDS_BEFORE_USER_TIME);
    let user: u64 = times.next()?.parse().ok()?;
    let kernel: u64 = times.next()?.parse().ok()?;
    Some(user + kernel)
}

/// Clock ticks per second, from the vector of pairs of words that the kernel gives a program.
fn ticks_per_second(vector: &[u8]) -> Option<usize> {
    let word = |bytes: &[u8]| bytes.try_into().ok().map(usize::from_ne_bytes);
    let (kinds_and_values, _) = vector.as_chunks::<{ 2 * size_of::<usize>() }>();
    let entry = kinds_and_values.iter().find_map(|pair| {
        let (kind, value) = pair.split_at(size_of::<usize>());
        (word(kind)? == CLOCK_TICKS_ENTRY).then(|| word(value))
    });
    entry?.filter(|ticks| *ticks > 0)
}

fn resident_bytes(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_is_user_and_kernel_time_whatever_the_command_is_called() {
        let stat = "17 (a b) c) S 1 17 17 0 -1 4194560 0 0 0 0 250 50 9 9 20 0 4 0 100 0 0";
        assert_eq!(cpu_ticks(stat), Some(300));
        assert_eq!(cpu_ticks("17 (cut short) S 1"), None);
    }

    #[test]
    fn the_clock_ticks_are_found_among_other_entries() {
        let words = [6_usize, 4096, CLOCK_TICKS_ENTRY, 100, 0, 0];
        let vector: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
        assert_eq!(ticks_per_second(&vector), Some(100));
        assert_eq!(ticks_per_second(&vector[..16]), None);
    }

    #[test]
    fn resident_memory_is_reported_in_bytes() {
        assert_eq!(resident_bytes("VmHWM:\t   900 kB\nVmRSS:\t   20 kB\n"), Some(20_480));
        assert_eq!(resident_bytes("Threads:\t4\n"), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn on_linux_the_usage_of_this_process_is_known() {
        let usage = usage().unwrap();
        assert!(usage.resident_bytes > 100_000, "{usage:?}");
        assert!(usage.cpu_seconds >= 0.0, "{usage:?}");
    }
}
