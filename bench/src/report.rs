//! Results: medians with counts, ratios, targets.

use std::fs::{File, OpenOptions};
use std::io::Write;

use serde::Serialize;

#[derive(Serialize)]
struct Row<'a> {
    section: &'a str,
    case: &'a str,
    subject: &'a str,
    metric: &'a str,
    unit: &'a str,
    n: usize,
    p50: f64,
    p95: f64,
    p99: f64,
    /// A percentile as a multiple of the same of the subject that it is measured against.
    ratio: Option<f64>,
    ratio_of: Option<&'static str>,
    against: Option<&'a str>,
    /// In words: `<= 1.3 x`
    target: Option<String>,
    met: Option<bool>,
}

/// What is not a figure.
#[derive(Serialize)]
struct Words<'a> {
    section: &'a str,
    says: &'a str,
}

/// What is to be reached, by the median unless it says otherwise.
#[derive(Clone, Copy)]
pub enum Target {
    RatioAtMost(f64),
    RatioAtLeast(f64),
    /// Of the 99th percentiles.
    TailRatioAtMost(f64),
    AtMost(f64),
    AtLeast(f64),
    /// By every sample.
    EachAtMost(f64),
}

impl Target {
    fn words(self, unit: &str) -> String {
        let unit = format!(" {unit}");
        let unit = unit.trim_end();
        match self {
            Self::RatioAtMost(x) => format!("<= {x} x"),
            Self::RatioAtLeast(x) => format!(">= {x} x"),
            Self::TailRatioAtMost(x) => format!("<= {x} x, p99"),
            Self::AtMost(x) => format!("<= {x}{unit}"),
            Self::AtLeast(x) => format!(">= {x}{unit}"),
            Self::EachAtMost(x) => format!("<= {x}{unit}, each"),
        }
    }

    /// `None`: there is nothing to compare with.
    fn met(self, samples: &[f64], ratio: Option<f64>) -> Option<bool> {
        let p50 = percentile(samples, 0.5);
        match self {
            Self::RatioAtMost(x) | Self::TailRatioAtMost(x) => ratio.map(|r| r <= x),
            Self::RatioAtLeast(x) => ratio.map(|r| r >= x),
            Self::AtMost(x) => Some(p50 <= x),
            Self::AtLeast(x) => Some(p50 >= x),
            Self::EachAtMost(x) => Some(!samples.is_empty() && samples.iter().all(|s| *s <= x)),
        }
    }
}

pub struct Report {
    file: File,
    targets: usize,
    missed: usize,
}

/// What was measured of one subject.
pub struct Case<'a> {
    pub section: &'a str,
    pub case: &'a str,
    pub subject: &'a str,
    pub metric: &'a str,
    pub unit: &'a str,
    pub samples: &'a [f64],
}

impl Report {
    pub fn open(path: &str) -> anyhow::Result<Self> {
        if let Some(parent) = std::path::Path::new(path).parent() {
            std::fs::create_dir_all(parent)?;
        }
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        Ok(Self {
            file,
            targets: 0,
            missed: 0,
        })
    }

    pub fn add(
        &mut self,
        case: &Case<'_>,
        against: Option<(&str, &[f64])>,
        target: Option<Target>,
    ) -> anyhow::Result<()> {
        let [p50, p95, p99] = [0.5, 0.95, 0.99].map(|p| percentile(case.samples, p));
        let (part, name) = match target {
            Some(Target::TailRatioAtMost(_)) => (0.99, "p99"),
            _ => (0.5, "p50"),
        };
        let ratio =
            against.map(|(_, samples)| percentile(case.samples, part) / percentile(samples, part));
        let met = target.and_then(|t| t.met(case.samples, ratio));
        if let Some(met) = met {
            self.targets += 1;
            self.missed += usize::from(!met);
        }
        let row = Row {
            section: case.section,
            case: case.case,
            subject: case.subject,
            metric: case.metric,
            unit: case.unit,
            n: case.samples.len(),
            p50,
            p95,
            p99,
            ratio,
            ratio_of: ratio.map(|_| name),
            against: against.map(|(name, _)| name),
            target: target.map(|t| t.words(case.unit)),
            met,
        };
        writeln!(self.file, "{}", serde_json::to_string(&row)?)?;
        let beside = ratio
            .zip(row.against)
            .map_or(String::new(), |(r, a)| format!("  {r:.2} x {a}"));
        let verdict = row.target.zip(met).map_or(String::new(), |(w, m)| {
            format!("  target {w}: {}", if m { "met" } else { "MISSED" })
        });
        println!(
            "{:<10} {:<22} {:<14} {:<14} p50 {:>9.3} p95 {:>9.3} p99 {:>9.3} {:<6} n {}{beside}{verdict}",
            case.section,
            case.case,
            case.subject,
            case.metric,
            p50,
            p95,
            p99,
            case.unit,
            case.samples.len()
        );
        Ok(())
    }

    /// What belongs to the results, and is not a figure.
    pub fn say(&mut self, section: &str, says: &str) -> anyhow::Result<()> {
        writeln!(
            self.file,
            "{}",
            serde_json::to_string(&Words { section, says })?
        )?;
        println!("{section:<10} {says}");
        Ok(())
    }

    pub fn end(&self) {
        println!("{} targets, {} missed", self.targets, self.missed);
    }
}

/// Of samples in any order; nearest rank.
pub fn percentile(samples: &[f64], p: f64) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = ((sorted.len() as f64 * p).ceil() as usize).clamp(1, sorted.len().max(1));
    sorted.get(rank - 1).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::Target;

    #[test]
    fn percentiles_are_samples() {
        let samples = [4.0, 1.0, 3.0, 2.0];
        assert_eq!(super::percentile(&samples, 0.5), 2.0);
        assert_eq!(super::percentile(&samples, 0.95), 4.0);
        assert_eq!(super::percentile(&samples, 0.0), 1.0);
        assert!(super::percentile(&[], 0.5).is_nan());
    }

    #[test]
    fn targets_hold_at_their_edge_and_no_further() {
        let samples = [1.0, 2.0, 9.0];
        assert_eq!(Target::AtMost(2.0).met(&samples, None), Some(true));
        assert_eq!(Target::AtMost(1.9).met(&samples, None), Some(false));
        assert_eq!(Target::AtLeast(2.0).met(&samples, None), Some(true));
        assert_eq!(Target::AtLeast(2.1).met(&samples, None), Some(false));
        assert_eq!(Target::EachAtMost(9.0).met(&samples, None), Some(true));
        assert_eq!(Target::EachAtMost(8.9).met(&samples, None), Some(false));
        assert_eq!(Target::EachAtMost(8.9).met(&[], None), Some(false));
        assert_eq!(Target::TailRatioAtMost(3.0).met(&samples, None), None);
        assert_eq!(
            Target::TailRatioAtMost(3.0).met(&samples, Some(3.0)),
            Some(true)
        );
        assert_eq!(Target::EachAtMost(0.0).words(""), "<= 0, each");
        assert_eq!(Target::AtMost(5.0).words("MB"), "<= 5 MB");
    }
}
