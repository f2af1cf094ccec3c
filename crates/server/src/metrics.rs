//! Figures for operators: `/metrics` in the OpenMetrics text format.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use alcove_protocol::api::{Phase, Resources};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Step {
    step: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct PhaseLabel {
    phase: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Kind {
    kind: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Direction {
    direction: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Repl {
    repl: String,
}

/// What the programs of each running repl use.
#[derive(Clone, Default)]
struct Programs {
    memory: Family<Repl, Gauge>,
    processes: Family<Repl, Gauge>,
    cpu: Family<Repl, Gauge>,
    killed: Family<Repl, Gauge>,
    disk: Family<Repl, Gauge>,
}

pub struct Metrics {
    registry: Registry,
    programs: Programs,
    sessions: Gauge,
    bytes: Family<Direction, Counter<u64, AtomicU64>>,
    steps: Family<Step, Histogram, fn() -> Histogram>,
    phases: Family<PhaseLabel, Counter>,
    checkpoints: Counter,
    checkpoint_bytes: Counter,
    checkpoint_failures: Counter,
    store_requests: Family<Kind, Gauge>,
    warm: Gauge,
    starts: Family<Kind, Counter>,
}

/// From a millisecond to half a minute.
fn step_histogram() -> Histogram {
    Histogram::new(exponential_buckets(0.001, 2.0, 16))
}

/// Counts what sessions carry, in bytes.
pub struct SessionBytes {
    pub from_page: Counter,
    pub from_runner: Counter,
}

/// Counts a session while it lives.
pub struct OpenSession(Gauge);

impl Drop for OpenSession {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Metrics {
    #[expect(
        clippy::new_without_default,
        reason = "there is one, made at the start"
    )]
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("alcove");
        let sessions = Gauge::default();
        let bytes = Family::default();
        let steps = Family::new_with_constructor(step_histogram as fn() -> Histogram);
        let phases = Family::default();
        let (checkpoints, checkpoint_bytes, checkpoint_failures) =
            (Counter::default(), Counter::default(), Counter::default());
        registry.register(
            "sessions",
            "Pages that are connected to a repl",
            sessions.clone(),
        );
        registry.register_with_unit(
            "session",
            "Bytes of sessions, by direction",
            Unit::Bytes,
            bytes.clone(),
        );
        registry.register_with_unit(
            "step",
            "Time that a step of a repl's start or stop took",
            Unit::Seconds,
            steps.clone(),
        );
        registry.register(
            "phase_changes",
            "How often repls entered a phase",
            phases.clone(),
        );
        registry.register(
            "checkpoints",
            "Checkpoints that wrote something",
            checkpoints.clone(),
        );
        registry.register_with_unit(
            "checkpoint",
            "Bytes that checkpoints uploaded, compressed",
            Unit::Bytes,
            checkpoint_bytes.clone(),
        );
        registry.register(
            "checkpoint_failures",
            "Checkpoints that failed, and were tried again",
            checkpoint_failures.clone(),
        );
        let store_requests = Family::default();
        registry.register(
            "store_requests",
            "Requests to the object store since the start, by kind",
            store_requests.clone(),
        );
        let (warm, starts) = (Gauge::default(), Family::default());
        registry.register(
            "warm_sandboxes",
            "Sandboxes that are ready for a new repl",
            warm.clone(),
        );
        registry.register(
            "starts",
            "Repls that were started, by whether their sandbox was ready",
            starts.clone(),
        );
        let programs = Programs::default();
        registry.register_with_unit(
            "repl_memory",
            "Memory that a repl's programs use",
            Unit::Bytes,
            programs.memory.clone(),
        );
        registry.register(
            "repl_processes",
            "Processes of a repl's programs",
            programs.processes.clone(),
        );
        registry.register(
            "repl_cpu_percent",
            "Percent of one processor that a repl's programs used in the last seconds",
            programs.cpu.clone(),
        );
        registry.register(
            "repl_killed",
            "Programs of a repl that were ended since its memory was full, since it started",
            programs.killed.clone(),
        );
        registry.register_with_unit(
            "repl_disk",
            "What is in a repl's folders on this machine",
            Unit::Bytes,
            programs.disk.clone(),
        );
        Self {
            registry,
            programs,
            sessions,
            bytes,
            steps,
            phases,
            checkpoints,
            checkpoint_bytes,
            checkpoint_failures,
            store_requests,
            warm,
            starts,
        }
    }

    /// How many sandboxes are ready for a new repl.
    pub fn warm(&self, ready: usize) {
        self.warm.set(ready as i64);
    }

    /// A repl has been started.
    pub fn started(&self, is_warm: bool) {
        let kind = match is_warm {
            true => "warm",
            false => "cold",
        };
        self.starts.get_or_create(&Kind { kind }).inc();
    }

    pub fn session(&self) -> OpenSession {
        self.sessions.inc();
        OpenSession(self.sessions.clone())
    }

    /// Counters of what sessions carry.
    pub fn session_bytes(&self) -> SessionBytes {
        let of = |direction| self.bytes.get_or_create(&Direction { direction }).clone();
        SessionBytes {
            from_page: of("from_page"),
            from_runner: of("from_runner"),
        }
    }

    pub fn step(&self, step: &'static str, took: Duration) {
        self.steps
            .get_or_create(&Step { step })
            .observe(took.as_secs_f64());
    }

    pub fn phase(&self, phase: Phase) {
        let phase = match phase {
            Phase::Stopped => "stopped",
            Phase::Starting => "starting",
            Phase::Running => "running",
            Phase::Stopping => "stopping",
            Phase::Failed => "failed",
        };
        self.phases.get_or_create(&PhaseLabel { phase }).inc();
    }

    pub fn checkpoint(&self, outcome: Result<u64, ()>) {
        match outcome {
            Ok(bytes) => {
                self.checkpoints.inc();
                self.checkpoint_bytes.inc_by(bytes);
            }
            Err(()) => {
                self.checkpoint_failures.inc();
            }
        }
    }

    /// What a repl's programs use; `None` when it does not run any more.
    pub fn resources(&self, repl: &str, resources: Option<&Resources>) {
        let label = Repl {
            repl: repl.to_owned(),
        };
        let Programs {
            memory,
            processes,
            cpu,
            killed,
            disk,
        } = &self.programs;
        let figures = [
            (memory, resources.map(|r| r.memory)),
            (processes, resources.map(|r| r.processes.into())),
            (cpu, resources.map(|r| r.cpu.into())),
            (killed, resources.map(|r| r.killed)),
            (disk, resources.and_then(|r| r.disk).map(|disk| disk.bytes)),
        ];
        for (family, figure) in figures {
            match figure {
                Some(figure) => drop(family.get_or_create(&label).set(figure as i64)),
                None => drop(family.remove(&label)),
            }
        }
    }

    /// How many requests the store has had, by kind.
    pub fn store_requests(&self, counts: [(&'static str, u64); 4]) {
        for (kind, count) in counts {
            self.store_requests
                .get_or_create(&Kind { kind })
                .set(count as i64);
        }
    }

    /// The whole text.
    pub fn encode(&self) -> String {
        let mut text = String::new();
        // Writing into a string does not fail.
        let _ = prometheus_client::encoding::text::encode(&mut text, &self.registry);
        text
    }
}
