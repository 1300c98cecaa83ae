//! Whether the machine was ours while something was measured: on shared hardware others may take its CPU.

/// What others may take of it.
pub const QUIET: f64 = 0.02;

/// CPU of the whole machine since it was started, in ticks.
pub struct Machine {
    all: u64,
    stolen: u64,
}

impl Machine {
    /// From `/proc/stat`: user, nice, system, idle, iowait, irq, softirq, steal.
    pub fn now() -> Machine {
        let page = std::fs::read_to_string("/proc/stat").unwrap_or_default();
        let line = page.lines().find_map(|line| line.strip_prefix("cpu ")).unwrap_or_default();
        let ticks: Vec<u64> = line.split_ascii_whitespace().take(8).map_while(|ticks| ticks.parse().ok()).collect();
        Machine { all: ticks.iter().sum(), stolen: ticks.get(7).copied().unwrap_or(0) }
    }

    /// The share of it that others took until now.
    pub fn stolen(&self) -> f64 {
        let now = Machine::now();
        (now.stolen - self.stolen) as f64 / (now.all - self.all).max(1) as f64
    }
}
